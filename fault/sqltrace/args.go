package sqltrace

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"example.org/microblog/fault/trace"
)

// How much of the arguments is made into text: a little more than a record keeps, so that it is seen to be cut.
const (
	maxArgs     = 33
	maxText     = trace.MaxArg + 1
	maxElements = 16 // of a list
)

// note notes a statement. One that the driver has skipped is none: database/sql prepares it next.
func (o Options) note(ctx context.Context, query string, args []driver.NamedValue, start time.Time, err error) trace.Entry {
	if err == driver.ErrSkip || !trace.Recording(ctx) {
		return trace.Entry{}
	}
	step := trace.Step{Time: start, Kind: "sql", Text: query, Duration: time.Since(start)}
	if err != nil {
		step.Err = err.Error()
	}
	if !o.OmitArgs && len(args) > 0 {
		step.Args = make([]string, min(len(args), maxArgs))
		for i := range step.Args {
			if step.Args[i] = argText(args[i].Value); args[i].Name != "" {
				step.Args[i] = args[i].Name + "=" + step.Args[i]
			}
		}
	}
	return trace.Enter(ctx, step)
}

// argText is an argument as text. It calls none of the argument's methods: they may wait for what the statement
// holds.
func argText(v any) string {
	switch x := v.(type) {
	case nil:
		return "NULL"
	case string:
		return x
	case []byte:
		if x == nil {
			return "NULL"
		}
		return "(" + strconv.Itoa(len(x)) + " bytes)"
	case time.Time:
		return x.Format(time.RFC3339Nano)
	}
	return valueText(reflect.ValueOf(v), true)
}

// valueText is a value of a kind that a driver of its own accord takes.
func valueText(v reflect.Value, lists bool) string {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	case reflect.String:
		return v.String()
	case reflect.Slice, reflect.Array:
		if lists && v.Type().Elem().Kind() != reflect.Uint8 {
			return listText(v)
		}
	case reflect.Interface:
		if v.IsNil() {
			return "NULL"
		}
		return valueText(v.Elem(), false)
	case reflect.Pointer:
		if v.IsNil() {
			return "NULL"
		}
		if k := v.Elem().Kind(); k == reflect.String || reflect.Bool <= k && k <= reflect.Float64 {
			return valueText(v.Elem(), false)
		}
	}
	return fmt.Sprintf("(%s)", v.Type())
}

func listText(v reflect.Value) string {
	text := []byte("[")
	for i := range v.Len() {
		if i > 0 {
			text = append(text, ", "...)
		}
		if i == maxElements || len(text) > maxText {
			text = append(text, "…"...)
			break
		}
		element := valueText(v.Index(i), false)
		text = append(text, element[:min(len(element), maxText)]...)
	}
	return string(append(text, ']'))
}
