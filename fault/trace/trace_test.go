package trace_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/trace"
)

const own = "example.org/microblog/fault/trace_test"

func inner() error { return trace.Wrap(io.EOF, "reading the row") }
func outer() error { return trace.Wrapf(inner(), "loading user %d", 7) }

func TestWrap(t *testing.T) {
	t.Parallel()
	err := outer()
	if got, want := err.Error(), "loading user 7: reading the row: EOF"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, io.EOF) {
		t.Error("errors.Is does not find the cause")
	}
	if trace.Wrap(nil, "doing") != nil || trace.Wrapf(nil, "doing %d", 1) != nil {
		t.Error("nil must stay nil")
	}
	if got := trace.Wrap(io.EOF, "").Error(); got != "EOF" {
		t.Errorf("without a text: %q", got)
	}
}

func TestStackOf(t *testing.T) {
	t.Parallel()
	made := func() error { return trace.New("made") }
	tests := []struct {
		name  string
		err   error
		first string // the function at its top
	}{
		{"nil", nil, ""},
		{"none", io.EOF, ""},
		{"first wrap", outer(), "inner"},
		{"made", made(), "TestStackOf.func1"},
		{"made and wrapped", trace.Wrap(made(), "wrapping"), "TestStackOf.func1"},
		{"behind fmt", fmt.Errorf("a: %w", outer()), "inner"},
		{"joined", errors.Join(io.EOF, outer(), made()), "inner"},
		{"joined and wrapped", trace.Wrap(errors.Join(made(), outer()), "both"), "TestStackOf.func1"},
		{"joined without", trace.Wrap(errors.Join(io.EOF), "here"), "TestStackOf"},
		{"two of fmt", fmt.Errorf("%w and %w", io.EOF, outer()), "inner"},
		{"behind a panicking Unwrap", panicking{}, ""},
		{"wrapping a panicking Unwrap", trace.Wrap(panicking{}, "here"), "TestStackOf"},
		{"cycle", newCycle(), ""},
		{"wrapping a cycle", trace.Wrap(newCycle(), "here"), "TestStackOf"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := trace.StackOf(tt.err)
			if tt.first == "" {
				if s != nil {
					t.Fatalf("got %v, want none", s)
				}
				return
			}
			if len(s) == 0 || s[0].Function != own+"."+tt.first {
				t.Fatalf("got %v, want it to begin in %s", s, tt.first)
			}
			if !strings.HasSuffix(s[0].File, "/trace_test.go") || s[0].Line == 0 {
				t.Errorf("the place is %s:%d", s[0].File, s[0].Line)
			}
		})
	}
}

func helper(err error, skip int) error { return trace.WrapSkip(err, "helping", skip) }
func helped(skip int) error            { return helper(io.EOF, skip) }

func TestWrapSkip(t *testing.T) {
	t.Parallel()
	for skip, want := range map[int]string{-1: "helper", 0: "helper", 1: "helped", 2: "TestWrapSkip"} {
		err := helped(skip)
		if s := trace.StackOf(err); len(s) == 0 || s[0].Function != own+"."+want {
			t.Errorf("skipping %d: the stack begins %v, want %s", skip, s, want)
		}
		if err.Error() != "helping: EOF" || !errors.Is(err, io.EOF) {
			t.Errorf("the error is %q", err)
		}
	}
	if s := trace.StackOf(helped(1000)); s != nil {
		t.Errorf("skipping all: %v", s)
	}
	if s := trace.StackOf(trace.Wrap(helped(1000), "here")); len(s) == 0 || s[0].Function != own+".TestWrapSkip" {
		t.Errorf("wrapped again: %v", s)
	}
	if s := trace.StackOf(helper(inner(), 1)); s[0].Function != own+".inner" {
		t.Errorf("the first wrap no longer counts: %v", s)
	}
	if trace.WrapSkip(nil, "helping", 1) != nil {
		t.Error("nil must stay nil")
	}
}

type panicking struct{}

func (panicking) Error() string   { return "panicking" }
func (panicking) Unwrap() []error { panic("Unwrap") }

type cycle struct{ next error }

func (c *cycle) Error() string { return "cycle" }
func (c *cycle) Unwrap() error { return c.next }

func newCycle() error {
	c := &cycle{}
	c.next = &cycle{c}
	return c
}

func TestDepthIsBounded(t *testing.T) {
	t.Parallel()
	var dive func(n int) error
	dive = func(n int) error {
		if n == 0 {
			return inner()
		}
		return dive(n - 1)
	}
	if s := trace.StackOf(dive(100)); len(s) != 32 || s[0].Function != own+".inner" {
		t.Errorf("%d calls, beginning at %v", len(s), s[0])
	}
}

func TestCallers(t *testing.T) {
	t.Parallel()
	s := trace.Callers(0, 2)
	if len(s) != 2 || s[0].Function != own+".TestCallers" || s[1].Function != "testing.tRunner" {
		t.Errorf("got %v", s)
	}
	if s := trace.Callers(1, 100); s[0].Function != "testing.tRunner" {
		t.Errorf("skipping one: %v", s)
	}
	if trace.Callers(0, 0) != nil || trace.Frames(nil) != nil {
		t.Error("want none")
	}
	// The program counter is of the form that leads back to the frame.
	f, _ := runtime.CallersFrames([]uintptr{s[0].PC}).Next()
	if f.Function != s[0].Function || f.Line != s[0].Line {
		t.Errorf("%v leads to %v", s[0], f)
	}
	b, err := json.Marshal(s[0])
	if err != nil || strings.Contains(string(b), "pc") || strings.Contains(string(b), "PC") {
		t.Errorf("as JSON %s, %v", b, err)
	}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	const mod = "example.org/microblog"
	tests := []struct {
		function, file   string
		pkg, name, short string
		in               bool
	}{
		{mod + "/internal/web.(*Server).profile", "/src/internal/web/profile.go", mod + "/internal/web", "web.(*Server).profile", "internal/web/profile.go:7", true},
		{mod + "/internal/web.New.func1", mod + "/internal/web/server.go", mod + "/internal/web", "web.New.func1", "internal/web/server.go:7", true},
		{mod + ".Run", "/src/run.go", mod, "microblog.Run", "run.go:7", true},
		{mod + "x.Run", "/src/run.go", mod + "x", "microblogx.Run", mod + "x/run.go:7", false},
		{mod + "/internal/web_test.TestX", "/src/internal/web/x_test.go", mod + "/internal/web_test", "web_test.TestX", "internal/web/x_test.go:7", true},
		{mod + "_test.TestX", "/src/x_test.go", mod + "_test", "microblog_test.TestX", "x_test.go:7", true},
		{"net/http.HandlerFunc.ServeHTTP", "/usr/lib/go/src/net/http/server.go", "net/http", "http.HandlerFunc.ServeHTTP", "net/http/server.go:7", false},
		{"gopkg.in/yaml%2ev3.Unmarshal", "/root/go/pkg/mod/gopkg.in/yaml.v3@v3.0.1/yaml.go", "gopkg.in/yaml.v3", "yaml%2ev3.Unmarshal", "gopkg.in/yaml.v3/yaml.go:7", false},
		{"slices.SortFunc[...]", `C:\go\src\slices\sort.go`, "slices", "slices.SortFunc[...]", "slices/sort.go:7", false},
		{"runtime.goexit", "", "runtime", "runtime.goexit", "runtime/?:7", false},
		{"", "/src/x.c", "", "", "x.c:7", false},
	}
	for _, tt := range tests {
		f := trace.Frame{Function: tt.function, File: tt.file, Line: 7}
		if f.Package() != tt.pkg || f.Name() != tt.name || f.Short(mod) != tt.short || f.In(mod) != tt.in {
			t.Errorf("%s: package %q, name %q, short %q, in %v; want %q, %q, %q, %v", tt.function,
				f.Package(), f.Name(), f.Short(mod), f.In(mod), tt.pkg, tt.name, tt.short, tt.in)
		}
	}
	main := trace.Frame{Function: "main.main", File: "/src/cmd/x/main.go", Line: 7}
	if !main.In(mod) || main.In("") {
		t.Error("a program belongs to its module")
	}
	// The main package of a test binary is the package under test.
	if got := main.Short(mod); got != "fault/trace/main.go:7" {
		t.Errorf("Short of main is %q", got)
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	trace.Note(t.Context(), trace.Step{Text: "nobody"}) // Does nothing.
	if steps, dropped := trace.Steps(t.Context()); steps != nil || dropped != 0 {
		t.Error("steps without a record")
	}
	ctx := trace.Begin(t.Context())
	if steps, dropped := trace.Steps(ctx); steps != nil || dropped != 0 {
		t.Error("a new record must be empty")
	}
	for i := range 130 {
		trace.Note(ctx, trace.Step{Kind: "sql", Text: fmt.Sprint(i), Duration: time.Millisecond})
	}
	steps, dropped := trace.Steps(ctx)
	if len(steps) != 100 || dropped != 30 || steps[0].Text != "30" || steps[99].Text != "129" {
		t.Errorf("%d steps from %s, %d dropped", len(steps), steps[0].Text, dropped)
	}
	steps[0].Text = "changed"
	if again, _ := trace.Steps(ctx); again[0].Text != "30" {
		t.Error("Steps gave away its own memory")
	}
	// A second record hides the first.
	if steps, _ := trace.Steps(trace.Begin(ctx)); steps != nil {
		t.Error("a new record within another must be empty")
	}
	type key struct{}
	if trace.Begin(context.WithValue(ctx, key{}, 1)).Value(key{}) != 1 {
		t.Error("values of the context are lost")
	}
}

func TestStepsAreCut(t *testing.T) {
	t.Parallel()
	ctx := trace.Begin(t.Context())
	long := strings.Repeat("é", 5000)
	args := make([]string, 50)
	args[3] = long
	trace.Note(ctx, trace.Step{Text: long, Err: long, Args: args})
	trace.Note(ctx, trace.Step{Text: "short", Args: []string{long}})
	steps, _ := trace.Steps(ctx)
	s := steps[0]
	if len(s.Text) != trace.MaxText+len("…") || len(s.Err) != len(s.Text) || !strings.HasSuffix(s.Text, "é…") {
		t.Errorf("texts of %d and %d bytes", len(s.Text), len(s.Err))
	}
	if len(s.Args) != 33 || s.Args[32] != "…" || len(s.Args[3]) != trace.MaxArg+len("…") {
		t.Errorf("%d arguments", len(s.Args))
	}
	if args[3] != long {
		t.Error("Note changed what it was given")
	}
	if len(steps[1].Args) != 1 || len(steps[1].Args[0]) != trace.MaxArg+len("…") {
		t.Errorf("got %v", steps[1].Args)
	}
}

func TestStepsConcurrently(t *testing.T) {
	t.Parallel()
	ctx := trace.Begin(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				trace.Note(ctx, trace.Step{Text: "x"})
				trace.Steps(ctx)
			}
		})
	}
	wg.Wait()
	if steps, dropped := trace.Steps(ctx); len(steps) != 100 || dropped != 300 {
		t.Errorf("%d steps, %d dropped", len(steps), dropped)
	}
}

func BenchmarkWrapFirst(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = trace.Wrap(io.EOF, "reading")
	}
}

func BenchmarkWrapAgain(b *testing.B) {
	err := trace.Wrap(io.EOF, "reading")
	b.ReportAllocs()
	for b.Loop() {
		_ = trace.Wrap(err, "loading")
	}
}

func BenchmarkNote(b *testing.B) {
	ctx := trace.Begin(context.Background())
	b.ReportAllocs()
	for b.Loop() {
		trace.Note(ctx, trace.Step{Kind: "sql", Text: "SELECT 1"})
	}
}
