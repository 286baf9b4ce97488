// Package calls has what a debugger calls in place of what it cannot call itself: functions and methods of libraries, which are
// compiled with optimisation, variadic ones, and methods of generic types. fault run compiles this package without, and package
// freeze links it into programs that make copies.
//
// Function and Method make a call by package reflect. Each of the arguments is in an interface. How says of each what it is: v is the
// argument, p a pointer to it, and c a pointer to an untyped constant. Those that how has nothing for are not there; those before
// them are what List has made. What is returned stays in memory, where each Result says.
package calls

import (
	"fmt"
	"math"
	"reflect"
	"unsafe"
)

// All is what the linker is to keep, types of pointers among it.
var All = []any{
	Function, Method, List, Put, At, &Slots, &Functions,
	new(bool), new(string), new(int), new(int8), new(int16), new(int32), new(int64), new(uint), new(uint8), new(uint16), new(uint32), new(uint64), new(uintptr),
	new(float32), new(float64), new(complex64), new(complex128), new(any), new(error), new([]string), new([]byte), new([]rune), new([]int), new([]any),
	new(map[string]string), new(map[string]any), new(map[string][]string),
}

// Slots is where a debugger puts values that it passes on. It is memory only as far as it was used.
var Slots [1 << 16]uintptr

// At is what a pointer points to: only pointers fit into an interface as they are.
func At(pointer any) any { return reflect.ValueOf(pointer).Elem().Interface() }

// Put sets a variable.
func Put(pointer any, how string, v any) {
	reflect.ValueOf(pointer).Elem().Set(reflect.ValueOf(List(nil, how, v, nil, nil, nil)[0]))
}

// List appends to a list of arguments.
func List(before []any, how string, a, b, c, d any) []any {
	all := [...]any{a, b, c, d}
	for i, h := range how {
		v := all[i]
		switch h {
		case 'p':
			v = At(v)
		case 'c':
			v = constant{At(v)}
		}
		before = append(before, v)
	}
	return before
}

// An untyped constant gets the type that is needed.
type constant struct{ value any }

// A Result is what a function has returned.
type Result struct {
	// Type is that of an interface; of all else, and of one with methods but no name, it is "", and an interface{} with it lies at
	// Address.
	Type    string
	Address uintptr
}

// kept are results.
var kept []any

// Function calls a function of Functions. Spread says that the last argument has … behind it. The problem is why there was no
// call, if there was none.
func Function(name string, spread bool, before []any, how string, a, b, c, d any) (results []Result, problem string) {
	for i := range Functions {
		if Functions[i].Name == name {
			return call(reflect.ValueOf(Functions[i].Func), List(before, how, a, b, c, d), spread)
		}
	}
	return nil, NoSuch
}

// Method calls a method.
func Method(receiver any, name string, spread bool, before []any, how string, a, b, c, d any) (results []Result, problem string) {
	method := reflect.ValueOf(receiver).MethodByName(name)
	if !method.IsValid() {
		return nil, NoSuch
	}
	return call(method, List(before, how, a, b, c, d), spread)
}

// NoSuch is the problem with what is not in the program.
const NoSuch = "none"

func call(f reflect.Value, list []any, spread bool) (results []Result, problem string) {
	t := f.Type()
	fixed := t.NumIn()
	if t.IsVariadic() && !spread {
		fixed--
	}
	switch {
	case spread && !t.IsVariadic():
		return nil, "The function is not variadic: … cannot stand behind its last argument."
	case len(list) < fixed:
		return nil, "The call has not enough arguments."
	case len(list) > fixed && (spread || !t.IsVariadic()):
		return nil, "The call has too many arguments."
	}
	in := make([]reflect.Value, len(list))
	for i, argument := range list {
		var want reflect.Type
		if i < fixed {
			want = t.In(i)
		} else {
			want = t.In(fixed).Elem()
		}
		v, ok := fit(argument, want)
		if !ok {
			return nil, fmt.Sprintf("Argument %d cannot be used: it is %s, and a %v is needed.", i+1, described(argument), want)
		}
		in[i] = v
	}
	var out []reflect.Value
	if spread {
		out = f.CallSlice(in)
	} else {
		out = f.Call(in)
	}
	results = make([]Result, len(out))
	for i, v := range out {
		results[i] = keep(v)
	}
	return results, ""
}

func described(v any) string {
	switch c := v.(type) {
	case nil:
		return "nil"
	case constant:
		return fmt.Sprintf("the constant %v", c.value)
	}
	return fmt.Sprintf("a %T", v)
}

// keep puts what was returned where it stays.
func keep(v reflect.Value) Result {
	t := v.Type()
	name := ""
	switch {
	case t.Kind() != reflect.Interface:
	case t.PkgPath() != "":
		name = t.PkgPath() + "." + t.Name()
	case t.NumMethod() == 0:
		name = "interface {}"
	default: // error, or one without a name
		name = t.Name()
	}
	if name != "" {
		p := reflect.New(t)
		p.Elem().Set(v)
		kept = append(kept, p.Interface())
		return Result{name, p.Pointer()}
	}
	p := new(any)
	*p = v.Interface()
	kept = append(kept, p)
	return Result{"", uintptr(unsafe.Pointer(p))}
}

// fit makes an argument of a value.
func fit(v any, want reflect.Type) (reflect.Value, bool) {
	switch c := v.(type) {
	case nil:
		switch want.Kind() {
		case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.UnsafePointer:
			return reflect.Zero(want), true
		}
		return reflect.Value{}, false
	case constant:
		if want.Kind() == reflect.Interface {
			v = c.value
			break
		}
		return convert(reflect.ValueOf(c.value), want)
	}
	value := reflect.ValueOf(v)
	return value, value.Type().AssignableTo(want)
}

// convert gives an untyped constant a type, if it can have that.
func convert(c reflect.Value, want reflect.Type) (reflect.Value, bool) {
	v := reflect.New(want).Elem()
	switch kind := want.Kind(); {
	case c.Kind() == reflect.Bool && kind == reflect.Bool:
		v.SetBool(c.Bool())
	case c.Kind() == reflect.String && kind == reflect.String:
		v.SetString(c.String())
	case c.CanInt():
		n := c.Int()
		switch {
		case v.CanInt() && !v.OverflowInt(n):
			v.SetInt(n)
		case v.CanUint() && n >= 0 && !v.OverflowUint(uint64(n)):
			v.SetUint(uint64(n))
		case v.CanFloat():
			v.SetFloat(float64(n))
		case v.CanComplex():
			v.SetComplex(complex(float64(n), 0))
		default:
			return v, false
		}
	case c.CanFloat():
		f := c.Float()
		switch {
		case v.CanFloat() && !v.OverflowFloat(f):
			v.SetFloat(f)
		case v.CanComplex() && !v.OverflowComplex(complex(f, 0)):
			v.SetComplex(complex(f, 0))
		case f == math.Trunc(f) && math.Abs(f) < 1<<53:
			return convert(reflect.ValueOf(int(f)), want)
		default:
			return v, false
		}
	default:
		return v, false
	}
	return v, true
}
