package debugapi_test

import (
	"fmt"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/trace"
)

// TestRecursion has stacks in which a function stands many times, and parts of which the copy does not have, or the failure does not: each call shows
// the variables of that very call, or none.
func TestRecursion(t *testing.T) {
	t.Parallel()
	const pkg = "example.org/blog/tree."
	calls := func(functions ...string) (all []debugapi.Frame) {
		for _, f := range functions {
			name, n, _ := strings.Cut(f, "*")
			times := 1
			if n != "" {
				_, _ = fmt.Sscan(n, &times)
			}
			for range times {
				all = append(all, debugapi.Frame{Index: 100 + len(all), Function: pkg + name, File: "/src/blog/tree/tree.go", Line: len(name), App: true})
			}
		}
		return all
	}
	stackOf := func(functions ...string) (s trace.Stack) {
		for _, f := range calls(functions...) {
			s = append(s, trace.Frame{Function: f.Function, File: f.File, Line: f.Line, App: true})
		}
		return s
	}
	crashed := func(inner, left, outer int, last string) trace.Stack {
		var b strings.Builder
		b.WriteString("fatal error: stack overflow\n\ngoroutine 1 [running]:\n")
		line := func(name string) { fmt.Fprintf(&b, "%s%s(...)\n\t/src/blog/tree/tree.go:%d\n", pkg, name, len(name)) }
		for range inner {
			line("walk")
		}
		fmt.Fprintf(&b, "...%d frames elided...\n", left)
		for range outer {
			line("walk")
		}
		line(last)
		return crash.Parse(b.String(), "example.org/blog").Stack
	}
	for _, test := range []struct {
		name            string
		stack           trace.Stack
		stackOf, copyOf string
		found           []debugapi.Frame
		want            map[int]int // frames of the stack that are known, and which of the copy's each is
		not             []int       // those that are not
	}{
		{
			name: "a copy of later", stack: stackOf("leaf", "walk*5", "start", "main"), stackOf: fault.StackPanic, copyOf: fault.StackWrapped, found: calls("walk*3", "start", "main"),
			want: map[int]int{3: 100, 4: 101, 5: 102, 6: 103, 7: 104}, not: []int{0, 1, 2},
		},
		{
			name: "a copy of later, of a stack that was cut", stack: stackOf("leaf", "walk*5"), stackOf: fault.StackPanic, copyOf: fault.StackWrapped, found: calls("walk*7", "start", "main"),
			not: []int{0, 1, 2, 3, 4, 5},
		},
		{
			name: "a stack that was cut", stack: stackOf("leaf", "walk*5"), stackOf: fault.StackPanic, copyOf: fault.StackPanic, found: calls("leaf", "walk*7", "start", "main"),
			want: map[int]int{0: 100, 1: 101, 5: 105},
		},
		{
			name: "a stack overflow", stack: crashed(50, 33554333, 49, "main"), stackOf: fault.StackCrash, found: calls("walk*120"),
			want: map[int]int{0: 100, 39: 139}, not: []int{40, 41, 62, 63},
		},
		{
			name: "a stack overflow of a goroutine that began with it", stack: crashed(50, 33554333, 49, "walk"), stackOf: fault.StackCrash, found: calls("walk*120"),
			want: map[int]int{0: 100, 39: 139}, not: []int{40, 41, 62, 63},
		},
		{
			name: "a crash that is deep, and known to its end", stack: crashed(50, 10, 49, "main"), stackOf: fault.StackCrash, found: calls("walk*109", "main"),
			want: map[int]int{0: 100, 39: 139, 40: 186, 62: 208, 63: 209},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, engine := newServer(t, nil)
			engine.frames = test.found
			f := newFailure("it failed")
			f.Failure.Failure.Stack, f.Failure.Failure.StackOf, f.Copy.StackOf = test.stack, test.stackOf, test.copyOf
			s.Add(f)
			c := login(t, s)
			c.until(f.ID.Full(), "the debugger", func(a answer) bool { return a.json["state"] == "ready" })
			shown := func(n int) (answer, any) {
				a := c.get(fmt.Sprintf("/failures/%s/frames/%d/variables", f.ID.Full(), n))
				locals, _ := a.json["locals"].([]any)
				for _, v := range locals {
					if v := v.(map[string]any); v["name"] == "frame" {
						return a, v["value"]
					}
				}
				return a, nil
			}
			for n, index := range test.want {
				if a, got := shown(n); got != fmt.Sprint(index) {
					t.Errorf("frame %d has the variables of %v (%s), want those of %d", n, got, a.body, index)
				}
			}
			for _, n := range test.not {
				if a, got := shown(n); a.status != 409 {
					t.Errorf("frame %d has the variables of %v (%d), want none", n, got, a.status)
				}
			}
		})
	}
}
