//go:build darwin || linux

package logfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/logfile"
)

// A process that is stopped while it holds the lock holds up the others once,
// for two seconds, and no more.
func TestLockedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		w := &terminal{}
		f := openWith(t, logfile.Options{Path: path, Stderr: w})
		warn(t, f, "before")
		other, err := os.Open(path) // another open file is like another process
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
			t.Skip("SKIPPED: no flock on this file system:", err)
		}
		start := time.Now()
		for range 3 {
			if _, err := f.Write([]byte("lost")); err == nil {
				t.Error("no error")
			}
		}
		if d := time.Since(start); d < 2*time.Second || d > 2*time.Second+10*time.Millisecond {
			t.Errorf("the callers were held up for %v, want 2s", d)
		}
		if said := w.said(); len(said) != 1 || !strings.Contains(said[0], "Another process holds its lock") {
			t.Errorf("stderr was told %q", said)
		}
		if err := syscall.Flock(int(other.Fd()), syscall.LOCK_UN); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		warn(t, f, "after")
		if got := lines(read(t, path)); len(got) != 3 || !strings.Contains(got[1], "records=3 ") || got[2] != "after" {
			t.Errorf("the log holds %q", got)
		}
	})
}

// A pipe is written to as it is; one that nobody reads or that is full holds up
// nobody for long.
func TestNamedPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("SKIPPED: no named pipes here:", err)
	}
	w := &terminal{}
	f := openWith(t, logfile.Options{Path: path, MaxBytes: 10, Backups: 3, Stderr: w})
	if _, err := f.Write([]byte("nobody reads")); err == nil {
		t.Error("no error")
	}
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f.Reopen()
	warn(t, f, "more than ten bytes")
	warn(t, f, "are no reason to rotate")
	buf := make([]byte, 1000)
	n, err := r.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	got := lines(string(buf[:n]))
	if len(got) != 3 || !strings.Contains(got[0], "records=1 ") || got[1] != "more than ten bytes" || got[2] != "are no reason to rotate" {
		t.Errorf("the pipe got %q", got)
	}
	if len(w.said()) != 2 {
		t.Errorf("stderr was told %q", w.said())
	}
}
