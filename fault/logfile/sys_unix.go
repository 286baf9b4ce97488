//go:build unix

package logfile

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// openRegular opens an existing file for appending, and for reading its last
// byte.
func openRegular(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
}

// openNew creates the file; with excl it must not exist.
func openNew(path string, excl bool) (*os.File, error) {
	flag := os.O_RDWR | os.O_APPEND | os.O_CREATE
	if excl {
		flag |= os.O_EXCL
	}
	return os.OpenFile(path, flag, fileMode)
}

// openSpecial opens a device or a named pipe. Without O_NONBLOCK a pipe that
// nobody reads would hold up the caller.
func openSpecial(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// isDeviceName reports whether the name is one like /dev/stdout, a link that may
// lead to a regular file, but not to one of ours.
func isDeviceName(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&os.ModeSymlink != 0 && strings.HasPrefix(path, "/dev/")
}

// toEnd does nothing: O_APPEND does it.
func toEnd(*os.File) error { return nil }

// replace renames a file, replacing what has that name.
func replace(from, to string) error { return os.Rename(from, to) }

// takeOwner gives f the owner that info shows, as far as that is permitted.
func takeOwner(f *os.File, info os.FileInfo) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		f.Chown(int(s.Uid), int(s.Gid)) // best effort
	}
}

// systemRemedy says what to do about an error of the operating system.
func systemRemedy(err error) string {
	var code syscall.Errno
	errors.As(err, &code)
	switch code {
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return remedyFull
	case syscall.EROFS:
		return remedyReadOnly
	case syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG:
		return remedyPath
	case syscall.EMFILE, syscall.ENFILE:
		return remedyHandles
	}
	return ""
}
