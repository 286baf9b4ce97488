package fault

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"example.org/microblog/fault/trace"
)

// event is one thing that went wrong.
type event struct {
	kind    Kind
	err     error
	task    string      // of a goroutine
	stack   trace.Stack // of a panic
	stackOf string
	pcs     []uintptr // where Answer or Report was called
	handler *handler  // which returned the error
	beside  error     // what is wrong as well
	on      int64     // the number of its goroutine; 0: the calling one
	at      time.Time // when it was; zero: now
}

// trace returns the stack that tells most, and what it is the stack of: of the panic, of the first
// wrap, or the place where the error was handled.
func (ev event) trace() (trace.Stack, string) {
	if ev.stack != nil {
		return ev.stack, ev.stackOf
	}
	if s := trace.StackOf(ev.err); s != nil {
		return s, StackWrapped
	}
	if ev.pcs != nil {
		return trace.Frames(ev.pcs), StackHandled
	}
	if ev.handler != nil {
		return ev.handler.place(), StackHandled
	}
	return nil, ""
}

// verdict is what an event means for the answer.
type verdict struct {
	status   int
	public   string
	header   http.Header
	expected bool  // not the server's fault, or declared as expected: not recorded
	abort    bool  // the handler wants the connection aborted
	gone     bool  // nobody is left to answer
	closing  bool  // the connection cannot be used for another request
	beside   error // what is wrong as well, such as in finding out
}

// recorded tells whether the failure is one to keep.
func (v verdict) recorded() bool { return v.status >= 500 && !v.expected }

// judge finds the answer to an event. Of several rules the first that applies counts.
func (c *Catcher) judge(st *state, res *response, ev event) verdict {
	if ev.kind == KindPanic || ev.kind == KindGoexit {
		return verdict{status: http.StatusInternalServerError, beside: ev.beside}
	}
	cancelled := st.Err() == context.Canceled && (ev.kind == KindNoAnswer || is(ev.err, context.Canceled))
	switch {
	case is(ev.err, http.ErrAbortHandler):
		return verdict{abort: true, expected: true}
	case res.lost(ev.err), st.res.lost(ev.err), cancelled && context.Cause(st) == context.Canceled:
		return verdict{status: statusClientGone, gone: true, expected: true}
	case cancelled:
		// Somebody cancelled all requests and gave a reason: the server stops.
		e := Unavailable("The server is stopping. Please try again in a moment.", 0)
		return verdict{status: e.Status, public: e.Public, expected: true}
	case ev.kind == KindNoAnswer:
		return verdict{status: http.StatusInternalServerError}
	}
	if e, ok := find[*Error](ev.err); ok {
		return c.byError(e, ev.err)
	}
	e, beside := c.translated(ev.err)
	if e != nil {
		return c.byError(e, ev.err)
	}
	v := verdict{status: http.StatusInternalServerError, beside: beside}
	if large, ok := find[*http.MaxBytesError](ev.err); ok {
		v.status, v.closing = http.StatusRequestEntityTooLarge, true
		v.public = fmt.Sprintf("At most %d bytes are accepted.", large.Limit)
		return v
	}
	if status, ok := st.body.failed(ev.err); ok {
		v.status, v.closing = status, true
		return v
	}
	if is(ev.err, context.DeadlineExceeded) || is(ev.err, http.ErrHandlerTimeout) {
		v.status = http.StatusServiceUnavailable
	}
	return v
}

func (c *Catcher) byError(e *Error, err error) verdict {
	v := verdict{status: e.status()}
	if e == nil {
		return v
	}
	v.public, v.header, v.expected = e.Public, e.Header, e.Expected
	if e.Status != 0 && e.Status != v.status {
		v.beside = fmt.Errorf("%w, not %d", errInvalidStatus, e.Status)
	}
	if v.status == http.StatusRequestEntityTooLarge {
		_, v.closing = find[*http.MaxBytesError](err)
	}
	return v
}

// translated asks the application. If its function panics, that is the second result.
func (c *Catcher) translated(err error) (e *Error, beside error) {
	if c.translate == nil {
		return nil, nil
	}
	defer func() {
		if v := recover(); v != nil {
			e, beside = nil, fmt.Errorf("Options.Translate: %w", &panicked{v})
		}
	}()
	return c.translate(err), nil
}

// noAnswer explains what a handler did wrong that left its request without an answer.
func noAnswer(handler string, r *http.Request) error {
	route := r.Pattern
	if route == "" {
		route = r.Method + " " + r.URL.Path
	}
	return fmt.Errorf("%s, the handler of %q, returned without answering: it must write a response or return an error", handler, route)
}
