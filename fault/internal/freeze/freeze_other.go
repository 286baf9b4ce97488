//go:build !linux || !(amd64 || arm64)

package freeze

// Here returns [ErrUnsupported].
func Here(parent int) (Copy, error) { return Copy{}, ErrUnsupported }

// AtEnd does nothing.
func AtEnd(parent int, before func()) {}

// A Scope is what copies are made in: here, none.
type Scope struct{}

// Begin returns a scope in which nothing happens.
func Begin(Options) *Scope { return &Scope{} }

// Current returns nil.
func Current() *Scope { return nil }

// Error does nothing.
func Error(error) {}

// End does nothing.
func (s *Scope) End() {}

// Freeze does nothing.
func (s *Scope) Freeze(cause any, stack string) {}

// Has tells that there is no copy.
func (s *Scope) Has(choose func([]Frozen) int) bool { return false }

// Take returns [ErrUnsupported] as the reason why there is no copy.
func (s *Scope) Take(choose func([]Frozen) int) (f Frozen, why error) {
	return Frozen{}, ErrUnsupported
}
