package terminal

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)

// beginJobControl and endJobControl have nothing to do: see unstopped.
func beginJobControl() {}

func endJobControl() {}

// unstopped calls f so that using the terminal from the background does not stop this process: reading fails instead. The
// signals are blocked for this thread only, so that no process started meanwhile inherits that.
func unstopped(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var set, before unix.Sigset_t
	for _, signal := range []unix.Signal{unix.SIGTTIN, unix.SIGTTOU} {
		bits := 8 * uint(unsafe.Sizeof(set.Val[0]))
		set.Val[(uint(signal)-1)/bits] |= 1 << ((uint(signal) - 1) % bits)
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, &before); err == nil {
		defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }() // it was in force before
	}
	f()
}
