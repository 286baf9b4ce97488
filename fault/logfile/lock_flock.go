//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package logfile

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// tryLock takes flock(2)'s exclusive lock on f. It returns errLocked if another
// open file has it, and errors.ErrUnsupported if the file system has no locks.
func tryLock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		default:
			return errors.ErrUnsupported
		}
	}
}

func unlockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
}

// lockDir locks a directory and returns what unlocks it. Where a directory
// cannot be opened or locked it does without.
func lockDir(dir string, deadline time.Time) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}, nil
	}
	if err := lockUntil(f, deadline); errors.Is(err, errLocked) {
		f.Close() // only read
		return nil, err
	}
	return func() {
		unlockFile(f) // closing unlocks, too
		f.Close()     // only read
	}, nil
}
