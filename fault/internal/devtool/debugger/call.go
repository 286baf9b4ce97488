package debugger

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"strings"
	"time"
)

// call evaluates an expression that has calls in it.
func (e *evaluator) call(ctx context.Context, node ast.Expr) (*operand, error) {
	s := e.session
	if s.noCalls != "" {
		return nil, &EvaluateError{Text: s.noCalls}
	}
	r, moves := &rewriter{evaluator: e, forCall: true}, len(s.moved)
	rewritten, err := r.expression(ctx, node)
	if err != nil {
		return nil, err
	}
	if r.onStack && moves != len(s.moved) {
		return nil, &EvaluateError{Text: "A call among the operands has moved the stack: evaluate the parts of the expression one after the other."}
	}
	if s.noCalls != "" { // A call among the operands has hung.
		return nil, &EvaluateError{Text: s.noCalls}
	}
	text, err := source(rewritten)
	if err != nil {
		return nil, err
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
	w := &wireVariable{Type: tupleType, Children: values}
	switch len(values) {
	case 0:
	case 1:
		w = &values[0]
		if strings.HasPrefix(w.Name, "~panic") {
			return nil, s.panicked(w)
		}
		if w.Unreadable == noResults {
			w = &wireVariable{Type: tupleType}
		}
	}
	return e.operandOf(ctx, w, place{frame: e.frame.Index, read: w}, nil), nil
}

// noResults is what Delve says of a call without results, which it gives one that cannot be read.
const noResults = "no return values"

// panicked says that the called function panicked.
func (s *Session) panicked(w *wireVariable) error {
	p := writer{session: s, limit: maxValue}
	p.value(w, 0)
	return &EvaluateError{Text: "The call panicked: " + p.String()}
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
	for _, setting := range [][2]string{
		{"runtime.memstats.enablegc", "false"},
		{"runtime.gcphase", "0"},
		{"runtime.writeBarrier.enabled", "false"},
		{"runtime.gcBlackenEnabled", "0"},
		{"runtime.gcController.gcPercent.value", "-1"},
		{"runtime.gcController.memoryLimit.value", "9223372036854775807"},
	} {
		in := struct {
			Scope         evalScope
			Symbol, Value string
		}{evalScope{s.goroutine, 0}, setting[0], setting[1]}
		_ = s.wire.call(ctx, "Set", in, new(struct{})) // What cannot be set is not there.
	}
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
func (e *evaluator) explain(err error) error {
	text, ok := refused(err)
	if !ok {
		return err
	}
	for _, known := range phrases {
		if strings.Contains(text, known.delve) {
			return &EvaluateError{Text: known.plain}
		}
	}
	if name, ok := strings.CutPrefix(text, "could not find symbol value for "); ok {
		return &EvaluateError{Text: e.unknown(name)}
	}
	if name, ok := strings.CutPrefix(text, "could not find symbol "); ok {
		return &EvaluateError{Text: e.unknown(name)}
	}
	return &EvaluateError{Text: "This cannot be evaluated: " + sentence(text)}
}

// unknown says that a name means nothing in the frame.
func (e *evaluator) unknown(name string) string {
	name = shortType(strings.Trim(name, `"`))
	text := name + " is not known in this frame."
	if strings.Contains(e.frame.Function, "-range") {
		return text + " Variables of the function around the loop are in the frame of that function."
	}
	return text + " Constants that are not integers, and what the linker has dropped, are not in the program."
}

// phrases are what Delve says, and that in plain words. Its answers have nothing but the text.
var phrases = []struct{ delve, plain string }{
	{"nil pointer dereference", "A pointer on the way is nil."},
	{"index out of bounds", "The index is out of range."},
	{"too many arguments", "The call has too many arguments; functions with … take a slice here, in place of their last arguments."},
	{"not enough arguments", "The call has not enough arguments; functions with … take a slice here, in place of their last arguments."},
	{"is inlined", "The compiler has put this function into its callers, so that it cannot be called."},
	{"optimized function", "This function was built with optimisation, as all libraries are: it cannot be called."},
	{"not enough stack space", "The stack is too full for a call."},
	{"selected goroutine not running", "The copy does not stand where calls are possible."},
	{"key not found", "The map has no such key; in the program that yields the zero value."},
	{"has no member", "There is no such field, and no such method: those that nothing calls are not in the program."},
	{"index out of range", "The index is out of range."},
}
