package debugapi

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"
)

const (
	attachTimeout = 15 * time.Minute // the first time, Delve has to be built
	readTimeout   = 10 * time.Second
	closeTimeout  = 10 * time.Second
	usedLately    = 5 * time.Second // a use so long ago is as good as one under way
)

// attachment is a debugger that is attached to an entry's copy, or is about to be.
type attachment struct {
	ctx    context.Context // ends when it is to end
	cancel context.CancelFunc
	ready  chan struct{} // closed when the entry is no longer Attaching
	ended  chan struct{} // closed when nothing of it is left
	turn   chan struct{} // holds one token: whoever has it may use session
	again  chan struct{} // asks for what was forgotten to be loaded again
	used   int64         // Server.uses at the last use; Server.mu guards it and usedAt
	usedAt time.Time
	// explained says that the failure was explained with its values. The goroutine of hold has it.
	explained bool

	session Session // set before ready is closed; nil if it failed
}

// end ends the debugger and waits for that.
func (a *attachment) end() {
	a.cancel()
	select {
	case <-a.ended:
	case <-time.After(closeTimeout): // The debugger hangs; its copy goes all the same.
	}
}

var errNoRoom = errors.New("another failure was looked at")

// attach begins to attach to an entry unless that is done, under way, or known to be in vain. s.mu is held.
func (s *Server) attach(e *entry) {
	s.noteUse(e)
	if e.gone || e.state != Idle || s.closed {
		return
	}
	if !s.copyLives(e.Copy) {
		s.dropCopy(e, copyEnded())
		s.stateChanged(e)
		return
	}
	var waitFor []*attachment // a process has one debugger at a time, and memory has its bounds
	if e.last != nil {
		waitFor = append(waitFor, e.last)
	}
	for {
		if s.attachedNow() < s.options.Attached {
			break
		}
		idle := s.leastUsed()
		waitFor = append(waitFor, idle.attached)
		s.detach(idle)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	a := &attachment{ctx: ctx, cancel: cancel, ready: make(chan struct{}), ended: make(chan struct{}), turn: make(chan struct{}, 1), again: make(chan struct{}, 1)}
	a.turn <- struct{}{}
	e.last = a
	e.attached, e.state, e.progress, e.why = a, Attaching, "Attaching the debugger", nil
	s.noteUse(e)
	s.stateChanged(e)
	s.work.Go(func() {
		for _, other := range waitFor {
			other.end()
		}
		s.hold(e, a)
	})
}

// noteUse notes that somebody uses an entry's debugger now. s.mu is held.
func (s *Server) noteUse(e *entry) {
	if e.attached != nil {
		s.uses++
		e.attached.used, e.attached.usedAt = s.uses, time.Now()
	}
}

// leastUsed is the entry whose debugger makes room for another one's: one that nobody looks at if there is one, and of those the one
// that was used longest ago. s.mu is held.
func (s *Server) leastUsed() *entry {
	now := time.Now()
	inUse := func(e *entry) int {
		if e.watching > 0 || now.Sub(e.attached.usedAt) < usedLately {
			return 1
		}
		return 0
	}
	var least *entry
	for _, e := range s.entries {
		if e.attached != nil && (least == nil || cmp.Or(cmp.Compare(inUse(e), inUse(least)), cmp.Compare(e.attached.used, least.attached.used)) < 0) {
			least = e
		}
	}
	return least
}

// detach ends an entry's debugger; its copy stays. s.mu is held.
func (s *Server) detach(e *entry) {
	a := e.attached
	if a == nil {
		return
	}
	e.attached, e.state, e.progress = nil, Idle, ""
	e.epoch++
	s.forget(e)
	s.stateChanged(e)
	a.cancel()
}

// hold attaches, loads what there is, and detaches when the attachment is to end.
func (s *Server) hold(e *entry, a *attachment) {
	defer close(a.ended)
	defer a.cancel()
	session, frames, err := s.open(e, a)
	frames = frames[:min(len(frames), maxFrames)]
	excerpts := s.excerptsOf(e, frames)
	s.mu.Lock()
	current := e.attached == a // else it was detached or dropped meanwhile
	switch {
	case !current:
	case err != nil:
		e.attached, e.state, e.progress, e.why = nil, Unavailable, "", unavailable(err)
		s.stateChanged(e)
	default:
		a.session = session
		e.merge(frames, excerpts)
		e.state, e.progress, e.explaining = Ready, "", s.options.Tools.Explain != nil
		s.stateChanged(e)
	}
	close(a.ready)
	s.mu.Unlock()
	if session == nil {
		return
	}
	for serving := current && err == nil; serving; {
		s.load(e, a)
		select {
		case <-a.again:
		case <-a.ctx.Done():
			serving = false
		case <-session.Done():
			serving = false
		}
	}
	_ = session.Close() // It interrupts what is going on; what is left of a debugger is no reason to tell anybody.
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.attached == a {
		e.attached, e.state = nil, Idle
		e.epoch++
		s.forget(e)
		if s.copyLives(e.Copy) {
			e.state, e.why = Unavailable, &UnavailableError{Text: "The debugger of this failure has ended by itself.", Fix: "Attach it again."}
		} else {
			s.dropCopy(e, copyEnded())
		}
		s.stateChanged(e)
	}
}

// open attaches and lists the frames.
func (s *Server) open(e *entry, a *attachment) (_ Session, _ []Frame, err error) {
	ctx, cancel := context.WithTimeout(a.ctx, attachTimeout)
	defer cancel()
	s.mu.Lock()
	c := e.Copy
	s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	session, err := s.options.Engine.Attach(ctx, c, func(text string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if e.attached == a && e.state == Attaching && text != "" && text != e.progress {
			e.progress = shorten(text, 300)
			s.touch(e)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	reading, stop := context.WithTimeout(a.ctx, readTimeout)
	defer stop()
	frames, err := session.Frames(reading)
	if err != nil {
		_ = session.Close()
		return nil, nil, err
	}
	return session, frames, nil
}

// unavailable makes any error one that says what is missing.
func unavailable(err error) *UnavailableError {
	var u *UnavailableError
	if errors.As(err, &u) {
		return u
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &UnavailableError{Text: "The debugger did not answer in time.", Fix: "Attach it again."}
	}
	return &UnavailableError{Text: sentence("The debugger could not be attached: " + err.Error()), Fix: "Attach it again."}
}

func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text != "" && !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	return text
}

// take waits for the turn to use an attachment's session.
func (a *attachment) take(ctx context.Context) (done func(), err error) {
	select {
	case <-a.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-a.ctx.Done():
		return nil, errNoRoom
	}
	return func() { a.turn <- struct{}{} }, nil
}

// use waits until an entry's debugger is attached, attaching it if need be, and calls f with it while nobody else uses it.
func (s *Server) use(ctx context.Context, e *entry, f func(ctx context.Context, a *attachment) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Wait)
	defer cancel()
	for {
		s.mu.Lock()
		if e.gone {
			s.mu.Unlock()
			return noFailure()
		}
		s.attach(e)
		a, state, why, progress := e.attached, e.state, e.why, e.progress
		s.mu.Unlock()
		if state == Unavailable {
			return &refusal{409, "unavailable", sentence(why.Text), why.Fix}
		}
		if a == nil { // closed
			return noFailure()
		}
		select {
		case <-a.ready:
		case <-ctx.Done():
			return &refusal{409, "attaching", sentence("The debugger is not attached yet: " + progress), "Ask again when the failure's state is ready."}
		}
		if a.session == nil {
			continue // and say why
		}
		done, err := a.take(ctx)
		if errors.Is(err, errNoRoom) {
			continue
		}
		if err != nil {
			return &refusal{504, "time", "The debugger is busy with something else.", "Ask again."}
		}
		defer done()
		working, stop := context.WithTimeout(a.ctx, readTimeout) // not the client's: half an answer would be left to be read
		defer stop()
		err = f(working, a)
		if err != nil && a.ctx.Err() != nil {
			return madeRoom()
		}
		return err
	}
}
