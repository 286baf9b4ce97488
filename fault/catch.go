package fault

import "net/http"

// caught handles what recover returned in a deferred function that was not reached the normal way.
// It must be called by that function directly: the stack of the panic is still there.
func (c *Catcher) caught(value any, st *state, res *response, r *http.Request) {
	if err, ok := value.(error); ok && is(err, http.ErrAbortHandler) {
		// Wrapped it says the same, but net/http would log it as a panic.
		c.logAbort(r, err)
		panic(http.ErrAbortHandler)
	}
	c.dev.panicked(st.dev, value)
	ev := event{kind: KindPanic, err: asError(value), stack: panicStack(), stackOf: StackPanic}
	if value == nil {
		ev.kind, ev.stackOf = KindGoexit, StackExit
	}
	c.fail(st, res, r, ev)
	if value == nil {
		// The goroutine goes on ending, and net/http will not send what is buffered.
		_ = http.NewResponseController(res.ResponseWriter).Flush()
	}
}

// fail records an event and answers the request. If the response has begun, it panics with
// http.ErrAbortHandler, which is how net/http is told to abort the connection.
func (c *Catcher) fail(st *state, res *response, r *http.Request, ev event) {
	if st.dev.lost() {
		return // The request was answered in the handler's place.
	}
	v := c.judge(st, res, ev)
	if v.abort {
		c.logAbort(r, ev.err)
		panic(http.ErrAbortHandler)
	}
	first := st.once(ev.err)
	whole := res.whole.Load() || st.res.whole.Load()
	if !first && whole {
		return // Answered by Answer, and returned as well.
	}
	hijacked := res.hijacked.Load() || st.res.hijacked.Load()
	begun := hijacked || res.begun.Load() || st.res.begun.Load()
	so := st.progress(res)
	if !begun {
		st.res.drop() // Nothing of it was sent: what is to be said now takes its place.
		res.drop()
	}

	var rec recording
	if v.recorded() && first {
		if ev.kind == KindError {
			rec, rec.again = st.recalled(ev.err)
		}
		if rec.again {
			c.dev.answered(st.dev, func() *Failure { return c.answeredBy(st, r, *rec.failure, v, begun, so) })
		} else {
			c.dev.freeze(st.dev, ev)
			rec = c.recordRequest(st, r, ev, v, begun, so)
		}
	}
	switch {
	case begun:
		c.logEvent(r, ev, v, rec, nil, true)
		if !hijacked && !whole && ev.kind != KindGoexit {
			panic(http.ErrAbortHandler)
		}
	case v.gone:
		c.logEvent(r, ev, v, rec, nil, false)
		res.WriteHeader(v.status)
		res.whole.Store(true)
	default:
		c.answer(st, res, r, ev, v, rec)
		res.whole.Store(true)
		st.res.whole.Store(true)
	}
}

// answer makes the page, then logs, then writes: the log tells whether the page could be made.
func (c *Catcher) answer(st *state, res *response, r *http.Request, ev event, v verdict, rec recording) {
	a := c.compose(r, c.page(st, r, v, rec), v)
	defer a.free()
	if a.trouble == nil || v.recorded() && !rec.again {
		c.logEvent(r, ev, v, rec, a.trouble, false)
	} else {
		// The page is broken, and nothing else would tell.
		broken := event{kind: KindPage, err: a.trouble, stack: a.stack, stackOf: StackPanic}
		bv := verdict{status: http.StatusInternalServerError}
		rec := c.recordRequest(st, r, broken, bv, false, st.progress(res))
		c.logEvent(r, broken, bv, rec, ev.err, false)
	}
	a.write(res, r, v)
}
