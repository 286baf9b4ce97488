package cli

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// mayWrite returns why this user may not write to a file, or not make files in a directory. Rights have
// too many sources here to be asked for, so it tries: a file that is made is gone again at once.
func mayWrite(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	var f *os.File
	if !info.IsDir() {
		f, err = os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return f.Close()
	}
	f, err = os.CreateTemp(path, ".microblog-doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// ownerOf is not asked here, where nobody may do everything.
func ownerOf(os.FileInfo) (uid uint32, ok bool) { return 0, false }

// lockByte is what the log file locks in place of the whole file; see fault/logfile.
var lockByte = windows.Overlapped{Offset: 0xffff_fffe, OffsetHigh: 0x7fff_ffff}

// lockFree tells whether nobody else holds the lock of the log file at path, which is had for a
// moment.
func lockFree(path string) (bool, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return false, err
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return false, err
	}
	defer func() { _ = windows.CloseHandle(h) }() // which unlocks it
	at := lockByte
	err = windows.LockFileEx(h, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// volumeOf asks the system about the volume of a directory. Files are not limited by number here.
func volumeOf(dir string) (volume, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return volume{}, err
	}
	var v volume
	err = windows.GetDiskFreeSpaceEx(name, &v.free, &v.size, nil)
	return v, err
}
