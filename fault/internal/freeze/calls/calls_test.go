package calls_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"example.org/microblog/fault/internal/freeze/calls"
)

type kind uint8

type receiver struct{ total int64 }

func (r *receiver) Add(ns ...int64) int64 {
	for _, n := range ns {
		r.total += n
	}
	return r.total
}

func (receiver) Kind(k kind) string               { return fmt.Sprint("kind ", uint8(k)) }
func (receiver) Half(f float32) float32           { return f / 2 }
func (receiver) Wrapped(err error) error          { return fmt.Errorf("wrapped: %w", err) }
func (receiver) Nothing()                         {}
func (receiver) Several() (any, []string, error)  { return nil, []string{"a"}, nil }
func (receiver) Any(v any, m map[string]int) bool { return v == nil && m == nil }

func ptr[T any](v T) *T { return &v }

// returned are results as text.
func returned(results []calls.Result) string {
	var all []string
	for _, r := range results {
		switch p := *(*unsafe.Pointer)(unsafe.Pointer(&r.Address)); r.Type {
		case "":
			all = append(all, fmt.Sprintf("%T %v", *(*any)(p), *(*any)(p)))
		case "interface {}":
			all = append(all, fmt.Sprintf("any %v", *(*any)(p)))
		case "error":
			all = append(all, fmt.Sprintf("error %v", *(*error)(p)))
		default:
			all = append(all, r.Type)
		}
	}
	return strings.Join(all, ", ")
}

func TestMethod(t *testing.T) {
	type list = []any
	for name, test := range map[string]struct {
		method string
		spread bool
		how    string
		list   []any
		want   string
	}{
		"no arguments":             {"Nothing", false, "", nil, ""},
		"variadic, none":           {"Add", false, "", nil, "int64 0"},
		"variadic, constants":      {"Add", false, "ccp", list{ptr(1), ptr(2.0), ptr(int64(4))}, "int64 7"},
		"variadic, spread":         {"Add", true, "p", list{ptr([]int64{1, 2})}, "int64 3"},
		"a constant of a type":     {"Kind", false, "c", list{ptr(7)}, "string kind 7"},
		"a rune":                   {"Kind", false, "c", list{ptr('a')}, "string kind 97"},
		"an integer for a float":   {"Half", false, "c", list{ptr(3)}, "float32 1.5"},
		"an interface":             {"Wrapped", false, "v", list{errors.ErrUnsupported}, "error wrapped: unsupported operation"},
		"nil":                      {"Any", false, "vv", list{nil, nil}, "bool true"},
		"several results":          {"Several", false, "", nil, "any <nil>, []string [a], error <nil>"},
		"too large":                {"Kind", false, "c", list{ptr(256)}, "Argument 1 cannot be used: it is the constant 256, and a calls_test.kind is needed."},
		"negative":                 {"Kind", false, "c", list{ptr(-1)}, "Argument 1 cannot be used: it is the constant -1, and a calls_test.kind is needed."},
		"a fraction":               {"Kind", false, "c", list{ptr(1.5)}, "Argument 1 cannot be used: it is the constant 1.5, and a calls_test.kind is needed."},
		"of another type":          {"Kind", false, "p", list{ptr(uint8(1))}, "Argument 1 cannot be used: it is a uint8, and a calls_test.kind is needed."},
		"nil for a number":         {"Kind", false, "v", list{nil}, "Argument 1 cannot be used: it is nil, and a calls_test.kind is needed."},
		"too few":                  {"Kind", false, "", nil, "The call has not enough arguments."},
		"too many":                 {"Nothing", false, "c", list{ptr(1)}, "The call has too many arguments."},
		"spread, but not variadic": {"Kind", true, "c", list{ptr(1)}, "The function is not variadic: … cannot stand behind its last argument."},
		"spread, and more":         {"Add", true, "cp", list{ptr(1), ptr([]int64{1})}, "The call has too many arguments."},
		"no such method":           {"None", false, "", nil, calls.NoSuch},
	} {
		t.Run(name, func(t *testing.T) {
			four := append(test.list, make([]any, 4-len(test.list))...)
			results, problem := calls.Method(new(receiver), test.method, test.spread, nil, test.how, four[0], four[1], four[2], four[3])
			if got := returned(results) + problem; got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestFunction(t *testing.T) {
	before := calls.List(nil, "cccc", ptr("%d%d%d%v"), ptr(1), ptr(2), ptr(3))
	results, problem := calls.Function("fmt.Sprintf", false, before, "p", ptr(time.Second), nil, nil, nil)
	if got := returned(results); got != "string 1231s" || problem != "" {
		t.Errorf("got %s, %s", got, problem)
	}
	if _, problem := calls.Function("fmt.None", false, nil, "", nil, nil, nil, nil); problem != calls.NoSuch {
		t.Errorf("the problem is %q", problem)
	}
	seen := map[string]bool{}
	for _, f := range calls.Functions {
		if f.Func == nil || seen[f.Name] {
			t.Errorf("%s is there twice, or is nothing", f.Name)
		}
		seen[f.Name] = true
	}
}
