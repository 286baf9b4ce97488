package fault

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// How much of a panic's value is shown.
const (
	valueDepth    = 4  // values within values
	valueElements = 16 // of a slice or array
)

// describe returns the value of a panic as text. Fields of structs keep their names, so that secrets
// can be masked by them. It is bounded, also for a value that contains itself. Of maps only the size
// is told: another goroutine may be writing to one, and to read it then would end the process.
func describe(value any) string {
	switch value.(type) {
	case fmt.Formatter, fmt.Stringer:
		return fmt.Sprintf("%v", value) // fmt survives a method that panics.
	}
	v := reflect.ValueOf(value)
	if v.Kind() <= reflect.Complex128 || v.Kind() == reflect.String { // Booleans, numbers, texts.
		return fmt.Sprintf("%v", value)
	}
	var d describer
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "nil " + v.Type().String()
		}
		v = v.Elem()
		d.b.WriteByte('&')
	}
	d.name(v.Type())
	d.content(v, 0)
	return d.b.String()
}

type describer struct{ b strings.Builder }

func (d *describer) full() bool { return d.b.Len() >= maxMessage }

// name writes a type, with & for a pointer to it.
func (d *describer) name(t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		d.b.WriteByte('&')
		t = t.Elem()
	}
	d.b.WriteString(t.String())
}

// value writes a value within another one.
func (d *describer) value(v reflect.Value, depth int) {
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		if v.IsNil() {
			d.b.WriteString("nil")
			return
		}
	}
	if s, ok := ownText(v); ok {
		d.text(s)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		d.b.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.b.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		d.b.WriteString(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		d.b.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case reflect.Complex64, reflect.Complex128:
		d.b.WriteString(strconv.FormatComplex(v.Complex(), 'g', -1, 128))
	case reflect.String:
		d.text(v.String())
	case reflect.Struct, reflect.Array:
		d.content(v, depth)
	default:
		d.name(v.Type())
		d.content(v, depth)
	}
}

// text writes a text in quotes, so that it is seen where it ends.
func (d *describer) text(s string) {
	d.b.WriteString(strconv.Quote(s[:min(len(s), maxText)]))
	if len(s) > maxText {
		d.b.WriteString("…")
	}
}

// content writes what follows the name of the type.
func (d *describer) content(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		d.list(v.NumField(), depth, func(i int) {
			d.b.WriteString(v.Type().Field(i).Name)
			d.b.WriteByte(':')
			d.value(v.Field(i), depth+1)
		})
	case reflect.Array, reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(&d.b, "(%d bytes)", v.Len())
			return
		}
		d.list(v.Len(), depth, func(i int) { d.value(v.Index(i), depth+1) })
	case reflect.Map:
		fmt.Fprintf(&d.b, "(%d entries)", v.Len())
	}
}

func (d *describer) list(n, depth int, element func(int)) {
	d.b.WriteByte('{')
	for i := range n {
		if i > 0 {
			d.b.WriteString(", ")
		}
		if i >= valueElements || depth >= valueDepth || d.full() {
			d.b.WriteString("…")
			break
		}
		element(i)
	}
	d.b.WriteByte('}')
}

// ownText returns what a value's own Error or String says. Fields that are not exported cannot be
// asked.
func ownText(v reflect.Value) (s string, ok bool) {
	if !v.CanInterface() {
		return "", false
	}
	switch x := v.Interface().(type) {
	case error:
		return text(x), true
	case fmt.Stringer:
		return fmt.Sprintf("%v", x), true
	}
	return "", false
}
