package terminal

import (
	"bytes"
	"io"
	"sync"
	"time"
)

const (
	// holdLimit is how long the beginning of a line is held back for the rest of it.
	holdLimit = 30 * time.Millisecond
	// openLimit is how long a line of ours waits for a shown line of the application to be finished.
	openLimit = 200 * time.Millisecond
	// maxHeld is how many bytes of a line are held back.
	maxHeld = 64 << 10
)

// screen is a place where several write whole lines.
type screen struct {
	mu    sync.Mutex
	w     io.Writer
	open  *stream       // whose unfinished line is shown; nil if the last line is finished
	ended chan struct{} // closed when that line is finished
}

func newScreen(w io.Writer) *screen { return &screen{w: w} }

// say writes whole lines. It waits a moment for an unfinished line to be finished.
func (s *screen) say(text string) {
	deadline := time.NewTimer(openLimit)
	defer deadline.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for waiting := true; waiting && s.open != nil; {
		ended := s.ended
		s.mu.Unlock()
		select {
		case <-ended:
		case <-deadline.C:
			waiting = false
		}
		s.mu.Lock()
	}
	if s.open != nil {
		s.close()
		text = "\n" + text
	}
	_, _ = io.WriteString(s.w, text) // there is nobody to tell
}

// close notes that the last line is finished.
func (s *screen) close() {
	if s.open != nil {
		s.open = nil
		close(s.ended)
	}
}

// stream is one output of the application.
type stream struct {
	screen *screen

	// Guarded by the screen's mu.
	held  []byte // the beginning of a line that is not shown yet
	timer *time.Timer
}

// Write passes p on, but for an unfinished last line, which it may hold back for a moment.
func (st *stream) Write(p []byte) (int, error) {
	s := st.screen
	s.mu.Lock()
	defer s.mu.Unlock()
	whole := bytes.LastIndexByte(p, '\n') + 1
	if s.open == st {
		whole = len(p) // its line is shown already
	}
	if whole > 0 {
		if err := st.show(p[:whole]); err != nil {
			return 0, err
		}
	}
	if whole == len(p) {
		return len(p), nil
	}
	st.held = append(st.held, p[whole:]...)
	if len(st.held) > maxHeld {
		return len(p), st.show(nil)
	}
	if st.timer == nil {
		st.timer = time.AfterFunc(holdLimit, st.end)
	} else {
		st.timer.Reset(holdLimit)
	}
	return len(p), nil
}

// end shows what is held back.
func (st *stream) end() {
	st.screen.mu.Lock()
	defer st.screen.mu.Unlock()
	_ = st.show(nil) // the next Write meets it again
}

// show writes what is held back and then p.
func (st *stream) show(p []byte) error {
	s := st.screen
	if len(st.held) > 0 {
		p = append(st.held, p...)
		st.held = nil
	}
	if len(p) == 0 {
		return nil
	}
	if st.timer != nil {
		st.timer.Stop()
	}
	if s.open != nil && s.open != st {
		s.close()
		p = append([]byte{'\n'}, p...)
	}
	_, err := s.w.Write(p)
	switch finished := p[len(p)-1] == '\n'; {
	case finished:
		s.close()
	case s.open == nil:
		s.open, s.ended = st, make(chan struct{})
	}
	return err
}
