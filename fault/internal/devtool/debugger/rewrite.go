package debugger

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A rewriter makes Delve's expression of one as it is written in the program: names of packages and of what
// is in them get import paths, operators are worked out, and for calls, which Delve makes in the innermost
// frame only, a local variable x of frame 3 becomes runtime.frame(3).x.
type rewriter struct {
	*evaluator
	forCall bool
	onStack bool     // an address of the stack is in what was rewritten
	absent  ast.Expr // an entry that a map does not have; nil: there is none
}

// builtins can be evaluated without a call.
var builtins = map[string]bool{"len": true, "cap": true, "complex": true, "real": true, "imag": true, "min": true, "max": true}

// predeclared are the types that every package has.
var predeclared = map[string]string{
	"bool": "bool", "string": "string", "int": "int", "int8": "int8", "int16": "int16", "int32": "int32", "int64": "int64",
	"uint": "uint", "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64", "uintptr": "uintptr",
	"byte": "uint8", "rune": "int32", "float32": "float32", "float64": "float64", "complex64": "complex64", "complex128": "complex128",
	"error": "error", "any": "interface {}",
}

// source is the text of an expression.
func source(node ast.Expr) (string, error) {
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
		return "", &EvaluateError{Text: "This cannot be evaluated: " + sentence(err.Error())}
	}
	return strings.Join(strings.Fields(b.String()), " "), nil
}

func quote(text string) *ast.BasicLit {
	return &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(text)}
}

// expression rewrites an expression that has a value.
func (r *rewriter) expression(ctx context.Context, node ast.Expr) (ast.Expr, error) {
	switch n := node.(type) {
	case *ast.BasicLit:
		return n, nil
	case *ast.ParenExpr:
		x, err := r.expression(ctx, n.X)
		return &ast.ParenExpr{X: x}, err
	case *ast.BinaryExpr:
		return r.folded(ctx, n)
	case *ast.UnaryExpr:
		if n.Op != token.AND {
			return r.folded(ctx, n)
		}
		x, err := r.expression(ctx, n.X)
		return &ast.UnaryExpr{Op: n.Op, X: x}, err
	case *ast.StarExpr:
		x, err := r.expression(ctx, n.X)
		return &ast.StarExpr{X: x}, err
	case *ast.Ident:
		return r.name(ctx, n.Name)
	case *ast.SelectorExpr:
		return r.selector(ctx, n)
	case *ast.IndexExpr:
		x, err := r.expression(ctx, n.X)
		if err != nil {
			return nil, err
		}
		if entry, err := r.entry(ctx, n, x); entry != nil || err != nil {
			return entry, err
		}
		index, err := r.expression(ctx, n.Index)
		return &ast.IndexExpr{X: x, Index: index}, err
	case *ast.SliceExpr:
		return r.slice(ctx, n)
	case *ast.TypeAssertExpr:
		return r.assertion(ctx, n)
	case *ast.CallExpr:
		return r.callOrConversion(ctx, n)
	case *ast.CompositeLit:
		return r.composite(ctx, n)
	}
	return nil, &EvaluateError{Text: fmt.Sprintf("Such an expression (%s) cannot be evaluated here.", nodeName(node))}
}

func nodeName(node ast.Expr) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", node), "*ast."), "Expr"))
}

// folded works out operators, and puts the value in their place.
func (r *rewriter) folded(ctx context.Context, node ast.Expr) (ast.Expr, error) {
	o, err := r.value(ctx, node)
	if err != nil {
		return nil, err
	}
	if text := o.literalOf(); text != nil {
		return text, nil
	}
	return nil, &EvaluateError{Text: "A value of this kind cannot be used within another expression here."}
}

// name rewrites a name that stands alone.
func (r *rewriter) name(ctx context.Context, name string) (ast.Expr, error) {
	switch {
	case r.isLocal(name) && r.locals[name] != "":
		return nil, &EvaluateError{Text: name + " cannot be read. " + r.locals[name]}
	case r.isLocal(name):
		if !r.forCall {
			return ast.NewIdent(name), nil
		}
		frame := &ast.CallExpr{
			Fun:  &ast.SelectorExpr{X: ast.NewIdent("runtime"), Sel: ast.NewIdent("frame")},
			Args: []ast.Expr{&ast.BasicLit{Kind: token.INT, Value: strconv.Itoa(r.frame.number)}},
		}
		return &ast.SelectorExpr{X: frame, Sel: ast.NewIdent(name)}, nil
	case name == "true" || name == "false" || name == "nil" || builtins[name]:
		return ast.NewIdent(name), nil
	case name == "iota" || name == "_":
		return nil, &EvaluateError{Text: name + " has no value here."}
	}
	return r.global(ctx, packageOf(r.frame.Function), name)
}

// selector rewrites x.y, of which x may be a package.
func (r *rewriter) selector(ctx context.Context, n *ast.SelectorExpr) (ast.Expr, error) {
	switch x := n.X.(type) {
	case *ast.BasicLit: // Delve's "import/path".Name
		if path, err := strconv.Unquote(x.Value); err == nil && x.Kind == token.STRING {
			return r.global(ctx, path, n.Sel.Name)
		}
	case *ast.Ident:
		if r.isLocal(x.Name) {
			break
		}
		path, err := r.packagePath(ctx, x.Name)
		if err != nil {
			return nil, err
		}
		if path != "" {
			return r.global(ctx, path, n.Sel.Name)
		}
	}
	x, err := r.expression(ctx, n.X)
	return &ast.SelectorExpr{X: x, Sel: n.Sel}, err
}

func (r *rewriter) slice(ctx context.Context, n *ast.SliceExpr) (ast.Expr, error) {
	if n.Slice3 {
		return nil, &EvaluateError{Text: "Slices with three indices cannot be evaluated here; two say the same but for the capacity."}
	}
	result := &ast.SliceExpr{}
	var err error
	if result.X, err = r.expression(ctx, n.X); err != nil {
		return nil, err
	}
	if n.Low != nil {
		if result.Low, err = r.expression(ctx, n.Low); err != nil {
			return nil, err
		}
	}
	if n.High != nil {
		result.High, err = r.expression(ctx, n.High)
	}
	return result, err
}

func (r *rewriter) assertion(ctx context.Context, n *ast.TypeAssertExpr) (ast.Expr, error) {
	x, err := r.expression(ctx, n.X)
	if err != nil {
		return nil, err
	}
	if id, ok := n.Type.(*ast.Ident); ok && id.Name == "data" { // Delve's: of whatever type it is
		return &ast.TypeAssertExpr{X: x, Type: n.Type}, nil
	}
	if n.Type == nil {
		return nil, &EvaluateError{Text: ".(type) is for switches; write .(data) for what is in the interface."}
	}
	name, err := r.typeName(ctx, n.Type)
	if err != nil {
		return nil, err
	}
	called, err := r.calledIn(ctx, n.X)
	if err != nil {
		return nil, err
	}
	if called != "" {
		return nil, &EvaluateError{Text: "The result of a call cannot be asserted to be of a type here; its dynamic type is shown with it."}
	}
	// Checked here, since Delve would take any package of that name.
	boxed, err := r.read(ctx, n.X)
	if err != nil {
		return nil, err
	}
	w := boxed.wire
	switch {
	case w.Kind != reflect.Interface:
		return nil, &EvaluateError{Text: "This is no interface, but a " + shortType(w.Type) + "."}
	case isNil(w):
		return nil, &EvaluateError{Text: "The interface is nil."}
	case w.Children[0].Type != name:
		return nil, &EvaluateError{Text: fmt.Sprintf("There is a %s in the interface, no %s.", shortType(w.Children[0].Type), shortType(name))}
	}
	return &ast.TypeAssertExpr{X: x, Type: ast.NewIdent("data")}, nil
}

func (r *rewriter) callOrConversion(ctx context.Context, n *ast.CallExpr) (ast.Expr, error) {
	if n.Ellipsis.IsValid() {
		return nil, &EvaluateError{Text: "Calls with … cannot be made here."}
	}
	if made, err := r.made(ctx, n); made != nil || err != nil {
		return made, err
	}
	if library, err := r.library(ctx, n); library != nil || err != nil {
		return library, err
	}
	result := &ast.CallExpr{}
	if conversion, err := r.isConversion(ctx, n); err != nil {
		return nil, err
	} else if conversion {
		name, err := r.typeName(ctx, unparen(n.Fun))
		if err != nil {
			return nil, err
		}
		result.Fun = quote(name)
		switch name {
		case "[]uint8", "[]int32", "string": // which Delve knows by these names
			result.Fun = ast.NewIdent(map[string]string{"[]uint8": "[]byte", "[]int32": "[]rune", "string": "string"}[name])
		}
	} else {
		fun, err := r.expression(ctx, n.Fun)
		if err != nil {
			return nil, err
		}
		result.Fun = fun
	}
	for _, argument := range n.Args {
		a, err := r.expression(ctx, argument)
		if err != nil {
			return nil, err
		}
		result.Args = append(result.Args, a)
	}
	return result, nil
}

// composite rewrites a literal of a struct, which Delve makes for calls.
func (r *rewriter) composite(ctx context.Context, n *ast.CompositeLit) (ast.Expr, error) {
	if !r.forCall {
		return nil, &EvaluateError{Text: "Composite literals can be arguments of calls only.", Call: true}
	}
	result := &ast.CompositeLit{Type: n.Type}
	if id, ok := n.Type.(*ast.Ident); ok {
		path := packageOf(r.frame.Function)
		result.Type = &ast.SelectorExpr{X: ast.NewIdent(path[strings.LastIndexByte(path, '/')+1:]), Sel: id}
	}
	for _, element := range n.Elts {
		if kv, ok := element.(*ast.KeyValueExpr); ok {
			value, err := r.expression(ctx, kv.Value)
			if err != nil {
				return nil, err
			}
			result.Elts = append(result.Elts, &ast.KeyValueExpr{Key: kv.Key, Value: value})
			continue
		}
		value, err := r.expression(ctx, element)
		if err != nil {
			return nil, err
		}
		result.Elts = append(result.Elts, value)
	}
	return result, nil
}

func unparen(n ast.Expr) ast.Expr {
	for {
		p, ok := n.(*ast.ParenExpr)
		if !ok {
			return n
		}
		n = p.X
	}
}

// calledIn names the first function in an expression that would be called; "": there is none.
func (e *evaluator) calledIn(ctx context.Context, node ast.Expr) (string, error) {
	called := ""
	var failure error
	ast.Inspect(node, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || called != "" || failure != nil {
			return called == "" && failure == nil
		}
		if id, ok := call.Fun.(*ast.Ident); ok && !e.isLocal(id.Name) {
			switch id.Name {
			case "new", "make", "append", "copy", "delete", "clear", "close", "panic", "print", "println", "recover":
				failure = &EvaluateError{Text: "The builtin " + id.Name + " cannot be evaluated: it would have to be compiled into the program."}
				return false
			}
			if builtins[id.Name] {
				return true
			}
		}
		conversion, err := e.isConversion(ctx, call)
		if err != nil {
			failure = err
			return false
		}
		if !conversion {
			called, failure = source(call.Fun)
			called += "(…)"
		}
		return true
	})
	return called, failure
}

// isConversion reports whether what looks like a call is a conversion.
func (e *evaluator) isConversion(ctx context.Context, call *ast.CallExpr) (bool, error) {
	if len(call.Args) != 1 {
		return false, nil
	}
	switch fun := unparen(call.Fun).(type) {
	case *ast.ArrayType, *ast.StructType, *ast.FuncType, *ast.InterfaceType, *ast.MapType, *ast.ChanType, *ast.BasicLit:
		return true, nil
	case *ast.StarExpr:
		_, err := e.typeName(ctx, fun.X)
		return err == nil, nil
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr:
		return e.isType(ctx, fun)
	}
	return false, nil
}

// isType reports whether an expression is the name of a type.
func (e *evaluator) isType(ctx context.Context, node ast.Expr) (bool, error) {
	types, err := e.session.allTypes(ctx)
	if err != nil {
		return false, err
	}
	switch n := node.(type) {
	case *ast.Ident:
		if e.isLocal(n.Name) {
			return false, nil
		}
		return predeclared[n.Name] != "" || types[packageOf(e.frame.Function)+"."+n.Name], nil
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		if !ok || e.isLocal(x.Name) {
			return false, nil
		}
		path, err := e.packagePath(ctx, x.Name)
		return err == nil && types[path+"."+n.Sel.Name], nil
	case *ast.IndexExpr:
		name, err := e.typeName(ctx, n)
		return err == nil && types[name], nil
	}
	return false, nil
}

// typeName is Delve's name of a type.
func (e *evaluator) typeName(ctx context.Context, node ast.Expr) (string, error) {
	switch n := unparen(node).(type) {
	case *ast.BasicLit:
		return strconv.Unquote(n.Value)
	case *ast.Ident:
		if name := predeclared[n.Name]; name != "" && !e.isLocal(n.Name) {
			return name, nil
		}
		return e.namedType(ctx, packageOf(e.frame.Function)+"."+n.Name, n.Name)
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		if !ok {
			break
		}
		path, err := e.packagePath(ctx, x.Name)
		if err != nil {
			return "", err
		}
		return e.namedType(ctx, path+"."+n.Sel.Name, x.Name+"."+n.Sel.Name)
	case *ast.StarExpr:
		name, err := e.typeName(ctx, n.X)
		return "*" + name, err
	case *ast.ArrayType:
		name, err := e.typeName(ctx, n.Elt)
		if err != nil {
			return "", err
		}
		if n.Len == nil {
			return "[]" + name, nil
		}
		length, err := e.value(ctx, n.Len)
		if err != nil || length.number == nil {
			return "", &EvaluateError{Text: "The length of the array is no constant."}
		}
		return fmt.Sprintf("[%v]%s", length.number, name), nil
	case *ast.MapType:
		key, err := e.typeName(ctx, n.Key)
		if err != nil {
			return "", err
		}
		value, err := e.typeName(ctx, n.Value)
		return "map[" + key + "]" + value, err
	case *ast.InterfaceType:
		if len(n.Methods.List) == 0 {
			return "interface {}", nil
		}
	case *ast.IndexExpr:
		return e.instance(ctx, n.X, []ast.Expr{n.Index})
	case *ast.IndexListExpr:
		return e.instance(ctx, n.X, n.Indices)
	}
	return "", &EvaluateError{Text: "Types of this kind cannot be named here; write .(data) for what is in an interface."}
}

// instance is an instantiated generic type.
func (e *evaluator) instance(ctx context.Context, generic ast.Expr, arguments []ast.Expr) (string, error) {
	var path, base string
	switch n := generic.(type) {
	case *ast.Ident:
		path, base = packageOf(e.frame.Function), n.Name
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		if !ok {
			return "", &EvaluateError{Text: "This is no type."}
		}
		var err error
		if path, err = e.packagePath(ctx, x.Name); err != nil {
			return "", err
		}
		base = n.Sel.Name
	}
	var names []string
	for _, argument := range arguments {
		name, err := e.typeName(ctx, argument)
		if err != nil {
			return "", err
		}
		names = append(names, name)
	}
	full := path + "." + base + "[" + strings.Join(names, ",") + "]"
	return e.namedType(ctx, full, shortType(full))
}

// namedType checks that the program has a type.
func (e *evaluator) namedType(ctx context.Context, full, short string) (string, error) {
	types, err := e.session.allTypes(ctx)
	if err != nil {
		return "", err
	}
	if types[full] {
		return full, nil
	}
	local := regexp.MustCompile("^" + regexp.QuoteMeta(full) + `·\d+$`)
	var found []string
	for name := range types {
		if local.MatchString(name) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", &EvaluateError{Text: "The program has no type " + short + "."}
	case 1:
		return found[0], nil
	}
	return "", &EvaluateError{Text: "Several functions have a type " + short + " of their own; write .(data) for what is in an interface."}
}

// allTypes are the names of the program's types.
func (s *Session) allTypes(ctx context.Context) (map[string]bool, error) {
	if s.types == nil {
		out, err := get[struct{ Types []string }](ctx, s.wire, "ListTypes", map[string]string{"Filter": ""})
		if err != nil {
			return nil, err
		}
		s.types = make(map[string]bool, len(out.Types))
		for _, name := range out.Types {
			s.types[name] = true
		}
	}
	return s.types, nil
}

// allPackages are the import paths of the program's packages, as its functions and types tell them: Delve's
// own list leaves some out.
func (s *Session) allPackages(ctx context.Context) ([]string, error) {
	if s.packages != nil {
		return s.packages, nil
	}
	types, err := s.allTypes(ctx)
	if err != nil {
		return nil, err
	}
	functions, err := get[struct{ Funcs []string }](ctx, s.wire, "ListFunctions", map[string]string{"Filter": ""})
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, name := range functions.Funcs {
		if !strings.HasPrefix(name, "go:") && !strings.HasPrefix(name, "type:") {
			found[packageOf(name)] = true
		}
	}
	for name := range types {
		if !strings.ContainsAny(name, "*[]<>(){} ") {
			found[packageOf(name)] = true
		}
	}
	delete(found, "")
	s.packages = slices.Sorted(maps.Keys(found))
	return s.packages, nil
}

// importsOf are the imports of a file by their names, as far as paths tell those.
func (s *Session) importsOf(file string) map[string]string {
	if imports, ok := s.files[file]; ok {
		return imports
	}
	imports := map[string]string{}
	s.files[file] = imports
	if file == "" {
		return imports
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil && parsed == nil {
		return imports // It is gone; the packages of the program are there.
	}
	for _, spec := range parsed.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if spec.Name != nil {
			imports[spec.Name.Name] = path
			continue
		}
		for _, name := range namesOf(path) {
			imports[name] = path
		}
	}
	return imports
}

var majorVersion = regexp.MustCompile(`^v\d+$`)

// namesOf are the names that a package with this import path may well have.
func namesOf(path string) []string {
	elements := strings.Split(path, "/")
	last := elements[len(elements)-1]
	if majorVersion.MatchString(last) && len(elements) > 1 {
		last = elements[len(elements)-2]
	}
	if at := strings.LastIndex(last, ".v"); at > 0 {
		last = last[:at]
	}
	names := []string{last}
	for _, short := range []string{strings.TrimPrefix(last, "go-"), strings.TrimSuffix(last, "-go"), strings.ReplaceAll(last, "-", "")} {
		if !slices.Contains(names, short) {
			names = append(names, short)
		}
	}
	return names
}

// packagePath is the import path of a package by its name in the frame's file, or else in the program;
// "": there is no such package.
func (e *evaluator) packagePath(ctx context.Context, name string) (string, error) {
	if path, ok := e.imports[name]; ok {
		return path, nil
	}
	own := packageOf(e.frame.Function)
	if name == own[strings.LastIndexByte(own, '/')+1:] {
		return own, nil
	}
	packages, err := e.session.allPackages(ctx)
	if err != nil {
		return "", err
	}
	var found []string
	for _, path := range packages {
		if !strings.HasPrefix(path, "vendor/") && path != callsPackage() && slices.Contains(namesOf(path), name) {
			found = append(found, path)
		}
	}
	if slices.Contains(found, name) {
		return name, nil // That of the standard library.
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	slices.Sort(found)
	return "", &EvaluateError{Text: fmt.Sprintf("Several packages are called %s: %s. Write %q.Name for one of them.", name, strings.Join(found, ", "), found[0])}
}

// global is Delve's expression for a variable, a function or a constant of a package. Delve takes any that
// ends like the path: so variables are named by their address.
func (r *rewriter) global(ctx context.Context, path, name string) (ast.Expr, error) {
	full := path + "." + name
	s := r.session
	if known, ok := s.globals[full]; ok {
		return known, nil
	}
	filter := "^" + regexp.QuoteMeta(full) + "$"
	variables, err := get[struct{ Variables []wireVariable }](ctx, s.wire, "ListPackageVars", struct {
		Filter string
		Cfg    loadConfig
	}{filter, loadConfig{}})
	if err != nil {
		return nil, err
	}
	var result ast.Expr = &ast.SelectorExpr{X: quote(path), Sel: ast.NewIdent(name)}
	if len(variables.Variables) == 1 && variables.Variables[0].Addr != 0 && variables.Variables[0].Type != "" {
		v := &variables.Variables[0]
		result = dereferenced(v.Type, v.Addr)
	} else if err := r.checkUnique(ctx, path, name); err != nil {
		return nil, err
	}
	if s.globals == nil {
		s.globals = map[string]ast.Expr{}
	}
	s.globals[full] = result
	return result, nil
}

// checkUnique makes sure that Delve takes the function or constant that is meant.
func (r *rewriter) checkUnique(ctx context.Context, path, name string) error {
	packages, err := r.session.allPackages(ctx)
	if err != nil {
		return err
	}
	for _, other := range packages {
		if strings.HasSuffix(other, "/"+path) {
			functions, err := get[struct{ Funcs []string }](ctx, r.session.wire, "ListFunctions",
				map[string]string{"Filter": "^(.*/)?" + regexp.QuoteMeta(path+"."+name) + "$"})
			if err != nil {
				return err
			}
			switch {
			case len(functions.Funcs) == 1 && functions.Funcs[0] == path+"."+name:
				return nil
			case len(functions.Funcs) == 0:
				// A constant of a type of its own package is told by that.
				w, err := r.session.eval(ctx, evalScope{r.session.goroutine, 0}, strconv.Quote(path)+"."+name, loadScalars)
				if err != nil || packageOf(w.Type) == path {
					return err
				}
			}
			return &EvaluateError{Text: fmt.Sprintf("%s.%s cannot be told from that of %s here.", path, name, other)}
		}
	}
	return nil
}
