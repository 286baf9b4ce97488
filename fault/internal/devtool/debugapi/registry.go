package debugapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

const (
	lookEvery = 5 * time.Second // at the copies
)

// Failure is a failure with what a debugger needs for it.
type Failure struct {
	*overlay.Failure
	Copy Copy
	// Why says why there is no copy; nil where there is one.
	Why *UnavailableError
	// Source returns the lines around a place, for frames that only the debugger knows, or why there are none. It decides which files may be shown; nil
	// is none.
	Source func(file string, line int) (lines []problem.Line, why string)
	// Environment is what the version that failed was started with; nil is not known.
	Environment *Environment
}

// State is how far the debugger of a failure is.
type State string

// The states.
const (
	Idle        State = "idle"
	Attaching   State = "attaching"
	Ready       State = "ready"
	Unavailable State = "unavailable"
)

// entry is a failure that is kept. Server.mu guards it.
type entry struct {
	Failure
	id       string // whole
	pinned   bool
	gone     bool // it is no longer kept
	revision int64
	changed  chan struct{} // closed and replaced whenever revision grows

	state    State
	progress string
	why      *UnavailableError // in state Unavailable
	noCopy   bool              // there is none, or none any more
	attached *attachment       // in the states Attaching and Ready
	last     *attachment       // the same, or the one before, which may not have ended yet
	watching int               // requests that wait for something new of it
	calls    int
	memory   int64 // of the copy
	debugger int64 // the debugger's

	frames       []*frame
	numbers      int   // of frames that were given
	epoch        int64 // of references: it grows when the debugger is detached
	explanations []Explanation
	explained    bool // without a debugger, at least
	explaining   bool // in state Ready: an explanation with values is to come
}

// Add keeps a failure and returns where it is shown. A failure that has no room any more is dropped, the oldest first. One that is kept already, since
// it was reported before it became the answer to its request, is brought up to date.
func (s *Server) Add(f Failure) (url string) {
	if f.Failure == nil || f.Failure.Failure == nil {
		s.release(f.Copy)
		return ""
	}
	e := &entry{Failure: f, id: f.ID.Full(), state: Idle, revision: 1, changed: make(chan struct{})}
	e.frames = framesOf(f.Failure)
	e.numbers = len(e.frames)
	switch {
	case f.Copy.PID <= 0 && f.Copy.Release == nil:
		e.lose(f.Why)
	case f.Copy.Release == nil && !s.children.add(f.Copy.PID):
		e.Copy = Copy{}
		e.lose(copyEnded())
	case s.options.Engine == nil:
		s.release(f.Copy)
		e.Copy = Copy{}
		e.lose(f.Why)
	}
	s.keep(e)
	select {
	case s.measure <- struct{}{}:
	default:
	}
	return s.FailureURL(f.ID)
}

// keep takes an entry in.
func (s *Server) keep(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.release(e.Copy)
		return
	}
	defer s.listChanged()
	if i := slices.IndexFunc(s.entries, func(other *entry) bool { return other.id == e.id }); i >= 0 {
		unused := s.update(s.entries[i], e)
		s.work.Go(func() { s.release(unused) }) // the application waits
		return
	}
	s.entries = append([]*entry{e}, s.entries...)
	for len(s.entries) > s.options.Keep {
		oldest := len(s.entries) - 1
		for oldest > 0 && s.entries[oldest].pinned {
			oldest--
		}
		s.remove(s.entries[oldest])
	}
}

// update brings an entry up to date with what is known of the same failure now.
func (s *Server) update(old, e *entry) (unused Copy) {
	if len(old.Failure.Stack) == len(e.Failure.Stack) { // else the frames would be other ones
		old.Failure.Failure = e.Failure.Failure
	}
	unused = e.Copy
	if old.noCopy && !e.noCopy {
		old.Copy, old.noCopy, old.state, old.why = e.Copy, false, Idle, nil
		unused = Copy{}
	}
	if unused.PID != 0 && unused.PID == old.Copy.PID {
		unused = Copy{} // the very same one
	}
	s.touch(old)
	return unused
}

// shown is a failure as it is known now.
func (s *Server) shown(e *entry) *overlay.Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.Failure.Failure
}

func copyEnded() *UnavailableError {
	return &UnavailableError{Text: "The frozen copy of the process has ended, so its variables are gone.", Fix: "Make the request fail again."}
}

// lose notes that there is no copy.
func (e *entry) lose(why *UnavailableError) {
	if why == nil {
		why = &UnavailableError{Text: "No copy of the process was frozen when this failed, so its variables are not known."}
	}
	e.noCopy, e.state, e.why, e.progress, e.memory = true, Unavailable, why, "", 0
	e.debugger = 0
}

// find returns the newest failure whose ID begins so. s.mu is held.
func (s *Server) find(id string) *entry {
	prefix, err := fault.ParseIDPrefix(id)
	if err != nil {
		return nil
	}
	for _, e := range s.entries {
		if strings.HasPrefix(e.id, prefix) {
			return e
		}
	}
	return nil
}

// remove forgets a failure and lets its copy go. s.mu is held.
func (s *Server) remove(e *entry) {
	if i := slices.Index(s.entries, e); i >= 0 {
		s.entries = slices.Delete(s.entries, i, i+1)
	}
	s.letGo(e)
}

// letGo ends an entry's debugger and then its copy. s.mu is held.
func (s *Server) letGo(e *entry) {
	e.gone = true
	s.dropCopy(e, &UnavailableError{Text: "This failure is no longer kept."})
	s.touch(e)
}

// dropCopy ends an entry's debugger and then its copy; the entry itself stays. s.mu is held.
func (s *Server) dropCopy(e *entry, why *UnavailableError) {
	a, c := e.attached, e.Copy
	e.attached, e.Copy = nil, Copy{}
	if a != nil {
		e.epoch++
		s.forget(e)
	}
	if !e.noCopy || e.gone {
		e.lose(why)
	}
	if a == nil && c.PID <= 0 && c.Release == nil {
		return
	}
	s.work.Go(func() {
		if a != nil {
			a.end()
		}
		s.release(c)
	})
}

// release lets a copy go that no debugger is attached to.
func (s *Server) release(c Copy) {
	switch {
	case c.Release != nil:
		c.Release()
	case c.PID > 0:
		s.children.kill(c.PID)
	}
}

// touch tells those who wait that an entry has changed. s.mu is held.
func (s *Server) touch(e *entry) {
	e.revision++
	close(e.changed)
	e.changed = make(chan struct{})
}

// stateChanged is touch for what the list shows, too.
func (s *Server) stateChanged(e *entry) {
	s.touch(e)
	s.listChanged()
}

// listChanged tells those who wait that the list has changed. s.mu is held.
func (s *Server) listChanged() {
	s.revision++
	close(s.changed)
	s.changed = make(chan struct{})
}

// pinnedMost is how many can be pinned, so that there is room for a new one.
func (s *Server) pinnedMost() int { return s.options.Keep - 1 }

// setPinned pins a failure, or no longer. It tells whether that could be done. s.mu is held.
func (s *Server) setPinned(e *entry, pinned bool) bool {
	if e.pinned == pinned {
		return true
	}
	if pinned {
		n := 0
		for _, other := range s.entries {
			if other.pinned {
				n++
			}
		}
		if n >= s.pinnedMost() {
			return false
		}
	}
	e.pinned = pinned
	s.stateChanged(e)
	return true
}

// lookAfter looks at the copies until the server is closed: which live, and what they use.
func (s *Server) lookAfter() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.measure:
		case <-tick.C:
		}
		s.look()
	}
}

// look finds copies that have ended, and lets go of the oldest ones where all use too much.
func (s *Server) look() {
	type copied struct {
		e        *entry
		copy     Copy
		attached bool
		dead     bool
		memory   int64
		debugger int64
	}
	var copies []copied
	s.mu.Lock()
	for _, e := range s.entries {
		if e.Copy.PID > 0 {
			copies = append(copies, copied{e: e, copy: e.Copy, attached: e.attached != nil})
		}
	}
	s.mu.Unlock()
	for i := range copies {
		c := &copies[i]
		if !s.copyLives(c.copy) {
			c.dead = true
			continue
		}
		c.memory = privateMemory(c.copy.PID)
		if c.attached {
			if tracer := tracerOf(c.copy.PID); tracer > 0 {
				c.debugger = privateMemory(tracer)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum int64
	for _, c := range copies {
		if c.e.Copy.PID != c.copy.PID { // dropped meanwhile
			continue
		}
		if c.dead {
			s.dropCopy(c.e, copyEnded())
			s.stateChanged(c.e)
			continue
		}
		c.e.memory, c.e.debugger = c.memory, c.debugger
		sum += c.memory
	}
	for i := len(copies) - 1; i > 0 && sum > s.options.Memory; i-- { // the newest one stays
		c := copies[i]
		if c.e.pinned || c.e.Copy.PID != c.copy.PID {
			continue
		}
		sum -= c.memory
		s.dropCopy(c.e, &UnavailableError{
			Text: fmt.Sprintf("The frozen copies used more than %d MiB by themselves, so this one, the oldest, had to go.", s.options.Memory>>20),
			Fix:  "Pin what is to stay, or make the request fail again.",
		})
		s.stateChanged(c.e)
	}
}

// defaultMemory is what copies may use by themselves: a quarter of the machine's, 2 GiB at most.
func defaultMemory() int64 {
	if quarter := machineMemory() / 4; quarter > 0 {
		return min(quarter, 2<<30)
	}
	return 1 << 30
}

// await waits until a revision is higher, the client is gone, or it has waited long enough.
func (s *Server) await(ctx context.Context, after int64, get func() (revision int64, changed <-chan struct{})) {
	timeout := time.NewTimer(s.options.Wait)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		revision, changed := get()
		s.mu.Unlock()
		if revision > after {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-s.ctx.Done():
			return
		case <-timeout.C:
			return
		}
	}
}
