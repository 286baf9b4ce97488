package explain_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

// vars are the variables of the call that fails, as a debugger would read them.
type vars map[string]any

// v are those of the handler that runs; a handler sets them before it fails.
var v vars

// keeper keeps the last failure.
type keeper struct{ last *fault.Failure }

func (k *keeper) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	k.last = f
	return fault.Receipt{}
}

// fail runs a handler and returns its failure.
func fail(t *testing.T, r *http.Request, handler func(http.ResponseWriter, *http.Request) error) *fault.Failure {
	t.Helper()
	var k keeper
	c := fault.New(fault.Options{Recorder: &k, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	var wg sync.WaitGroup
	wg.Go(func() { // A goroutine of its own, which the handler may end.
		c.Middleware(c.Handle(handler)).ServeHTTP(httptest.NewRecorder(), r)
	})
	wg.Wait()
	if k.last == nil {
		t.Fatal("nothing failed")
	}
	return k.last
}

// callOf is the innermost call of this package, as the code is on disk.
func callOf(t *testing.T, f *fault.Failure, v vars) explain.Call {
	t.Helper()
	for i, frame := range f.Stack {
		if !strings.HasPrefix(frame.Function, "example.org/microblog/fault/internal/devtool/explain_test.") {
			continue
		}
		lines := excerpt(frame.File, frame.Line, 7)
		if lines == nil {
			t.Fatalf("no source of %s:%d", frame.File, frame.Line)
		}
		c := explain.At(f, i, lines)
		if v != nil {
			c.Lookup = v.lookup
		}
		return c
	}
	t.Fatalf("the stack is elsewhere: %v", f.Stack)
	return explain.Call{}
}

// lookup evaluates what a debugger can: names, fields, indexes, len, comparisons, && and ||.
func (v vars) lookup(expression string) (value string, ok bool) {
	e, err := parser.ParseExpr(expression)
	if err != nil {
		return "", false
	}
	defer func() {
		if recover() != nil {
			value, ok = "", false
		}
	}()
	x, err := v.eval(e)
	if err != nil {
		return "", false
	}
	if s, is := x.(string); is {
		return strconv.Quote(s), true
	}
	return fmt.Sprintf("%v", x), true
}

var errCannot = errors.New("cannot be evaluated")

func (v vars) eval(e ast.Expr) (any, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return v.eval(e.X)
	case *ast.Ident:
		switch e.Name {
		case "nil":
			return nil, nil
		case "true", "false":
			return e.Name == "true", nil
		}
		x, ok := v[e.Name]
		if !ok {
			return nil, errCannot
		}
		return x, nil
	case *ast.BasicLit:
		switch e.Kind {
		case token.INT:
			return strconv.Atoi(e.Value)
		case token.STRING:
			return strconv.Unquote(e.Value)
		}
	case *ast.UnaryExpr:
		if x, err := v.eval(e.X); e.Op == token.SUB && err == nil {
			return -int(reflect.ValueOf(x).Int()), nil
		}
	case *ast.SelectorExpr:
		x, err := v.eval(e.X)
		if err != nil {
			return nil, err
		}
		field := reflect.Indirect(reflect.ValueOf(x)).FieldByName(e.Sel.Name)
		if !field.IsValid() {
			return nil, errCannot
		}
		return field.Interface(), nil
	case *ast.IndexExpr:
		x, err := v.eval(e.X)
		if err != nil {
			return nil, err
		}
		i, err := v.eval(e.Index)
		if err != nil {
			return nil, err
		}
		if m := reflect.ValueOf(x); m.Kind() == reflect.Map {
			entry := m.MapIndex(reflect.ValueOf(i))
			if !entry.IsValid() {
				return nil, errCannot // as Delve does: "key not found"
			}
			return entry.Interface(), nil
		}
		return reflect.ValueOf(x).Index(i.(int)).Interface(), nil
	case *ast.CallExpr:
		if name, is := e.Fun.(*ast.Ident); is && name.Name == "len" {
			x, err := v.eval(e.Args[0])
			if err != nil {
				return nil, err
			}
			return reflect.ValueOf(x).Len(), nil
		}
	case *ast.BinaryExpr:
		return v.binary(e)
	}
	return nil, errCannot
}

func (v vars) binary(e *ast.BinaryExpr) (any, error) {
	x, err := v.eval(e.X)
	if err != nil {
		return nil, err
	}
	y, err := v.eval(e.Y)
	if err != nil {
		return nil, err
	}
	switch e.Op {
	case token.EQL, token.NEQ:
		return equal(x, y) == (e.Op == token.EQL), nil
	case token.LAND:
		return x.(bool) && y.(bool), nil
	case token.LOR:
		return x.(bool) || y.(bool), nil
	case token.SUB:
		return x.(int) - y.(int), nil
	case token.ADD:
		return x.(int) + y.(int), nil
	case token.AND:
		return x.(int) & y.(int), nil
	case token.GTR:
		return x.(int) > y.(int), nil
	}
	return nil, errCannot
}

func equal(x, y any) bool {
	if y != nil {
		if f, is := x.(float64); is {
			x = int(f)
		}
		return reflect.DeepEqual(x, y)
	}
	if x == nil {
		return true
	}
	switch r := reflect.ValueOf(x); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.Interface:
		return r.IsNil()
	}
	panic("not comparable with nil")
}

// note adds a step to the record of a request.
func note(ctx context.Context, s trace.Step) { trace.Note(ctx, s) }

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func logTo(w io.Writer) *log.Logger { return log.New(w, "", 0) }

// excerpt is the code around a line of a file, nil if there is none.
func excerpt(path string, line, around int) []problem.Line {
	text, err := os.ReadFile(path)
	all := strings.Split(string(text), "\n")
	if err != nil || line < 1 || line > len(all) {
		return nil
	}
	var lines []problem.Line
	for n := max(1, line-around); n <= min(len(all), line+around); n++ {
		lines = append(lines, problem.Line{Number: n, Text: all[n-1], Hit: n == line})
	}
	return lines
}
