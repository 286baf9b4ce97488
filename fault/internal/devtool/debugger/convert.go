package debugger

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Conversions, builtins for numbers and keys that are floating-point numbers are worked out here: Delve
// rounds to no float32, and what it makes of a string has no address.

// builtin works out real, imag, complex, min and max, and len of conversions; nil: it is something else.
func (e *evaluator) builtin(ctx context.Context, n *ast.CallExpr) (*operand, error) {
	id, ok := n.Fun.(*ast.Ident)
	if !ok || e.isLocal(id.Name) || n.Ellipsis.IsValid() {
		return nil, nil
	}
	switch {
	case id.Name == "len" && len(n.Args) == 1:
		return e.lengthOfMade(ctx, n.Args[0])
	case (id.Name == "real" || id.Name == "imag") && len(n.Args) == 1, id.Name == "complex" && len(n.Args) == 2,
		(id.Name == "min" || id.Name == "max") && len(n.Args) > 0:
	default:
		return nil, nil
	}
	var operands []*operand
	for _, argument := range n.Args {
		o, err := e.value(ctx, argument)
		if err != nil {
			return nil, err
		}
		if o.number == nil {
			if w := o.wire; w != nil && (w.Unreadable != "" || w.Kind == reflect.String) {
				return nil, o.unfit(token.ILLEGAL)
			}
			return nil, notFor(id.Name, o)
		}
		operands = append(operands, o)
	}
	switch x := operands[0]; id.Name {
	case "real", "imag":
		if x.untyped() {
			x = cmp.Or(x.typed("complex128", "complex128"), x)
		}
		c, ok := x.number.(complex128)
		if !ok {
			return nil, notFor(id.Name, x)
		}
		half := halfOf(x.basic)
		if id.Name == "imag" {
			return &operand{number: imag(c), typ: half, basic: half}, nil
		}
		return &operand{number: real(c), typ: half, basic: half}, nil
	case "complex":
		return complexOf(x, operands[1])
	}
	best := operands[0]
	for _, o := range operands[1:] {
		var err error
		if best, err = extreme(id.Name, best, o); err != nil {
			return nil, err
		}
	}
	switch v := best.number.(type) {
	case complex128:
		return nil, notFor(id.Name, best)
	case constant.Value:
		if v.Kind() == constant.Bool {
			return nil, notFor(id.Name, best)
		}
	}
	return &operand{number: best.number, typ: best.typ, basic: best.basic}, nil
}

// lengthOfMade is the length of what a conversion makes; nil: it is something else.
func (e *evaluator) lengthOfMade(ctx context.Context, node ast.Expr) (*operand, error) {
	call, ok := unparen(node).(*ast.CallExpr)
	if !ok {
		return nil, nil
	}
	if called, err := e.calledIn(ctx, call); err != nil || called != "" {
		return nil, err
	}
	o, err := e.convert(ctx, call)
	if err != nil || o == nil || o.wire == nil || !o.wire.made {
		return nil, err
	}
	return &operand{number: constant.MakeInt64(o.wire.Len), typ: "int", basic: "int"}, nil
}

func notFor(builtin string, o *operand) error {
	return &EvaluateError{Text: fmt.Sprintf("%s is not defined for %s.", builtin, o.typeName())}
}

// sameType gives two operands one type: untyped constants that of the other.
func sameType(x, y *operand) (a, b *operand, err error) {
	a, b = x, y
	switch {
	case x.untyped() && !y.untyped():
		a = x.typed(y.typ, y.basic)
	case y.untyped() && !x.untyped():
		b = y.typed(x.typ, x.basic)
	case !x.untyped() && x.typ != y.typ:
		return nil, nil, &EvaluateError{Text: fmt.Sprintf("%s and %s cannot be mixed: convert one of them.", x.typeName(), y.typeName())}
	}
	if a == nil || b == nil {
		return nil, nil, &EvaluateError{Text: fmt.Sprintf("%s and %s cannot be mixed: the constant does not fit.", x.typeName(), y.typeName())}
	}
	return a, b, nil
}

func complexOf(x, y *operand) (*operand, error) {
	a, b, err := sameType(x, y)
	if err != nil {
		return nil, err
	}
	if a.untyped() {
		if a, b = a.typed("float64", "float64"), b.typed("float64", "float64"); a == nil || b == nil {
			return nil, notFor("complex", x)
		}
	}
	re, isFloat := a.number.(float64)
	im, isToo := b.number.(float64)
	if !isFloat || !isToo {
		return nil, notFor("complex", a)
	}
	typ := "complex128"
	if a.basic == "float32" {
		typ = "complex64"
	}
	return &operand{number: complex(re, im), typ: typ, basic: typ}, nil
}

// extreme is the smaller or the larger of two operands.
func extreme(builtin string, x, y *operand) (*operand, error) {
	a, b, err := sameType(x, y)
	if err != nil {
		return nil, err
	}
	if f, ok := a.number.(float64); ok {
		g := b.number.(float64)
		result := &operand{typ: a.typ, basic: a.basic, number: min(f, g)}
		if builtin == "max" {
			result.number = max(f, g)
		}
		return result, nil
	}
	op := token.LEQ
	if builtin == "max" {
		op = token.GEQ
	}
	holds, ok := comparison(op, a.number, b.number)
	switch {
	case !ok:
		return nil, notFor(builtin, a)
	case holds:
		return a, nil
	}
	return b, nil
}

// convert works out conversions between numbers, strings and booleans, and of strings to bytes and runes;
// nil: it is something else.
func (e *evaluator) convert(ctx context.Context, n *ast.CallExpr) (*operand, error) {
	if conversion, err := e.isConversion(ctx, n); err != nil || !conversion {
		return nil, err
	}
	name, err := e.typeName(ctx, unparen(n.Fun))
	if err != nil {
		return nil, err
	}
	target := e.session.typeOf(ctx, name)
	if target == nil {
		return nil, nil
	}
	basic := e.session.basicOf(ctx, target)
	if basic == "" && target.Kind != reflect.Slice {
		return nil, nil
	}
	x, err := e.value(ctx, n.Args[0])
	if err != nil {
		return nil, err
	}
	isString := x.basic == "string" || x.basic == "untyped string"
	switch {
	case x.wire != nil && x.wire.Unreadable != "":
		return nil, &EvaluateError{Text: "What is converted cannot be read: " + sentence(x.wire.Unreadable)}
	case isString && x.number == nil:
		return nil, &EvaluateError{Text: fmt.Sprintf("A string of %d bytes is too long to be converted here.", x.wire.Len)}
	case isString && target.Kind == reflect.Slice:
		w := e.session.madeOf(ctx, constant.StringVal(x.number.(constant.Value)), target)
		if w == nil {
			return nil, unconvertible(x, name)
		}
		return &operand{wire: w, at: place{frame: e.frame.Index, read: w}, typ: w.Type}, nil
	case x.number != nil && basic != "":
		return x.converted(name, basic)
	}
	if called, err := e.calledIn(ctx, n.Args[0]); err != nil || called != "" {
		// It was called just now, and must not be called twice.
		return nil, cmp.Or(err, error(&EvaluateError{Text: "What this call returns cannot be converted here; evaluate it without the conversion."}))
	}
	return nil, nil
}

// typeOf describes a type, by its kind and what it is made of; nil: the debugger does not know it.
func (s *Session) typeOf(ctx context.Context, name string) *wireVariable {
	if kind := kindOf(name); kind != reflect.Invalid {
		return &wireVariable{Type: name, RealType: name, Kind: kind}
	}
	if name == "[]uint8" || name == "[]int32" {
		return &wireVariable{Type: name, RealType: name, Kind: reflect.Slice}
	}
	w, err := s.nowhere(ctx, name, loadConfig{})
	if err != nil {
		return nil
	}
	return &wireVariable{Type: name, RealType: w.RealType, Kind: w.Kind}
}

// nowhere is something of a type that lies at an address that there is not: it cannot be read, but Delve tells its
// type, and what it is made of.
func (s *Session) nowhere(ctx context.Context, typ string, load loadConfig) (*wireVariable, error) {
	const address = 1 << 20
	return s.eval(ctx, evalScope{s.goroutine, 0}, fmt.Sprintf("*(*%q)(%d)", typ, address), load)
}

// madeOf is a string as bytes or runes; nil: the type has none.
func (s *Session) madeOf(ctx context.Context, text string, target *wireVariable) *wireVariable {
	element, ok := strings.CutPrefix(target.RealType, "[]")
	if !ok || element != "uint8" && element != "int32" { // It has a name, which Delve sees through.
		w, err := s.eval(ctx, evalScope{s.goroutine, 0}, fmt.Sprintf("%q(\"a\")", target.Type), loadConfig{MaxArrayValues: 1, MaxStringLen: 1})
		if err != nil || len(w.Children) != 1 {
			return nil
		}
		element = s.basicOf(ctx, &w.Children[0])
	}
	w := &wireVariable{Type: target.Type, RealType: "[]" + element, Kind: reflect.Slice, made: true}
	add := func(n int64) {
		w.Children = append(w.Children, wireVariable{Type: element, RealType: element, Kind: kindOf(element), Value: strconv.FormatInt(n, 10)})
	}
	switch element {
	case "uint8":
		for _, b := range []byte(text) {
			add(int64(b))
		}
	case "int32":
		for _, r := range text {
			add(int64(r))
		}
	default:
		return nil
	}
	w.Len = int64(len(w.Children))
	w.Cap = w.Len
	return w
}

func unconvertible(x *operand, name string) error {
	return &EvaluateError{Text: fmt.Sprintf("%s cannot be converted to %s.", x.typeName(), shortType(name))}
}

// converted converts a number, a string or a boolean.
func (o *operand) converted(typ, basic string) (*operand, error) {
	result := &operand{typ: typ, basic: basic}
	bits, _ := integerBits(basic)
	isFloat := basic == "float32" || basic == "float64"
	switch v := o.number.(type) {
	case complex128:
		switch basic {
		case "complex64":
			result.number = complex128(complex64(v))
		case "complex128":
			result.number = v
		}
	case float64:
		switch {
		case isFloat:
			result.number = rounded(v, basic)
		case bits > 0:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, outOfRange(typ)
			}
			n, _ := big.NewFloat(v).Int(nil)
			c := constant.ToInt(constant.Make(n))
			if !constant.Compare(wrap(c, basic), token.EQL, c) {
				return nil, outOfRange(typ)
			}
			result.number = c
		}
	case constant.Value:
		switch {
		case basic == "string" && v.Kind() == constant.Int:
			r := utf8.RuneError
			if n, exact := constant.Int64Val(v); exact && n == int64(rune(n)) {
				r = rune(n)
			}
			result.number = constant.MakeString(string(r))
		case o.untyped() || v.Kind() != constant.Int:
			if result = o.typed(typ, basic); result == nil {
				return nil, unconvertible(o, typ)
			}
		case isFloat:
			result.number = nearest(v, basic)
		case bits > 0:
			result.number = wrap(v, basic)
		}
	}
	if result.number == nil {
		return nil, unconvertible(o, typ)
	}
	return result, nil
}

func outOfRange(typ string) error {
	return &EvaluateError{Text: "The number is not in the range of " + shortType(typ) + ": what it is converted to depends on the processor."}
}

// made rewrites a builtin that is worked out here, and refuses conversions whose results Delve cannot use;
// nil: Delve can do it.
func (r *rewriter) made(ctx context.Context, n *ast.CallExpr) (ast.Expr, error) {
	o, err := r.builtin(ctx, n)
	if err != nil {
		return nil, err
	}
	if o == nil {
		if called, err := r.calledIn(ctx, n); err != nil || called != "" {
			return nil, err // Its arguments are rewritten in their turn.
		}
		if o, err = r.convert(ctx, n); err != nil || o == nil {
			return nil, err
		}
		if f, ok := o.number.(float64); o.number != nil && (!ok || f != 0 || !math.Signbit(f)) {
			return nil, nil
		}
	}
	if text := o.literalOf(); text != nil {
		return text, nil
	}
	return nil, &EvaluateError{Text: "A value of this kind cannot be used within another expression here."}
}

// mostKeys is up to how many floating-point keys are compared.
const mostKeys = 10_000

// noSuchKey is why an entry of a map is the zero value, with the type of that.
const noSuchKey = "no such key"

// entry rewrites an entry of a map, where Delve would not do as Go does: if there is no such key, to the zero value; and if the
// keys are floating-point numbers, which Delve would not round, to the entry at its address. Nil: it is something else.
func (r *rewriter) entry(ctx context.Context, n *ast.IndexExpr, x ast.Expr) (ast.Expr, error) {
	if isType, err := r.isType(ctx, n); err != nil || isType {
		return nil, err
	}
	plain := &rewriter{evaluator: r.evaluator} // It is read in its own frame, also for a call.
	if r.forCall {
		var err error
		if x, err = plain.expression(ctx, n.X); err != nil {
			return nil, err
		}
	}
	text, err := source(x)
	if err != nil {
		return nil, err
	}
	s, scope := r.session, r.session.scope(r.frame)
	w, err := s.eval(ctx, scope, text, loadConfig{MaxArrayValues: 1})
	if err != nil || w.Unreadable != "" || w.Kind != reflect.Map {
		return nil, nil // Delve tells what is wrong with it.
	}
	if w.Len == 0 {
		return r.missing(ctx, n, elementOf(w.RealType))
	}
	if len(w.Children) < 2 {
		return nil, nil
	}
	switch r.session.basicOf(ctx, &w.Children[0]) {
	case "float32", "float64", "complex64", "complex128":
		return r.floatingEntry(ctx, n, w, text)
	}
	if called, err := r.calledIn(ctx, n.Index); err != nil || called != "" {
		return nil, err // It must not be called twice.
	}
	index, err := plain.expression(ctx, n.Index)
	if err != nil {
		return nil, err
	}
	whole, err := source(&ast.IndexExpr{X: x, Index: index})
	if err != nil {
		return nil, err
	}
	_, err = s.eval(ctx, scope, whole, loadConfig{})
	if said, _ := refused(err); said != keyNotFound {
		return nil, nil
	}
	return r.missing(ctx, n, w.Children[1].Type)
}

// keyNotFound is what Delve says of a key that is not in a map.
const keyNotFound = "key not found"

// elementOf is the type of a map's entries by that of the map.
func elementOf(typ string) string {
	rest, ok := strings.CutPrefix(typ, "map[")
	depth := 1
	for i := 0; ok && i < len(rest); i++ {
		switch rest[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return rest[i+1:]
			}
		}
	}
	return ""
}

// missing is the zero value of a type, for an entry that is not there: at an address where the runtime itself has zeros.
func (r *rewriter) missing(ctx context.Context, n *ast.IndexExpr, typ string) (ast.Expr, error) {
	s := r.session
	none := &EvaluateError{Text: "The map has no such key; in the program that yields the zero value."}
	size := s.sizeOf(ctx, typ)
	zeros, err := s.eval(ctx, evalScope{s.goroutine, 0}, "runtime.zeroVal", loadConfig{})
	if err != nil || zeros.Kind != reflect.Array || typ == "" || size < 0 || size > zeros.Len || zeros.Addr == 0 {
		return nil, none
	}
	r.absent = n
	return dereferenced(typ, zeros.Addr), nil
}

// floatingEntry is an entry of a map whose keys are floating-point numbers.
func (r *rewriter) floatingEntry(ctx context.Context, n *ast.IndexExpr, w *wireVariable, text string) (ast.Expr, error) {
	s := r.session
	key, err := r.value(ctx, n.Index)
	if err != nil {
		return nil, err
	}
	if w.Len > mostKeys {
		return nil, &EvaluateError{Text: fmt.Sprintf("In a map of more than %d entries, floating-point keys cannot be looked up here.", mostKeys)}
	}
	typ := w.Children[0].Type
	if key.untyped() {
		if key = key.typed(typ, s.basicOf(ctx, &w.Children[0])); key == nil {
			return nil, &EvaluateError{Text: "The key is no " + shortType(typ) + "."}
		}
	}
	if key.typ != typ {
		return nil, &EvaluateError{Text: fmt.Sprintf("The keys of the map are of type %s, and this is a %s.", shortType(typ), key.typeName())}
	}
	if w, err = s.eval(ctx, s.scope(r.frame), text, loadConfig{MaxArrayValues: mostKeys}); err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(w.Children); i += 2 {
		k := r.operandOf(ctx, &w.Children[i], place{}, nil)
		if k.number == nil {
			return nil, &EvaluateError{Text: "A key of the map cannot be read."}
		}
		if equal, _ := comparison(token.EQL, k.number, key.number); !equal {
			continue
		}
		value := &w.Children[i+1]
		if value.Addr == 0 || value.Type == "" {
			return nil, &EvaluateError{Text: "This entry of the map cannot be read."}
		}
		r.onStack = r.onStack || s.stack.has(value.Addr)
		return dereferenced(value.Type, value.Addr), nil
	}
	return r.missing(ctx, n, w.Children[1].Type)
}

// dereferenced is Delve's expression for what lies at an address.
func dereferenced(typ string, address uint64) ast.Expr {
	pointer := &ast.CallExpr{
		Fun:  &ast.ParenExpr{X: &ast.StarExpr{X: quote(typ)}},
		Args: []ast.Expr{&ast.BasicLit{Kind: token.INT, Value: fmt.Sprintf("%#x", address)}},
	}
	return &ast.ParenExpr{X: &ast.StarExpr{X: pointer}}
}
