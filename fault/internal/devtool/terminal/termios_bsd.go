//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package terminal

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
)

// beginJobControl has using the terminal from the background not stop this process: reading fails instead.
func beginJobControl() { signal.Ignore(unix.SIGTTIN, unix.SIGTTOU) }

func endJobControl() { signal.Reset(unix.SIGTTIN, unix.SIGTTOU) }

// unstopped calls f where beginJobControl is in force.
func unstopped(f func()) { f() }
