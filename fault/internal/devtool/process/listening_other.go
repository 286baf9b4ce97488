//go:build !linux

package process

// canTellListening says that Listening knows nothing.
const canTellListening = false

// Listening returns the TCP addresses on which the process listens or what it has started; nil where that
// cannot be known, as on this system.
func (p *Process) Listening() []string { return nil }
