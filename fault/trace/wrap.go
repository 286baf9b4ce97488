package trace

import (
	"fmt"
	"runtime"
)

// maxNodes bounds the walk through an error's tree, which may contain a cycle.
const maxNodes = 128

// wrapped is an error with what was being done, and the stack if no error below has one.
type wrapped struct {
	doing string
	err   error
	pcs   []uintptr
}

func (w *wrapped) Error() string {
	if w.doing == "" {
		return w.err.Error()
	}
	return w.doing + ": " + w.err.Error()
}

func (w *wrapped) Unwrap() error      { return w.err }
func (w *wrapped) callers() []uintptr { return w.pcs }

// made is an error that has no cause.
type made struct {
	text string
	pcs  []uintptr
}

func (m *made) Error() string      { return m.text }
func (m *made) callers() []uintptr { return m.pcs }

// Wrap returns an error that reads "doing: err" and unwraps to err. The first Wrap around an error
// also remembers the call stack, at the cost of about a microsecond; further ones do not. A nil err
// gives nil.
func Wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return wrap(err, doing, 0)
}

// WrapSkip is [Wrap] for a helper that wraps for others: the remembered stack leaves out the innermost
// skip calls and so begins at the helper's caller with 1, at that one's caller with 2. With 0 or less it
// is Wrap; more than there are leaves none, and a further Wrap remembers its own. A nil err gives nil.
func WrapSkip(err error, doing string, skip int) error {
	if err == nil {
		return nil
	}
	return wrap(err, doing, max(skip, 0))
}

// Wrapf is [Wrap] with a formatted text. A nil err gives nil.
func Wrapf(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return wrap(err, fmt.Sprintf(format, args...), 0)
}

// New returns an error that reads text and remembers where it was made. For a sentinel in a
// package's variables use errors.New: where that was made tells nothing.
func New(text string) error {
	m := &made{text: text, pcs: callers()}
	remember(m)
	return m
}

// wrap must be called by an exported function directly: it counts on the depth.
func wrap(err error, doing string, skip int) error {
	w := &wrapped{doing: doing, err: err}
	if remembered(err) == nil {
		var pcs [maxDepth]uintptr
		n := runtime.Callers(3+skip, pcs[:])
		w.pcs = append([]uintptr(nil), pcs[:n]...)
		remember(w)
	}
	return w
}

// callers captures the stack above the exported function that calls it.
func callers() []uintptr {
	var pcs [maxDepth]uintptr
	n := runtime.Callers(3, pcs[:])
	return append([]uintptr(nil), pcs[:n]...)
}

// StackOf returns the stack that was remembered deepest in err's tree, which is the one made first;
// of several joined errors the first that has one counts. It returns nil if there is none. An
// Unwrap method that panics, or a cycle, ends the search there.
func StackOf(err error) Stack {
	return Frames(remembered(err))
}

func remembered(err error) []uintptr {
	nodes := maxNodes
	return search(err, &nodes)
}

func search(err error, nodes *int) (found []uintptr) {
	for err != nil && *nodes > 0 {
		*nodes--
		if h, ok := err.(interface{ callers() []uintptr }); ok {
			if pcs := h.callers(); pcs != nil {
				found = pcs
			}
		}
		branches, next := unwrap(err)
		for _, b := range branches {
			if pcs := search(b, nodes); pcs != nil {
				return pcs
			}
		}
		err = next
	}
	return found
}

// unwrap calls the error's own method, of whichever form.
func unwrap(err error) (branches []error, next error) {
	switch e := err.(type) {
	case *wrapped: // The common case, without the guard.
		return nil, e.err
	case interface{ Unwrap() error }:
		defer func() {
			if recover() != nil {
				branches, next = nil, nil
			}
		}()
		return nil, e.Unwrap()
	case interface{ Unwrap() []error }:
		defer func() {
			if recover() != nil {
				branches, next = nil, nil
			}
		}()
		return e.Unwrap(), nil
	}
	return nil, nil
}
