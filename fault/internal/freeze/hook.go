//go:build linux && (amd64 || arm64)

package freeze

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"example.org/microblog/fault/internal/freeze/calls"
)

// hooking and ending set the runtime's hooks, once.
var hooking, ending sync.Once

// hook lets every panic in a scope make a copy before any deferred function runs, if the runtime was built for it.
func hook() {
	hooking.Do(func() {
		runtime.KeepAlive(calls.All)
		setPanicHook(atPanic)
		setRecoverHook(atRecover)
		defer func() { _ = recover() }()
		panic("seeing whether the runtime tells of recovered panics")
	})
}

// atPanic is called by the goroutine that panics, when it begins to. It tells whether that is in a scope, which sees to copies.
func atPanic(value any) (scoped bool) {
	s := Current()
	if s == nil {
		return process.copied
	}
	s.Freeze(value, StackPanic)
	if s.options.Panicked != nil && recovers.Load() {
		s.options.Panicked(value)
	}
	return true
}

// recovers tells that the runtime tells of panics that are recovered.
var recovers atomic.Bool

// atRecover is called by a goroutine that has panicked, when it recovers.
func atRecover(value any) {
	recovers.Store(true)
	if s := Current(); s != nil && s.options.Recovered != nil {
		s.options.Recovered(value)
	}
}

// AtEnd lets the process make a copy, for the parent, when it is about to end by a panic that nobody has recovered, or by
// os.Exit with another code than 0, if the runtime was built for it. There is one copy at most. before is called first, on the
// goroutine that ends the process.
func AtEnd(parent int, before func()) {
	ending.Do(func() {
		setEndHook(func() bool {
			before()
			return end(parent)
		})
	})
}

// end makes the copy, and waits until it has closed its files, the process's address among them, and has a session of its own: with
// the process everything in its group is ended. The runtime may make a simpler copy if there is none.
func end(parent int) (copied bool) {
	c, err := here(parent, EndName+"\x00")
	if err != nil {
		return errors.Is(err, ErrCopy)
	}
	for range 1000 {
		if group, err := syscall.Getpgid(c.PID); err != nil || group == c.PID {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return true
}
