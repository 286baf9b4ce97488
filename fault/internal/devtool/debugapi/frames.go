package debugapi

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

// frame is one call of a failure: of its stack, of the debugger's, or most often of both.
type frame struct {
	number   int // never changes; that of the failure's stack, or higher
	call     trace.Frame
	app      bool
	excerpt  []problem.Line
	why      string // there is no excerpt
	stands   int    // the line in the copy, if that is another
	poor     bool   // the debugger says that it is optimised
	engine   int    // Frame.Index; -1: the debugger does not know it
	position int    // of the debugger's frame, from the innermost one
	vars     variables
}

// The states of variables.
const (
	varsNone    = "none"
	varsLoading = "loading"
	varsReady   = "ready"
	varsFailed  = "failed"
)

// variables are those of a frame, as far as they are there.
type variables struct {
	state string // "" is varsNone
	list  []Variable
	epoch int64
	why   string // of varsFailed
}

// framesOf are the frames of a failure's stack.
func framesOf(f *overlay.Failure) []*frame {
	all := make([]*frame, len(f.Stack))
	for i, call := range f.Stack {
		all[i] = &frame{number: i, call: call, app: call.App, engine: -1}
		if i < len(f.Excerpts) {
			all[i].excerpt = f.Excerpts[i]
		}
		if i < len(f.Why) && len(all[i].excerpt) == 0 {
			all[i].why = f.Why[i]
		}
	}
	return all
}

// topFrame is the innermost of the application's own frames, else of all; nil is none.
func topFrame(frames []*frame) *frame {
	if i := slices.IndexFunc(frames, func(f *frame) bool { return f.app }); i >= 0 {
		return frames[i]
	}
	if len(frames) > 0 {
		return frames[0]
	}
	return nil
}

// excerpt is the source around a call, or why there is none.
type excerpt struct {
	lines []problem.Line
	why   string
}

// excerptsOf reads the source of the debugger's frames that are none of the stack's. Server.mu is not held: that takes time.
func (s *Server) excerptsOf(e *entry, found []Frame) []excerpt {
	all := make([]excerpt, len(found))
	if e.Source == nil {
		return all
	}
	stack := s.shown(e).Stack
	for i, g := range found {
		if !slices.ContainsFunc(stack, func(f trace.Frame) bool { return f.Function == g.Function && f.Line == g.Line }) {
			all[i].lines, all[i].why = e.Source(g.File, g.Line)
		}
	}
	return all
}

// merge brings a failure's frames and the debugger's together. Those that both know keep their numbers; Server.mu is held.
func (e *entry) merge(found []Frame, excerpts []excerpt) {
	before := map[int]*frame{} // those that only the debugger knows, by position: a copy has the same ones each time
	var stack []*frame
	for _, f := range e.frames {
		f.engine, f.stands = -1, 0
		if f.number < len(e.Failure.Stack) {
			stack = append(stack, f)
		} else {
			before[f.position] = f
		}
	}
	pairs := align(stack, found)
	all := make([]*frame, 0, len(stack)+len(found))
	next := 0 // of stack
	for i, g := range found {
		if at := pairs[i]; at >= 0 {
			all = append(all, stack[next:at]...)
			f := stack[at]
			next = at + 1
			f.engine, f.poor = g.Index, g.Optimized
			if g.Line != f.call.Line {
				f.stands = g.Line
			}
			all = append(all, f)
			continue
		}
		f := before[i]
		if f == nil || f.call.Function != g.Function || f.call.Line != g.Line {
			f = &frame{number: e.numbers, position: i, app: g.App, call: trace.Frame{Function: g.Function, File: g.File, Line: g.Line, App: g.App}}
			e.numbers++
			f.excerpt, f.why = excerpts[i].lines, excerpts[i].why
		}
		f.engine, f.poor = g.Index, g.Optimized
		all = append(all, f)
	}
	e.frames = append(all, stack[next:]...)
}

const maxFrames = 256

// align finds for each of the debugger's frames the one of the stack that is the same call, -1 where there is none: the pairs in order that
// have most in common. The same function counts, and the same line counts more.
func align(stack []*frame, found []Frame) []int {
	score := func(a *frame, b Frame) int {
		switch {
		case generic(a.call.Function) != generic(b.Function):
			return 0
		case a.call.Line == b.Line:
			return 3
		case a.call.File == b.File:
			return 2
		}
		return 1
	}
	n, m := len(stack), len(found)
	best := make([][]int, n+1) // of what is left from there on
	for i := range best {
		best[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if s := score(stack[i], found[j]); s > 0 {
				best[i][j] = max(best[i][j], s+best[i+1][j+1])
			}
		}
	}
	pairs := make([]int, m)
	for j := range pairs {
		pairs[j] = -1
	}
	for i, j := 0, 0; i < n && j < m; {
		s := score(stack[i], found[j])
		switch {
		case s > 0 && best[i][j] == s+best[i+1][j+1]:
			pairs[j] = i
			i++
			j++
		case best[i][j] == best[i+1][j]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// generic takes type arguments off a function's name: the runtime and the debugger write them differently.
func generic(name string) string {
	if !strings.Contains(name, "[") {
		return name
	}
	var b strings.Builder
	depth := 0
	for _, c := range name {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		default:
			if depth <= 0 {
				b.WriteRune(c)
			}
		}
	}
	return b.String()
}

// byNumber finds a frame.
func (e *entry) byNumber(number int) *frame {
	for _, f := range e.frames {
		if f.number == number {
			return f
		}
	}
	return nil
}

// short names the file of a call for people.
func short(call trace.Frame, module string) string {
	return strings.TrimSuffix(call.Short(module), ":"+strconv.Itoa(call.Line))
}

// sortGoroutines puts the failing one first and then the application's own.
func sortGoroutines(all []Goroutine) {
	rank := func(g Goroutine) int {
		switch {
		case g.Failing:
			return 0
		case g.App:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b Goroutine) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.ID, b.ID))
	})
}

// isOf tells whether a function is in a module's packages, or in the program itself. Modules that lie below are taken for a part of it, but for this kit.
func isOf(module, function string) bool {
	pkg := trace.Frame{Function: function}.Package()
	in := func(module string) bool { return pkg == module || strings.HasPrefix(pkg, module+"/") }
	return pkg == "main" || in(module) && (module == kit || !in(kit))
}

// kit is the import path of this kit.
var kit = strings.TrimSuffix(reflect.TypeFor[Server]().PkgPath(), "/internal/devtool/debugapi")
