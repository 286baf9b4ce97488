// Package freeze makes a copy of the running process that stands still: its memory is what it was at that
// moment, and a debugger can look at it for as long as it is there, while the process goes on. It is linked
// into development builds only: those with the build tag faultdev.
package freeze

import "errors"

// A Copy is a process that was frozen. It is a child of the parent of the process it is a copy of, and ends
// with that parent. Its goroutine that called [Here] is the only one that ever runs, in [Marker].
type Copy struct {
	PID int
}

// Name is what a copy is called in the list of processes.
const Name = "fault-copy"

// Errors of [Here].
var (
	// ErrUnsupported says that processes cannot be copied on this system.
	ErrUnsupported = errors.New("copies of a running program can be made on Linux on amd64 and arm64 only")
	// ErrNotChild says that this process was not started by the one that is to own its copies.
	ErrNotChild = errors.New("the application was not started by fault run itself, but by another program in between, which would be given its copies")
)
