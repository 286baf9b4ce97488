package debugger

import (
	"context"
	"go/ast"
	"go/constant"
	"math"
	"math/cmplx"
	"reflect"
	"strings"
)

// What Delve hands to a function that it calls is not always what was there: it has no NaN, no infinite numbers and no -0, cuts
// constants off, and mistakes a map that a call within the expression returns. So the calls in operands are made before, in the
// order of the language, and what Delve would get wrong is refused.

// errOrder says that calls would not be made in their order.
var errOrder error = &EvaluateError{Text: "These calls cannot be made in the order that Go makes them in: evaluate them one after the other."}

// An operandUse is what an operand is for.
type operandUse int

const (
	asArgument operandUse = iota
	asReceiver
)

// before makes the calls in an operand before that which it is an operand of. Left are those that only Delve itself can pass on what they
// return.
func (r *rewriter) before(ctx context.Context, node ast.Expr, use operandUse) (left bool, err error) {
	called, err := r.calledIn(ctx, node)
	if err != nil || called == "" {
		return false, err
	}
	if left, err = r.leaves(ctx, node, use); left || err != nil {
		return left, err
	}
	if r.nested {
		return false, errOrder
	}
	return false, r.make(ctx, node)
}

// leaves reports whether an operand is a call whose result lies nowhere, and cannot be put into memory.
func (r *rewriter) leaves(ctx context.Context, node ast.Expr, use operandUse) (bool, error) {
	makes, err := r.session.canCallLibraries(ctx)
	if err != nil {
		return false, err
	}
	var call *ast.CallExpr
	switch n := unparen(node).(type) {
	case *ast.CallExpr:
		call = n
	case *ast.BinaryExpr, *ast.UnaryExpr:
		return false, nil
	default:
		return !makes, nil
	}
	if conversion, err := r.isConversion(ctx, call); err != nil || conversion {
		return false, err
	}
	if selector, ok := unparen(call.Fun).(*ast.SelectorExpr); ok {
		if left, err := r.before(ctx, selector.X, asReceiver); left || err != nil {
			return left, err
		}
	}
	f, _, err := r.signatureOf(ctx, call.Fun)
	if err != nil || f == nil || len(f.results) != 1 || f.results[0] == "" {
		return !makes, err
	}
	if !makes { // A number needs no room.
		return !hasLost(r.session.basicOfType(ctx, f.results[0])), nil
	}
	if t := r.session.typeOf(ctx, f.results[0]); use == asReceiver && t != nil && t.Kind == reflect.Interface {
		return false, nil // The methods are those of what is in it.
	}
	return !r.session.canBePlaced(ctx, f.results[0], 0), nil
}

// canBePlaced reports whether each value of a type can be put into memory.
func (s *Session) canBePlaced(ctx context.Context, typ string, depth int) bool {
	const deepest = 16
	known, ok := s.placeable[typ]
	if ok || depth > deepest {
		return known
	}
	can := typ == "interface {}" || typ == "error"
	if t := s.typeOf(ctx, typ); !can && t != nil {
		switch t.Kind {
		case reflect.Struct:
			layout, err := s.nowhere(ctx, typ, loadConfig{MaxVariableRecurse: 1, MaxStructFields: -1})
			can = err == nil
			for i := 0; can && i < len(layout.Children); i++ {
				can = s.canBePlaced(ctx, layout.Children[i].Type, depth+1)
			}
		case reflect.Array:
			_, element, ok := strings.Cut(t.RealType, "]")
			can = ok && (strings.HasPrefix(t.RealType, "[0]") || s.canBePlaced(ctx, element, depth+1))
		case reflect.Func, reflect.Interface, reflect.UnsafePointer, reflect.Invalid:
		default:
			can = true
		}
	}
	if s.placeable == nil {
		s.placeable = map[string]bool{}
	}
	s.placeable[typ] = can
	return can
}

// basicOfType is the predeclared type that a type is made of; "": it is made of something else.
func (s *Session) basicOfType(ctx context.Context, typ string) string {
	if t := s.typeOf(ctx, typ); t != nil {
		return s.basicOf(ctx, t)
	}
	return ""
}

// hasLost reports whether a predeclared type has values that Delve hands to no function.
func hasLost(basic string) bool {
	return strings.HasPrefix(basic, "float") || strings.HasPrefix(basic, "complex")
}

// isLost reports whether Delve would hand something else to a function.
func (o *operand) isLost() bool {
	lost := func(f float64) bool { return f-f != 0 || f == 0 && math.Signbit(f) }
	switch v := o.number.(type) {
	case float64:
		return lost(v)
	case complex128:
		return cmplx.IsNaN(v) || lost(real(v)) || lost(imag(v))
	}
	return false
}

// errLost says that a number is not handed over.
var errLost error = &EvaluateError{Text: "NaN, infinite numbers and -0 cannot be handed to this function here."}

// receiver prepares what a method is called on.
func (r *rewriter) receiver(ctx context.Context, n *ast.SelectorExpr) error {
	if id, ok := n.X.(*ast.Ident); ok && !r.isLocal(id.Name) {
		if path, err := r.packagePath(ctx, id.Name); err != nil || path != "" {
			return err
		}
	}
	if _, ok := n.X.(*ast.BasicLit); ok {
		return nil // It is a path.
	}
	if left, err := r.before(ctx, n.X, asReceiver); left || err != nil {
		return err
	}
	o, err := r.value(ctx, n.X)
	if _, ok := refused(err); ok || isOurs(err) {
		return nil // Delve is to say what is wrong with it.
	}
	if err == nil && o.isLost() {
		return errLost
	}
	if err == nil {
		r.placed(n.X, o)
	}
	return err
}

// placed has what was worked out, and has a name for its type, put into memory before a method is called on it: Delve knows no methods
// of what lies nowhere.
func (r *rewriter) placed(node ast.Expr, o *operand) {
	if o.number != nil && o.typ != "" && o.typ != o.basic && !o.liesInMemory() {
		r.done[node] = &operand{number: o.number, typ: o.typ, basic: o.basic}
	}
}

// passed rewrites an argument of a call that Delve makes, for a parameter of a type; "": that is not known.
func (r *rewriter) passed(ctx context.Context, node ast.Expr, typ string) (ast.Expr, error) {
	left, err := r.before(ctx, node, asArgument)
	if err != nil {
		return nil, err
	}
	_, isLiteral := unparen(node).(*ast.CompositeLit)
	basic := ""
	if typ != "" {
		basic = r.session.basicOfType(ctx, typ)
	}
	if left || isLiteral || r.isNilLiteral(node) || typ != "" && basic == "" {
		return r.expression(ctx, node)
	}
	o, err := r.value(ctx, node)
	if _, ok := refused(err); ok || isOurs(err) {
		return r.expression(ctx, node) // Delve is to say what is wrong with it.
	}
	if err != nil {
		return nil, err
	}
	if o.untyped() && basic != "" {
		typed := o.typed(typ, basic)
		if typed == nil {
			return nil, &EvaluateError{Text: "The constant does not fit into the type " + shortType(typ) + "."}
		}
		if literal := typed.literalOf(); literal != nil && o.number.(constant.Value).Kind() != constant.String {
			return literal, nil
		}
	}
	if o.isLost() {
		return nil, errLost
	}
	if typ == "" && !o.liesInMemory() && !o.fitsAnywhere() {
		return r.unchecked(ctx, o)
	}
	return r.expression(ctx, node)
}

// fitsAnywhere reports whether Delve, which cuts numbers off, cannot get a value wrong whatever type a parameter has.
func (o *operand) fitsAnywhere() bool {
	switch v := o.number.(type) {
	case constant.Value:
		switch v.Kind() {
		case constant.Int:
			n, exact := constant.Int64Val(v)
			return o.untyped() && exact && 0 <= n && n <= math.MaxInt8
		case constant.Float:
			f, exact := constant.Float32Val(v)
			return o.untyped() && exact && !math.IsInf(float64(f), 0)
		}
		return o.untyped() || o.typ == o.basic
	case float64, complex128:
		return false
	}
	return true
}

// unchecked is a number for a parameter whose type is not known: from memory, since Delve checks the types of what lies there.
func (r *rewriter) unchecked(ctx context.Context, o *operand) (ast.Expr, error) {
	if o.untyped() {
		return nil, &EvaluateError{Text: "The type of this parameter is not known here, and the constant may not fit into it: write it with its type, as in int64(300)."}
	}
	address, err := r.place(ctx, o)
	if err != nil {
		return nil, err
	}
	return dereferenced(o.typ, address), nil
}
