package logfile_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/logfile"
)

// trouble is a way to make a log file unwritable and writable again.
type trouble struct {
	name string
	set  func(t *testing.T, path string)
	end  func(t *testing.T, path string)
	says string // on stderr
}

func troubles() []trouble {
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return []trouble{
		{
			name: "the path is a directory",
			set: func(t *testing.T, path string) {
				must(t, os.RemoveAll(path))
				must(t, os.Mkdir(path, 0o750))
			},
			end:  func(t *testing.T, path string) { must(t, os.Remove(path)) },
			says: "it is a directory. Remove that directory, or choose another file name.",
		},
		{
			name: "the directory is a file",
			set: func(t *testing.T, path string) {
				must(t, os.RemoveAll(filepath.Dir(path)))
				must(t, os.WriteFile(filepath.Dir(path), nil, 0o600))
			},
			end:  func(t *testing.T, path string) { must(t, os.Remove(filepath.Dir(path))) },
			says: "not a directory. Check that each part of its path is a directory that can be created.",
		},
		{
			name: "a link in a circle",
			set: func(t *testing.T, path string) {
				must(t, os.RemoveAll(path))
				must(t, os.Symlink(path, path))
			},
			end:  func(t *testing.T, path string) { must(t, os.Remove(path)) },
			says: "too many levels of symbolic links. Check that each part of its path is a directory that can be created.",
		},
	}
}

// Whatever the trouble: callers are not held up, stderr is told once, and once
// more with the exact number when writing works again, and so is the log.
func TestOutage(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: moves open files")
	}
	for _, tr := range troubles() {
		for _, n := range []int{0, 1, 5} { // records lost
			for _, first := range []bool{true, false} { // in trouble from the start
				if n == 0 && !first {
					continue // nobody would notice
				}
				t.Run(fmt.Sprintf("%s, %d lost, from the start %t", tr.name, n, first), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { testOutage(t, tr, n, first) })
				})
			}
		}
	}
}

func testOutage(t *testing.T, tr trouble, n int, first bool) {
	path := filepath.Join(t.TempDir(), "logs", "app.log")
	w := &terminal{}
	if first {
		if err := os.Mkdir(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		tr.set(t, path)
	}
	f := openWith(t, logfile.Options{Path: path, MaxBytes: 500, Backups: 2, Stderr: w})
	if !first {
		warn(t, f, "before")
		tr.set(t, path)
	}
	start := time.Now()
	for i := range n {
		if err := f.WriteRecord(slog.LevelError, fmt.Appendf(nil, "lost %d", i)); err == nil {
			t.Errorf("record %d: no error", i)
		}
	}
	if d := time.Since(start); d != 0 {
		t.Errorf("the callers were held up for %v", d)
	}
	time.Sleep(5500 * time.Millisecond) // some tries
	synctest.Wait()
	if said := w.said(); len(said) != 1 || !strings.Contains(said[0], path) || !strings.Contains(said[0], tr.says) {
		t.Fatalf("stderr was told %q, want %q once", said, tr.says)
	}
	tr.end(t, path)
	time.Sleep(time.Second)
	synctest.Wait()

	said := w.said()
	want := map[int]string{0: "no record was lost", 1: "1 record was not written since ", 5: "5 records were not written since "}[n]
	if len(said) != 2 || !strings.Contains(said[1], "is written again; "+want) {
		t.Fatalf("stderr was told %q, want in the second line %q", said, want)
	}
	if f.NotWritten() != int64(n) {
		t.Errorf("NotWritten() = %d, want %d", f.NotWritten(), n)
	}
	warn(t, f, "after")
	got := lines(read(t, path))
	if n > 0 {
		note := regexp.MustCompile(fmt.Sprintf(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING: Log records were not written records=%d since=\S+ reason=".+"$`, n))
		if len(got) != 2 || !note.MatchString(got[0]) {
			t.Fatalf("the log holds %q", got)
		}
		got = got[1:]
	}
	if len(got) != 1 || got[0] != "after" {
		t.Errorf("the log holds %q", got)
	}
	if len(w.said()) != 2 {
		t.Errorf("stderr was told %q", w.said())
	}
}

func TestReopenEndsAnOutageAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.Mkdir(path, 0o750); err != nil {
		t.Fatal(err)
	}
	w := &terminal{}
	f := openWith(t, logfile.Options{Path: path, Stderr: w})
	if _, err := f.Write([]byte("lost")); err == nil {
		t.Error("no error")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	f.Reopen()
	warn(t, f, "after")
	if got := lines(read(t, path)); len(got) != 2 || got[1] != "after" {
		t.Errorf("the log holds %q", got)
	}
	if len(w.said()) != 2 {
		t.Errorf("stderr was told %q", w.said())
	}
}

// The batch after an outage does not wait for the next try, a second later.
func TestBatchAfterAnOutageIsNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		if err := os.Mkdir(path, 0o750); err != nil {
			t.Fatal(err)
		}
		f := openWith(t, logfile.Options{Path: path, Stderr: &terminal{}})
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		f.Reopen()
		info("after\n")(f)
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if got := read(t, path); got != "after\n" {
			t.Errorf("after 50 ms the log holds %q", got)
		}
	})
}

func TestCloseTellsOfLostRecords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.Mkdir(path, 0o750); err != nil {
		t.Fatal(err)
	}
	w := &terminal{}
	f := openWith(t, logfile.Options{Path: path, Stderr: w})
	for range 3 {
		f.Write([]byte("lost"))
	}
	if err := f.Close(); err == nil {
		t.Error("Close: no error")
	}
	if said := w.said(); len(said) != 2 || !strings.Contains(said[1], "is closed; 3 records were not written since ") {
		t.Errorf("stderr was told %q", said)
	}
}

// A batch that was accepted while all was well counts, too.
func TestLostBatchIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "logs", "app.log")
		w := &terminal{}
		f := openWith(t, logfile.Options{Path: path, Stderr: w})
		for range 4 {
			info("x")(f)
		}
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			t.Skip("SKIPPED: an open file cannot be removed here:", err)
		}
		write(t, filepath.Join(dir, "logs"), "")
		time.Sleep(time.Second)
		synctest.Wait()
		if n := f.NotWritten(); n != 4 {
			t.Errorf("%d records not written, want 4", n)
		}
	})
}

// A disk that is full, has room for a record and is full again does not flood
// stderr, and still every lost record is told in the end.
func TestFlappingDiskDoesNotFloodStderr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		w := &terminal{}
		f := openWith(t, logfile.Options{Path: path, Stderr: w})
		tr := troubles()[0]
		const rounds = 20
		for range rounds {
			tr.set(t, path)
			f.Write([]byte("lost"))
			tr.end(t, path)
			time.Sleep(time.Second)
			synctest.Wait()
			warn(t, f, "written")
		}
		if said := w.said(); len(said) != 2 || !strings.Contains(said[1], "1 record was not written") {
			t.Errorf("stderr was told %q", said)
		}
		time.Sleep(time.Minute)
		warn(t, f, "written")
		if said := w.said(); len(said) != 3 || !strings.Contains(said[2], fmt.Sprint(rounds-1, " records were not written")) {
			t.Errorf("stderr was told %q", said)
		}
		// A lasting outage is told although it began in the quiet time.
		tr.set(t, path)
		f.Write([]byte("lost"))
		if said := w.said(); len(said) != 3 {
			t.Errorf("stderr was told %q", said)
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if said := w.said(); len(said) != 4 || !strings.Contains(said[3], "cannot be written") {
			t.Errorf("stderr was told %q", said)
		}
	})
}

func TestNoteTakesTheHandlersFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.Mkdir(path, 0o750); err != nil {
		t.Fatal(err)
	}
	f := openWith(t, logfile.Options{Path: path, Stderr: &terminal{}})
	log := slog.New(logfile.NewHandler(f, logfile.HandlerOptions{Format: logfile.FormatJSON})).With("app", "test")
	log.Error("lost")
	log.Error("lost")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	f.Reopen()
	var note struct {
		Level, Msg, Reason string
		Records            int
	}
	if err := json.Unmarshal([]byte(read(t, path)), &note); err != nil {
		t.Fatal(err)
	}
	if note.Level != "WARNING" || note.Records != 2 || note.Msg != "Log records were not written" || note.Reason == "" {
		t.Errorf("got %+v", note)
	}
}
