//go:build !windows

package outbox

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	d.Close()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // a file system that has no such thing
	}
	return err
}

// replace gives a file a name, instead of the file that had it.
func replace(from, to string) error { return os.Rename(from, to) }

// Errors of connecting.
var (
	errRefused     = []error{syscall.ECONNREFUSED}
	errUnreachable = []error{syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL}
)
