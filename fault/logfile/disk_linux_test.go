package logfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/logfile"
)

// mount mounts a file system of 64 KiB in memory, or skips the test.
func mount(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("SKIPPED: a small disk can be mounted by root only:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// On a disk that is full and later is not, every record is in the log or in
// the count, and none in part.
func TestFullDisk(t *testing.T) {
	dir := mount(t)
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "app.log")
		w := &terminal{}
		f := openWith(t, logfile.Options{Path: path, MaxBytes: 10240, Backups: 2, Stderr: w})
		warn(t, f, "before")
		filler := filepath.Join(dir, "filler")
		if err := os.WriteFile(filler, make([]byte, 100<<10), 0o600); err == nil {
			t.Fatal("the disk is not full")
		}
		j, written := job{ID: "p"}, 0
		for i := range 200 {
			if f.WriteRecord(4, []byte(j.line(i))) == nil {
				written++
			}
		}
		if written == 0 || written == 200 {
			t.Fatalf("%d records were written", written)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		warn(t, f, "after")
		got := lines(whole(t, path))
		if len(got) != written+3 || got[0] != "before" || got[len(got)-1] != "after" {
			t.Fatalf("%d lines for %d records", len(got), written)
		}
		for i, line := range got[1 : 1+written] {
			if line != j.line(i) {
				t.Errorf("line %d is %q", i, line)
			}
		}
		note := got[len(got)-2]
		if lost := fmt.Sprint(200 - written); !strings.Contains(note, " records="+lost+" ") || !strings.Contains(note, "no space left on device") ||
			len(w.said()) != 2 || !strings.Contains(w.said()[1], "; "+lost+" records were not written") {
			t.Errorf("%s records were lost; the note is %q; stderr was told %q", lost, note, w.said())
		}
		if said := w.said()[0]; !strings.Contains(said, "no space left on device. Free space on that disk") {
			t.Errorf("stderr was told %q", said)
		}
	})
}

// On a full disk rotation does not go on and on until only empty files are
// left.
func TestFullDiskKeepsTheBackups(t *testing.T) {
	dir := mount(t)
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "app.log")
		f := openWith(t, logfile.Options{Path: path, MaxBytes: 4096, Backups: 3, Stderr: &terminal{}})
		for range 16 {
			warn(t, f, "%s", strings.Repeat("x", 1023))
		}
		os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 100<<10), 0o600)
		for range 20 {
			f.Write([]byte(strings.Repeat("y", 1023)))
			time.Sleep(time.Second)
			synctest.Wait()
		}
		for n := 1; n <= 3; n++ {
			if size := len(read(t, fmt.Sprintf("%s.%d", path, n))); size != 4096 {
				t.Errorf("backup %d has %d bytes", n, size)
			}
		}
	})
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := mount(t)
	synctest.Test(t, func(t *testing.T) {
		remount := func(flags uintptr) {
			t.Helper()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, "size=64k"); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "app.log")
		w := &terminal{}
		f := openWith(t, logfile.Options{Path: path, Stderr: w})
		warn(t, f, "before")
		f.Close()
		remount(syscall.MS_RDONLY)
		f = openWith(t, logfile.Options{Path: path, Stderr: w})
		for range 7 {
			f.Write([]byte("lost"))
		}
		remount(0)
		time.Sleep(time.Second)
		synctest.Wait()
		warn(t, f, "after")
		got := lines(read(t, path))
		if len(got) != 3 || !strings.Contains(got[1], "records=7 ") || f.NotWritten() != 7 {
			t.Errorf("the log holds %q", got)
		}
		if said := w.said(); len(said) != 2 || !strings.Contains(said[0], "Make that file system writable.") || !strings.Contains(said[1], "7 records") {
			t.Errorf("stderr was told %q", said)
		}
	})
}

// /dev/full is always full.
func TestDevFull(t *testing.T) {
	t.Parallel()
	w := &terminal{}
	f := openWith(t, logfile.Options{Path: "/dev/full", MaxBytes: 10, Backups: 1, Stderr: w})
	for range 3 {
		if _, err := f.Write([]byte("lost and too long for the limit")); err == nil {
			t.Error("no error")
		}
	}
	f.Close()
	if n, said := f.NotWritten(), w.said(); n != 3 || len(said) != 2 || !strings.Contains(said[1], "3 records") {
		t.Errorf("%d lost; stderr was told %q", n, said)
	}
}
