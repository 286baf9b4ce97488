package reproduce

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.org/microblog/fault/trace"
)

// module is a module of Go source on disk. Its packages are parsed when they are first needed.
type module struct {
	dir, path string
	text      string                // of go.mod
	packages  map[string]*goPackage // by directory; nil is none
}

const (
	maxDirs   = 2000    // that are looked through for programs
	maxSource = 4 << 20 // bytes of a file; what is larger is generated, and of data
)

var moduleLine = regexp.MustCompile(`(?m)^module[ \t]+"?([^\s"]+)`)

// moduleOf returns the module that a frame's file belongs to, nil if there is none in which the frame's function can be.
func moduleOf(frame trace.Frame) *module {
	dir := filepath.Dir(filepath.Clean(frame.File))
	for root := dir; ; root = filepath.Dir(root) {
		name := filepath.Join(root, "go.mod")
		if _, err := os.Stat(name); err != nil {
			if filepath.Dir(root) == root {
				return nil
			}
			continue
		}
		if !isReadable(name) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		found := moduleLine.FindStringSubmatch(string(text))
		if found == nil {
			return nil
		}
		m := &module{dir: root, path: found[1], text: string(text), packages: map[string]*goPackage{}}
		if m.of(frame) == nil {
			return nil
		}
		return m
	}
}

// of returns the package that a frame's function belongs to, nil if it is not of this module.
func (m *module) of(frame trace.Frame) *goPackage {
	rel, err := filepath.Rel(m.dir, filepath.Dir(filepath.Clean(frame.File)))
	if err != nil || !filepath.IsLocal(rel) {
		return nil
	}
	p := m.load(filepath.Join(m.dir, rel))
	if p == nil || frame.Package() != p.path && !(p.name == "main" && frame.Package() == "main") {
		return nil
	}
	return p
}

// requires tells whether packages of another module can be imported.
func (m *module) requires(path string) bool {
	return m.path == path || regexp.MustCompile(`(?m)^\s*(?:require\s+)?`+regexp.QuoteMeta(path)+`\s+v`).MatchString(m.text)
}

// imported returns the package of an import path if it is of this module.
func (m *module) imported(importPath string) *goPackage {
	if importPath == m.path {
		return m.load(m.dir)
	}
	rest, is := strings.CutPrefix(importPath, m.path+"/")
	if !is || !filepath.IsLocal(filepath.FromSlash(rest)) {
		return nil
	}
	return m.load(filepath.Join(m.dir, filepath.FromSlash(rest)))
}

// programs are the packages main of the module that import a package.
func (m *module) programs(of *goPackage) []*goPackage {
	var all []*goPackage
	dirs := 0
	_ = filepath.WalkDir(m.dir, func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil // What cannot be read is not looked at.
		}
		if dirs++; dirs > maxDirs {
			return fs.SkipAll
		}
		name := entry.Name()
		if dir != m.dir {
			if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "vendor" || name == "node_modules" {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				return fs.SkipDir
			}
		}
		if !m.isProgram(dir, of.path) {
			return nil
		}
		if p := m.load(dir); p != nil {
			all = append(all, p)
		}
		return nil
	})
	return all
}

// isProgram tells whether the package in a directory is a program that imports a package.
func (m *module) isProgram(dir, imports string) bool {
	files, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.go"))
	if err != nil {
		return false
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") || !isReadable(path) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			continue
		}
		if file.Name.Name != "main" {
			return false
		}
		if slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return importPath(i) == imports }) {
			return true
		}
	}
	return false
}

// isReadable tells whether a file may be read as a whole: it is no pipe or device, and not too large.
func isReadable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() <= maxSource
}

func escapeGlob(dir string) string {
	if filepath.Separator == '\\' {
		return dir // There is no escaping.
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// goPackage is a package with its tests.
type goPackage struct {
	module    *module
	dir       string
	rel       string // its directory within the module, with slashes; "." is the module's own
	path      string
	name      string
	functions []*function // those of its tests, too
	types     map[string]*ast.TypeSpec
	files     map[*ast.TypeSpec]*ast.File
	names     map[string]bool // declared in the package
	external  map[string]bool // and in its external test package
	// mentioning are the functions whose code has a name, false: outside of conditions; and leading those that lead to a
	// function of a name; once asked for.
	mentioning map[bool]map[string][]*function
	leading    map[mention]map[*function]bool
}

// mention is a name that code has, within conditions or not.
type mention struct {
	name       string
	conditions bool
}

// function is a declared function.
type function struct {
	decl     *ast.FuncDecl
	file     *ast.File
	name     string
	receiver string // the type's name without a star; "" is none
	pointer  bool   // it has a star
	test     bool   // it is in a test's file
	external bool   // that is of the external test package
	names    map[string]bool
}

// load returns the package in a directory, nil if there is none that can be parsed. Files that are not built here are left out.
func (m *module) load(dir string) *goPackage {
	if p, known := m.packages[dir]; known {
		return p
	}
	m.packages[dir] = nil
	rel, err := filepath.Rel(m.dir, dir)
	if err != nil {
		return nil
	}
	p := &goPackage{
		module: m, dir: dir, rel: filepath.ToSlash(rel), types: map[string]*ast.TypeSpec{}, files: map[*ast.TypeSpec]*ast.File{},
		names: map[string]bool{}, external: map[string]bool{},
	}
	p.path = path.Join(m.path, p.rel)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var tests []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		if !isReadable(filepath.Join(dir, e.Name())) {
			continue
		}
		if fits, err := build.Default.MatchFile(dir, e.Name()); err != nil || !fits {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			continue // It is being edited, perhaps.
		}
		if strings.HasSuffix(e.Name(), "_test.go") {
			tests = append(tests, file)
			continue
		}
		p.name = file.Name.Name
		p.add(file, false, false)
	}
	if p.name == "" {
		return nil
	}
	for _, file := range tests {
		p.add(file, true, file.Name.Name == p.name+"_test")
	}
	m.packages[dir] = p
	return p
}

func (p *goPackage) add(file *ast.File, test, external bool) {
	names := p.names
	if external {
		names = p.external
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			f := &function{decl: d, file: file, name: d.Name.Name, test: test, external: external}
			if d.Recv != nil && len(d.Recv.List) == 1 {
				f.receiver, f.pointer = receiverOf(d.Recv.List[0].Type)
			} else {
				names[f.name] = true
			}
			p.functions = append(p.functions, f)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names[s.Name.Name] = true
					p.types[s.Name.Name] = s
					p.files[s] = file
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names[n.Name] = true
					}
				}
			}
		}
	}
}

func receiverOf(t ast.Expr) (name string, pointer bool) {
	t = ast.Unparen(t)
	if star, is := t.(*ast.StarExpr); is {
		t, pointer = ast.Unparen(star.X), true
	}
	switch x := t.(type) {
	case *ast.IndexExpr:
		t = x.X
	case *ast.IndexListExpr:
		t = x.X
	}
	if id, is := t.(*ast.Ident); is {
		name = id.Name
	}
	return name, pointer
}

// taken are the names that a file of the package, or of its external test package, cannot give to an import.
func (p *goPackage) taken(external bool) map[string]bool {
	if external {
		return p.external
	}
	return p.names
}

// function returns the declared function of a name, nil if there is none.
func (p *goPackage) function(n funcName) *function {
	for _, f := range p.functions {
		if f.name == n.name && f.receiver == n.receiver && !f.external {
			return f
		}
	}
	return nil
}

// handlerType tells whether a type is a handler, or has one that is taken of it by rest. name is the path and name of a type of
// the module.
func (m *module) handlerType(p *goPackage, file *ast.File, t ast.Expr, depth int) (name, rest string, ok bool) {
	t = ast.Unparen(t)
	star := ""
	if s, is := t.(*ast.StarExpr); is {
		t, star = ast.Unparen(s.X), "*"
	}
	of := p
	var id *ast.Ident
	switch x := t.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		pkg, is := x.X.(*ast.Ident)
		if !is {
			return "", "", false
		}
		from := imported(file, pkg.Name)
		if rest, ok := handlerTypes[star+from+"."+x.Sel.Name]; ok {
			return "", rest, true
		}
		of, id = m.imported(from), x.Sel
	}
	if of == nil || id == nil || depth > 4 {
		return "", "", false
	}
	spec := of.types[id.Name]
	if spec == nil || spec.TypeParams != nil {
		return "", "", false
	}
	name = of.path + "." + id.Name
	for _, f := range of.functions {
		if f.receiver == id.Name && f.name == "ServeHTTP" && f.isHandler() {
			return name, "", star != "" || !f.pointer
		}
	}
	var fields *ast.FieldList
	switch x := ast.Unparen(spec.Type).(type) {
	case *ast.StructType:
		fields = x.Fields
	case *ast.InterfaceType:
		if star != "" {
			return "", "", false
		}
		fields = x.Methods
	case *ast.SelectorExpr, *ast.StarExpr, *ast.Ident:
		if !spec.Assign.IsValid() || star != "" {
			return "", "", false
		}
		_, rest, ok = m.handlerType(of, of.files[spec], x, depth+1) // an alias
		return name, rest, ok
	default:
		return "", "", false
	}
	for _, field := range fields.List {
		if len(field.Names) == 0 {
			if _, rest, ok := m.handlerType(of, of.files[spec], field.Type, depth+1); ok {
				return name, rest, true
			}
		} else if fn, is := field.Type.(*ast.FuncType); is && field.Names[0].Name == "ServeHTTP" && isHandler(of.files[spec], fn) {
			return name, "", true
		}
	}
	return "", "", false
}

// isHandler tells whether it takes what a handler takes, and returns nothing or an error.
func (f *function) isHandler() bool { return isHandler(f.file, f.decl.Type) }

func isHandler(file *ast.File, t *ast.FuncType) bool {
	params := flat(t.Params)
	results := flat(t.Results)
	return len(params) == 2 && isType(file, params[0], "net/http", "ResponseWriter") && isPointer(file, params[1], "net/http", "Request") &&
		(len(results) == 0 || len(results) == 1 && isNamed(results[0], "error"))
}

func (f *function) returnsError() bool { return len(flat(f.decl.Type.Results)) == 1 }

// hasHandlerLiteral tells whether there is a function literal in it that is a handler.
func (f *function) hasHandlerLiteral() bool {
	found := false
	ast.Inspect(f.decl, func(n ast.Node) bool {
		if lit, is := n.(*ast.FuncLit); is && isHandler(f.file, lit.Type) {
			found = true
		}
		return !found
	})
	return found
}

func (f *function) results() []ast.Expr { return flat(f.decl.Type.Results) }

// second tells what the second of at most two results is: an error, or a function that cleans up.
func (f *function) second(results []ast.Expr) (fails, cleans, ok bool) {
	if len(results) < 2 {
		return false, false, true
	}
	if isNamed(results[1], "error") {
		return true, false, true
	}
	fn, is := results[1].(*ast.FuncType)
	if is && len(flat(fn.Params)) == 0 && len(flat(fn.Results)) == 0 {
		return false, true, true
	}
	return false, false, false
}

// arguments are what a test can call the function with; ok is false if it cannot.
func (f *function) arguments() (args string, imports []string, ok bool) {
	var all []string
	for _, t := range flat(f.decl.Type.Params) {
		switch {
		case isType(f.file, t, "testing", "TB") || isPointer(f.file, t, "testing", "T"):
			all = append(all, "t")
		case isType(f.file, t, "context", "Context"):
			all, imports = append(all, "context.Background()"), append(imports, "context")
		case isVariadic(t):
		default:
			return "", nil, false
		}
	}
	return strings.Join(all, ", "), imports, true
}

func isVariadic(t ast.Expr) bool {
	_, is := t.(*ast.Ellipsis)
	return is
}

// parameters are those of the function as they are written, shortened.
func (f *function) parameters() string {
	var all []string
	for _, t := range flat(f.decl.Type.Params) {
		all = append(all, typeText(t))
	}
	return "(" + strings.Join(all, ", ") + ")"
}

func typeText(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.SelectorExpr:
		return typeText(t.X) + "." + t.Sel.Name
	case *ast.StarExpr:
		return "*" + typeText(t.X)
	case *ast.ArrayType:
		if t.Len == nil {
			return "[]" + typeText(t.Elt)
		}
	case *ast.Ellipsis:
		return "..." + typeText(t.Elt)
	case *ast.FuncType:
		return "func"
	case *ast.MapType:
		return "map"
	}
	return "…"
}

// mentions are the names in its body, and its strings by literalName. Each tells whether it stands outside of conditions;
// those of a handler depend on the request and not on how the handler was made, and do not count.
func (f *function) mentions() map[string]bool {
	if f.names == nil {
		f.names = map[string]bool{}
		if f.decl.Body != nil {
			f.mentionsOf(f.decl.Body, !f.isHandler(), true)
		}
	}
	return f.names
}

// mentionsOf adds what a part of the body mentions.
func (f *function) mentionsOf(part ast.Node, counts, always bool) {
	ast.Inspect(part, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			f.names[n.Name] = f.names[n.Name] || always
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				f.names[literalName(text)] = f.names[literalName(text)] || always
			}
		case *ast.FuncLit:
			if counts && isHandler(f.file, n.Type) {
				f.mentionsOf(n.Body, false, always)
				return false
			}
		case *ast.IfStmt:
			if !counts || !always {
				return true
			}
			if n.Init != nil {
				f.mentionsOf(n.Init, counts, always)
			}
			f.mentionsOf(n.Cond, counts, always)
			f.mentionsOf(n.Body, counts, false)
			if n.Else != nil {
				f.mentionsOf(n.Else, counts, false)
			}
			return false
		case *ast.CaseClause:
			if counts && always {
				for _, s := range n.Body {
					f.mentionsOf(s, counts, false)
				}
				return false
			}
		}
		return true
	})
}

// literalName stands for a string among names.
func literalName(text string) string { return `"` + text }

// flat are the types of a list, one for each name.
func flat(list *ast.FieldList) []ast.Expr {
	var all []ast.Expr
	if list == nil {
		return nil
	}
	for _, f := range list.List {
		for range max(1, len(f.Names)) {
			all = append(all, f.Type)
		}
	}
	return all
}

func isNamed(t ast.Expr, name string) bool {
	id, is := ast.Unparen(t).(*ast.Ident)
	return is && id.Name == name
}

func isPointer(file *ast.File, t ast.Expr, pkg, name string) bool {
	star, is := ast.Unparen(t).(*ast.StarExpr)
	return is && isType(file, star.X, pkg, name)
}

func isType(file *ast.File, t ast.Expr, pkg, name string) bool {
	sel, is := ast.Unparen(t).(*ast.SelectorExpr)
	if !is || sel.Sel.Name != name {
		return false
	}
	x, is := sel.X.(*ast.Ident)
	return is && imported(file, x.Name) == pkg
}

// imported is the path of what a file imports by a name, "" if it does not.
func imported(file *ast.File, name string) string {
	for _, i := range file.Imports {
		p := importPath(i)
		if i.Name != nil && i.Name.Name == name || i.Name == nil && packageName(p) == name {
			return p
		}
	}
	return ""
}

func importPath(i *ast.ImportSpec) string {
	p, err := strconv.Unquote(i.Path.Value)
	if err != nil {
		return ""
	}
	return p
}
