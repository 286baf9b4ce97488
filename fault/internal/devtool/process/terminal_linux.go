package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// interruptible returns the file in a form of which a read can be ended by a deadline. What it is given is
// used no longer, unless it fails.
func interruptible(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return f, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return f, err
	}
	_ = f.Close() // It lives on as fd.
	return os.NewFile(uintptr(fd), f.Name()), nil
}
