package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockByte is locked in place of the whole file, because locks are mandatory here and would keep out
// readers. It lies beyond the end of any file.
var lockByte = windows.Overlapped{Offset: 0xffff_fffe, OffsetHigh: 0x7fff_ffff}

// Try takes the exclusive lock on f without waiting; LockFileEx. It returns ErrLocked if another open
// file has it, in this process or another, and errors.ErrUnsupported if the file system has no locks.
func Try(f *os.File) error {
	at := lockByte
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return ErrLocked
	}
	return errors.ErrUnsupported
}

// Unlock gives the lock up before f is closed, which does it, too.
func Unlock(f *os.File) error {
	at := lockByte
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &at)
}
