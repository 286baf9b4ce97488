package debugapi

import (
	"context"
	"time"
)

// Engine attaches a debugger to frozen copies.
type Engine interface {
	// Attach attaches to a copy and tells progress what it is doing, in a few words. An *UnavailableError says that it cannot be done here.
	Attach(ctx context.Context, c Copy, progress func(string)) (Session, error)
}

// Session is a debugger that is attached to one copy. Its methods are called by one goroutine at a time but for Done and Close; each heeds ctx.
// References stay good as long as it lives; one that does not is an *ExpressionError.
type Session interface {
	// Frames are those of the failing goroutine, innermost first.
	Frames(ctx context.Context) ([]Frame, error)
	// Variables are a frame's arguments and then its locals.
	Variables(ctx context.Context, frame int) ([]Variable, error)
	// Children are some of what is in a variable, and how much there is of it.
	Children(ctx context.Context, ref, start, count int) ([]Variable, int, error)
	// Evaluate evaluates an expression. An *ExpressionError says why it cannot be.
	Evaluate(ctx context.Context, frame int, expression string, call bool) (Variable, error)
	// Complete tells what can stand at the offset, in bytes, in the place of what begins at from.
	Complete(ctx context.Context, frame int, text string, offset int) (from int, all []Completion, err error)
	Goroutines(ctx context.Context) ([]Goroutine, error)
	// Done is closed when the debugger has ended.
	Done() <-chan struct{}
	// Close detaches: the copy stays as it is, for another debugger. It interrupts what is going on.
	Close() error
}

// Copy is a frozen copy of the process that failed.
type Copy struct {
	PID       int       // 0 is none
	Binary    string    // what it runs
	Module    string    // path of the application's module
	Goroutine int64     // that failed
	StackOf   string    // what its stack is the stack of, like fault.Failure.StackOf; "" is the same
	Function  string    // that the copy is frozen in, its marker; "" is that of the kit
	Began     time.Time // before the failed request began in it; zero if that is not known
	Crashed   bool      // the runtime has made it as it ended the process: nothing can be called in it
	NoCalls   string    // of such a copy, why; "" is that the process has crashed
	// Located returns the path of a source file that Binary names otherwise, as with -trimpath. Nil takes all names for paths.
	Located func(file string) string
	// Release lets go of it, once, when it is no longer needed. If it is nil, the copy is a child of this process, and is killed.
	Release func()
}

// Frame is one call of the failing goroutine as the debugger has it.
type Frame struct {
	Index    int // for the other methods
	Function string
	File     string
	Line     int
	App      bool // the application's own code
	// Optimized says that many of its variables cannot be read.
	Optimized bool
}

// Variable is a value and its name.
type Variable struct {
	Name       string
	Type       string // the static one
	Dynamic    string // the type of what is in an interface; "" if it is none, or nil
	Value      string // for reading
	Kind       string // reflect.Kind in small letters; "tuple" are several results of a call, "panic" is what one panicked with
	Nil        bool   // it is nil, or an interface that holds a nil pointer
	Cut        bool   // Value does not show all of it
	Ref        int    // for Children; 0 is that there is nothing in it
	KeyRef     int    // the same for the key of a map's entry
	Len, Cap   int64  // of a string (in bytes), slice, array, map or channel
	Argument   bool
	Result     bool // it is what the function returns
	Shadowed   bool
	Line       int    // where a local is declared; 0 is not known
	Unreadable string // why it cannot be shown
	Expression string // that has this value; "" if there is none
}

// Completion is something that can be typed.
type Completion struct {
	Text string
	Kind string
	Type string
}

// Goroutine is one of the copy's goroutines.
type Goroutine struct {
	ID         int64
	State      string // "running", "waiting", …
	Wait       string // what it waits for
	Function   string // where it is, outside of the runtime; "" if that is not known
	File       string
	Line       int
	Started    string // the function that it was started with
	Creator    string // and by which it was
	App        bool   // it is in the application's own code, or began there
	Failing    bool
	Request    bool // it was started by the request that failed, directly or not
	System     bool // one of the runtime's own
	Labels     map[string]string
	Unreadable string // why something is missing
}

// UnavailableError says why there is no debugger, and how to get one.
type UnavailableError struct {
	Text string // a sentence
	Fix  string // what to do; "" if there is nothing
}

func (e *UnavailableError) Error() string { return e.Text }

// ExpressionError says why an expression has no value.
type ExpressionError struct {
	Text string // a sentence
	Fix  string
	Call bool // it needs a call, which was not allowed
	Time bool // it took too long
	// Unfinished says that something is missing at its end, as while it is being typed.
	Unfinished bool
}

func (e *ExpressionError) Error() string { return e.Text }
