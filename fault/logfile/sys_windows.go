package logfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// open opens a file so that it can be renamed and removed meanwhile, which
// os.OpenFile does not.
func open(path string, access, disposition uint32) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err == nil {
		var h windows.Handle
		h, err = windows.CreateFile(name, access,
			windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
			nil, disposition, windows.FILE_ATTRIBUTE_NORMAL, 0)
		if err == nil {
			return os.NewFile(uintptr(h), path), nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: err}
}

// openRegular opens an existing file for appending, and for reading its last
// byte.
func openRegular(path string) (*os.File, error) {
	return open(path, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.OPEN_EXISTING)
}

// openNew creates the file; with excl it must not exist.
func openNew(path string, excl bool) (*os.File, error) {
	disposition := uint32(windows.OPEN_ALWAYS)
	if excl {
		disposition = windows.CREATE_NEW
	}
	return open(path, windows.GENERIC_READ|windows.GENERIC_WRITE, disposition)
}

// openSpecial opens a device or a named pipe.
func openSpecial(path string) (*os.File, error) {
	return open(path, windows.GENERIC_WRITE, windows.OPEN_EXISTING)
}

func isDeviceName(string) bool { return false }

// toEnd moves to the end of the file. The lock keeps it there: appending
// handles cannot be truncated here.
func toEnd(f *os.File) error {
	_, err := f.Seek(0, io.SeekEnd)
	return err
}

// replace renames a file, replacing what has that name. MoveFileEx does not
// replace a file that is open, but an open file can be removed first.
func replace(from, to string) error {
	err := os.Rename(from, to)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if os.Remove(to) != nil {
		return err
	}
	return os.Rename(from, to)
}

// takeOwner does nothing: new files inherit from their directory.
func takeOwner(*os.File, os.FileInfo) {}

// systemRemedy says what to do about an error of the operating system.
func systemRemedy(err error) string {
	var code windows.Errno
	errors.As(err, &code)
	switch code {
	case windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL:
		return remedyFull
	case windows.ERROR_WRITE_PROTECT:
		return remedyReadOnly
	case windows.ERROR_DIRECTORY, windows.ERROR_INVALID_NAME, windows.ERROR_PATH_NOT_FOUND:
		return remedyPath
	case windows.ERROR_TOO_MANY_OPEN_FILES:
		return remedyHandles
	}
	return ""
}

// lockDir does nothing: directories cannot be locked here, and a log file that
// is in use is not moved from outside.
func lockDir(string, time.Time) (unlock func(), err error) { return func() {}, nil }
