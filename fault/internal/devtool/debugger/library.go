package debugger

import (
	"context"
	"go/ast"
	"go/constant"
	"reflect"
	"regexp"
	"strings"
)

// Delve calls nothing that was compiled with optimisation, as libraries are. For what is asked for most, programs that make
// copies have package calls, which says how its functions are named.

// libraryMethods have so many parameters.
var libraryMethods = map[string]int{
	"Context": 0, "Err": 0, "Error": 0, "String": 0, "Unwrap": 0, "Get": 1, "Format": 1, "Query": 0, "Len": 0, "IsZero": 0, "Unix": 0,
	"Seconds": 0, "Milliseconds": 0, "FormValue": 1, "PathValue": 1, "UserAgent": 0,
}

// A libraryFunction is one that package calls has too.
type libraryFunction struct {
	fixed    int  // parameters before those that are variadic, which are of type any
	variadic bool // it has such
	boxed    bool // the fixed ones are of type any
}

var libraryFunctions = map[string]libraryFunction{
	"errors.Is": {fixed: 2}, "errors.Unwrap": {fixed: 1},
	"fmt.Errorf": {fixed: 1, variadic: true}, "fmt.Sprint": {variadic: true}, "fmt.Sprintf": {fixed: 1, variadic: true}, "fmt.Sprintln": {variadic: true},
	"encoding/json.Marshal": {fixed: 1, boxed: true},
	"net/url.PathEscape":    {fixed: 1}, "net/url.QueryEscape": {fixed: 1},
	"strconv.Atoi": {fixed: 1}, "strconv.Itoa": {fixed: 1}, "strconv.Quote": {fixed: 1},
	"strings.Contains": {fixed: 2}, "strings.EqualFold": {fixed: 2}, "strings.Fields": {fixed: 1}, "strings.HasPrefix": {fixed: 2},
	"strings.HasSuffix": {fixed: 2}, "strings.Index": {fixed: 2}, "strings.Join": {fixed: 2}, "strings.ReplaceAll": {fixed: 3},
	"strings.Split": {fixed: 2}, "strings.ToLower": {fixed: 1}, "strings.ToUpper": {fixed: 1}, "strings.TrimPrefix": {fixed: 2},
	"strings.TrimSpace": {fixed: 1}, "strings.TrimSuffix": {fixed: 2},
	"time.Now": {}, "time.Since": {fixed: 1}, "time.Until": {fixed: 1},
}

func callsPackage() string { return kit() + "/internal/freeze/calls" }

// library rewrites a call of a library's function or method to one that Delve can make; nil: there is none, or Delve can make
// this one.
func (r *rewriter) library(ctx context.Context, n *ast.CallExpr) (ast.Expr, error) {
	selector, ok := unparen(n.Fun).(*ast.SelectorExpr)
	if !ok || !r.forCall {
		return nil, nil
	}
	if x, ok := selector.X.(*ast.Ident); ok && !r.isLocal(x.Name) {
		if path, err := r.packagePath(ctx, x.Name); err != nil || path != "" {
			if f, ok := libraryFunctions[path+"."+selector.Sel.Name]; ok && err == nil {
				return r.libraryFunction(ctx, path, selector.Sel.Name, f, n.Args)
			}
			return nil, nil
		}
	}
	if parameters, ok := libraryMethods[selector.Sel.Name]; !ok || len(n.Args) != parameters {
		return nil, nil
	}
	if has, err := r.session.canCallLibraries(ctx); err != nil || !has {
		return nil, err
	}
	receiver, called, err := r.receiver(ctx, selector)
	if receiver == nil || err != nil {
		return nil, err
	}
	result := r.callOf(selector.Sel.Name, receiver)
	if called { // Delve may be able to make it. What was rewritten is not rewritten again.
		result = &ast.CallExpr{Fun: &ast.SelectorExpr{X: receiver, Sel: selector.Sel}}
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

func (r *rewriter) callOf(name string, arguments ...ast.Expr) *ast.CallExpr {
	return &ast.CallExpr{Fun: &ast.SelectorExpr{X: quote(callsPackage()), Sel: ast.NewIdent(name)}, Args: arguments}
}

// canCallLibraries reports whether the program has package calls.
func (s *Session) canCallLibraries(ctx context.Context) (bool, error) {
	if s.slots == nil {
		out, err := get[struct{ Variables []wireVariable }](ctx, s.wire, "ListPackageVars", struct {
			Filter string
			Cfg    loadConfig
		}{"^" + regexp.QuoteMeta(callsPackage()) + `\.Slots$`, loadConfig{}})
		if err != nil {
			return false, err
		}
		s.slots = new(slots)
		if len(out.Variables) == 1 {
			s.slots.address, s.slots.count = out.Variables[0].Addr, uint64(out.Variables[0].Len)
		}
	}
	return s.slots.address != 0 && s.slots.count != 0, nil
}

// slots are words of the program that pointers can be put into.
type slots struct{ address, count, used uint64 }

// receiver is what a method is called on, so that it fits into an interface; nil: Delve can call the method, or says what is
// wrong with it. direct says that it is what a call returns, and that the method is to be called as it is.
func (r *rewriter) receiver(ctx context.Context, n *ast.SelectorExpr) (receiver ast.Expr, direct bool, err error) {
	called, err := r.calledIn(ctx, n.X)
	if err != nil {
		return nil, false, err
	}
	if called != "" {
		// What it will return is known of stand-ins only; but what has a method Error is an error.
		receiver, err = r.expression(ctx, n.X)
		return receiver, n.Sel.Name != "Error" && !returnsInterface(receiver), err
	}
	x, err := r.read(ctx, n.X)
	if err != nil {
		return nil, false, err
	}
	if x.wire.Kind == reflect.Interface && isNil(x.wire) {
		return nil, false, &EvaluateError{Text: "The interface is nil: a call of its methods would panic."}
	}
	_, err = r.read(ctx, n)
	if text, _ := refused(err); !strings.Contains(text, optimizedFunction) {
		return nil, false, nil
	}
	if !isPointer(x.wire.Kind) {
		receiver, err = r.pointerTo(ctx, x.wire)
		return receiver, false, err
	}
	receiver, err = r.expression(ctx, n.X)
	return receiver, false, err
}

// returnsInterface reports whether an expression has been rewritten to a call of package calls that returns an interface: what
// else is returned fits into none as it is.
func returnsInterface(rewritten ast.Expr) bool {
	call, ok := unparen(rewritten).(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if path, ok := selector.X.(*ast.BasicLit); !ok || path.Value != quote(callsPackage()).Value {
		return false
	}
	switch selector.Sel.Name {
	case "Context", "Err", "Unwrap", "ErrorsUnwrap", "FmtErrorf":
		return true
	}
	return false
}

// pointerTo is a pointer to what Delve has read, which lies in memory itself and is of a type that the program has: &x would
// be in Delve only.
func (r *rewriter) pointerTo(ctx context.Context, w *wireVariable) (ast.Expr, error) {
	if w.Addr == 0 || w.made || w.Flags&(flagFakeAddress|flagRegister|flagConstant) != 0 {
		return nil, &EvaluateError{Text: "A value that lies nowhere in memory cannot be used here."}
	}
	r.onStack = r.onStack || r.session.stack.has(w.Addr)
	return r.pointer(ctx, "*"+w.Type, w.Addr)
}

func (r *rewriter) pointer(ctx context.Context, typ string, target uint64) (ast.Expr, error) {
	s := r.session.slots
	slot := s.address + wordSize*(s.used%s.count)
	s.used++
	if err := r.session.store(ctx, slot, target); err != nil {
		return nil, err
	}
	return dereferenced(typ, slot), nil
}

// isPointer reports whether an interface holds a value of the kind as it is, or is one.
func isPointer(kind reflect.Kind) bool {
	switch kind {
	case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	}
	return false
}

func (r *rewriter) libraryFunction(ctx context.Context, path, name string, f libraryFunction, arguments []ast.Expr) (ast.Expr, error) {
	if has, err := r.session.canCallLibraries(ctx); err != nil || !has {
		return nil, err
	}
	switch {
	case len(arguments) < f.fixed:
		return nil, &EvaluateError{Text: "The call has not enough arguments."}
	case len(arguments) > f.fixed && !f.variadic:
		return nil, &EvaluateError{Text: "The call has too many arguments."}
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	result := r.callOf(strings.ToUpper(last[:1]) + last[1:] + name)
	for _, argument := range arguments[:f.fixed] {
		put := r.expression
		if f.boxed {
			put = r.boxed
		}
		a, err := put(ctx, argument)
		if err != nil {
			return nil, err
		}
		result.Args = append(result.Args, a)
	}
	if !f.variadic {
		return result, nil
	}
	var list ast.Expr = ast.NewIdent("nil")
	for _, argument := range arguments[f.fixed:] {
		a, err := r.boxed(ctx, argument)
		if err != nil {
			return nil, err
		}
		list = r.callOf("Add", list, a)
	}
	result.Args = append(result.Args, list)
	return result, nil
}

// boxed rewrites an expression to one that Delve can put into an interface.
func (r *rewriter) boxed(ctx context.Context, node ast.Expr) (ast.Expr, error) {
	if id, ok := unparen(node).(*ast.Ident); ok && id.Name == "nil" && !r.isLocal("nil") {
		return id, nil
	}
	o, err := r.value(ctx, node)
	if err != nil {
		return nil, err
	}
	if box := boxOf(o); box != "" {
		if literal := o.literalOf(); literal != nil {
			return r.callOf(box, literal), nil
		}
	}
	called, err := r.calledIn(ctx, node)
	if err != nil {
		return nil, err
	}
	w := o.wire
	switch {
	case w == nil:
		return nil, &EvaluateError{Text: "A value of this kind cannot be used within another expression here."}
	case w.Unreadable != "":
		return nil, &EvaluateError{Text: "An argument cannot be read: " + sentence(w.Unreadable)}
	case w.Kind == reflect.Interface && isNil(w):
		return ast.NewIdent("nil"), nil
	case called == "" && isPointer(w.Kind):
		return r.expression(ctx, node)
	case called != "" && w.Kind == reflect.Pointer && len(w.Children) == 1: // It must not be called twice.
		return r.pointer(ctx, w.Type, w.Children[0].Addr)
	case called == "":
		pointer, err := r.pointerTo(ctx, w)
		if err != nil {
			return nil, err
		}
		return r.callOf("At", pointer), nil
	}
	return nil, &EvaluateError{Text: "What this returns cannot be an argument here; evaluate it on its own."}
}

// boxOf is the function of package calls that puts a value into an interface with its type; "": there is none.
func boxOf(o *operand) string {
	if o.number == nil {
		return ""
	}
	switch o.typ {
	case "string", "int", "float64", "bool":
	case "":
		if v, ok := o.number.(constant.Value); ok {
			switch {
			case o.basic == "untyped rune":
				return ""
			case v.Kind() == constant.Float, o.basic == "untyped float":
				return "Float"
			}
		}
	default:
		return ""
	}
	switch v := o.number.(type) {
	case float64:
		return "Float"
	case constant.Value:
		switch v.Kind() {
		case constant.Bool:
			return "Bool"
		case constant.String:
			return "Text"
		case constant.Int:
			if o.typ == "float64" {
				return "Float"
			}
			return "Int"
		}
	}
	return ""
}
