//go:build linux && (amd64 || arm64)

package freeze

import (
	"context"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A Scope is what one request, or one task, makes copies in: its goroutine, and those that this one starts,
// are in it. Functions of a nil Scope do nothing.
//
// The runtime hands a goroutine's profiler labels down to those that it starts, which nothing else does. So
// the address of the scope's labels is how its goroutines are known. One that sets other labels
// (pprof.Do) is not in it until it has set them back.
type Scope struct {
	options Options
	labels  unsafe.Pointer // those of the scope
	outer   unsafe.Pointer // those before
	busy    atomic.Bool    // a copy is about to be made

	mu    sync.Mutex
	kept  []Frozen
	made  int
	why   error
	ended bool
}

// process is what there is once in a process: the scopes that have begun and not ended, by their labels, and
// how many copies nobody has taken yet.
var process struct {
	copied  bool // this is a copy
	begun   atomic.Int64
	scopes  sync.Map // unsafe.Pointer to *Scope
	untaken atomic.Int64
	// moved is, in a copy, by how much its stack has moved while it was made, and from where what had been called before began: what
	// lay there then has moved, too. A debugger reads it, and changes pointers that the runtime has not, since they were not in use.
	moved struct{ from, by uintptr }
}

//go:linkname getLabels runtime/pprof.runtime_getProfLabel
func getLabels() unsafe.Pointer

//go:linkname setLabels runtime/pprof.runtime_setProfLabel
func setLabels(unsafe.Pointer)

// Begin begins a scope of the calling goroutine, which ends it.
func Begin(o Options) *Scope {
	if process.copied {
		return nil
	}
	hook()
	widen()
	s := &Scope{options: o, outer: getLabels()}
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("fault", "scope")))
	s.labels = getLabels()
	process.scopes.Store(s.labels, s)
	process.begun.Add(1)
	return s
}

// scopeRoom is how much stack a scope begins with, in bytes: for what it does, and for making a copy.
const scopeRoom = 48 << 10

// widen lets the stack of the calling goroutine grow now rather than when a copy is made. With the stack, what lies on it is
// moved, and pointers to that are changed only if they are still in use: with the others a debugger could do nothing.
//
//go:noinline
func widen() {
	var space [scopeRoom]byte
	runtime.KeepAlive(&space)
}

// End ends the scope, and drops the copies that nobody has taken.
func (s *Scope) End() {
	if s == nil {
		return
	}
	setLabels(s.outer)
	process.scopes.Delete(s.labels)
	process.begun.Add(-1)
	s.mu.Lock()
	s.ended = true
	left := s.kept
	s.kept = nil
	s.mu.Unlock()
	for _, f := range left {
		s.drop(f)
	}
}

// Current returns the scope that the calling goroutine is in, nil if it is in none.
func Current() *Scope {
	if process.begun.Load() == 0 || process.copied {
		return nil
	}
	labels := getLabels()
	if labels == nil {
		return nil
	}
	s, _ := process.scopes.Load(labels)
	scope, _ := s.(*Scope)
	return scope
}

// Error makes a copy for an error that the calling goroutine has just made or wrapped, if it is in a scope.
func Error(err error) {
	if s := Current(); s != nil {
		s.Freeze(err, StackWrapped)
	}
}

// Freeze makes a copy, if one is wanted for the cause and there were not too many.
func (s *Scope) Freeze(cause any, stack string) {
	if s == nil || process.copied || !s.busy.CompareAndSwap(false, true) {
		return
	}
	defer s.busy.Store(false)
	if w := s.options.Wanted; w != nil && !w(cause, stack) || !s.room() {
		return
	}
	c, err := Here(s.options.Parent) // No lock is held: the copy will never let go of it.
	if err != nil {
		process.untaken.Add(-1)
		s.fails(err)
		return
	}
	s.keep(Frozen{Copy: c, Cause: cause, Stack: stack})
}

// room counts one more copy, or tells that there may be none.
func (s *Scope) room() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return false
	case s.made >= maxMade:
		s.why = errMade
		return false
	case process.untaken.Add(1) > maxUntaken:
		process.untaken.Add(-1)
		s.why = errUntaken
		return false
	}
	s.made++
	return true
}

func (s *Scope) fails(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why = err
}

func (s *Scope) keep(f Frozen) {
	s.mu.Lock()
	surplus := f
	switch {
	case s.ended:
	case len(s.kept) < maxKept:
		s.kept = append(s.kept, f)
		s.mu.Unlock()
		return
	default:
		surplus = s.kept[0]
		s.kept = append(s.kept[1:], f)
	}
	s.mu.Unlock()
	s.drop(surplus)
}

func (s *Scope) drop(f Frozen) {
	process.untaken.Add(-1)
	s.options.Drop(f.Copy)
}

// Has tells whether there is a copy that choose would take.
func (s *Scope) Has(choose func([]Frozen) int) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return choose(s.kept) >= 0
}

// Take returns the copy whose index in what is kept, the oldest first, choose returns; with a negative one,
// there is none, and the error may tell why no copy could be made. A copy that was taken is not dropped.
func (s *Scope) Take(choose func([]Frozen) int) (f Frozen, why error) {
	if s == nil {
		return Frozen{}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := choose(s.kept)
	if i < 0 {
		return Frozen{}, s.why
	}
	f = s.kept[i]
	s.kept = append(s.kept[:i:i], s.kept[i+1:]...)
	process.untaken.Add(-1)
	return f, nil
}
