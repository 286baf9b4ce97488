package logfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/logfile"
)

// stuckLog opens a log of 100 bytes whose only backup's name is taken by a directory, and returns what
// removes that.
func stuckLog(t *testing.T, w *terminal) (f *logfile.File, path string, free func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "app.log")
	obstacle := filepath.Join(path+".1", "x")
	if err := os.MkdirAll(obstacle, 0o750); err != nil {
		t.Fatal(err)
	}
	f = openWith(t, logfile.Options{Path: path, MaxBytes: 100, Backups: 1, Stderr: w})
	return f, path, func() {
		t.Helper()
		if err := os.RemoveAll(path + ".1"); err != nil {
			t.Fatal(err)
		}
	}
}

func numbered(i int) string { return fmt.Sprintf("%024d", i) } // with the line break a quarter of the file

// Rotating is tried again once a second; no record is missing, and stderr is told twice.
func TestRotationRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &terminal{}
		f, path, free := stuckLog(t, w)
		for i := range 7 {
			warn(t, f, "%s", numbered(i))
		}
		if said := w.said(); len(said) != 1 || !strings.Contains(said[0], "cannot be rotated: ") || !strings.Contains(said[0], "up to 10 times") {
			t.Fatalf("stderr was told %q", said)
		}
		free()
		time.Sleep(999 * time.Millisecond)
		warn(t, f, "%s", numbered(7))
		if got := lines(read(t, path)); len(got) != 8 {
			t.Errorf("within a second there are %d records in the file, want all 8", len(got))
		}
		time.Sleep(time.Millisecond)
		warn(t, f, "%s", numbered(8))
		if got := read(t, path); got != numbered(8)+"\n" {
			t.Errorf("after a second the file holds %q", got)
		}
		for i, line := range lines(whole(t, path)) {
			if line != numbered(i) {
				t.Errorf("line %d is %q", i, line)
			}
		}
		if said := w.said(); len(said) != 2 || !strings.Contains(said[1], "is rotated again.") {
			t.Errorf("stderr was told %q", said)
		}
		if n := f.NotWritten(); n != 0 {
			t.Errorf("%d records were lost", n)
		}
	})
}

// At ten times the limit records are dropped and counted, until the file can be rotated.
func TestRotationImpossibleForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &terminal{}
		f, path, free := stuckLog(t, w)
		written := 0
		for i := range 60 {
			if _, err := f.Write([]byte(numbered(i))); err == nil {
				written++
			}
		}
		if n := len(read(t, path)); written != 40 || n != 1000 || f.NotWritten() != 20 {
			t.Errorf("%d records were written, %d not; the file has %d bytes", written, f.NotWritten(), n)
		}
		time.Sleep(10500 * time.Millisecond) // some tries
		synctest.Wait()
		if n := len(read(t, path)); n != 1000 {
			t.Errorf("the file has %d bytes", n)
		}
		free()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := lines(read(t, path)); len(got) != 1 || !strings.Contains(got[0], "records=20 ") || len(lines(read(t, path+".1"))) != 40 {
			t.Errorf("the log holds %q", got)
		}
		said := strings.Join(w.said(), "")
		for _, want := range []string{"cannot be rotated: ", "cannot be written: it has grown to 10 times", "is rotated again.", "is written again; 20 records"} {
			if strings.Count(said, want) != 1 {
				t.Errorf("stderr was told %q, want once %q", said, want)
			}
		}
		if len(w.said()) != 4 {
			t.Errorf("stderr was told %q", said)
		}
	})
}

// What somebody who was killed has left of a record is closed by a line break, in a file beyond its limit, too.
func TestTornBeyondTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &terminal{}
		f, path, _ := stuckLog(t, w)
		write(t, path, strings.Repeat("x", 150))
		warn(t, f, "whole")
		if got := lines(read(t, path)); len(got) != 2 || got[1] != "whole" {
			t.Errorf("the log holds %q", got)
		}
	})
}
