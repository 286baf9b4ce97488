package build

import (
	"cmp"
	_ "embed" // for the file that is added to the runtime
	"example.org/microblog/fault/internal/devlink"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// runtimeFile is a file of the runtime as it is with the hook.
type runtimeFile struct {
	original string // in whose place it is; where there is none it is a further one
	text     []byte
}

// hookedRuntime returns the files of the runtime in dir that are others with the hook. What makes copies of an end that is
// not recognised is left out: such an end has no copy then.
func hookedRuntime(dir string) ([]runtimeFile, error) {
	read := func(name string) ([]byte, error) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, &HookError{Text: fmt.Sprintf("Go's source code cannot be read: %v", err)}
		}
		return text, nil
	}
	panics, err := read("panic.go")
	if err != nil {
		return nil, err
	}
	system, err := read("os_linux.go")
	if err != nil {
		return nil, err
	}
	exits, err := read("proc.go")
	if err != nil {
		return nil, err
	}
	exits, ends := hookedExit(exits)
	if panics, err = hookedSource(panics, ends); err != nil {
		return nil, err
	}
	signals, err := read("signal_unix.go")
	if err != nil {
		return nil, err
	}
	signals, caught := hookedSignals(signals)
	stacks, err := read("stack.go")
	if err != nil {
		return nil, err
	}
	stacks, moves := hookedStacks(stacks)
	added, serving, err := addedSource(system)
	if err != nil {
		return nil, err
	}
	files := []runtimeFile{
		{filepath.Join(dir, "panic.go"), panics}, {filepath.Join(dir, "fault_linux.go"), added}, {filepath.Join(dir, "faultserving_linux.go"), serving},
	}
	if ends {
		files = append(files, runtimeFile{filepath.Join(dir, "proc.go"), exits})
	}
	if caught {
		files = append(files, runtimeFile{filepath.Join(dir, "signal_unix.go"), signals})
	}
	if moves {
		files = append(files, runtimeFile{filepath.Join(dir, "stack.go"), stacks})
	}
	return files, nil
}

func unknownRuntime(text string) error {
	return &HookError{Text: "this version of Go is not known: in its runtime, " + text}
}

// addedTemplate makes copies, servingTemplate those of panics in answers to requests.
//
//go:embed hook_runtime.go.txt
var addedTemplate string

//go:embed hook_panics.go.txt
var servingTemplate string

// addedSource returns what the runtime has more with the hook. It imports what the runtime's file for the system does.
func addedSource(system []byte) (copies, serving []byte, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), "os_linux.go", system, parser.ImportsOnly)
	if err != nil {
		return nil, nil, unknownRuntime("os_linux.go cannot be parsed")
	}
	var atomic, kernel string
	for _, i := range file.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		switch {
		case err != nil:
		case strings.HasSuffix(path, "runtime/atomic") || path == "runtime/internal/atomic":
			atomic = path
		case strings.HasPrefix(path, "internal/runtime/syscall") || path == "runtime/internal/syscall":
			kernel = path
		}
	}
	if atomic == "" || kernel == "" {
		return nil, nil, unknownRuntime("system calls are made in another way than before")
	}
	replacer := strings.NewReplacer(
		`"ATOMIC"`, strconv.Quote(atomic), `"KERNEL"`, strconv.Quote(kernel), "VARIABLE", devlink.CopiesVariable,
		`"NAME"`, strconv.Quote(devlink.PanicPrefix), "MOST", strconv.Itoa(devlink.PanicNames),
	)
	return []byte(replacer.Replace(addedTemplate)), []byte(replacer.Replace(servingTemplate)), nil
}

// insertion is a statement that a file gets.
type insertion struct {
	at   token.Pos
	text string
}

// inserted returns the source with the insertions. All lines keep their numbers.
func inserted(set *token.FileSet, source []byte, all []insertion) []byte {
	slices.SortFunc(all, func(a, b insertion) int { return cmp.Compare(a.at, b.at) })
	var out []byte
	from := 0
	for _, i := range all {
		offset := set.Position(i.at).Offset
		out = append(append(out, source[from:offset]...), i.text...)
		from = offset
	}
	return append(out, source[from:]...)
}

// function returns the function of a name, with its body.
func function(file *ast.File, name string) *ast.FuncDecl {
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == name && f.Recv == nil && f.Body != nil {
			return f
		}
	}
	return nil
}

// hookedSource returns the runtime's panic.go with the hook: gopanic calls it where it has made sure that this is
// a panic of a program, before it runs the first deferred function and so just before it declares its _panic; and, so far as they are
// recognised, before it ends the process, if ends says that others then wait for that, and where fatalthrow ends it, on the system
// stack. gorecover calls it where it recovers.
func hookedSource(source []byte, ends bool) ([]byte, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "panic.go", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, unknownRuntime("panic.go cannot be parsed")
	}
	if file.Name.Name != "runtime" || !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote("unsafe") }) {
		return nil, unknownRuntime("panic.go is another file than before")
	}
	f := function(file, "gopanic")
	if f == nil {
		return nil, unknownRuntime("there is no gopanic")
	}
	argument := onlyParameter(f.Type, "any")
	if argument == "" {
		return nil, unknownRuntime("gopanic takes something else than before")
	}
	at, found := panicDeclaration(f.Body)
	if !found {
		return nil, unknownRuntime("gopanic works in another way than before")
	}
	all := []insertion{{at, fmt.Sprintf("if faultPanicHook == nil || !faultPanicHook(%s) { faultServing(%[1]s) }; ", argument)}}
	if at, found := callOf(f.Body, "fatalpanic"); found && ends {
		all = append(all, insertion{at, "faultEnd(); "})
	}
	if at, panicking, found := recovering(function(file, "gorecover")); found {
		all = append(all, insertion{at, fmt.Sprintf("faultRecovered(); if faultRecoverHook != nil { faultRecoverHook(%s.arg) }; ", panicking)})
	}
	if at, found := throwing(function(file, "fatalthrow")); found {
		all = append(all, insertion{at, "faultCrash(); "})
	}
	return inserted(set, source, all), nil
}

// hookedExit returns the runtime's proc.go with the hook, which os.Exit then calls: where it tells the runtime of that. And where
// the main goroutine has returned and lets others go on that have begun to crash, it does so for those that make a copy.
func hookedExit(source []byte) (hooked []byte, found bool) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "proc.go", source, parser.SkipObjectResolution)
	if err != nil || file.Name.Name != "runtime" {
		return nil, false
	}
	f := function(file, "os_beforeExit")
	if f == nil || len(f.Body.List) == 0 {
		return nil, false
	}
	code := onlyParameter(f.Type, "int")
	if code == "" {
		return nil, false
	}
	returned, found := crashAwaited(function(file, "main"))
	if !found {
		return nil, false
	}
	return inserted(set, source, []insertion{{f.Body.List[0].Pos(), fmt.Sprintf("faultExit(%s); ", code)}, {returned, "faultAwait(); "}}), true
}

// crashAwaited finds where the runtime's main looks whether another goroutine crashes: `if panicking.Load() != 0`.
func crashAwaited(f *ast.FuncDecl) (at token.Pos, found bool) {
	if f == nil {
		return 0, false
	}
	for _, s := range f.Body.List {
		branch, ok := s.(*ast.IfStmt)
		if !ok || branch.Init != nil {
			continue
		}
		compared, ok := branch.Cond.(*ast.BinaryExpr)
		if !ok || compared.Op != token.NEQ {
			continue
		}
		call, ok := compared.X.(*ast.CallExpr)
		if !ok {
			continue
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || method.Sel.Name != "Load" {
			continue
		}
		if of, ok := method.X.(*ast.Ident); ok && of.Name == "panicking" {
			return s.Pos(), true
		}
	}
	return 0, false
}

// onlyParameter returns the name of the only parameter of a function, if that is of the type and nothing is returned.
func onlyParameter(t *ast.FuncType, of string) string {
	if t.Results != nil || len(t.Params.List) != 1 || len(t.Params.List[0].Names) != 1 {
		return ""
	}
	name := t.Params.List[0].Names[0].Name
	if typ, ok := t.Params.List[0].Type.(*ast.Ident); !ok || typ.Name != of || name == "_" {
		return ""
	}
	return name
}

// callOf finds the only call of a function that is a statement of the block itself.
func callOf(body *ast.BlockStmt, name string) (at token.Pos, found bool) {
	for _, s := range body.List {
		if call, ok := callIn(s, name); ok {
			if found {
				return 0, false
			}
			at, found = call.Pos(), true
		}
	}
	return at, found
}

func callIn(s ast.Stmt, name string) (call *ast.CallExpr, ok bool) {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return nil, false
	}
	if call, ok = e.X.(*ast.CallExpr); !ok {
		return nil, false
	}
	called, ok := call.Fun.(*ast.Ident)
	return call, ok && called.Name == name
}

// recovering finds where gorecover notes that a panic is recovered, and what it calls the panic.
func recovering(f *ast.FuncDecl) (at token.Pos, panicking string, found bool) {
	if f == nil || f.Doc != nil && slices.ContainsFunc(f.Doc.List, func(c *ast.Comment) bool { return c.Text == "//go:nosplit" }) {
		return 0, "", false
	}
	for _, s := range f.Body.List {
		assign, ok := s.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != 1 {
			continue
		}
		field, ok := assign.Lhs[0].(*ast.SelectorExpr)
		if !ok || field.Sel.Name != "recovered" {
			continue
		}
		if name, ok := field.X.(*ast.Ident); ok {
			return s.Pos(), name.Name, true
		}
	}
	return 0, "", false
}

// hookedSignals returns the runtime's signal_unix.go with the hook: where sighandler begins to end the process for a signal, as for
// a fault in C code. SIGQUIT is a question for all stacks, and no crash.
func hookedSignals(source []byte) (hooked []byte, found bool) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "signal_unix.go", source, parser.SkipObjectResolution)
	if err != nil || file.Name.Name != "runtime" {
		return nil, false
	}
	f := function(file, "sighandler")
	if f == nil || len(f.Type.Params.List) == 0 || len(f.Type.Params.List[0].Names) != 1 || f.Type.Params.List[0].Names[0].Name == "_" {
		return nil, false
	}
	if typ, ok := f.Type.Params.List[0].Type.(*ast.Ident); !ok || typ.Name != "uint32" {
		return nil, false
	}
	for _, s := range f.Body.List {
		assign, ok := s.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != 1 {
			continue
		}
		if field, ok := assign.Lhs[0].(*ast.SelectorExpr); ok && field.Sel.Name == "throwing" {
			text := fmt.Sprintf("if %s != _SIGQUIT { faultCrash() }; ", f.Type.Params.List[0].Names[0].Name)
			return inserted(set, source, []insertion{{s.Pos(), text}}), true
		}
	}
	return nil, false
}

// hookedStacks returns the runtime's stack.go with the hook, which copystack calls for a goroutine whose stack moves.
func hookedStacks(source []byte) (hooked []byte, found bool) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "stack.go", source, parser.SkipObjectResolution)
	if err != nil || file.Name.Name != "runtime" {
		return nil, false
	}
	f := function(file, "copystack")
	if f == nil || len(f.Body.List) == 0 || len(f.Type.Params.List) == 0 || len(f.Type.Params.List[0].Names) != 1 {
		return nil, false
	}
	name := f.Type.Params.List[0].Names[0].Name
	pointer, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok || name == "_" {
		return nil, false
	}
	if to, ok := pointer.X.(*ast.Ident); !ok || to.Name != "g" {
		return nil, false
	}
	return inserted(set, source, []insertion{{f.Body.List[0].Pos(), fmt.Sprintf("faultMove(%s); ", name)}}), true
}

// throwing finds where fatalthrow, on the system stack, begins to end the process.
func throwing(f *ast.FuncDecl) (at token.Pos, found bool) {
	if f == nil {
		return 0, false
	}
	for _, s := range f.Body.List {
		call, ok := callIn(s, "systemstack")
		if !ok || len(call.Args) != 1 {
			continue
		}
		if literal, ok := call.Args[0].(*ast.FuncLit); ok {
			return callOf(literal.Body, "startpanic_m")
		}
	}
	return 0, false
}

// panicDeclaration finds `var p _panic` among a function's own statements.
func panicDeclaration(body *ast.BlockStmt) (at token.Pos, found bool) {
	for _, s := range body.List {
		d, ok := s.(*ast.DeclStmt)
		if !ok {
			continue
		}
		g, ok := d.Decl.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR || len(g.Specs) != 1 {
			continue
		}
		if typ, ok := g.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); ok && typ.Name == "_panic" {
			return s.Pos(), true
		}
	}
	return 0, false
}
