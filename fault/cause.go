package fault

import (
	"fmt"
	"reflect"

	"example.org/microblog/fault/redact"
)

// Cause is one error and what it wraps or joins.
type Cause struct {
	Type    string  `json:"type"`    // Go's name of its type: "*fs.PathError"
	Message string  `json:"message"` // what its Error method returns, the causes' texts included
	Causes  []Cause `json:"causes,omitempty"`
	// Cut is how many further causes were left out, where the tree is too deep or too wide or comes
	// back to itself.
	Cut int `json:"cut,omitempty"`
}

// How much of a tree of errors is kept.
const (
	maxDepth    = 24
	maxBranches = 24
	maxCauses   = 96
)

// causes returns the tree of an error.
func (c *Catcher) causes(red *redact.Redactor, err error) Cause {
	t := causeTree{c: c, red: red, left: maxCauses}
	return t.node(err, nil)
}

type causeTree struct {
	c    *Catcher
	red  *redact.Redactor
	left int // how many errors may still be added
}

func (t *causeTree) node(err error, above []error) Cause {
	t.left--
	cause := Cause{Type: t.c.clean(t.red, typeName(err), maxText), Message: t.c.clean(t.red, text(err), maxText)}
	branches, next := unwrap(err)
	if next != nil {
		branches = []error{next}
	}
	above = append(above[:len(above):len(above)], err)
	for i, b := range branches {
		switch {
		case b == nil:
		case i >= maxBranches, len(above) >= maxDepth, t.left <= 0, contains(above, b):
			cause.Cut++
		default:
			cause.Causes = append(cause.Causes, t.node(b, above))
		}
	}
	return cause
}

func contains(errs []error, err error) bool {
	for _, e := range errs {
		// An error without fields is often equal to others of its type and no cycle for that.
		if same(e, err) && reflect.TypeOf(err).Size() > 0 {
			return true
		}
	}
	return false
}

func typeName(err error) string {
	if p, ok := err.(*panicked); ok {
		return fmt.Sprintf("panic of %T", p.value)
	}
	if _, ok := err.(*hang); ok {
		return causeHang
	}
	return fmt.Sprintf("%T", err)
}

// causeHang is the type of the Cause that tells that the handler hangs in a function that was deferred: since the panic which
// the failure is, and which the other causes are of. Only builds with the tag faultdev find that out.
const causeHang = "hang"

// hang is the error that becomes such a cause.
type hang struct{ text string }

func (h *hang) Error() string { return h.text }

// hang is what the causes tell of a handler that hangs, "" if nothing.
func (c Cause) hang() string {
	for _, inner := range c.Causes {
		if inner.Type == causeHang {
			return inner.Message
		}
	}
	return ""
}

// joined returns the messages of the errors that are joined anywhere in the tree: those without
// causes of their own, if there are several.
func (c Cause) joined() []string {
	leaves := c.leaves(nil)
	if len(leaves) < 2 {
		return nil
	}
	return leaves
}

func (c Cause) leaves(found []string) []string {
	if len(c.Causes) == 0 {
		return append(found, c.Message)
	}
	for _, inner := range c.Causes {
		if inner.Type != causeHang {
			found = inner.leaves(found)
		}
	}
	return found
}
