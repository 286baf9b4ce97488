package build

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// locate gives a finding without a place one, where its text tells of one.
func (e *explainer) locate(f *finding) {
	switch {
	case len(f.stack) > 1:
		e.locateImport(f)
	case f.line > 0:
	case f.class == modules:
		e.locateModule(f)
	case f.class == linking:
		e.locateSymbol(f)
	default:
		e.locateClause(f)
	}
}

// isCycle says that the last of the import paths is among those before it.
func isCycle(stack []string) bool {
	return len(stack) > 1 && slices.Contains(stack[:len(stack)-1], stack[len(stack)-1])
}

// locateImport finds the import that does not work; of a circle all of them.
func (e *explainer) locateImport(f *finding) {
	stack := f.stack
	if isCycle(stack) {
		stack = stack[slices.Index(stack, stack[len(stack)-1]):]
		f.text = "import cycle: " + strings.Join(stack, " → ")
		for i := range stack[:len(stack)-1] {
			if at, ok := e.importOf(stack[i], stack[i+1]); ok {
				f.relate(at, "imports "+stack[i+1])
			}
		}
	}
	if f.file == "" {
		f.place, _ = e.importOf(stack[len(stack)-2], stack[len(stack)-1])
	}
}

// importOf finds the line by which a package imports another one.
func (e *explainer) importOf(importer, imported string) (place, bool) {
	dir := e.dirs[importer]
	if dir == "" {
		return place{}, false
	}
	files, _ := filepath.Glob(filepath.Join(globSafe(dir), "*.go")) // no pattern error: it is escaped
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, _ := parser.ParseFile(set, file, nil, parser.ImportsOnly) // a part of it will do
		if parsed == nil {
			continue
		}
		for _, spec := range parsed.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err == nil && path == imported {
				at := set.Position(spec.Path.Pos())
				return place{file, at.Line, at.Column}, true
			}
		}
	}
	return place{}, false
}

// moduleVersion is a module as messages name it.
var moduleVersion = regexp.MustCompile(`([^\s@()]+)@v[0-9]`)

// locateModule finds the file that a message about modules is about, and in it the line that names the module.
func (e *explainer) locateModule(f *finding) {
	for word := range strings.FieldsSeq(f.text) {
		word = strings.TrimRight(word, ":,;")
		switch base := filepath.Base(word); {
		case f.file != "":
		case base == "go.work" && e.work != "":
			f.file = filepath.Join(e.work, base)
		case base == "go.mod" && e.path(word) != "":
			f.file = word
		}
	}
	if f.file == "" {
		f.file = filepath.Join(e.base, "go.mod")
		if e.path(f.file) == "" {
			f.file = ""
			return
		}
	}
	var sought string
	if m := moduleVersion.FindStringSubmatch(f.text); m != nil {
		sought = m[1]
	} else if strings.Contains(f.text, " requires go ") {
		sought = "go"
	} else if _, rest, ok := strings.Cut(f.text, "cannot load module "); ok {
		sought = filepath.Base(firstWord(rest))
	}
	if sought == "" {
		return
	}
	number := 0
	for line := range bytes.Lines(readSource(e.path(f.file))) {
		number++
		words := strings.Fields(string(line))
		for _, w := range words {
			if w != sought && filepath.Base(w) != sought {
				continue
			}
			// The line that replaces a module says more than the one that requires it.
			if f.line == 0 || slices.Contains(words, "=>") {
				f.line = number
			}
		}
	}
}

func firstWord(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	return s
}

// missingSymbol is the linker's message about a function that has no body anywhere.
var missingSymbol = regexp.MustCompile(`^(\S+): relocation target (\S+) not defined`)

// undefinedReference is the C linker's message about a function that is called from Go.
var undefinedReference = regexp.MustCompile(`undefined reference to .(\w+)`)

// locateSymbol finds the function that the linker has not found.
func (e *explainer) locateSymbol(f *finding) {
	if m := missingSymbol.FindStringSubmatch(f.text); m != nil {
		dir := e.dirs[f.pkg]
		pkg, name, _ := cutLast(m[2], ".")
		if pkg != "main" {
			dir = e.dirs[pkg]
		}
		f.place = e.find(dir, func(n ast.Node) bool {
			fn, ok := n.(*ast.FuncDecl)
			return ok && fn.Recv == nil && fn.Name.Name == name
		})
	} else if m := undefinedReference.FindStringSubmatch(f.text); m != nil {
		f.place = e.find(e.dirs[f.pkg], func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			return ok && receiver(s.X) == "C" && s.Sel.Name == m[1]
		})
	}
}

// find returns the place of the first node of a package that is what is sought; nowhere if there is none.
func (e *explainer) find(dir string, sought func(ast.Node) bool) place {
	for _, file := range e.goFiles(dir) {
		var found place
		ast.Inspect(file.parsed, func(n ast.Node) bool {
			if n != nil && found.line == 0 && sought(n) {
				at := file.set.PositionFor(n.Pos(), false)
				found = place{at.Filename, at.Line, at.Column}
			}
			return found.line == 0
		})
		if found.line > 0 {
			return found
		}
	}
	return place{}
}

// foundPackages is the message about a directory whose files are of different packages.
var foundPackages = regexp.MustCompile(`^found packages \S+ \([^)]+\) and \S+ \(([^)]+)\) in (.+)$`)

// locateClause finds the package clause that differs from the one before it.
func (e *explainer) locateClause(f *finding) {
	m := foundPackages.FindStringSubmatch(f.text)
	if m == nil {
		return
	}
	set := token.NewFileSet()
	file := filepath.Join(inDir(e.dir, m[2]), m[1])
	if parsed, err := parser.ParseFile(set, file, nil, parser.PackageClauseOnly); err == nil {
		at := set.PositionFor(parsed.Name.Pos(), false)
		f.place = place{file, at.Line, at.Column}
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
