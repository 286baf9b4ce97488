package proxy

import (
	"errors"
	"time"

	"example.org/microblog/fault/internal/devtool/problem"
)

// Outcomes of a request that was not sent to a backend.
var (
	errWaited  = errors.New("no version of the application was ready in time")
	errTooMany = errors.New("too many requests wait for the application")
)

// withheld is the outcome that a problem is shown in the place of the application's answer.
type withheld struct{ problem *problem.Problem }

func (w *withheld) Error() string { return "a problem is shown: " + w.problem.Title }

// waiter is the waiting of one request, all in all.
type waiter struct {
	since   time.Time // zero: it has not waited yet
	timer   *time.Timer
	counted bool
}

// acquire takes the backend for a request. Where there is none it waits, within bounds, unless there is a problem
// and nothing is being done about it. An error is one of the outcomes, or why the request was cut off.
func (s *Server) acquire(x *exchange) (*Backend, error) {
	for {
		b, changed, err := s.decide(x)
		if b != nil || err != nil {
			return b, err
		}
		if err := x.pause(changed, nil); err != nil {
			return nil, s.instead(err)
		}
	}
}

// instead is the outcome of a request that has waited in vain: the problem, where there is one.
func (s *Server) instead(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.problem; errors.Is(err, errWaited) && p != nil && !p.Newest && s.current == nil {
		return &withheld{served(p, false)}
	}
	return err
}

// decide returns the backend for a request now, or why there will be none, or what to wait for.
func (s *Server) decide(x *exchange) (*Backend, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errServerClosed
	}
	if p := s.problem; p != nil && !p.Newest {
		// What is being done may mend it: without a backend that is waited for.
		mending := s.current == nil && s.doing != ""
		if !mending && (s.current == nil || x.load && x.trusted && x.aside != p.ID) {
			return nil, nil, &withheld{served(p, s.current != nil)}
		}
	}
	if b := s.current; b != nil {
		s.unwait(x)
		x.backend, x.edition = b, s.edition
		b.begin(x)
		return b, nil, nil
	}
	return nil, s.changed, s.wait(x)
}

// served returns the problem with what is true of the moment.
func served(p *problem.Problem, is bool) *problem.Problem {
	if p.Served == is {
		return p
	}
	shown := *p
	shown.Served = is
	return &shown
}

// wait counts a request among those that wait. s.mu is held.
func (s *Server) wait(x *exchange) error {
	w := &x.waiter
	if w.counted {
		return nil
	}
	if s.waiting >= maxWaiting {
		return errTooMany
	}
	s.waiting++
	w.counted = true
	if w.since.IsZero() {
		s.waited++
		w.since = time.Now()
		limit := s.options.Wait
		if x.load {
			limit = s.options.PageWait
		}
		w.timer = time.NewTimer(limit)
	}
	return nil
}

// unwait is the reverse of wait. s.mu is held.
func (s *Server) unwait(x *exchange) {
	if x.waiter.counted {
		s.waiting--
		x.waiter.counted = false
	}
}

// pause waits for one of the channels, until the request may wait no longer.
func (x *exchange) pause(changed <-chan struct{}, tick <-chan time.Time) error {
	select {
	case <-changed:
	case <-tick:
	case <-x.waiter.timer.C:
		return errWaited
	case <-x.ctx.Done():
		return x.ctx.Err()
	case <-x.s.ctx.Done():
		return errServerClosed
	}
	return nil
}

// redial is how often a backend that takes no connections is tried again, beside whenever something changes.
const redial = 50 * time.Millisecond

// release gives the backend back that could not be reached, and waits until it is worth another try.
func (s *Server) release(x *exchange) error {
	b := x.backend
	s.mu.Lock()
	x.backend = nil
	b.end(x)
	err := s.wait(x)
	changed := s.changed
	s.mu.Unlock()
	if err != nil {
		return err
	}
	tick := time.NewTimer(redial)
	defer tick.Stop()
	return x.pause(changed, tick.C)
}
