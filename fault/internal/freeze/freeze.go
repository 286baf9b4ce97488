// Package freeze makes copies of the running process that stand still: their memory is what it was at that
// moment, and a debugger can look at it for as long as they are there, while the process goes on. It is
// linked into development builds only: those with the build tag faultdev.
package freeze

import "errors"

// What copies are called in the list of processes.
const (
	Name    = "fault-copy"
	EndName = "fault-end" // one that [AtEnd] has made
)

// A Copy is a process that was frozen. It is a child of the parent of the process that it is a copy of, and
// ends with that parent. Of its goroutines only the one runs that called [Here], and never gets further than
// Marker, the function in which a debugger is to stop it.
type Copy struct {
	PID int
}

// Errors of [Here].
var (
	// ErrUnsupported says that processes cannot be copied on this system.
	ErrUnsupported = errors.New("copies of a running program can be made on Linux on amd64 and arm64 only")
	// ErrNotChild says that this process was not started by the one that is to own its copies.
	ErrNotChild = errors.New("the application was not started by fault run itself, but by another program in between, which would be given its copies")
	// ErrCopy says that this process is a copy.
	ErrCopy = errors.New("this is a copy already")
)

// Frozen is a copy, and why it was made.
type Frozen struct {
	Copy
	// Cause is the value of the panic, or the error.
	Cause any
	// Stack tells what the stack of the copy is, like the StackOf of a fault.Failure: StackPanic, StackWrapped,
	// or what was given to [Scope.Freeze].
	Stack string
}

// What copies are made of without being asked for.
const (
	StackPanic   = "panic"   // a panic, as it began
	StackWrapped = "wrapped" // the place where an error was first wrapped, or made
)

// Options are those of a [Scope].
type Options struct {
	// Parent is the process that owns the copies, the parent of this one.
	Parent int
	// Wanted tells of an error, or of the value of a panic, whether there is to be a copy. It is called where the
	// application may hold any lock, so it must call nothing of the application's. Nil means always.
	Wanted func(cause any, stack string) bool
	// Panicked and Recovered tell of each panic when it begins, after its copy is made, and when it is recovered. They
	// are called on the goroutine that panics, where the application may hold any lock, and only if the runtime was
	// built to tell of both. They may be nil.
	Panicked, Recovered func(value any)
	// Drop ends a copy that nobody has taken.
	Drop func(Copy)
}

const (
	// maxKept is how many copies a scope keeps; older ones give way.
	maxKept = 5
	// maxMade is how many a scope makes: with each, the request takes some milliseconds longer.
	maxMade = 20
	// maxUntaken is how many copies there are in all scopes together.
	maxUntaken = 20
)

var (
	errMade    = errors.New("this request has had more errors than copies are made for")
	errUntaken = errors.New("too many copies were made at the same time")
)
