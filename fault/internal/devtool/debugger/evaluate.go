package debugger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/scanner"
	"go/token"
	"reflect"
	"strconv"
	"strings"
)

// An EvaluateError says why an expression has no value.
type EvaluateError struct {
	Text string // a sentence
	Call bool   // it needs a call, which was not allowed
	// Unfinished says that the expression may become one if more is typed at its end.
	Unfinished bool
}

func (e *EvaluateError) Error() string { return e.Text }

// maxExpression is how long an expression may be.
const maxExpression = 4096

// loadResult reads what a person has asked for.
var loadResult = loadConfig{FollowPointers: true, MaxVariableRecurse: 3, MaxStringLen: 4096, MaxArrayValues: 64, MaxStructFields: -1}

// Evaluate says what a Go expression is worth in a frame: of its variables and of those of packages, with
// fields, indices, slices, arithmetic, comparisons, conversions and type assertions, len, cap, min, max, real,
// imag and complex. Calls of functions and methods run code of the program in the copy, and are made only if
// call is set; without it, nothing changes. What cannot be done is an *EvaluateError.
//
// A call that panics has what it panicked with as its value, and so has all that it is a part of: its Kind is "panic".
// A call that takes longer than Options.CallLimit is given up. Reading goes on after that, calling does not.
func (s *Session) Evaluate(ctx context.Context, frame int, expression string, call bool) (Variable, error) {
	var value Variable
	given := ctx
	err := s.do(ctx, func(ctx context.Context) error {
		f, err := s.frame(frame)
		if err != nil {
			return err
		}
		node, err := parse(expression)
		if err != nil {
			return err
		}
		e, err := s.evaluator(ctx, f)
		if err != nil {
			return err
		}
		e.calls, e.given = call, given
		result, err := e.value(ctx, node)
		var panicked *panicError
		if errors.As(err, &panicked) {
			value = s.panicked(ctx, f, panicked)
			value.Name = strings.TrimSpace(expression)
			return nil
		}
		if err != nil {
			return e.explain(ctx, node, err)
		}
		if result.wire == nil || result.typ != result.wire.Type || result.typ == "" {
			value = result.variable()
		} else {
			value = s.describe(ctx, result.wire, result.at)
		}
		value.Name = strings.TrimSpace(expression)
		if result.absent {
			value.Type += " (" + noSuchKey + ")"
		}
		return nil
	})
	return value, err
}

// parse reads an expression.
func parse(text string) (ast.Expr, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return nil, &EvaluateError{Text: "There is nothing to evaluate."}
	case len(text) > maxExpression:
		return nil, &EvaluateError{Text: fmt.Sprintf("The expression is longer than %d bytes.", maxExpression)}
	}
	node, err := parser.ParseExpr(text)
	if err == nil {
		return node, nil
	}
	if isStatement(text) {
		return nil, &EvaluateError{Text: "This is a statement; only expressions are evaluated, which change nothing."}
	}
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		if what := missingAtEnd(text, list); what != "" {
			return nil, &EvaluateError{Text: "The expression is not finished: " + what + ".", Unfinished: true}
		}
		return nil, &EvaluateError{Text: fmt.Sprintf("This is no Go expression: %s, at column %d.", list[0].Msg, list[0].Pos.Column)}
	}
	return nil, &EvaluateError{Text: "This is no Go expression: " + sentence(err.Error())}
}

// missingAtEnd says what an expression lacks at its end; "": that is not what is wrong with it.
func missingAtEnd(text string, list scanner.ErrorList) string {
	for _, e := range list {
		switch {
		case strings.HasSuffix(e.Msg, "literal not terminated"):
			return "the text in quotation marks has no end"
		case strings.HasSuffix(e.Msg, "not terminated"): // a comment, or an escape sequence
			return "something in it has no end"
		}
	}
	if list[0].Pos.Offset < len(strings.TrimRight(text, " \t\r\n")) {
		return ""
	}
	if strings.HasSuffix(strings.TrimSpace(text), ".") {
		return "a name is missing after the dot"
	}
	return "something is missing at its end"
}

func isStatement(text string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+text+"\n}", parser.SkipObjectResolution)
	return err == nil
}

// An operand is a value: a constant, or something in the process.
type operand struct {
	// number is what operators work on: a constant.Value for a boolean, a string, an integer and everything
	// untyped, else a float64 or a complex128. Nil: it is something else, or has not been read whole.
	number any
	typ    string // with the import path; "": an untyped constant
	basic  string // the predeclared type that it is made of, "int32"; "untyped int" and so on
	wire   *wireVariable
	at     place
	expr   ast.Expr // Delve's expression for it; nil: there is none
	framed bool     // expr is true in the evaluator's frame only, where no calls are made
	absent bool     // it is the zero value, for an entry that a map does not have
	// returned says that it was read as a call returned: the addresses where its parts lay are others' now.
	returned bool
}

// evaluator evaluates expressions in one frame.
type evaluator struct {
	session *Session
	frame   *frame
	locals  map[string]string     // what there is to doubt about each
	imports map[string]string     // by name in the frame's file
	calls   bool                  // are allowed
	given   context.Context       // that of the caller, which ends calls
	done    map[ast.Expr]*operand // calls that have been made, and must not be made twice
}

func (s *Session) evaluator(ctx context.Context, f *frame) (*evaluator, error) {
	if f.locals == nil {
		variables, err := s.scopeVariables(ctx, f, loadPreview)
		if err != nil {
			return nil, err
		}
		f.locals = map[string]string{}
		for i := range variables { // The innermost of a name is meant.
			v := &variables[i]
			if v.Name == "_" {
				continue
			}
			f.locals[strings.TrimPrefix(v.Name, "&")] = s.doubt(ctx, f, v)
		}
	}
	return &evaluator{session: s, frame: f, locals: f.locals, imports: s.importsOf(f.File), done: map[ast.Expr]*operand{}}, nil
}

func (e *evaluator) isLocal(name string) bool {
	_, ok := e.locals[name]
	return ok
}

// value evaluates an expression. Operators are worked out here, as Go does; the rest is Delve's.
func (e *evaluator) value(ctx context.Context, node ast.Expr) (*operand, error) {
	if o := e.done[node]; o != nil {
		return o, nil
	}
	switch n := node.(type) {
	case *ast.ParenExpr:
		return e.value(ctx, n.X)
	case *ast.BasicLit:
		return literal(n)
	case *ast.BinaryExpr:
		return e.binary(ctx, n)
	case *ast.UnaryExpr:
		if n.Op != token.AND {
			return e.unary(ctx, n)
		}
	case *ast.Ident:
		if !e.isLocal(n.Name) && (n.Name == "true" || n.Name == "false") {
			return &operand{number: constant.MakeBool(n.Name == "true"), basic: "untyped bool"}, nil
		}
	case *ast.CallExpr:
		if o, err := e.builtin(ctx, n); o != nil || err != nil {
			return o, err
		}
		if o, err := e.convert(ctx, n); o != nil || err != nil {
			return o, err
		}
	case *ast.CompositeLit:
		if !e.calls {
			break
		}
		r := &rewriter{evaluator: e, forCall: true}
		expr, err := r.composite(ctx, n)
		if _, ok := expr.(*ast.CompositeLit); ok || err != nil {
			return nil, cmp.Or(err, error(&EvaluateError{Text: "A struct's literal can be the argument of a call only."}))
		}
		return e.readBack(ctx, expr)
	case *ast.FuncLit:
		return nil, &EvaluateError{Text: "Function literals cannot be evaluated: they would have to be compiled."}
	}
	called, err := e.calledIn(ctx, node)
	if err != nil {
		return nil, err
	}
	if called == "" {
		return e.read(ctx, node)
	}
	if !e.calls {
		return nil, &EvaluateError{Text: called + " is a call: it runs code of the program, in the copy. Allow calls to have it made.", Call: true}
	}
	if e.session.noCalls != "" {
		return nil, &EvaluateError{Text: e.session.noCalls}
	}
	call, isCall := node.(*ast.CallExpr)
	var o *operand
	if isCall {
		o, err = e.standIn(ctx, call)
	}
	if o == nil && err == nil {
		o, err = e.call(ctx, node)
	}
	if isCall && err == nil {
		e.done[node] = o
	}
	return o, err
}

// readBack reads what was put into the copy's memory.
func (e *evaluator) readBack(ctx context.Context, expr ast.Expr) (*operand, error) {
	text, err := source(expr)
	if err != nil {
		return nil, err
	}
	w, err := e.session.eval(ctx, evalScope{e.session.goroutine, 0}, text, loadResult)
	if err != nil {
		return nil, err
	}
	return e.operandOf(ctx, w, e.session.addressOf(e.frame.Index, w), expr), nil
}

// make makes the calls in an expression, so that its value can be used like any other.
func (e *evaluator) make(ctx context.Context, node ast.Expr) error {
	called, err := e.calledIn(ctx, node)
	if err != nil || called == "" {
		return err
	}
	o, err := e.value(ctx, node)
	if err != nil {
		return err
	}
	e.done[node] = o
	return nil
}

// read evaluates an expression without calls.
func (e *evaluator) read(ctx context.Context, node ast.Expr) (*operand, error) {
	r := &rewriter{evaluator: e}
	rewritten, err := r.expression(ctx, node)
	if err != nil {
		return nil, err
	}
	text, err := source(rewritten)
	if err != nil {
		return nil, err
	}
	w, err := e.session.eval(ctx, e.session.scope(e.frame), text, loadResult)
	if err != nil {
		return nil, err
	}
	at := place{frame: e.frame.Index, name: "(" + text + ")"}
	if at.shown, err = source(node); err != nil {
		return nil, err
	}
	switch node.(type) {
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr, *ast.ParenExpr:
	default:
		at.shown = "(" + at.shown + ")"
	}
	if _, ok := node.(*ast.CallExpr); ok || w.Flags&flagConstant != 0 {
		at = place{frame: e.frame.Index, read: w} // Of a conversion. What it made has no address.
	}
	if r.onStack { // Its address is in the text, and calls may move it.
		at = e.session.addressOf(e.frame.Index, w)
	}
	o := e.operandOf(ctx, w, at, rewritten)
	if o.isByName() {
		o.at = place{frame: e.frame.Index, read: w}
	}
	o.framed = true
	o.absent = r.absent != nil && r.absent == unparen(node)
	return e.lengths(node, o), nil
}

// operandOf makes an operand of what Delve has read.
func (e *evaluator) operandOf(ctx context.Context, w *wireVariable, at place, expr ast.Expr) *operand {
	o := &operand{wire: w, at: at, typ: w.Type, expr: expr}
	if w.Unreadable != "" {
		return o
	}
	o.basic = e.session.basicOf(ctx, w)
	if w.Type == "" { // Delve has worked out a constant.
		o.basic = untypedOf(w.Kind)
	}
	switch w.Kind {
	case reflect.Bool:
		o.number = constant.MakeBool(w.Value == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if c := integerConstant(integerText(w.Value)); c != nil {
			o.number = c
		}
	case reflect.Float32, reflect.Float64:
		if f := float(w); w.Value == "NaN" || f == f {
			o.number = f
			if o.typ == "" {
				o.typ, o.basic = "float64", "float64"
			}
		}
	case reflect.Complex64, reflect.Complex128:
		if len(w.Children) == 2 {
			o.number = complex(float(&w.Children[0]), float(&w.Children[1]))
			if o.typ == "" {
				o.typ, o.basic = "complex128", "complex128"
			}
		}
	case reflect.String:
		if text := w.text(); int64(len(text)) == w.Len {
			o.number = constant.MakeString(text)
		}
	}
	return o
}

// lengths gives what len and cap return its type.
func (e *evaluator) lengths(node ast.Expr, o *operand) *operand {
	call, ok := node.(*ast.CallExpr)
	if !ok || !o.untyped() {
		return o
	}
	if id, ok := call.Fun.(*ast.Ident); ok && (id.Name == "len" || id.Name == "cap") {
		o.typ, o.basic = "int", "int"
	}
	return o
}

// basicOf is the predeclared type that a type is made of; "": it is made of something else.
func (s *Session) basicOf(ctx context.Context, w *wireVariable) string {
	if kindOf(w.RealType) != reflect.Invalid {
		return w.RealType
	}
	signed := "int"
	switch w.Kind {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return w.Kind.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		signed = "uint"
	default:
		return ""
	}
	if basic, ok := s.sizes[w.Type]; ok {
		return basic
	}
	basic := ""
	if size := s.sizeOf(ctx, w.Type); size == 1 || size == 2 || size == 4 || size == 8 { // Delve does not tell those of named types.
		basic = fmt.Sprint(signed, 8*size)
	}
	if s.sizes == nil {
		s.sizes = map[string]string{}
	}
	s.sizes[w.Type] = basic
	return basic
}

// sizeOf is how many bytes a value of a type has; negative: that is not known.
func (s *Session) sizeOf(ctx context.Context, typ string) int64 {
	// The distance of two elements of an array, which need not be there, is it.
	const somewhere = 1 << 20
	second, err := s.eval(ctx, evalScope{s.goroutine, 0}, fmt.Sprintf(`&((*(*"[2]%s")(%d))[1])`, typ, somewhere), loadConfig{})
	if err != nil || len(second.Children) != 1 || second.Children[0].Addr < somewhere {
		return -1
	}
	return int64(second.Children[0].Addr - somewhere)
}

func integerConstant(text string) constant.Value {
	digits, negative := strings.CutPrefix(text, "-")
	c := constant.MakeFromLiteral(digits, token.INT, 0)
	if c.Kind() != constant.Int {
		return nil
	}
	if negative {
		c = constant.UnaryOp(token.SUB, c, 0)
	}
	return c
}

func untypedOf(kind reflect.Kind) string {
	switch kind {
	case reflect.Bool:
		return "untyped bool"
	case reflect.String:
		return "untyped string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "untyped int"
	}
	return ""
}

// variable describes a value that was worked out.
func (o *operand) variable() Variable {
	w := o.asWire()
	kind := basicKind(w)
	if isInteger(w.Kind) && o.typ != "" && o.typ != o.basic { // It has a name: as kindName has it.
		kind = strings.TrimSuffix(kind, "64")
	}
	p := writer{session: &Session{}, limit: maxValue}
	p.value(w, 0)
	return Variable{Type: shortType(w.Type), FullType: w.Type, Kind: kind, Value: p.String(), Cut: p.cut, Len: w.Len}
}

// asWire is a value that was worked out as Delve would have it.
func (o *operand) asWire() *wireVariable {
	basic := map[string]string{
		"untyped bool": "bool", "untyped string": "string", "untyped int": "int", "untyped rune": "int32", "untyped float": "float64",
	}[o.basic]
	if basic == "" {
		basic = o.basic
	}
	w := &wireVariable{Type: cmp.Or(o.typ, basic), RealType: basic, Kind: kindOf(basic)}
	switch v := o.number.(type) {
	case float64:
		w.Value = formatFloat(v, basic)
	case complex128:
		half := "float64"
		if basic == "complex64" {
			half = "float32"
		}
		for _, f := range []float64{real(v), imag(v)} {
			w.Children = append(w.Children, wireVariable{Type: half, RealType: half, Kind: kindOf(half), Value: formatFloat(f, half)})
		}
	case constant.Value:
		switch v.Kind() {
		case constant.String:
			w.Value = constant.StringVal(v)
			w.Len = int64(len(w.Value))
		case constant.Float:
			f, _ := constant.Float64Val(v)
			w.Value = formatFloat(f, basic)
		default:
			w.Value = v.ExactString()
			if basic == "float64" { // An untyped one, as 2.0, that go/constant keeps as an integer.
				f, _ := constant.Float64Val(v)
				w.Value = formatFloat(f, basic)
			}
		}
	}
	return w
}

func formatFloat(f float64, basic string) string {
	bits := 64
	if basic == "float32" {
		bits = 32
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}
