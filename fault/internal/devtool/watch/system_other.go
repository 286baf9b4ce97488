//go:build !linux

package watch

import (
	"errors"
	"syscall"
)

// remote names the kind of network file system that the directory lies on. It is not known here.
func remote(string) string { return "" }

// exhausted reports whether an error means that a limit of the system is reached. Each file that is watched
// is an open one on BSD and macOS.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.ENFILE)
}

// explain says what an error of the system's notifications means, and what to do.
func explain(err error) string {
	if errors.Is(err, syscall.EMFILE) {
		return "the limit of open files is reached; ulimit -n NUMBER raises it"
	}
	return err.Error()
}
