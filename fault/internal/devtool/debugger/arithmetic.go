package debugger

import (
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
)

// What operators do is worked out here: integers wrap around and floating-point numbers are rounded as in
// the program, which Delve does not always do.

// literal is the value of a literal.
func literal(n *ast.BasicLit) (*operand, error) {
	c := constant.MakeFromLiteral(n.Value, n.Kind, 0)
	basic := map[token.Token]string{
		token.INT: "untyped int", token.FLOAT: "untyped float", token.CHAR: "untyped rune", token.STRING: "untyped string",
	}[n.Kind]
	if c.Kind() == constant.Unknown || basic == "" {
		return nil, &EvaluateError{Text: n.Value + " cannot be evaluated: imaginary literals are written complex(0, 1) here."}
	}
	return &operand{number: c, basic: basic}, nil
}

func kindOf(basic string) reflect.Kind {
	for _, kind := range []reflect.Kind{reflect.Bool, reflect.String, reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128} {
		if kind.String() == basic {
			return kind
		}
	}
	switch {
	case basic == "uintptr":
		return reflect.Uintptr
	case strings.HasPrefix(basic, "uint"):
		return reflect.Uint
	case strings.HasPrefix(basic, "int"):
		return reflect.Int
	}
	return reflect.Invalid
}

// integerBits is the size of an integer type; 0: it is none.
func integerBits(basic string) (bits uint, signed bool) {
	switch basic {
	case "int", "int64":
		return 64, true
	case "uint", "uint64", "uintptr":
		return 64, false
	case "int8", "int16", "int32":
		n, _ := strconv.Atoi(basic[3:])
		return uint(n), true
	case "uint8", "uint16", "uint32":
		n, _ := strconv.Atoi(basic[4:])
		return uint(n), false
	}
	return 0, false
}

// wrap keeps the bits of an integer that its type has.
func wrap(c constant.Value, basic string) constant.Value {
	bits, signed := integerBits(basic)
	if bits == 0 || c.Kind() != constant.Int {
		return c
	}
	n, ok := new(big.Int).SetString(c.ExactString(), 10)
	if !ok {
		return c
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), bits)
	n.Mod(n, modulus)
	if signed && n.Bit(int(bits)-1) == 1 {
		n.Sub(n, modulus)
	}
	return constant.Make(n)
}

// typed gives an untyped constant a type; nil: it does not fit.
func (o *operand) typed(typ, basic string) *operand {
	c, ok := o.number.(constant.Value)
	if !ok {
		return nil
	}
	result := &operand{typ: typ, basic: basic}
	switch {
	case basic == "":
		return nil
	case basic == "bool" && c.Kind() == constant.Bool, basic == "string" && c.Kind() == constant.String:
		result.number = c
	case c.Kind() != constant.Int && c.Kind() != constant.Float:
		return nil
	case basic == "float32" || basic == "float64":
		result.number = nearest(c, basic)
	case basic == "complex64" || basic == "complex128":
		result.number = complex(nearest(c, halfOf(basic)), 0)
	default:
		n := constant.ToInt(c)
		if bits, _ := integerBits(basic); bits == 0 || n.Kind() != constant.Int || !constant.Compare(wrap(n, basic), token.EQL, n) {
			return nil
		}
		result.number = n
	}
	return result
}

// nearest is the floating-point number next to a constant, which is rounded only once.
func nearest(c constant.Value, basic string) float64 {
	if basic == "float32" {
		f, _ := constant.Float32Val(c)
		return float64(f)
	}
	f, _ := constant.Float64Val(c)
	return f
}

// halfOf is the type of the parts of complex numbers.
func halfOf(basic string) string {
	if basic == "complex64" {
		return "float32"
	}
	return "float64"
}

func rounded(f float64, basic string) float64 {
	if basic == "float32" {
		return float64(float32(f))
	}
	return f
}

func (o *operand) untyped() bool { return strings.HasPrefix(o.basic, "untyped ") }

// typeName is the type of an operand for people.
func (o *operand) typeName() string {
	if o.untyped() {
		return o.basic
	}
	return shortType(o.typ)
}

// unary works out an operator of one operand.
func (e *evaluator) unary(ctx context.Context, n *ast.UnaryExpr) (*operand, error) {
	if n.Op == token.ARROW {
		return nil, &EvaluateError{Text: "Receiving from a channel would change it; what is queued in it is shown with it."}
	}
	x, err := e.value(ctx, n.X)
	if err != nil {
		return nil, err
	}
	result := &operand{typ: x.typ, basic: x.basic}
	switch v := x.number.(type) {
	case float64:
		switch n.Op {
		case token.ADD:
			result.number = v
		case token.SUB:
			result.number = -v
		}
	case complex128:
		switch n.Op {
		case token.ADD:
			result.number = v
		case token.SUB:
			result.number = -v
		}
	case constant.Value:
		isBool, isNumber, isInt := v.Kind() == constant.Bool, v.Kind() == constant.Int || v.Kind() == constant.Float, v.Kind() == constant.Int
		if n.Op == token.NOT && isBool || (n.Op == token.ADD || n.Op == token.SUB) && isNumber || n.Op == token.XOR && isInt {
			result.number = wrap(constant.UnaryOp(n.Op, v, 0), x.basic)
		}
	}
	if result.number == nil {
		return nil, x.unfit(n.Op)
	}
	return result, nil
}

// unfit says why an operator cannot work on x.
func (o *operand) unfit(op token.Token) error {
	if w := o.wire; w != nil {
		switch {
		case w.Unreadable != "":
			return &EvaluateError{Text: "An operand cannot be read: " + sentence(w.Unreadable)}
		case w.Kind == reflect.String && o.number == nil:
			return &EvaluateError{Text: fmt.Sprintf("A string of %d bytes is too long for operators here.", w.Len)}
		}
	}
	return &EvaluateError{Text: fmt.Sprintf("The operator %s is not defined for %s.", op, o.typeName())}
}

// binary works out an operator of two operands.
func (e *evaluator) binary(ctx context.Context, n *ast.BinaryExpr) (*operand, error) {
	x, err := e.value(ctx, n.X)
	if err != nil {
		return nil, err
	}
	if c, ok := x.number.(constant.Value); ok && c.Kind() == constant.Bool {
		if n.Op == token.LAND && !constant.BoolVal(c) || n.Op == token.LOR && constant.BoolVal(c) {
			return x, nil
		}
	}
	y, err := e.value(ctx, n.Y)
	if err != nil {
		return nil, err
	}
	equality := n.Op == token.EQL || n.Op == token.NEQ
	switch {
	case x.number != nil && y.number != nil:
		return arithmetic(n.Op, x, y)
	case x.wire != nil && x.wire.Unreadable != "":
		return nil, x.unfit(n.Op)
	case y.wire != nil && y.wire.Unreadable != "":
		return nil, y.unfit(n.Op)
	case equality && e.isNilLiteral(n.Y) && x.canBeNil():
		return &operand{number: constant.MakeBool(isNil(x.wire) == (n.Op == token.EQL)), basic: "untyped bool"}, nil
	case equality && e.isNilLiteral(n.X) && y.canBeNil():
		return &operand{number: constant.MakeBool(isNil(y.wire) == (n.Op == token.EQL)), basic: "untyped bool"}, nil
	case equality && x.expr != nil && y.expr != nil:
		return e.compare(ctx, n.Op, x, y)
	case x.number == nil && !equality:
		return nil, x.unfit(n.Op)
	case y.number == nil && !equality:
		return nil, y.unfit(n.Op)
	}
	return nil, &EvaluateError{Text: fmt.Sprintf("%s and %s cannot be compared here.", x.typeName(), y.typeName())}
}

func (e *evaluator) isNilLiteral(node ast.Expr) bool {
	id, ok := unparen(node).(*ast.Ident)
	return ok && id.Name == "nil" && !e.isLocal(id.Name)
}

func (o *operand) canBeNil() bool {
	return o.wire != nil && (isPointer(o.wire.Kind) || o.wire.Kind == reflect.Slice)
}

// compare has Delve compare what is no number, string or boolean.
func (e *evaluator) compare(ctx context.Context, op token.Token, x, y *operand) (*operand, error) {
	text, err := source(&ast.BinaryExpr{X: &ast.ParenExpr{X: x.expr}, Op: op, Y: &ast.ParenExpr{X: y.expr}})
	if err != nil {
		return nil, err
	}
	w, err := e.session.eval(ctx, e.session.scope(e.frame), text, loadScalars)
	if err != nil {
		return nil, err
	}
	return &operand{number: constant.MakeBool(w.Value == "true"), basic: "untyped bool"}, nil
}

// arithmetic works out an operator of two numbers, strings or booleans.
func arithmetic(op token.Token, x, y *operand) (*operand, error) {
	if op == token.SHL || op == token.SHR {
		return shift(op, x, y)
	}
	original := [2]*operand{x, y}
	switch {
	case x.untyped() && !y.untyped():
		x = x.typed(y.typ, y.basic)
	case y.untyped() && !x.untyped():
		y = y.typed(x.typ, x.basic)
	case !x.untyped() && x.typ != y.typ:
		return nil, &EvaluateError{Text: fmt.Sprintf("%s and %s cannot be mixed: convert one of them.", x.typeName(), y.typeName())}
	}
	if x == nil || y == nil {
		return nil, &EvaluateError{Text: fmt.Sprintf("%s and %s cannot be mixed: the constant does not fit.", original[0].typeName(), original[1].typeName())}
	}
	switch op {
	case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
		holds, ok := comparison(op, x.number, y.number)
		if !ok {
			return nil, x.unfit(op)
		}
		return &operand{number: constant.MakeBool(holds), basic: "untyped bool"}, nil
	}
	result := &operand{typ: x.typ, basic: x.basic}
	switch a := x.number.(type) {
	case float64:
		f, ok := floats(op, a, y.number.(float64))
		if !ok {
			return nil, x.unfit(op)
		}
		result.number = rounded(f, x.basic)
	case complex128:
		c, ok := complexes(op, a, y.number.(complex128))
		if !ok {
			return nil, x.unfit(op)
		}
		if x.basic == "complex64" {
			c = complex128(complex64(c))
		}
		result.number = c
	case constant.Value:
		b := y.number.(constant.Value)
		c, err := constants(op, a, b)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, x.unfit(op)
		}
		if x.untyped() && c.Kind() == constant.Float {
			result.basic = "untyped float"
		} else if x.untyped() && (x.basic == "untyped float" || y.basic == "untyped float") {
			result.basic = "untyped float"
		}
		result.number = wrap(c, x.basic)
	}
	return result, nil
}

// constants works out an operator of booleans, strings, integers or untyped numbers; nil: it is not defined.
func constants(op token.Token, a, b constant.Value) (constant.Value, error) {
	integers := a.Kind() == constant.Int && b.Kind() == constant.Int
	numbers := (a.Kind() == constant.Int || a.Kind() == constant.Float) && (b.Kind() == constant.Int || b.Kind() == constant.Float)
	switch op {
	case token.LAND, token.LOR:
		if a.Kind() != constant.Bool || b.Kind() != constant.Bool {
			return nil, nil
		}
	case token.ADD:
		if !numbers && (a.Kind() != constant.String || b.Kind() != constant.String) {
			return nil, nil
		}
	case token.SUB, token.MUL:
		if !numbers {
			return nil, nil
		}
	case token.QUO:
		if !numbers {
			return nil, nil
		}
		if constant.Sign(b) == 0 {
			return nil, &EvaluateError{Text: "This divides by zero."}
		}
		if integers {
			op = token.QUO_ASSIGN // go/constant's division of integers
		}
	case token.REM:
		if !integers {
			return nil, nil
		}
		if constant.Sign(b) == 0 {
			return nil, &EvaluateError{Text: "This divides by zero."}
		}
	case token.AND, token.OR, token.XOR, token.AND_NOT:
		if !integers {
			return nil, nil
		}
	default:
		return nil, nil
	}
	return constant.BinaryOp(a, op, b), nil
}

func floats(op token.Token, a, b float64) (float64, bool) {
	switch op {
	case token.ADD:
		return a + b, true
	case token.SUB:
		return a - b, true
	case token.MUL:
		return a * b, true
	case token.QUO:
		return a / b, true
	}
	return 0, false
}

func complexes(op token.Token, a, b complex128) (complex128, bool) {
	switch op {
	case token.ADD:
		return a + b, true
	case token.SUB:
		return a - b, true
	case token.MUL:
		return a * b, true
	case token.QUO:
		return a / b, true
	}
	return 0, false
}

// comparison compares two numbers, strings or booleans of one type.
func comparison(op token.Token, x, y any) (holds, ok bool) {
	switch a := x.(type) {
	case float64:
		b := y.(float64)
		switch op {
		case token.EQL:
			return a == b, true
		case token.NEQ:
			return a != b, true
		case token.LSS:
			return a < b, true
		case token.LEQ:
			return a <= b, true
		case token.GTR:
			return a > b, true
		case token.GEQ:
			return a >= b, true
		}
	case complex128:
		b := y.(complex128)
		return (a == b) == (op == token.EQL), op == token.EQL || op == token.NEQ
	case constant.Value:
		b := y.(constant.Value)
		ordered := a.Kind() != constant.Bool
		sameKind := a.Kind() == b.Kind() || a.Kind() != constant.String && b.Kind() != constant.String && ordered && b.Kind() != constant.Bool
		if !sameKind || !ordered && op != token.EQL && op != token.NEQ {
			return false, false
		}
		return constant.Compare(a, op, b), true
	}
	return false, false
}

// shift works out << and >>.
func shift(op token.Token, x, y *operand) (*operand, error) {
	a, aOK := x.number.(constant.Value)
	b, bOK := y.number.(constant.Value)
	if !aOK || !bOK || constant.ToInt(a).Kind() != constant.Int {
		return nil, x.unfit(op)
	}
	count := constant.ToInt(b)
	switch {
	case count.Kind() != constant.Int:
		return nil, y.unfit(op)
	case constant.Sign(count) < 0:
		return nil, &EvaluateError{Text: "The shift count is negative."}
	}
	const most = 512 // No type has so many bits.
	by, exact := constant.Uint64Val(count)
	if !exact || by > most {
		if x.untyped() {
			return nil, &EvaluateError{Text: "The shift count is too large."}
		}
		by = most
	}
	result := &operand{typ: x.typ, basic: x.basic}
	switch {
	case x.untyped() && y.untyped():
		result.basic = "untyped int"
	case x.untyped(): // It takes the type that it would have without the shift.
		result.typ, result.basic = "int", "int"
	}
	result.number = wrap(constant.Shift(constant.ToInt(a), op, uint(by)), result.basic)
	return result, nil
}

// literalOf is a literal of the operand's value, for Delve; nil: there is none.
func (o *operand) literalOf() ast.Expr {
	switch v := o.number.(type) {
	case float64:
		if v-v != 0 || v == 0 && math.Signbit(v) { // NaN, infinite or -0, which Delve has no literals for
			return nil
		}
		return numberLiteral(token.FLOAT, strconv.FormatFloat(v, 'e', -1, 64))
	case constant.Value:
		switch v.Kind() {
		case constant.Bool:
			return ast.NewIdent(v.ExactString())
		case constant.String:
			return &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(constant.StringVal(v))}
		case constant.Int:
			return numberLiteral(token.INT, v.ExactString())
		case constant.Float:
			f, _ := constant.Float64Val(v)
			return numberLiteral(token.FLOAT, strconv.FormatFloat(f, 'e', -1, 64))
		}
	}
	return nil
}

func numberLiteral(kind token.Token, text string) ast.Expr {
	digits, negative := strings.CutPrefix(text, "-")
	var n ast.Expr = &ast.BasicLit{Kind: kind, Value: digits}
	if negative {
		n = &ast.ParenExpr{X: &ast.UnaryExpr{Op: token.SUB, X: n}}
	}
	return n
}
