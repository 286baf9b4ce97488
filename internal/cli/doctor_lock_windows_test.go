package cli

import (
	"os"
	"testing"

	"golang.org/x/sys/windows"
)

// holdLock takes the lock of a log file, as a process that was stopped in the middle of a record.
func holdLock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	at := lockByte
	if err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at); err != nil {
		_ = f.Close()
		t.Fatal(err)
	}
	return func() { _ = f.Close() }
}
