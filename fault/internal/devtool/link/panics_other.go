//go:build !linux

package link

import "time"

// PanicCopies are none: there are no copies of an application on this system.
type PanicCopies struct{}

// Take returns 0.
func (*PanicCopies) Take(socket string, goroutine int64) (pid int) { return 0 }

// End does nothing.
func (*PanicCopies) End(pid int) {}

// Sweep does nothing.
func (*PanicCopies) Sweep(age time.Duration) {}
