package fault

import (
	"errors"
	"fmt"
	"reflect"
)

// maxNodes bounds how many errors of a tree are looked at: it may contain a cycle.
const maxNodes = 128

// walk visits the errors of a tree, the outer before the inner and branches in their order, until
// visit says that it has found what it looks for. Unlike errors.Is and errors.As it ends in any
// case, and survives an Unwrap method that panics.
func walk(err error, visit func(error) (found bool)) bool {
	left := maxNodes
	return walkSome(err, visit, &left)
}

func walkSome(err error, visit func(error) bool, left *int) bool {
	for err != nil && *left > 0 {
		*left--
		if visit(err) {
			return true
		}
		branches, next := unwrap(err)
		for _, b := range branches {
			if walkSome(b, visit, left) {
				return true
			}
		}
		err = next
	}
	return false
}

// unwrap calls the error's own Unwrap, of whichever form.
func unwrap(err error) (branches []error, next error) {
	defer func() {
		if recover() != nil {
			branches, next = nil, nil
		}
	}()
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return nil, e.Unwrap()
	case interface{ Unwrap() []error }:
		return e.Unwrap(), nil
	}
	return nil, nil
}

// is tells whether target is in err's tree, like errors.Is.
func is(err, target error) bool {
	return walk(err, func(e error) bool { return same(e, target) || saysIs(e, target) })
}

func saysIs(err, target error) (yes bool) {
	e, ok := err.(interface{ Is(error) bool })
	if !ok {
		return false
	}
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()
	return e.Is(target)
}

// same compares values that need not be comparable.
func same(a, b any) (yes bool) {
	if a == nil || b == nil || !reflect.TypeOf(a).Comparable() {
		return false
	}
	defer func() {
		if recover() != nil { // A comparable type with an incomparable value in it.
			yes = false
		}
	}()
	return a == b
}

// find returns the first error of type T in err's tree, like errors.As.
func find[T error](err error) (found T, ok bool) {
	ok = walk(err, func(e error) bool {
		if t, isT := e.(T); isT {
			found = t
			return true
		}
		return saysAs(e, &found)
	})
	return found, ok
}

func saysAs(err error, target any) (yes bool) {
	e, ok := err.(interface{ As(any) bool })
	if !ok {
		return false
	}
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()
	return e.As(target)
}

// text calls the error's own Error.
func text(err error) (s string) {
	defer func() {
		if v := recover(); v != nil {
			s = fmt.Sprintf("(%T: its Error method panicked)", err)
		}
	}()
	return err.Error()
}

// panicked is the value of a panic as an error.
type panicked struct{ value any }

func (p *panicked) Error() string {
	if err, ok := p.value.(error); ok {
		return "panic: " + text(err)
	}
	return "panic: " + describe(p.value)
}

// Unwrap returns the value if it is an error.
func (p *panicked) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// asError returns what a panic's value is recorded as; Goexit has none.
func asError(value any) error {
	if value == nil {
		return errGoexit
	}
	return &panicked{value}
}

var errInvalidStatus = errors.New("the status of a fault.Error must be 0 or 300 to 599")
