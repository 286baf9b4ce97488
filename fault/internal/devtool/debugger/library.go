package debugger

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// Delve calls nothing that was compiled with optimisation, as libraries are, and knows of no variadic functions. Programs that
// make copies have package calls for that.

func callsPackage() string { return kit() + "/internal/freeze/calls" }

func (r *rewriter) callOf(name string, arguments ...ast.Expr) *ast.CallExpr {
	return &ast.CallExpr{Fun: &ast.SelectorExpr{X: quote(callsPackage()), Sel: ast.NewIdent(name)}, Args: arguments}
}

// standIn makes a call by way of package calls; nil: Delve is to make it, or to say what is wrong with it.
func (e *evaluator) standIn(ctx context.Context, n *ast.CallExpr) (*operand, error) {
	r := &rewriter{evaluator: e, forCall: true}
	if id, ok := unparen(n.Fun).(*ast.Ident); ok && id.Name == "append" && !e.isLocal(id.Name) {
		return r.appended(ctx, n)
	}
	if has, err := e.session.canCallLibraries(ctx); err != nil || !has {
		return nil, err
	}
	selector, ok := unparen(n.Fun).(*ast.SelectorExpr)
	if !ok {
		return nil, nil
	}
	name := selector.Sel.Name
	if x, ok := selector.X.(*ast.Ident); ok && !e.isLocal(x.Name) {
		path, err := e.packagePath(ctx, x.Name)
		if err != nil {
			return nil, err
		}
		if path != "" {
			if !e.session.slots.functions[path+"."+name] {
				return nil, nil
			}
			o, _, err := r.viaReflect(ctx, n, "Function", nil, path+"."+name)
			return o, err
		}
	}
	if _, ok := selector.X.(*ast.BasicLit); ok || !token.IsExported(name) {
		return nil, nil
	}
	if left, err := r.before(ctx, selector.X, asReceiver); left || err != nil {
		return nil, err
	}
	x, err := e.value(ctx, selector.X)
	if err != nil {
		return nil, err
	}
	if w := x.wire; w != nil && w.Kind == reflect.Interface && isNil(w) {
		return nil, &EvaluateError{Text: "The interface is nil: a call of its methods would panic."}
	}
	r.placed(selector.X, x)
	f, missing, err := r.signatureOf(ctx, selector)
	if err != nil {
		return nil, err
	}
	// Delve can make the call as well, but would not know what the parameters are, as those of a promoted method.
	either := f == nil && missing == nil && !x.isLost()
	if !either && (f == nil || !f.variadic) && !x.isLost() {
		if text, _ := refused(missing); !strings.Contains(text, optimizedFunction) && noMember.FindString(text) == "" {
			return nil, nil
		}
	}
	if either {
		if left, err := r.argumentsOf(ctx, n); left || err != nil {
			return nil, err
		}
	}
	o, called, err := r.byMethod(ctx, n, selector, x)
	switch {
	case err == errNoSuch:
		return nil, missing // Without that, Delve knows it: it may be a field.
	case err != nil && either && !called && !n.Ellipsis.IsValid():
		return nil, nil // An argument cannot be put into an interface.
	}
	return o, err
}

// argumentsOf makes the calls in the arguments of one, up to one that only Delve itself can pass on what it returns.
func (r *rewriter) argumentsOf(ctx context.Context, n *ast.CallExpr) (left bool, err error) {
	for _, argument := range n.Args {
		if left, err := r.before(ctx, argument, asArgument); left || err != nil {
			return left, err
		}
	}
	return false, nil
}

// byMethod has package calls call a method of x, which is what stands before the dot; called is as that of viaReflect.
func (r *rewriter) byMethod(ctx context.Context, n *ast.CallExpr, selector *ast.SelectorExpr, x *operand) (o *operand, called bool, err error) {
	receiver, _, err := r.box(ctx, selector.X, x)
	if x.wire != nil && !isPointer(x.wire.Kind) { // A pointer to it has all methods.
		var address uint64
		if address, err = r.place(ctx, x); err == nil {
			receiver, err = r.pointer(ctx, "*"+x.typ, address)
		}
	}
	if err != nil {
		return nil, false, err
	}
	return r.viaReflect(ctx, n, "Method", receiver, selector.Sel.Name)
}

// errNoSuch says that package calls knows no such function.
var errNoSuch error = &EvaluateError{Text: "There is no such function."}

// perList is how many arguments package calls takes at once.
const perList = 4

// viaReflect has package calls make a call by one of its functions, of a method if there is a receiver. If it was not called, nothing of
// the program ran but calls among the arguments.
func (r *rewriter) viaReflect(ctx context.Context, n *ast.CallExpr, by string, receiver ast.Expr, name string) (o *operand, called bool, err error) {
	var before ast.Expr = ast.NewIdent("nil")
	var boxes []ast.Expr
	how := ""
	moves := len(r.session.moved)
	list := func() ([]ast.Expr, error) {
		text, err := r.string(ctx, how)
		all := append([]ast.Expr{before, text}, boxes...)
		for len(all) < perList+2 {
			all = append(all, ast.NewIdent("nil"))
		}
		how, boxes = "", nil
		return all, err
	}
	for _, argument := range n.Args {
		if len(boxes) == perList {
			all, err := list()
			if err != nil {
				return nil, false, err
			}
			before = r.callOf("List", all...)
		}
		box, kind, err := r.boxed(ctx, argument)
		if err != nil {
			return nil, false, err
		}
		boxes, how = append(boxes, box), how+kind
	}
	var arguments []ast.Expr
	if receiver != nil {
		arguments = append(arguments, receiver)
	}
	method, err := r.string(ctx, name)
	if err != nil {
		return nil, false, err
	}
	rest, err := list()
	if err != nil {
		return nil, false, err
	}
	arguments = append(arguments, method, ast.NewIdent(strconv.FormatBool(n.Ellipsis.IsValid())))
	call := r.callOf(by, append(arguments, rest...)...)
	if r.onStack && moves != len(r.session.moved) {
		return nil, false, errMoved
	}
	text, err := source(call)
	if err != nil {
		return nil, false, err
	}
	values, err := r.injected(ctx, text)
	if err != nil {
		_, ok := refused(err)
		return nil, !ok, err
	}
	if len(values) != 2 {
		return nil, true, fmt.Errorf("%d results of %s", len(values), text)
	}
	switch problem := values[1].text(); problem {
	case "":
	case "none":
		return nil, false, errNoSuch
	default:
		return nil, true, &EvaluateError{Text: problem}
	}
	o, err = r.results(ctx, &values[0])
	return o, true, err
}

// results are what package calls has kept of a call.
func (r *rewriter) results(ctx context.Context, kept *wireVariable) (*operand, error) {
	tuple := &wireVariable{Type: tupleType}
	for i := range kept.Children {
		typ, address := field(&kept.Children[i], "Type"), number(field(&kept.Children[i], "Address"))
		if typ == nil || address == 0 {
			return nil, fmt.Errorf("a result of a call is not known: %+v", kept.Children[i])
		}
		expr := dereferenced(cmp.Or(typ.text(), "interface {}"), uint64(address))
		if typ.text() == "" {
			expr = &ast.TypeAssertExpr{X: expr, Type: ast.NewIdent("data")}
		}
		o, err := r.readBack(ctx, expr)
		if err != nil || len(kept.Children) == 1 {
			return o, err
		}
		w := o.wire
		w.Name = unnamedResult + strconv.Itoa(i)
		tuple.Children = append(tuple.Children, *w)
	}
	return r.operandOf(ctx, tuple, place{frame: r.frame.Index, read: tuple}, nil), nil
}

// inInterface is an argument whose parameter is of type any.
func (r *rewriter) inInterface(ctx context.Context, node ast.Expr) (ast.Expr, error) {
	if has, err := r.session.canCallLibraries(ctx); err != nil {
		return nil, err
	} else if !has {
		return r.expression(ctx, node)
	}
	box, kind, err := r.boxed(ctx, node)
	if err == nil && kind != boxedItself {
		box = r.callOf("At", box)
	}
	return box, err
}

// What a box is to package calls.
const (
	boxedItself   = "v"
	boxedPointer  = "p"
	boxedConstant = "c"
)

// boxed is an expression that fits into an interface: for an argument, or for a pointer to it.
func (r *rewriter) boxed(ctx context.Context, node ast.Expr) (box ast.Expr, kind string, err error) {
	if r.isNilLiteral(node) {
		return ast.NewIdent("nil"), boxedItself, nil
	}
	if err := r.make(ctx, node); err != nil {
		return nil, "", err
	}
	o, err := r.value(ctx, node)
	if err != nil {
		return nil, "", err
	}
	return r.box(ctx, node, o)
}

// box does that for an expression whose value is known.
func (r *rewriter) box(ctx context.Context, node ast.Expr, o *operand) (box ast.Expr, kind string, err error) {
	kind = boxedPointer
	if o.untyped() {
		typ := defaultTypes[o.basic]
		if c, ok := o.number.(constant.Value); ok && c.Kind() == constant.Float {
			typ = "float64"
		}
		if o = o.typed(typ, typ); o == nil {
			return nil, "", &EvaluateError{Text: "The constant does not fit into the type " + typ + "."}
		}
		kind = boxedConstant
	}
	w := o.plain()
	switch {
	case w == nil:
		return nil, "", &EvaluateError{Text: "A value of this kind cannot be used within another expression here."}
	case w.Unreadable != "":
		return nil, "", &EvaluateError{Text: "An argument cannot be read: " + sentence(w.Unreadable)}
	case w.Type == tupleType:
		return nil, "", &EvaluateError{Text: severalResults}
	case w.Kind == reflect.Interface && isNil(w):
		return ast.NewIdent("nil"), boxedItself, nil
	case w.Kind == reflect.Interface || w.Kind == reflect.Pointer:
		box, err = r.expression(ctx, node)
		return box, boxedItself, err
	}
	address, err := r.place(ctx, o)
	if err != nil {
		return nil, "", err
	}
	box, err = r.pointer(ctx, "*"+o.typ, address)
	return box, kind, err
}

// severalResults is what cannot be done with the results of a call.
const severalResults = "A call that returns several values, or none, cannot be a part of an expression."

// defaultTypes are those of untyped constants.
var defaultTypes = map[string]string{
	"untyped bool": "bool", "untyped string": "string", "untyped int": "int", "untyped rune": "int32", "untyped float": "float64",
}

// appended makes a slice that has more elements than another. The other one's memory is left alone.
func (r *rewriter) appended(ctx context.Context, n *ast.CallExpr) (*operand, error) {
	const most = 64 << 10
	if len(n.Args) == 0 {
		return nil, &EvaluateError{Text: "append needs a slice."}
	}
	if err := r.make(ctx, n.Args[0]); err != nil {
		return nil, err
	}
	x, err := r.value(ctx, n.Args[0])
	if err != nil {
		return nil, err
	}
	w := x.plain()
	element, ok := "", w != nil && w.Kind == reflect.Slice && !w.made && w.Unreadable == ""
	if ok {
		element, ok = strings.CutPrefix(w.RealType, "[]")
	}
	if !ok {
		return nil, &EvaluateError{Text: "Here, append needs a slice of the program as its first argument."}
	}
	before, err := r.contents(ctx, w, element, most)
	if err != nil {
		return nil, err
	}
	more := n.Args[1:]
	if n.Ellipsis.IsValid() {
		if len(more) != 1 {
			return nil, &EvaluateError{Text: "With …, append takes one slice more."}
		}
		if err := r.make(ctx, more[0]); err != nil {
			return nil, err
		}
		y, err := r.value(ctx, more[0])
		if err != nil {
			return nil, err
		}
		other := y.plain()
		if other == nil || other.Kind != reflect.Slice || other.RealType != w.RealType || other.made {
			return nil, &EvaluateError{Text: "What stands before … is no " + shortType(w.RealType) + "."}
		}
		after, err := r.contents(ctx, other, element, most)
		if err != nil {
			return nil, err
		}
		before, more = append(before, after...), nil
	}
	expr, err := r.list(ctx, w.Type, element, before, more)
	if err != nil {
		return nil, err
	}
	return r.readBack(ctx, expr)
}

// contents are the bytes of a slice's elements.
func (r *rewriter) contents(ctx context.Context, w *wireVariable, element string, most int64) ([]byte, error) {
	size := r.session.sizeOf(ctx, element)
	if size < 0 || w.Len > most || size*w.Len > most {
		return nil, &EvaluateError{Text: fmt.Sprintf("The slice takes more than %d bytes, which is too much for append here.", most)}
	}
	data := make([]byte, size*w.Len)
	return data, r.session.readMemory(w.Base, data)
}

// A signature is what debug data does not tell of a function.
type signature struct {
	parameters []string // Delve's names of their types, "" if not known; the last one of a variadic function is not among them
	variadic   bool
	element    string   // the type behind …
	results    []string // as parameters; "func" is any type of functions that has no name
}

// signatureOf finds the signature of the function that an expression means, in the source or in the type of a variable; nil: it is
// not known. The error is Delve's about the expression.
func (r *rewriter) signatureOf(ctx context.Context, fun ast.Expr) (f *signature, refusal, err error) {
	if called, err := r.calledIn(ctx, fun); err != nil || called != "" {
		return nil, nil, err
	}
	o, err := r.read(ctx, fun)
	if _, ok := refused(err); ok || isOurs(err) {
		return nil, err, nil
	}
	if err != nil || o.wire == nil || o.wire.Kind != reflect.Func || o.wire.Base == 0 {
		return nil, nil, err
	}
	known, ok := r.session.signatures[o.wire.Base]
	if !ok {
		if known, err = r.session.declared(ctx, o.wire.Base); err != nil {
			return nil, nil, err
		}
		if r.session.signatures == nil {
			r.session.signatures = map[uint64]*signature{}
		}
		r.session.signatures[o.wire.Base] = known
	}
	if known == nil && o.wire.Addr != 0 && !o.isByName() { // For a method, Delve guesses.
		known = signatureIn(cmp.Or(o.wire.RealType, o.wire.Type))
	}
	return known, nil, nil
}

// isByName reports whether it is a function by its name, whose type Delve does not know.
func (o *operand) isByName() bool {
	w := o.wire
	return w != nil && w.Kind == reflect.Func && w.Type == "func()" && w.Addr == w.Base && w.Base != 0
}

// functionType is that of a function which has no functions, nor interfaces with methods, among its parameters.
var functionType = regexp.MustCompile(`^func\(([^()]*)\)(?: ([^()]+))?$`)

// signatureIn reads the type of a variable; nil: it is not that simple.
func signatureIn(typ string) *signature {
	parts := functionType.FindStringSubmatch(typ)
	if parts == nil {
		return nil
	}
	f := &signature{}
	if parts[2] != "" {
		f.results = []string{parts[2]}
	}
	for parameters := parts[1]; parameters != ""; {
		first, depth := len(parameters), 0
		for i := range parameters {
			switch parameters[i] {
			case '[', '{':
				depth++
			case ']', '}':
				depth--
			}
			if parameters[i] == ',' && depth == 0 {
				first = i
				break
			}
		}
		name := strings.TrimSpace(parameters[:first])
		if element, ok := strings.CutPrefix(name, "..."); ok {
			f.variadic, f.element = true, element
		} else {
			f.parameters = append(f.parameters, name)
		}
		parameters = parameters[min(first+1, len(parameters)):]
	}
	return f
}

// declared finds the declaration of a function of the application that begins at an address; nil: there is none.
func (s *Session) declared(ctx context.Context, entry uint64) (*signature, error) {
	out, err := get[struct{ Locations []wireLocation }](ctx, s.wire, "FindLocation", map[string]any{
		"Scope": evalScope{s.goroutine, 0}, "Loc": fmt.Sprintf("*%#x", entry),
	})
	if _, ok := refused(err); ok {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(out.Locations) != 1 || out.Locations[0].Function == nil || out.Locations[0].Function.Optimized || out.Locations[0].File == autogenerated {
		return nil, nil
	}
	l := out.Locations[0]
	s.locate(&l)
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, l.File, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil // It is gone, or is being edited.
	}
	function, path := l.Function.Name, packageOf(l.Function.Name)
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Type.TypeParams != nil || function != path+"."+receiverOf(f)+f.Name.Name {
			continue
		}
		there := &evaluator{session: s, frame: &frame{Frame: Frame{Function: function}}, imports: s.importsOf(l.File)}
		return there.signature(ctx, f.Type)
	}
	return nil, nil
}

// signature reads the type of a function in whose package the evaluator is.
func (e *evaluator) signature(ctx context.Context, typ *ast.FuncType) (*signature, error) {
	f := &signature{}
	if typ.Results != nil {
		for _, result := range typ.Results.List {
			name, err := e.typeName(ctx, result.Type)
			if _, ok := result.Type.(*ast.FuncType); ok {
				name = "func"
			} else if err != nil {
				name = ""
			}
			for range max(len(result.Names), 1) {
				f.results = append(f.results, name)
			}
		}
	}
	for _, p := range typ.Params.List {
		if variadic, ok := p.Type.(*ast.Ellipsis); ok {
			f.variadic = true
			var err error
			f.element, err = e.typeName(ctx, variadic.Elt)
			return f, err
		}
		name, err := e.typeName(ctx, p.Type)
		if err != nil {
			name = ""
		}
		for range max(len(p.Names), 1) {
			f.parameters = append(f.parameters, name)
		}
	}
	return f, nil
}

// receiverOf is what the name of a method has before it, "(*T)."; "" of a function.
func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) != 1 {
		return ""
	}
	switch typ := unparen(f.Recv.List[0].Type).(type) {
	case *ast.Ident:
		return typ.Name + "."
	case *ast.StarExpr:
		if id, ok := typ.X.(*ast.Ident); ok {
			return "(*" + id.Name + ")."
		}
	}
	return "?" // It is of a generic type.
}
