package debugger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/debugger"
)

func TestEvaluate(t *testing.T) {
	s := shared(t)
	for _, test := range []struct{ function, expression, want string }{
		{"main.last", "d.total + 1", "int 2"},
		{"main.last", "counter", "int 3"},
		{"main.last", "main.counter", "int 3"},
		{"main.last", `settings["colour"]`, `string "green"`},
		{"main.last", `d.sizes["a"]*10 - 3`, "int 7"},
		{"main.scalars", "u8 + 100", "uint8 44 ','"},
		{"main.scalars", "u8 * 2 / 3", "uint8 48 '0'"},
		{"main.scalars", "i8 - 121", "int8 127"},
		{"main.scalars", "u64 + 1", "uint64 0"},
		{"main.scalars", "f32 / 3", "float32 0.5"},
		{"main.scalars", "f64 > 3", "bool true"},
		{"main.scalars", "nan == nan", "bool false"},
		{"main.scalars", "nan != nan", "bool true"},
		{"main.scalars", "i8 == -8 && u8 > 5 || b", "bool true"},
		{"main.scalars", "^u8", "uint8 55 '7'"},
		{"main.scalars", "1 << u8", "int 0"},
		{"main.scalars", "1 << 10", "int 1024"},
		{"main.scalars", "u8 << 1", "uint8 144"},
		{"main.scalars", "i8 >> 1", "int8 -4"},
		{"main.scalars", "-7 / 2", "int -3"},
		{"main.scalars", "i8 % 3", "int8 -2"},
		{"main.scalars", "i8 &^ 3", "int8 -8"},
		{"main.scalars", "float64(i16) / 7", "float64 42.857142857142854"},
		{"main.scalars", "float32(i16) / 7", "float32 42.857143"},
		{"main.scalars", "int(f32)", "int 1"},
		{"main.scalars", "int8(u8)", "int8 -56"},
		{"main.scalars", "string(r)", `string "ä"`},
		{"main.scalars", "heat * 2", "main.celsius 73.2"},
		{"main.scalars", "tight + 1", "main.small -128"},
		{"main.scalars", `s + " x"`, `string "plain x"`},
		{"main.scalars", "len(s) + 1", "int 6"},
		{"main.scalars", "len(s)", "int 5"},
		{"main.scalars", "c * c", "complex128 (-3-4i)"},
		{"main.scalars", "-f32", "float32 -1.5"},
		{"main.scalars", "!b", "bool false"},
		{"main.scalars", "0.1 + 0.2", "float64 0.3"},
		{"main.scalars", "tiny * 2", "float64 2e-300"},
		{"main.scalars", "1/2", "int 0"},
		{"main.scalars", "1/2.0", "float64 0.5"},
		{"main.scalars", "'a' + 1", "int32 98 'b'"},
		{"main.scalars", "max(3, 7)", "int 7"},
		{"main.texts", "long[4990:]", `string "long long "`},
		{"main.texts", "invalid[1]", "byte 255"},
		{"main.texts", "string(raw)", `string "some text"`},
		{"main.texts", "raw[1:3]", `[]byte "om"`},
		{"main.texts", `unicode == "Grüße, 世界 ☃"`, "bool true"},
		{"main.pointers", "point.X", "int 1"},
		{"main.pointers", "point == nil", "bool false"},
		{"main.pointers", "nothing != nil", "bool false"},
		{"main.pointers", "*toNumber + 1", "int 6"},
		{"main.pointers", "ring.Next.Next == ring", "bool true"},
		{"main.pointers", "ring.Next == ring", "bool false"},
		{"main.pointers", "(*twice).Y", "int 2"},
		{"main.structs", "circle.X", "int 3"},
		{"main.structs", "nested.Value[0].Value.Label", `string "round"`},
		{"main.interfaces", "err.(*shapes.Failure).Code", "int 1"},
		{"main.interfaces", "err.Code", "int 1"},
		{"main.interfaces", "none == nil", "bool true"},
		{"main.interfaces", "typedNil == nil", "bool false"},
		{"main.interfaces", "value.(shapes.Point).X * 2", "int 10"},
		{"main.interfaces", "number.(int) + 1", "int 43"},
		{"main.interfaces", "shapes.ErrOut == err", "bool false"},
		{"main.maps", "large[17]", `string "value 17"`},
		{"main.maps", "len(large)", "int 300"},
		{"main.maps", `small["zz"]`, "int (no such key) 0"},
		{"main.maps", `small["zz"] + 1`, "int 1"},
		{"main.maps", `none["a"]`, "int (no such key) 0"},
		{"main.maps", `empty[3]`, "bool (no such key) false"},
		{"main.maps", `large[-1]`, `string (no such key) ""`},
		{"main.maps", `len(large[-1])`, "int 0"},
		{"main.maps", `lists["none"]`, "[]shapes.Point (no such key) nil"},
		{"main.maps", `header["Cookie"]`, "[]string (no such key) nil"},
		{"main.maps", `set["another"]`, "struct {} (no such key) {}"},
		{"main.floats", "byTenth[0.7]", "int (no such key) 0"},
		{"main.slices", "many[len(many)-1]", "int 998001"},
		{"main.slices", "many[5+5]", "int 100"},
		{"main.slices", "cap(spare)", "int 10"},
		{"main.slices", "many[10:14]", "[]int [100, 121, 144, 169]"},
		{"main.slices", "matrix[0][1]", "float64 2"},
		{"main.times", "timeout / 2", "time.Duration 45s"},
		{"main.times", "timeout > time.Second", "bool true"},
		{"main.times", "time.Duration(1500) * time.Millisecond", "time.Duration 1.5s"},
		{"main.mapped[go.shape.int]", "shapes.name", `string "me"`}, // a variable, and no package there
		{"main.floats", "tenth == 0.1", "bool true"},
		{"main.floats", "0.1 == tenth", "bool true"},
		{"main.floats", "tenth - 0.1", "float32 0"},
		{"main.floats", "warm == 0.1", "bool true"},
		{"main.floats", "warm - 0.1", "main.warmth 0"},
		{"main.floats", "float64(tenth)", "float64 0.10000000149011612"},
		{"main.floats", "float64(tenth) == 0.1", "bool false"},
		{"main.floats", "warmth(tenth) == warm", "bool true"},
		{"main.floats", "float32(16777217)", "float32 1.6777216e+07"},
		{"main.floats", "tenth * tenth", "float32 0.010000001"},
		{"main.floats", "real(pair)", "float32 0.1"},
		{"main.floats", "real(pair) == 0.1", "bool true"},
		{"main.floats", "imag(pair) - 0.3", "float32 0"},
		{"main.floats", "pair == complex(tenth, 0.3)", "bool true"},
		{"main.floats", "complex(tenth, 0.3)", "complex64 (0.1+0.3i)"},
		{"main.floats", "complex(1, 2)", "complex128 (1+2i)"},
		{"main.floats", "min(tenth, 0.2)", "float32 0.1"},
		{"main.floats", "min(tenth, 0.01)", "float32 0.01"},
		{"main.floats", "min(0.0, minus)", "float64 -0"},
		{"main.floats", "max(1, minus, 2.5)", "float64 2.5"},
		{"main.floats", "byTenth[0.1]", "int 9"},
		{"main.floats", "byTenth[0.1] + 1", "int 10"},
		{"main.floats", "byTenth[tenth]", "int 9"},
		{"main.floats", "byWarmth[0.1]", `string "warm"`},
		{"main.floats", "byNumber[0.1]", `string "tenth"`},
		{"main.floats", "byNumber[2]", `string "two"`},
		{"main.floats", "byNumber[1+1.0]", `string "two"`},
		{"main.floats", "byNumber[0]", `string "zero"`},
		{"main.floats", "byNumber[minus]", `string "zero"`},
		{"main.floats", "byNumber[1/plus]", `string "much"`},
		{"main.floats", "len(byNumber[2])", "int 3"},
		{"main.floats", "minus", "float64 -0"},
		{"main.floats", "minus == 0", "bool true"},
		{"main.floats", "1 / minus", "float64 -Inf"},
		{"main.floats", "1 / minus32", "float32 -Inf"},
		{"main.floats", "1 / plus", "float64 +Inf"},
		{"main.floats", "1 / float32(minus)", "float32 -Inf"},
		{"main.floats", "1 / celsius(minus)", "main.celsius -Inf"},
		{"main.floats", "1 / real(both)", "float64 -Inf"},
		{"main.floats", "1 / imag(left)", "float32 -Inf"},
		{"main.floats", "1 / point.Turns[1]", "float32 -Inf"},
		{"main.floats", "boxed.(float64)", "float64 -0"},
		{"main.floats", "-plus", "float64 -0"},
		{"main.floats", `[]byte("abc")`, `[]byte "abc"`},
		{"main.floats", `[]byte("")`, "[]byte []"},
		{"main.floats", `[]byte("\x00\xff")`, "[]byte 00 ff"},
		{"main.floats", "[]byte(name)", `[]byte "é"`},
		{"main.floats", "([]byte)(name)", `[]byte "é"`},
		{"main.floats", `[]rune("é")`, "[]int32 [233 'é']"},
		{"main.floats", `len([]rune("éa"))`, "int 2"},
		{"main.floats", `len([]byte(name + "a"))`, "int 3"},
		{"main.floats", "title(name)", `main.title "é"`},
		{"main.texts", "json.RawMessage(unicode)", `json.RawMessage "Grüße, 世界 ☃"`},
		{"main.texts", "json.RawMessage(raw)", `json.RawMessage "some text"`},
		{"main.texts", "[]byte(noBytes)", "[]byte nil"},
		{"main.texts", "string(raw[1:3])", `string "om"`},
		{"main.escaping", "name", `string "still here"`},
		{"main.escaping", "failure", `string "inner"`},
		{"main.shadows", "n", "int 2"},
		{"main.shadows", "shapes.Limit", "int 42"},
		{"main.shadows", "shapes.Top", "int 7"},
		{"main.shadows", "shapes.Names[1]", `string "bob"`},
		{"main.shadows", "stop.Rounds > 0", "bool true"},
	} {
		t.Run(test.expression, func(t *testing.T) {
			v, err := s.Evaluate(t.Context(), frameOf(t, s, test.function), test.expression, false)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Type + " " + v.Value; got != test.want || v.Name != test.expression {
				t.Errorf("it is %s, want %s", got, test.want)
			}
		})
	}
}

func TestWhatCannotBeEvaluated(t *testing.T) {
	s := shared(t)
	for _, test := range []struct {
		function, expression, want string
		call                       bool
	}{
		{"main.last", "", "There is nothing to evaluate.", false},
		{"main.shadows", "n +", "The expression is not finished", false},
		{"main.shadows", "n n", "This is no Go expression", false},
		{"main.shadows", "n = 5", "This is a statement", false},
		{"main.shadows", "x := 5", "This is a statement", false},
		{"main.shadows", "n++", "This is a statement", false},
		{"main.shadows", "return", "This is a statement", false},
		{"main.shadows", "nosuch", "nosuch is not known in this frame. Variables that", false},
		{"main.last", "setings", "setings is not known in this frame. Did you mean settings? Variables that", false},
		{"main.last", "counetr + 1", "counetr is not known in this frame. Did you mean counter?", false},
		{"main.last", "main.countr", "countr is not known in this frame. Did you mean counter?", false},
		{"main.structs", "shapes.limt", "shapes.limt is not known. Did you mean shapes.Limit?", false},
		{"main.last", "d.totl", "There is no field and no method totl. Did you mean total?", false},
		{"main.last", "d.receiver.nam", "There is no field and no method nam. Did you mean name?", false},
		{"main.last", "d.xxxxx", "There is no field and no method xxxxx. Methods that nothing calls are not", false},
		{"main.unnamed.func2.1", "_", "_ has no value here.", false},
		{"main.unnamed", "result", "result is not known in this frame.", false},
		{"main.receiver.deferred-range1", "total", "Variables of the function around the loop", false},
		{"main.scalars", "u8 / (u8 - 200)", "This divides by zero.", false},
		{"main.scalars", "u8 + u16", "uint8 and uint16 cannot be mixed", false},
		{"main.scalars", "u8 + 300", "the constant does not fit", false},
		{"main.scalars", "u8 + s", "uint8 and string cannot be mixed", false},
		{"main.scalars", "-s", "The operator - is not defined for string.", false},
		{"main.scalars", "1 << -1", "The shift count is negative.", false},
		{"main.pointers", "nothing.X", "nothing is nil", false},
		{"main.floats", "byTenth[minus]", "The keys of the map are of type float32, and this is a float64.", false},
		{"main.floats", `byTenth["a"]`, "The key is no float32.", false},
		{"main.floats", "[]byte(name)[0]", "A value of this kind cannot be used within another expression here.", false},
		{"main.floats", "int(1 / plus)", "The number is not in the range of int", false},
		{"main.floats", "int8(1000 + plus)", "The number is not in the range of int8", false},
		{"main.floats", "uint8(300)", "cannot be converted to uint8.", false},
		{"main.floats", "string(plus)", "float64 cannot be converted to string.", false},
		{"main.texts", "[]byte(long)", "A string of 5000 bytes is too long to be converted here.", false},
		{"main.slices", "many[1000]", "The index is out of range.", false},
		{"main.slices", "copy(many, many)", "The builtin copy cannot be evaluated", false},
		{"main.slices", "append(many, 1)", "append(…) is a call", true},
		{"main.interfaces", "wrapped.(*shapes.Failure)", "There is a *fmt.wrapError in the interface, no *shapes.Failure.", false},
		{"main.interfaces", "wrapped.(*shapes.Square)", "The program has no type shapes.Square.", false},
		{"main.interfaces", "none.(*shapes.Failure)", "The interface is nil.", false},
		{"main.functions", "<-buffered", "Receiving from a channel would change it", false},
		{"main.functions", "func() int { return 1 }", "Function literals cannot be evaluated", false},
		{"main.shadows", "double(3)", "double(…) is a call", true},
		{"main.shadows", "1 + double(3)", "double(…) is a call", true},
		{"main.shadows", "shapes.Names[double(0)]", "double(…) is a call", true},
		{"main.structs", "circle.Hidden()", "circle.Hidden(…) is a call", true},
		{"main.interfaces", "err.Error()", "err.Error(…) is a call", true},
		{"main.last", strings.Repeat("1+", 3000) + "1", "The expression is longer than", false},
	} {
		t.Run(test.expression[:min(len(test.expression), 40)], func(t *testing.T) {
			v, err := s.Evaluate(t.Context(), frameOf(t, s, test.function), test.expression, false)
			if err == nil {
				t.Fatalf("it is %s", v.Value)
			}
			e := evaluateError(t, err)
			if !strings.Contains(e.Text, test.want) || e.Call != test.call || !strings.HasSuffix(e.Text, ".") {
				t.Errorf("got  %q, call %v\nwant %q, call %v", e.Text, e.Call, test.want, test.call)
			}
		})
	}
}

// What may become an expression is told from what cannot.
func TestUnfinished(t *testing.T) {
	for _, text := range []string{
		"user.", "len(", "len(a", "len(a.", `"abc`, `"abc\`, "`abc", "'a", "1 +", "a[", "a[1", "a == ", "a == \n", "/* a", "[]int{", "[]int{1,", "func() {", "-", "!", "a.(", "m[\"a",
	} {
		var e *debugger.EvaluateError
		if err := debugger.Parse(text); !errors.As(err, &e) || !e.Unfinished || !strings.HasPrefix(e.Text, "The expression is not finished: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", " ", "a b", ")", "a)", "a = 1", "a := 1", "a++", "return", "1 + )", "a..b", "if", "a;"} {
		var e *debugger.EvaluateError
		if err := debugger.Parse(text); !errors.As(err, &e) || e.Unfinished {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	s := attach(t, debugger.Options{})
	before := lines(allVariables(t, s))
	for _, test := range []struct{ function, expression, want string }{
		{"main.last", "double(3)", "int 6"},
		{"main.last", "double(double(3)+1) * 2", "int 28"},
		{"main.last", `d.Size("a")`, "int 1"},
		{"main.last", "d.receiver.Name()", `string "me"`},
		{"main.mapped[go.shape.int]", `shapes.Size("a")`, "int 1"},
		{"main.mapped[go.shape.int]", "f(7)", `string "outer inner7"`},
		{"main.shadows", `shapes.Greet("x" + text)`, `string "hello xouter inner"`},
		{"main.structs", "circle.Hidden()", "bool false"},
		{"main.structs", "point.Add(point)", "shapes.Point {X: 2, Y: 4}"},
		{"main.structs", "point.Add(shapes.Point{X: 1, Y: 2})", "shapes.Point {X: 2, Y: 4}"},
		{"main.structs", "point.Split()", "(results) (1, 2)"},
		{"main.structs", "point.Scale(3).Describe()", `string "(3|6)"`},
		{"main.structs", "shapes.Nothing()", "(results) (no result)"},
		{"main.structs", "shapes.NewCircle(1, 2, 3.5).Radius", "float64 3.5"},
		{"main.structs", "shapes.Fail(3)", `error *shapes.Failure &{Code: 3, Err: *errors.errorString "out of shapes"}`},
		{"main.interfaces", "err.Error()", `string "failure 1: inner"`},
		{"main.interfaces", "stringer.String()", `string "green"`},
		{"main.functions", "adder(5)", "int 105"},
		{"main.functions", "method()", "bool true"},
		{"main.slices", "shapes.Twice(many[3])", "int 18"},
		{"main.floats", "shapes.Zero(true)", "float64 -0"},
		{"main.floats", "1 / shapes.Zero(true)", "float64 -Inf"},
		{"main.floats", "shapes.Zero(false)", "float64 0"},
		{"main.floats", "shapes.Twice(byTenth[0.1])", "int 18"},
		{"main.floats", "shapes.Twice(byTenth[float32(0.1)])", "int 18"},
		{"main.floats", "shapes.Twice(max(2, 3))", "int 6"},
		{"main.floats", `[]byte(shapes.Greet("x"))`, `[]byte "hello x"`},
		{"main.floats", "float32(shapes.Twice(3)) / 7", "float32 0.85714287"},
		{"main.slices", "shapes.Sum(many[:3])", "int 5"}, // Without package calls, it takes a slice.
		{"main.slices", "shapes.Sum(many[:3]...)", "int 5"},
		{"main.structs", "shapes.Boom(3)", `any panic: "boom 3"`},
		{"main.structs", "1 + shapes.Boom(4)", `any panic: "boom 4"`},
		{"main.structs", "shapes.Twice(shapes.Boom(5))", `any panic: "boom 5"`},
		{"main.pointers", "nothing.Describe()", `any panic: runtime.errorString "invalid memory address or nil pointer dereference"`},
		{"main.structs", "pair.Both()", `(results) ("key", 9)`},
		{"main.structs", "pair.Swap(10)", "int 9"},
		{"main.structs", "pair.Swap(9)", "int 10"},
		{"main.structs", "shapes.Allocate(200)", "int 209715200"},
		{"main.structs", "shapes.Deep(5000)", "int 5000"}, // moves the stack
		{"main.structs", "circle.Hidden()", "bool false"},
		{"main.last", `d.Size("a")`, "int 1"},
	} {
		t.Run(test.expression, func(t *testing.T) {
			v, err := s.Evaluate(t.Context(), frameOf(t, s, test.function), test.expression, true)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Type + " " + v.Value; got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
		})
	}
	for expression, want := range map[string]string{
		"mapped(nil, nil)":          "mapped is a generic function",
		"shapes.Sum(1, 2)":          "The call has too many arguments",
		"shapes.Greet(5)":           "",
		"fmt.Sprint(1)":             "built with optimisation",
		"append(shapes.Names, `x`)": "programs that use the kit have",
		"shapes.Colour(1).String()": "programs that use the kit have",
		"shapes.Green.String()":     "programs that use the kit have",
	} {
		_, err := s.Evaluate(t.Context(), frameOf(t, s, "main.structs"), expression, true)
		if err == nil || !strings.Contains(evaluateError(t, err).Text, want) {
			t.Errorf("%s: %v, want %s", expression, err, want)
		}
	}
	if after := lines(allVariables(t, s)); after != before {
		t.Errorf("the calls have changed variables:\n%s\nwere\n%s", after, before)
	}
	result, err := s.Evaluate(t.Context(), frameOf(t, s, "main.structs"), "shapes.NewCircle(1, 2, 3.5)", true)
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(childrenOf(t, s, result)); !strings.Contains(got, "Point shapes.Point = {X: 1, Y: 2}\n") {
		t.Errorf("the fields of the result are %s", got)
	}
}

// allVariables are those of the application's frames whose values say no address of the stack.
func allVariables(t testing.TB, s *debugger.Session) []debugger.Variable {
	t.Helper()
	frames, err := s.Frames(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []debugger.Variable
	for _, f := range frames {
		if !f.App {
			continue
		}
		list, err := s.Variables(t.Context(), f.Index)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			if !strings.Contains(v.Value, "0x") {
				all = append(all, v)
			}
		}
	}
	return all
}

// What a call leaves behind when it does not return.
func TestCallsThatDoNotReturn(t *testing.T) {
	for _, test := range []struct{ name, expression, want string }{
		{"sleeping", "shapes.Hang()", "The call did not return within 300ms"},
		{"busy", "shapes.Spin()", "The call did not return within 300ms"},
		{"fatal", "shapes.Fatal()", "The call ended in a fatal error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := attach(t, debugger.Options{CallLimit: 300 * time.Millisecond})
			before := lines(allVariables(t, s))
			frame := frameOf(t, s, "main.structs")
			_, err := s.Evaluate(t.Context(), frame, test.expression, true)
			if err == nil || !strings.Contains(evaluateError(t, err).Text, test.want) {
				t.Fatalf("the error is %v, want %s", err, test.want)
			}
			if after := lines(allVariables(t, s)); after != before {
				t.Errorf("the call has changed variables:\n%s\nwere\n%s", after, before)
			}
			v, err := s.Evaluate(t.Context(), frame, "nested.Value[0].Value.Label", false)
			if err != nil || v.Value != `"round"` {
				t.Errorf("reading gives %s (%v)", v.Value, err)
			}
			if _, err := s.Evaluate(t.Context(), frame, "shapes.Twice(2)", true); err == nil || !strings.Contains(evaluateError(t, err).Text, "no longer possible") {
				t.Errorf("another call gives %v", err)
			}
		})
	}
}

func TestCallThatEndsTheProcess(t *testing.T) {
	t.Parallel()
	s := attach(t, debugger.Options{})
	_, err := s.Evaluate(t.Context(), frameOf(t, s, "main.structs"), "shapes.Exit(3)", true)
	if err == nil || !strings.Contains(evaluateError(t, err).Text, "ended the copy of the process (exit status 3)") {
		t.Fatalf("the error is %v", err)
	}
	var unavailable *debugger.UnavailableError
	if _, err := s.Frames(t.Context()); !errors.As(err, &unavailable) {
		t.Errorf("after that, the error is %v, want an UnavailableError", err)
	}
}
