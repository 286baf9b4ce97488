package debugger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"regexp"
	"strings"
	"time"
)

// call evaluates an expression that has calls in it.
func (e *evaluator) call(ctx context.Context, node ast.Expr) (*operand, error) {
	s := e.session
	r, moves := &rewriter{evaluator: e, forCall: true}, len(s.moved)
	rewritten, err := r.expression(ctx, node)
	if err != nil {
		return nil, err
	}
	if s.noCalls != "" { // A call among the operands has hung.
		return nil, &EvaluateError{Text: s.noCalls}
	}
	if !r.direct { // All its calls have been made.
		return e.read(ctx, node)
	}
	if r.onStack && moves != len(s.moved) {
		return nil, errMoved
	}
	text, err := source(rewritten)
	if err != nil {
		return nil, err
	}
	values, err := e.injected(ctx, text)
	if err != nil {
		return nil, err
	}
	w := &wireVariable{Type: tupleType, Children: values}
	if len(values) == 1 {
		w = &values[0]
		if w.Unreadable == noResults {
			w = &wireVariable{Type: tupleType}
		}
	}
	o := e.operandOf(ctx, w, place{frame: e.frame.Index, read: w}, nil)
	o.returned = true
	return o, nil
}

// injected makes a call and returns its results. What it panicked with is a *panicError.
func (e *evaluator) injected(ctx context.Context, text string) ([]wireVariable, error) {
	s := e.session
	if s.noCalls != "" {
		return nil, &EvaluateError{Text: s.noCalls}
	}
	s.stopCollector(ctx)
	state, err := s.inject(ctx, e.given, text)
	if err != nil {
		return nil, err
	}
	if err := s.readAgain(ctx); err != nil {
		return nil, err
	}
	var values []wireVariable
	returned := false
	for _, thread := range state.Threads {
		if thread.CallReturn && thread.GoroutineID == s.goroutine {
			returned, values = true, thread.ReturnValues
		}
	}
	if !returned {
		s.noCalls = "An earlier call ended in a fatal error of the program: calls are no longer possible in this copy."
		return nil, &EvaluateError{Text: "The call ended in a fatal error of the program. Reading goes on; calls are no longer possible in this copy."}
	}
	for i := range values {
		s.readZeros(ctx, &values[i])
	}
	if len(values) == 1 && strings.HasPrefix(values[0].Name, "~panic") {
		return nil, &panicError{&values[0]}
	}
	return values, nil
}

// noResults is what Delve says of a call without results, which it gives one that cannot be read.
const noResults = "no return values"

// A panicError says with what a called function panicked.
type panicError struct{ value *wireVariable }

func (*panicError) Error() string { return "the call panicked" }

// panicKind is the Kind of what a call panicked with.
const panicKind = "panic"

// panicked is what a called function panicked with, as a value.
func (s *Session) panicked(ctx context.Context, f *frame, p *panicError) Variable {
	v := s.describe(ctx, p.value, place{frame: f.Index, read: p.value})
	v.Kind, v.Expression = panicKind, ""
	if v.Unreadable == "" {
		v.Value = "panic: " + v.Value
	}
	return v
}

// inject has Delve make a call, and ends it at the limit, or when given is done.
func (s *Session) inject(ctx, given context.Context, expression string) (*wireState, error) {
	if given.Err() != nil {
		return nil, &EvaluateError{Text: "The call was given up before it was made."}
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), s.options.CallLimit+stepLimit)
	defer stop()
	load := loadResult
	load.MaxStringLen = 1 << 16
	type answer struct {
		state *wireState
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		state, err := s.command(ctx, map[string]any{
			"name": "call", "expr": expression, "goroutineID": s.goroutine, "ReturnInfoLoadConfig": load,
			// An argument may point into the stack: the copy does not go on, so that nothing is harmed.
			"unsafeCall": true,
		})
		answers <- answer{state, err}
	}()
	limit := time.NewTimer(s.options.CallLimit)
	defer limit.Stop()
	hung := ""
	select {
	case a := <-answers:
		return s.outcome(a.state, a.err)
	case <-limit.C:
		hung = fmt.Sprintf("The call did not return within %v", s.options.CallLimit)
	case <-given.Done():
		hung = "The call was given up before it returned"
	}
	// It waits for something that does not happen in a copy, or takes its time.
	// A halt that comes before Delve has resumed the process has no effect.
	const pause = 100 * time.Millisecond
	var a answer
	for answered := false; !answered; {
		if _, err := s.command(ctx, map[string]any{"name": "halt"}); err != nil {
			return nil, err
		}
		select {
		case a = <-answers:
			answered = true
		case <-time.After(pause):
		}
	}
	if a.err == nil && a.state != nil && !a.state.Exited {
		for _, thread := range a.state.Threads {
			if thread.CallReturn { // It has returned just now.
				return a.state, nil
			}
		}
	}
	if _, err := s.outcome(a.state, a.err); err != nil && a.state != nil && a.state.Exited {
		return nil, err
	}
	s.noCalls = "An earlier call has not returned: calls are no longer possible in this copy."
	if err := s.readAgain(ctx); err != nil {
		return nil, err
	}
	return nil, &EvaluateError{Text: hung + ": in a copy of the process other goroutines stand still, and network and files are closed. Reading goes on; calls are no longer possible in this copy."}
}

// outcome is what became of a call that is over.
func (s *Session) outcome(state *wireState, err error) (*wireState, error) {
	if err != nil {
		return nil, err
	}
	if state.Exited {
		s.ended = s.gone()
		return nil, &EvaluateError{Text: fmt.Sprintf("The call ended the copy of the process (exit status %d): nothing can be read any more.", state.ExitStatus)}
	}
	return state, nil
}

// stopCollector switches the copy's garbage collector off, as well as that can be done: what frames hold may
// no longer be in use as far as it knows. Some of these variables may be missing from this Go.
func (s *Session) stopCollector(ctx context.Context) {
	if s.collector {
		return
	}
	s.collector = true
	// A call may change what other frames hold.
	s.readTables(ctx)
	for i := range s.frames {
		s.readMaps(&s.frames[i])
	}
	for _, setting := range [][2]string{
		{"runtime.memstats.enablegc", "false"},
		{"runtime.gcphase", "0"},
		{"runtime.writeBarrier.enabled", "false"},
		{"runtime.gcBlackenEnabled", "0"},
		{"runtime.gcController.gcPercent.value", "-1"},
		{"runtime.gcController.memoryLimit.value", "9223372036854775807"},
	} {
		s.set(ctx, setting[0], setting[1])
	}
	if !hasOneThread(s.options.PID) {
		return
	}
	// Threads that the copy does not have may have held the runtime's locks.
	for _, lock := range runtimeLocks {
		s.set(ctx, "runtime."+lock+".key", "0")
	}
}

// set sets a variable of the program, if there is one of that name.
func (s *Session) set(ctx context.Context, name, value string) {
	in := struct {
		Scope         evalScope
		Symbol, Value string
	}{evalScope{s.goroutine, 0}, name, value}
	_ = s.wire.call(ctx, "Set", in, new(struct{})) // What cannot be set is not there.
}

// runtimeLocks are those of the runtime's that memory, stacks, goroutines and timers need. Some may be missing from this Go.
var runtimeLocks = []string{
	"mheap_.lock", "mheap_.speciallock", "sched.lock", "sched.sudoglock", "sched.gFree.lock", "stackLarge.lock",
	"stackpool[0].item.mu", "stackpool[1].item.mu", "stackpool[2].item.mu", "stackpool[3].item.mu",
	"allglock", "allpLock", "itabLock", "finlock", "globalAlloc.mutex", "gcBitsArenas.lock",
	"profInsertLock", "profBlockLock", "profMemActiveLock", "profMemFutureLock[0]", "profMemFutureLock[1]", "profMemFutureLock[2]",
}

// readAgain finds the frames after a call, which may have moved the stack or left frames on top.
func (s *Session) readAgain(ctx context.Context) error {
	stack, err := s.stacktrace(ctx, s.goroutine)
	if err != nil {
		return err
	}
	numbers := map[int64]int{}
	for number, f := range stack {
		numbers[f.FrameOffset] = number
	}
	for i := range s.frames {
		number, ok := numbers[s.frames[i].Offset]
		if !ok || stack[number].PC != s.frames[i].pc {
			return errLostFrames
		}
		s.frames[i].number = number
	}
	now, err := s.bounds(ctx)
	if err != nil {
		return err
	}
	if now != s.stack {
		s.moved = append(s.moved, s.stack)
		s.stack = now
	}
	return nil
}

var errLostFrames = errors.New("the frames are no longer where they were before the call")

// explain puts what Delve says in plain words.
func (e *evaluator) explain(ctx context.Context, node ast.Expr, err error) error {
	text, ok := refused(err)
	if !ok {
		return err
	}
	if m := noMember.FindStringSubmatch(text); m != nil {
		return &EvaluateError{Text: "There is no field and no method " + m[1] + "." + e.suggestMember(ctx, node, m[1]) +
			" Methods that nothing calls are not always in the program."}
	}
	if m := noConversion.FindStringSubmatch(text); m != nil {
		if m[2] == "interface {}" {
			return &EvaluateError{Text: "This value cannot be put into an interface here: the program does so nowhere with the type " + shortType(m[1]) + "."}
		}
		return &EvaluateError{Text: "What is of type " + shortType(m[1]) + " cannot be used as " + shortType(m[2]) + " here."}
	}
	for _, known := range phrases {
		if strings.Contains(text, known.delve) {
			return &EvaluateError{Text: known.plain}
		}
	}
	if name, ok := strings.CutPrefix(text, "could not find symbol value for "); ok {
		return &EvaluateError{Text: e.unknown(ctx, name)}
	}
	if name, ok := strings.CutPrefix(text, "could not find symbol "); ok {
		return &EvaluateError{Text: e.unknown(ctx, name)}
	}
	return &EvaluateError{Text: "This cannot be evaluated: " + sentence(text)}
}

var noMember = regexp.MustCompile(`has no member (\S+?)(?: \(|$)`)

var noConversion = regexp.MustCompile(`can not convert value of type (.+?) to (.+?)(?:: .*)?$`)

// unknown says that a name, which may have that of a package or its path before it, means nothing in the frame.
func (e *evaluator) unknown(ctx context.Context, full string) string {
	full = strings.ReplaceAll(full, `"`, "")
	path, name := packageOf(full), strings.TrimPrefix(full, packageOf(full)+".")
	if e.isGeneric(ctx, cmp.Or(path, packageOf(e.frame.Function))+"."+name) {
		return shortType(full) + " is a generic function: the program has it for some types only, and each takes a table of types, too, which the compiler hands over and a debugger cannot."
	}
	if path == packageOf(e.frame.Function) || path == "" {
		text := name + " is not known in this frame." + e.suggest(ctx, "", name, func(c *completer) error { return c.names(ctx) })
		if strings.Contains(e.frame.Function, "-range") {
			return text + " Variables of the function around the loop are in the frame of that function."
		}
		return text + " Variables that are declared further down, constants that are not integers, and what nothing in the program uses cannot be had."
	}
	short := strings.TrimSuffix(shortType(full), name)
	return short + name + " is not known." + e.suggest(ctx, short, name, func(c *completer) error { return c.inPackage(ctx, path, false) }) +
		" Constants that are not integers, and what nothing in the program uses, cannot be had."
}

// isGeneric reports whether the program has instances of a function of that name.
func (e *evaluator) isGeneric(ctx context.Context, function string) bool {
	out, err := get[struct{ Funcs []string }](ctx, e.session.wire, "ListFunctions", map[string]string{"Filter": "^" + regexp.QuoteMeta(function) + `\[.*\]$`})
	return err == nil && len(out.Funcs) > 0
}

// suggest names what is nearest to a name among what is offered, with the qualifier before it; "": nothing is near.
func (e *evaluator) suggest(ctx context.Context, qualifier, name string, offer func(*completer) error) string {
	c := &completer{evaluator: e, seen: map[string]bool{}}
	if offer(c) != nil {
		return "" // It is about another error.
	}
	best, least := "", (len(name)+1)/3
	c.sort()
	for _, known := range c.found {
		if d := distance(name, known.Text, least); d <= least && known.Text != name && (best == "" || d < least) {
			best, least = known.Text, d
		}
	}
	if best == "" {
		return ""
	}
	return " Did you mean " + qualifier + best + "?"
}

// suggestMember does that for what is selected in an expression.
func (e *evaluator) suggestMember(ctx context.Context, node ast.Expr, name string) string {
	found := ""
	ast.Inspect(node, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == name && found == "" {
			if base, err := source(selector.X); err == nil {
				found = e.suggest(ctx, "", name, func(c *completer) error { return c.members(ctx, base) })
			}
		}
		return found == ""
	})
	return found
}

// distance is how many letters have to be changed, put in, left out or exchanged with the next one to make b of a, but
// for their case; more than most is told as most+1.
func distance(a, b string, most int) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(x)-len(y) > most || len(y)-len(x) > most {
		return most + 1
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return min(rows[len(x)][len(y)], most+1)
}

// optimizedFunction is what Delve says of functions that it cannot call, even if it is asked for the value of a method only.
const optimizedFunction = "optimized function"

// phrases are what Delve says, and that in plain words. Its answers have nothing but the text.
var phrases = []struct{ delve, plain string }{
	{"nil pointer dereference", "A pointer on the way is nil."},
	{"index out of bounds", "The index is out of range."},
	{"too many arguments", "The call has too many arguments; functions with … take a slice here, in place of their last arguments."},
	{"not enough arguments", "The call has not enough arguments; functions with … take a slice here, in place of their last arguments."},
	{"is inlined", "The compiler has put this function into its callers, so that it cannot be called."},
	{optimizedFunction, "This function was built with optimisation, as all libraries are: it cannot be called. In programs that use the kit, exported methods can all the same, and the usual functions of fmt, strings, strconv, time and others."},
	{"not enough stack space", "The stack is too full for a call."},
	{"can not index", "This cannot be indexed here."},
	{"no type entry found", "A value of this type cannot be put into an interface here: the program does so nowhere."},
	{"selected goroutine not running", "The copy does not stand where calls are possible."},
	{keyNotFound, "The map has no such key; in the program that yields the zero value."},
	{"index out of range", "The index is out of range."},
}
