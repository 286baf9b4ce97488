package arch_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// A pkg is one folder of Go files, whatever system or build they are for.
type pkg struct {
	path  string // from the root of the repository: internal/web
	files []file
}

// A file is one Go file.
type file struct {
	name    string
	pkgName string
	test    bool
	doc     string // the package comment; "" if it has none
	imports []string
	build   constraint.Expr // nil if it has none
	inits   int             // how many functions init
}

// scan reads every Go file of the tree, whatever its build constraints, so that
// an import cannot hide in a file for another system.
func scan(tree fs.FS) ([]pkg, error) {
	byPath := map[string]*pkg{}
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != "." && (name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
			return nil
		}
		f, err := read(tree, p)
		if err != nil {
			return err
		}
		dir := path.Dir(p)
		if byPath[dir] == nil {
			byPath[dir] = &pkg{path: dir}
		}
		byPath[dir].files = append(byPath[dir].files, f)
		return nil
	})
	var all []pkg
	for _, p := range byPath {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b pkg) int { return strings.Compare(a.path, b.path) })
	return all, err
}

func read(tree fs.FS, p string) (file, error) {
	f := file{name: path.Base(p), test: strings.HasSuffix(p, "_test.go")}
	source, err := fs.ReadFile(tree, p)
	if err != nil {
		return f, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), p, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return f, err
	}
	f.pkgName = parsed.Name.Name
	f.doc = strings.TrimSpace(parsed.Doc.Text())
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return f, err
		}
		f.imports = append(f.imports, name)
	}
	for _, c := range parsed.Comments {
		if c.Pos() > parsed.Package {
			break
		}
		for _, line := range c.List {
			if constraint.IsGoBuild(line.Text) {
				if f.build, err = constraint.Parse(line.Text); err != nil {
					return f, err
				}
			}
		}
	}
	for _, d := range parsed.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			f.inits++
		}
	}
	return f, nil
}

// needs reports whether the file is never built without the tag, whatever the
// other tags are.
func (f file) needs(tag string) bool {
	if f.build == nil {
		return false
	}
	var others []string
	f.build.Eval(func(t string) bool {
		if t != tag && !slices.Contains(others, t) {
			others = append(others, t)
		}
		return true
	})
	for set := range 1 << len(others) {
		on := func(t string) bool { return t != tag && set>>slices.Index(others, t)&1 == 1 }
		if f.build.Eval(on) {
			return false
		}
	}
	return true
}

// modulePath returns the path in a go.mod file.
func modulePath(tree fs.FS, name string) (string, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("%s names no module", name)
}

// A rule is one line of the table.
type rule struct {
	pattern string
	allowed []string          // patterns
	tagged  map[string]string // pattern: build tag it needs
}

func parseTable(text string) ([]rule, error) {
	var rules []rule
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		r := rule{pattern: fields[0], tagged: map[string]string{}}
		if len(fields) == 1 {
			return nil, fmt.Errorf("the line of %s says nothing", r.pattern)
		}
		for i := 1; i < len(fields); i++ {
			item := fields[i]
			switch {
			case item == "-":
			case strings.HasPrefix(item, "[") && i+1 < len(fields):
				i++
				r.tagged[fields[i]] = strings.Trim(item, "[]")
			default:
				r.allowed = append(r.allowed, item)
			}
		}
		if slices.ContainsFunc(rules, func(o rule) bool { return o.pattern == r.pattern }) {
			return nil, fmt.Errorf("%s has two lines", r.pattern)
		}
		rules = append(rules, r)
	}
	if len(rules) == 0 {
		return nil, errors.New("the table is empty")
	}
	return rules, nil
}

// matches reports whether a package's path fits a pattern of the table.
func matches(pattern, p string) bool {
	if pattern == "*" {
		return true
	}
	below, ok := strings.CutSuffix(pattern, "/...")
	if !ok {
		return p == pattern
	}
	rest, ok := strings.CutPrefix(p, below)
	return ok && (rest == "" || rest[0] == '/' && !slices.Contains(strings.Split(rest, "/"), "internal"))
}

// ruleFor returns the most exact rule for a package, or nil.
func ruleFor(rules []rule, p string) *rule {
	var best *rule
	for i := range rules {
		if matches(rules[i].pattern, p) && (best == nil || len(rules[i].pattern) > len(best.pattern)) {
			best = &rules[i]
		}
	}
	return best
}

func TestMatches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"fault", "fault", true},
		{"fault", "fault/trace", false},
		{"fault/...", "fault", true},
		{"fault/...", "fault/cmd/fault", true},
		{"fault/...", "faults", false},
		{"fault/...", "fault/internal/freeze", false},
		{"fault/internal/devtool/...", "fault/internal/devtool/proxy", true},
		{"*", "anything", true},
	}
	for _, tt := range tests {
		if got := matches(tt.pattern, tt.path); got != tt.want {
			t.Errorf("matches(%q, %q) = %v", tt.pattern, tt.path, got)
		}
	}
}

func TestScanReadsFilesOfEveryBuild(t *testing.T) {
	t.Parallel()
	all, err := scan(fstest.MapFS{
		"a/a_windows.go":   {Data: []byte("//go:build windows && faultdev\n\n// Package a is a.\npackage a\n\nimport \"x\"\n\nfunc init() {}\n")},
		"a/a_test.go":      {Data: []byte("package a\n\nimport \"y\"\n")},
		"a/testdata/no.go": {Data: []byte("not Go")},
		".ci/no.go":        {Data: []byte("not Go")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].path != "a" || len(all[0].files) != 2 {
		t.Fatalf("scan found %+v", all)
	}
	f := all[0].files[1]
	if f.test || f.doc != "Package a is a." || f.inits != 1 || !slices.Equal(f.imports, []string{"x"}) || !f.needs("faultdev") || f.needs("linux") {
		t.Errorf("a_windows.go is read as %+v", f)
	}
}
