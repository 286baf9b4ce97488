//go:build faultdev

package fault

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"unsafe"

	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/freeze"
)

// scope begins what copies of the process are made in, on the calling goroutine; nil if nobody wants any. Its panics are
// watched if there is somebody to watch them.
//
// The request goes on while a debugger looks at its copy, and is answered by its own goroutine as ever:
// nothing of it has to wait, so nothing has to be held back either.
func (d development) scope(w *watch) *freeze.Scope {
	supervisor := d.link.Supervisor()
	if supervisor == 0 {
		return nil
	}
	o := freeze.Options{
		Parent: supervisor,
		Wanted: mayFail,
		Drop:   func(copy freeze.Copy) { d.link.Dropped(copy.PID) },
	}
	if w != nil {
		o.Panicked, o.Recovered = w.panicked, w.recovered
	}
	return freeze.Begin(o)
}

// mayFail tells whether a request that ends with this error, or this panic, may have failed. It is asked while the
// application holds whatever locks it does, so it calls nothing of the application's: neither its errors' methods nor
// Options.Translate. A copy that turns out not to be of a failure is dropped later.
func mayFail(cause any, _ string) bool {
	err, ok := cause.(error)
	if !ok {
		return true
	}
	harmless, known := plainly(err, 0)
	return !known || !harmless
}

// maxPlain bounds how deep an error is looked into.
const maxPlain = 32

// plainly looks through errors of the standard library and of the kit only. known says that it has come upon something that
// tells of the whole error whether it is harmless.
func plainly(err error, depth int) (harmless, known bool) {
	if err == nil || depth > maxPlain {
		return false, false
	}
	if e, ok := err.(*Error); ok {
		return e.status() < 500 || e != nil && e.Expected, true
	}
	if !ofStandard(err) {
		return false, false
	}
	if err == http.ErrAbortHandler || err == context.Canceled {
		return true, true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return plainly(e.Unwrap(), depth+1)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if harmless, known := plainly(one, depth+1); known {
				return harmless, true
			}
		}
	}
	return false, false
}

// ofStandard tells whether an error's type is of the standard library or of the kit.
func ofStandard(err error) bool {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch path := t.PkgPath(); path {
	case "context", "errors", "fmt", "io/fs", "net", "net/http", "net/url", "os":
		return true
	default:
		kit := reflect.TypeFor[Error]().PkgPath()
		return path == kit || path == kit+"/trace"
	}
}

// panicked makes a copy for the panic, or the Goexit, because of which a deferred function runs, unless it was
// made when the panic began.
func (d development) panicked(r asked, value any) {
	if r.scope == nil || r.lost() {
		return
	}
	of := StackPanic
	if value == nil {
		of = StackExit
	} else if r.scope.Has(func(kept []freeze.Frozen) int { return panicOf(kept, value) }) {
		return
	}
	r.scope.Freeze(value, of)
}

// freeze makes a copy where an error is handled, unless there is one of where it came from. Of the calls that
// led to the error those are left that the handler of the error is called by: with Answer and Report these
// are the application's, else they are the Catcher's only.
func (d development) freeze(r asked, ev event) {
	switch {
	case r.scope == nil:
	case ev.kind != KindError && ev.kind != KindNoAnswer:
	case !r.scope.Has(ev.choose):
		r.scope.Freeze(ev.err, StackHandled)
	}
}

// frozen takes the copy for an event; nil if none was wanted.
func (r asked) frozen(ev event) *devlink.Frozen {
	if r.scope == nil {
		return nil
	}
	f, why := r.scope.Take(ev.choose)
	told := &devlink.Frozen{PID: f.PID, Stack: f.Stack}
	if f.PID == 0 {
		told.Why = "no copy of the application was made where this went wrong"
		if why != nil {
			told.Why = why.Error()
		}
	}
	return told
}

// choose returns the index of the copy that tells most of the event, -1 if there is none: of the panic that
// it is, or that somebody has turned into the error; else of the first wrap.
func (ev event) choose(kept []freeze.Frozen) int {
	switch ev.kind {
	case KindPanic:
		if p, ok := ev.err.(*panicked); ok {
			return panicOf(kept, p.value)
		}
		return -1
	case KindGoexit:
		for i, k := range kept {
			if k.Stack == StackExit {
				return i
			}
		}
		return -1
	}
	message := text(ev.err)
	for i := len(kept) - 1; i >= 0; i-- {
		if kept[i].Stack == StackPanic && became(kept[i].Cause, ev.err, message) {
			return firstOf(kept, i)
		}
	}
	chosen := -1
	walk(ev.err, func(err error) bool {
		for i, k := range kept {
			if k.Stack != StackPanic && identical(k.Cause, err) {
				chosen = i
				return true
			}
		}
		return false
	})
	return chosen
}

// panicOf returns the index of the copy for the panic with the value; of a panic that was caught and raised
// again, for the first time it was.
func panicOf(kept []freeze.Frozen, value any) int {
	for i, k := range kept {
		if k.Stack == StackPanic && identical(k.Cause, value) {
			return i
		}
	}
	return -1
}

// firstOf returns the index of the panic with which a panic began: text/template recovers that of a function
// and panics with what it makes of it.
func firstOf(kept []freeze.Frozen, last int) int {
	for i := last - 1; i >= 0; i-- {
		err := asError(kept[last].Cause)
		if kept[i].Stack == StackPanic && became(kept[i].Cause, err, text(err)) {
			last = i
		}
	}
	return last
}

// minTold is the shortest text of a panic that is looked for in an error's.
const minTold = 4

// became tells whether the error is what somebody has made of a panic that it has recovered: it wraps the
// panic's value, or has its text.
func became(value any, err error, message string) bool {
	wraps := walk(err, func(e error) bool {
		if p, ok := e.(*panicked); ok && identical(p.value, value) {
			return true
		}
		return identical(e, value) || same(e, value)
	})
	if wraps {
		return true
	}
	told := strings.TrimPrefix(text(asError(value)), "panic: ")
	return len(told) >= minTold && strings.Contains(message, told)
}

// identical tells whether both are the same interface value: not equal only, but the very one.
func identical(a, b any) bool {
	type words [2]unsafe.Pointer
	return *(*words)(unsafe.Pointer(&a)) == *(*words)(unsafe.Pointer(&b))
}
