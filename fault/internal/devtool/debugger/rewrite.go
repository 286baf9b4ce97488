package debugger

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"reflect"
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
	direct  bool     // there is a call in it for Delve to make
	nested  bool     // one stands before what is being rewritten
	absent  ast.Expr // an entry that a map does not have; nil: there is none
}

// builtins can be evaluated without a call.
var builtins = map[string]bool{"len": true, "cap": true, "complex": true, "real": true, "imag": true, "min": true, "max": true}

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
	if o := r.done[node]; o != nil {
		return r.usable(ctx, o)
	}
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
		if r.forCall {
			if err := r.make(ctx, n.X); err != nil {
				return nil, err
			}
		}
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
	if r.forCall {
		if err := r.make(ctx, n.X); err != nil {
			return nil, err
		}
	}
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
	// Checked here, since Delve would take any package of that name.
	boxed, err := r.value(ctx, n.X)
	if err != nil {
		return nil, err
	}
	w := boxed.wire
	switch {
	case w == nil:
		return nil, &EvaluateError{Text: "This is no interface, but a " + boxed.typeName() + "."}
	case w.Kind != reflect.Interface:
		return nil, &EvaluateError{Text: "This is no interface, but a " + shortType(w.Type) + "."}
	case isNil(w):
		return nil, &EvaluateError{Text: "The interface is nil."}
	case w.Children[0].Type != name:
		return nil, &EvaluateError{Text: fmt.Sprintf("There is a %s in the interface, no %s.", shortType(w.Children[0].Type), shortType(name))}
	}
	if boxed.returned && w.Type != "error" && w.Type != "interface {}" {
		return x, nil // It is what was in the interface already.
	}
	return &ast.TypeAssertExpr{X: x, Type: ast.NewIdent("data")}, nil
}

func (r *rewriter) callOrConversion(ctx context.Context, n *ast.CallExpr) (ast.Expr, error) {
	if made, err := r.made(ctx, n); made != nil || err != nil {
		return made, err
	}
	result := &ast.CallExpr{}
	var f *signature
	direct := false // Delve makes the call.
	conversion, err := r.isConversion(ctx, n)
	if err != nil {
		return nil, err
	}
	if conversion {
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
		if o, err := r.standIn(ctx, n); o != nil || err != nil {
			if err != nil {
				return nil, err
			}
			r.done[n] = o
			return r.usable(ctx, o)
		}
		id, ok := n.Fun.(*ast.Ident)
		direct = !ok || r.isLocal(id.Name) || !builtins[id.Name]
		if selector, ok := n.Fun.(*ast.SelectorExpr); ok && direct {
			if err := r.receiver(ctx, selector); err != nil {
				return nil, err
			}
		}
		if result.Fun, err = r.expression(ctx, n.Fun); err != nil {
			return nil, err
		}
		if direct {
			r.direct = true
			if f, _, err = r.signatureOf(ctx, n.Fun); err != nil {
				return nil, err
			}
			if n.Ellipsis.IsValid() && (f == nil || !f.variadic) {
				return nil, &EvaluateError{Text: "This function is not variadic, as far as is known here: … cannot stand behind its last argument."}
			}
		}
	}
	arguments := n.Args
	var variadic []ast.Expr
	listed := false // The variadic arguments are to be put into a slice.
	makes, err := r.session.canCallLibraries(ctx)
	if err != nil {
		return nil, err
	}
	if f != nil && f.variadic && makes && !n.Ellipsis.IsValid() && len(arguments) >= len(f.parameters) {
		variadic, listed = arguments[len(f.parameters):], true
		arguments = arguments[:len(f.parameters)]
	}
	for i, argument := range arguments {
		typ := ""
		if f != nil && i < len(f.parameters) {
			typ = f.parameters[i]
		}
		var a ast.Expr
		switch {
		case typ == "interface {}":
			a, err = r.inInterface(ctx, argument)
		case direct:
			a, err = r.passed(ctx, argument, typ)
		default:
			a, err = r.expression(ctx, argument)
		}
		if err != nil {
			return nil, err
		}
		result.Args = append(result.Args, a)
	}
	if listed {
		list, err := r.list(ctx, "[]"+f.element, f.element, nil, variadic)
		if err != nil {
			return nil, err
		}
		result.Args = append(result.Args, list)
	}
	r.nested = r.nested || direct
	return result, nil
}

// usable is Delve's expression for a value that a call has returned.
func (r *rewriter) usable(ctx context.Context, o *operand) (ast.Expr, error) {
	if o.expr != nil && !(r.forCall && o.framed) {
		return o.expr, nil
	}
	if literal := o.literalOf(); literal != nil && (o.typ == o.basic || o.typ == "") {
		return literal, nil
	}
	w := o.wire
	if w != nil && w.Type == tupleType {
		return nil, &EvaluateError{Text: severalResults}
	}
	if w != nil && w.Kind == reflect.Interface && o.typ != "error" && o.typ != "interface {}" {
		if isNil(w) {
			return ast.NewIdent("nil"), nil
		}
		data := &w.Children[0] // Methods and fields are those of what is in it.
		inner := &operand{wire: data, typ: data.Type, returned: data.Addr == 0 || data.Kind == reflect.Pointer}
		address, err := r.place(ctx, inner)
		if err != nil {
			return nil, err
		}
		return dereferenced(data.Type, address), nil
	}
	address, err := r.place(ctx, o)
	if err != nil {
		return nil, err
	}
	expr := dereferenced(o.typ, address)
	if !o.liesInMemory() { // It need not be placed twice.
		o.expr, o.framed = expr, false
	}
	return expr, nil
}

// composite rewrites a literal of a struct, which Delve makes for calls.
func (r *rewriter) composite(ctx context.Context, n *ast.CompositeLit) (ast.Expr, error) {
	if !r.forCall {
		return nil, &EvaluateError{Text: "Composite literals can be arguments of calls only.", Call: true}
	}
	if array, ok := n.Type.(*ast.ArrayType); ok && array.Len == nil {
		element, err := r.typeName(ctx, array.Elt)
		if err != nil {
			return nil, err
		}
		for _, x := range n.Elts {
			if _, ok := x.(*ast.KeyValueExpr); ok {
				return nil, &EvaluateError{Text: "Elements with an index cannot be in a literal here."}
			}
		}
		if has, err := r.session.canCallLibraries(ctx); err != nil || has {
			if err != nil {
				return nil, err
			}
			return r.list(ctx, "[]"+element, element, nil, n.Elts)
		}
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
		if x, ok := n.(ast.Expr); ok && e.done[x] != nil {
			return false
		}
		call, ok := n.(*ast.CallExpr)
		if !ok || called != "" || failure != nil {
			return called == "" && failure == nil
		}
		if id, ok := call.Fun.(*ast.Ident); ok && !e.isLocal(id.Name) {
			switch id.Name {
			case "append":
				called = "append(…)"
				return false
			case "new", "make", "copy", "delete", "clear", "close", "panic", "print", "println", "recover":
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
