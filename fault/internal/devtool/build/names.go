package build

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.org/microblog/fault/internal/devtool/problem"
)

// maxGoFiles bounds how many files of a package are read for a hint.
const maxGoFiles = 300

// goFile is a file that was parsed, as far as it could be.
type goFile struct {
	set    *token.FileSet
	parsed *ast.File
}

// goNames are the paths of a package's Go files without its tests.
func goNames(dir string) []string {
	if dir == "" {
		return nil
	}
	entries, _ := os.ReadDir(dir) // none will do
	var names []string
	for _, e := range entries {
		if n := e.Name(); strings.HasSuffix(n, ".go") && !strings.HasSuffix(n, "_test.go") && e.Type().IsRegular() {
			names = append(names, filepath.Join(dir, n))
		}
	}
	return names[:min(len(names), maxGoFiles)]
}

func (e *explainer) goFiles(dir string) []goFile {
	if files, ok := e.parsed[dir]; ok {
		return files
	}
	var files []goFile
	for _, name := range goNames(dir) {
		if f, ok := parseGo(name); ok {
			files = append(files, f)
		}
	}
	e.parsed[dir] = files
	return files
}

func parseGo(name string) (goFile, bool) {
	set := token.NewFileSet()
	parsed, _ := parser.ParseFile(set, name, readSource(name), parser.SkipObjectResolution) // a part will do
	return goFile{set, parsed}, parsed != nil
}

var (
	undefinedName   = regexp.MustCompile(`^undefined: ([\pL_][\pL\pN_]*)$`)
	undefinedIn     = regexp.MustCompile(`^undefined: ([\pL_][\pL\pN_]*)\.([\pL_][\pL\pN_]*)$`)
	notExported     = regexp.MustCompile(`^(?:name )?([\pL_][\pL\pN_]*) not exported by package`)
	undefinedMember = regexp.MustCompile(`\.([\pL_][\pL\pN_]*) undefined \(type \*?([\pL\pN_.]+)(?:\[.*\])? has no field or method [^,]*\)$`)
	unknownField    = regexp.MustCompile(`^unknown field ([\pL_][\pL\pN_]*) in struct literal of type ([\pL\pN_.]+)`)
)

// nameHint finds what was meant by a name that does not exist.
func (e *explainer) nameHint(m problem.Message) string {
	if m.Path == "" || m.Line == 0 {
		return ""
	}
	if found := undefinedName.FindStringSubmatch(m.Text); found != nil {
		return e.scopeHint(m, found[1])
	}
	if notExported.MatchString(m.Text) {
		return ""
	}
	if found := undefinedIn.FindStringSubmatch(m.Text); found != nil {
		return e.packageHint(m, found[1], found[2])
	}
	found := undefinedMember.FindStringSubmatch(m.Text)
	if found == nil {
		found = unknownField.FindStringSubmatch(m.Text)
	}
	if found != nil {
		return meant(nearest(found[1], e.members(m.Path, found[2])))
	}
	return ""
}

func meant(name string) string {
	if name == "" {
		return ""
	}
	return "Did you mean " + name + "?"
}

// scopeHint is about a name without a package before it.
func (e *explainer) scopeHint(m problem.Message, name string) string {
	file, ok := parseGo(m.Path)
	if !ok {
		return ""
	}
	if e.isQualifier(m, name) {
		if paths := e.packagesNamed(name); len(paths) == 1 {
			return fmt.Sprintf("Add: import %q", paths[0])
		} else if len(paths) > 1 {
			return "Import one of: " + strings.Join(paths, ", ")
		}
	}
	candidates := types.Universe.Names()
	for _, f := range e.goFiles(filepath.Dir(m.Path)) {
		candidates = append(candidates, packageNames(f.parsed)...)
	}
	for _, spec := range file.parsed.Imports {
		candidates = append(candidates, e.importName(spec))
	}
	candidates = append(candidates, localNames(file, m.Line, m.Column)...)
	return meant(nearest(name, candidates))
}

// isQualifier says that the name at the message's place is followed by a dot.
func (e *explainer) isQualifier(m problem.Message, name string) bool {
	number := 0
	for line := range bytes.Lines(readSource(m.Path)) {
		if number++; number == m.Line {
			at := m.Column - 1
			return at >= 0 && at < len(line) && bytes.HasPrefix(line[at:], []byte(name+"."))
		}
	}
	return false
}

// packagesNamed are the import paths of the packages of that name that are at hand.
func (e *explainer) packagesNamed(name string) []string {
	const most = 3
	var paths []string
	if len(goNames(filepath.Join(e.in.GoRoot, "src", name))) > 0 && e.in.GoRoot != "" {
		paths = append(paths, name)
	}
	for p := range e.dirs {
		if path.Base(p) != name || strings.HasPrefix(p, "vendor/") || p == name {
			continue
		}
		if own := slices.ContainsFunc(e.in.Packages, func(in Package) bool { return in.ImportPath == p }); !own && (strings.Contains("/"+p, "/internal/")) {
			continue
		}
		paths = append(paths, p)
	}
	slices.Sort(paths)
	if len(paths) > most {
		return nil
	}
	return paths
}

// importName is the name by which a file knows a package.
func (e *explainer) importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return ""
	}
	if files := goNames(e.dirs[p]); len(files) > 0 {
		if parsed, err := parser.ParseFile(token.NewFileSet(), files[0], nil, parser.PackageClauseOnly); err == nil {
			return parsed.Name.Name
		}
	}
	return path.Base(p)
}

// packageHint is about a name that the package known as qualifier does not export.
func (e *explainer) packageHint(m problem.Message, qualifier, name string) string {
	dir := e.importedDir(m.Path, qualifier)
	var exported []string
	for _, f := range e.goFiles(dir) {
		for _, n := range packageNames(f.parsed) {
			if n == name { // the export data does not tell of it
				return fmt.Sprintf("%s is there, but other packages see only names that begin with a capital letter.", name)
			}
			if token.IsExported(n) {
				exported = append(exported, n)
			}
		}
	}
	if near := nearest(name, exported); near != "" {
		return meant(qualifier + "." + near)
	}
	return ""
}

// importedDir is the directory of the package that a file knows by that name; "" if it is unknown.
func (e *explainer) importedDir(file, name string) string {
	f, ok := parseGo(file)
	if !ok {
		return ""
	}
	for _, spec := range f.parsed.Imports {
		if e.importName(spec) == name {
			p, _ := strconv.Unquote(spec.Path.Value) // the parser has seen to that
			return e.dirs[p]
		}
	}
	return ""
}

// directories are the names of the directories in dir.
func directories(dir string) []string {
	entries, _ := os.ReadDir(dir) // none will do
	var names []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "internal" && e.Name() != "testdata" && e.Name() != "vendor" {
			names = append(names, e.Name())
		}
	}
	return names
}

// nearest is the candidate that is most likely meant by a name; "" if none is near, or if two are as near.
func nearest(name string, candidates []string) string {
	limit := 2
	switch n := len([]rune(name)); {
	case n < 3:
		return ""
	case n < 6:
		limit = 1
	}
	best, second, found := limit+1, limit+1, ""
	for _, c := range slices.Compact(slices.Sorted(slices.Values(candidates))) {
		if c == name || c == "" || c == "_" {
			continue
		}
		d := distance(name, c)
		if strings.EqualFold(name, c) {
			d = 0
		}
		if d < best {
			best, second, found = d, best, c
		} else if d < second {
			second = d
		}
	}
	if best > limit || second == best {
		return ""
	}
	return found
}

// distance is how many letters have to be inserted, removed, replaced or swapped with the next to make b of a.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > 2 || d < -2 {
		return 3 // that is far enough
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
