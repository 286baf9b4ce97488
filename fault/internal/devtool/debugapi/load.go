package debugapi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/overlay"
)

// load loads the variables of all frames that have none yet, the application's own first, and explains the failure once more.
func (s *Server) load(e *entry, a *attachment) {
	for {
		s.mu.Lock()
		var next *frame
		if e.attached == a {
			next = nextToLoad(e.frames)
		}
		attached := e.attached == a
		s.mu.Unlock()
		if attached && !a.explained && (next == nil || !next.app) {
			a.explained = true
			s.explain(e, a)
			continue
		}
		if next == nil {
			return
		}
		done, err := a.take(a.ctx)
		if err != nil {
			return
		}
		_ = s.loadFrame(e, a, next) // what went wrong is with the variables
		done()
	}
}

// explain explains a failure with the values of its frame.
func (s *Server) explain(e *entry, a *attachment) {
	if s.options.Tools.Explain == nil {
		return
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if e.attached == a && e.explaining {
			e.explaining = false
			s.touch(e)
		}
	}()
	done, err := a.take(a.ctx)
	if err != nil {
		return
	}
	defer done()
	s.mu.Lock()
	shown, call, f := e.explicable()
	index := -1
	if f != nil {
		index = f.engine
	}
	s.mu.Unlock()
	if index < 0 {
		return
	}
	ctx, cancel := context.WithTimeout(a.ctx, readTimeout)
	defer cancel()
	all := s.explanations(shown, call, func(expression string) (string, bool) {
		v, err := a.session.Evaluate(ctx, index, expression, false)
		return v.Value, err == nil && v.Unreadable == ""
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(all) > 0 {
		e.explanations, e.explained = all, true
		e.mark(f, all)
		s.touch(e)
	}
}

// explicable is what can be explained with the values of the copy, in which call of its stack, and the frame of that; nil is nothing. The failure
// has another stack than it was recorded with where the copy is of the panic of which something has made an error. Server.mu is held.
func (e *entry) explicable() (shown *overlay.Failure, call int, f *frame) {
	shown = e.Failure.Failure
	if e.Copy.StackOf != fault.StackPanic || shown.StackOf == fault.StackPanic {
		call = topCall(shown)
		if f = e.byNumber(call); f != nil && f.stands != 0 {
			f = nil // the values are those of another moment
		}
		return shown, call, f
	}
	copied, failure := *shown, *shown.Failure
	failure.Stack, failure.StackOf = nil, e.Copy.StackOf
	copied.Failure, copied.Excerpts, copied.Why = &failure, nil, nil
	var frames []*frame
	for _, one := range e.frames {
		if one.engine < 0 {
			continue
		}
		at, lines := one.call, one.excerpt
		at.App = one.app
		if one.stands != 0 {
			at.Line, lines = one.stands, nil
		}
		failure.Stack = append(failure.Stack, at)
		copied.Excerpts = append(copied.Excerpts, lines)
		frames = append(frames, one)
	}
	if call = topCall(&copied); call >= 0 {
		f = frames[call]
	}
	return &copied, call, f
}

// explanations calls the tool. A mistake in it must not cost the failure.
func (s *Server) explanations(f *overlay.Failure, call int, lookup func(expression string) (string, bool)) (all []Explanation) {
	defer func() {
		if p := recover(); p != nil {
			s.say("explaining failure %s panicked: %v", f.ID, p)
			all = nil
		}
	}()
	return s.options.Tools.Explain(f, call, lookup)
}

// nextToLoad is the next frame without variables: the application's own come first.
func nextToLoad(frames []*frame) *frame {
	for _, app := range []bool{true, false} {
		i := slices.IndexFunc(frames, func(f *frame) bool {
			return f.app == app && f.engine >= 0 && (f.vars.state == "" || f.vars.state == varsNone)
		})
		if i >= 0 {
			return frames[i]
		}
	}
	return nil
}

// loadFrame loads the variables of a frame unless that is done. The caller has the turn.
func (s *Server) loadFrame(e *entry, a *attachment, f *frame) error {
	s.mu.Lock()
	if f.vars.state == varsReady || f.vars.state == varsFailed || e.attached != a {
		s.mu.Unlock()
		return nil
	}
	f.vars.state = varsLoading
	epoch, index := e.epoch, f.engine
	s.touch(e)
	s.mu.Unlock()

	reading, cancel := context.WithTimeout(a.ctx, readTimeout)
	defer cancel()
	list, err := a.session.Variables(reading, index)

	s.mu.Lock()
	defer s.mu.Unlock()
	if e.attached != a || e.epoch != epoch {
		return nil
	}
	if err != nil {
		f.vars = variables{state: varsFailed, why: errorText(err, "The variables of this frame could not be read")}
	} else {
		f.vars = variables{state: varsReady, list: list, epoch: epoch}
	}
	s.touch(e)
	return err
}

// errorText is a sentence about what went wrong.
func errorText(err error, what string) string {
	var (
		u *UnavailableError
		x *ExpressionError
	)
	switch {
	case errors.As(err, &x):
		return sentence(x.Text)
	case errors.As(err, &u):
		return sentence(u.Text)
	case errors.Is(err, context.DeadlineExceeded):
		return what + " in time."
	}
	return sentence(fmt.Sprintf("%s: %v", what, err))
}

// forget notes that variables have to be read again. s.mu is held.
func (s *Server) forget(e *entry) {
	for _, f := range e.frames {
		f.vars = variables{}
	}
}
