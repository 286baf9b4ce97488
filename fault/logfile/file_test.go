package logfile_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/fault/logfile"
)

// record returns a record of exactly n bytes.
func record(c byte, n int) string {
	return strings.Repeat(string(c), n-1) + "\n"
}

func TestRotationIsExactInBytes(t *testing.T) {
	t.Parallel()
	a, b, c := record('a', 10), record('b', 10), record('c', 10)
	tests := []struct {
		name    string
		max     int64
		backups int
		write   []string
		want    map[int]string
	}{
		{"fits to the byte", 20, 3, []string{a, b}, map[int]string{0: a + b}},
		{"one byte too many", 19, 3, []string{a, b}, map[int]string{0: b, 1: a}},
		{"shifted", 10, 3, []string{a, b, c}, map[int]string{0: c, 1: b, 2: a}},
		{"the oldest goes", 10, 1, []string{a, b, c}, map[int]string{0: c, 1: b}},
		{"no backups", 10, 0, []string{a, b, c}, map[int]string{0: c}},
		{"no backups, two fit", 20, 0, []string{a, b, c}, map[int]string{0: c}},
		{"never", 0, 3, []string{a, b, c}, map[int]string{0: a + b + c}},
		{"longer than the limit, first", 15, 3, []string{record('x', 40), a}, map[int]string{0: a, 1: record('x', 40)}},
		{"longer than the limit, between", 15, 3, []string{a, record('x', 40), b}, map[int]string{0: b, 1: record('x', 40), 2: a}},
		{"two longer ones", 15, 3, []string{record('x', 40), record('y', 41)}, map[int]string{0: record('y', 41), 1: record('x', 40)}},
		{"newline added", 20, 3, []string{"one", "two"}, map[int]string{0: "one\ntwo\n"}},
		{"added newline counts", 7, 3, []string{"one", "two"}, map[int]string{0: "two\n", 1: "one\n"}},
		{"nothing", 20, 3, []string{"", a, ""}, map[int]string{0: a}},
		{"several lines stay together", 15, 3, []string{a, "x\n  y\n  z\n", b}, map[int]string{0: b, 1: "x\n  y\n  z\n", 2: a}},
	}
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn} { // batched, and one by one
		for _, tt := range tests {
			t.Run(level.String()+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "logs", "app.log")
				f := open(t, logfile.Options{Path: path, MaxBytes: tt.max, Backups: tt.backups})
				for _, r := range tt.write {
					if err := f.WriteRecord(level, []byte(r)); err != nil {
						t.Fatal(err)
					}
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				if got := rotated(t, path); !maps.Equal(got, tt.want) {
					t.Errorf("got  %v\nwant %v", got, tt.want)
				}
			})
		}
	}
}

// Whatever an earlier process left behind when it was killed in the middle of
// a rotation, the next rotation loses nothing and fills the gap.
func TestRotationHealsGaps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		have []int // backups that exist before; each holds its number
		want map[int]string
	}{
		{"none", nil, map[int]string{0: "new\n", 1: "full\n"}},
		{"all", []int{1, 2, 3, 4}, map[int]string{0: "new\n", 1: "full\n", 2: "1\n", 3: "2\n", 4: "3\n"}},
		{"killed after the first step", []int{1, 2, 4}, map[int]string{0: "new\n", 1: "full\n", 2: "1\n", 3: "2\n", 4: "4\n"}},
		{"killed before the last step", []int{2, 3, 4}, map[int]string{0: "new\n", 1: "full\n", 2: "2\n", 3: "3\n", 4: "4\n"}},
		{"two gaps", []int{2, 4}, map[int]string{0: "new\n", 1: "full\n", 2: "2\n", 4: "4\n"}},
		{"more than wanted", []int{1, 2, 3, 4, 7}, map[int]string{0: "new\n", 1: "full\n", 2: "1\n", 3: "2\n", 4: "3\n", 7: "7\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.log")
			write(t, path, "full\n")
			for _, n := range tt.have {
				write(t, fmt.Sprintf("%s.%d", path, n), fmt.Sprintf("%d\n", n))
			}
			f := open(t, logfile.Options{Path: path, MaxBytes: 5, Backups: 4})
			warn(t, f, "new\n")
			if got := rotated(t, path); !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
}

// A process that was killed while writing leaves half a record. The next one
// is not glued to it.
func TestHalfARecordIsClosed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, before string
		want         map[int]string
	}{
		{"room", "whole\nha", map[int]string{0: "whole\nha\nnew\n"}},
		{"room for the line break only", "whole\nhalf", map[int]string{0: "new\n", 1: "whole\nhalf\n"}},
		{"no room", "whole\nhalf 345", map[int]string{0: "new\n", 1: "whole\nhalf 345"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.log")
			write(t, path, tt.before)
			f := open(t, logfile.Options{Path: path, MaxBytes: 14, Backups: 4})
			warn(t, f, "new\n")
			if got := rotated(t, path); !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
		})
	}
	t.Run("by another process, between our own", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "app.log")
		f := open(t, logfile.Options{Path: path})
		warn(t, f, "one")
		write(t, path, "one\nhalf")
		warn(t, f, "two")
		if got, want := read(t, path), "one\nhalf\ntwo\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// What happens to the file from outside, between two records.
func TestMovedFromOutside(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		do    func(path string) error
		moved string // what "moved" holds in the end
		want  string
	}{
		{"moved", func(p string) error { return os.Rename(p, p+"-moved") }, "one\n", "two\n"},
		{"removed", os.Remove, "", "two\n"},
		{"directory removed", func(p string) error { return os.RemoveAll(filepath.Dir(p)) }, "", "two\n"},
		{"emptied", func(p string) error { return os.Truncate(p, 0) }, "", "two\n"},
		{"replaced", func(p string) error {
			return errors.Join(os.Rename(p, p+"-moved"), os.WriteFile(p, []byte("other\n"), 0o600))
		}, "one\n", "other\ntwo\n"},
		{"replaced by a link to it", func(p string) error {
			return errors.Join(os.Rename(p, p+"-moved"), os.Symlink(p+"-moved", p))
		}, "one\ntwo\n", "one\ntwo\n"},
		{"replaced by a link to nothing", func(p string) error {
			return errors.Join(os.Remove(p), os.Symlink(p+"-moved", p))
		}, "two\n", "two\n"},
	}
	for _, tt := range tests {
		for _, reopen := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, reopen %t", tt.name, reopen), func(t *testing.T) {
				t.Parallel()
				if runtime.GOOS == "windows" {
					t.Skip("SKIPPED: moves open files")
				}
				path := filepath.Join(t.TempDir(), "logs", "app.log")
				f := open(t, logfile.Options{Path: path, MaxBytes: 1000, Backups: 2})
				warn(t, f, "one")
				if err := tt.do(path); err != nil {
					t.Fatal(err)
				}
				if reopen {
					f.Reopen()
					if _, err := os.Stat(path); err != nil {
						t.Error("Reopen did not make the file anew:", err)
					}
				}
				warn(t, f, "two")
				if got := read(t, path); got != tt.want {
					t.Errorf("the log holds %q, want %q", got, tt.want)
				}
				if got := read(t, path+"-moved"); got != tt.moved {
					t.Errorf("the moved file holds %q, want %q", got, tt.moved)
				}
			})
		}
	}
}

func TestReopenWritesTheBatchToTheNewFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	f := open(t, logfile.Options{Path: path})
	warn(t, f, "one")
	if err := f.WriteRecord(slog.LevelInfo, []byte("two")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+"-moved"); err != nil {
		t.Skip("SKIPPED: an open file cannot be moved here:", err)
	}
	f.Reopen()
	if got := read(t, path); got != "two\n" {
		t.Errorf("the log holds %q", got)
	}
	if got := read(t, path+"-moved"); got != "one\n" {
		t.Errorf("the moved file holds %q", got)
	}
}

func TestManyGoroutinesAndTwoFilesOnOnePath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	const each, writers = 300, 8
	files := []*logfile.File{
		open(t, logfile.Options{Path: path, MaxBytes: 2000, Backups: 1000}),
		open(t, logfile.Options{Path: path, MaxBytes: 2000, Backups: 1000}),
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				level := slog.LevelInfo
				if i%5 == 0 {
					level = slog.LevelError
				}
				if err := files[w%2].WriteRecord(level, fmt.Appendf(nil, "w%d %d %s\n", w, i, strings.Repeat("x", i%90))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, f := range files {
		f.Flush()
	}
	next := map[string]int{}
	for _, line := range lines(whole(t, path)) {
		var w, i int
		var pad string
		fmt.Sscanf(line, "w%d %d %s", &w, &i, &pad)
		key := fmt.Sprint("w", w)
		if i != next[key] || pad != strings.Repeat("x", i%90) {
			t.Fatalf("after %d of %s came %q", next[key]-1, key, line)
		}
		next[key]++
	}
	for w := range writers {
		if n := next[fmt.Sprint("w", w)]; n != each {
			t.Errorf("%d records of writer %d, want %d", n, w, each)
		}
	}
	for n, content := range rotated(t, path) {
		if len(content) > 2000 {
			t.Errorf("file %d has %d bytes", n, len(content))
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	f := open(t, logfile.Options{Path: path})
	if err := f.WriteRecord(slog.LevelInfo, []byte("batched")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.WriteRecord(slog.LevelError, []byte("late")); !errors.Is(err, logfile.ErrClosed) {
		t.Errorf("WriteRecord after Close: %v", err)
	}
	if n, err := f.Write([]byte("late")); n != 0 || !errors.Is(err, logfile.ErrClosed) {
		t.Errorf("Write after Close: %d, %v", n, err)
	}
	f.Flush()
	f.Reopen()
	if n := f.NotWritten(); n != 2 {
		t.Errorf("%d not written, want 2", n)
	}
	if got := read(t, path); got != "batched\n" {
		t.Errorf("the log holds %q", got)
	}
}

func TestWriteIsAWarning(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	f := open(t, logfile.Options{Path: path})
	if n, err := f.Write([]byte("from elsewhere\n")); n != 15 || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
	if got := read(t, path); got != "from elsewhere\n" { // without a Flush
		t.Errorf("the log holds %q", got)
	}
}

func TestImpossibleOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]logfile.Options{
		"path":     {},
		"MaxBytes": {Path: "x", MaxBytes: -1},
		"Backups":  {Path: "x", Backups: -1},
	} {
		if _, err := logfile.Open(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: there are no modes on Windows")
	}
	path := filepath.Join(t.TempDir(), "logs", "app.log")
	mode := func(path string) string {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().String()
	}
	f := open(t, logfile.Options{Path: path, MaxBytes: 5, Backups: 2})
	if got := mode(filepath.Dir(path)); !slices.Contains([]string{"drwxr-x---", "drwx------"}, got) { // as the umask allows
		t.Errorf("the directory has %s", got)
	}
	if got := mode(path); !slices.Contains([]string{"-rw-r-----", "-rw-------"}, got) {
		t.Errorf("the file has %s", got)
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	warn(t, f, "one")
	warn(t, f, "two")
	if got := mode(path); got != "-rw----r--" {
		t.Errorf("the file has %s after a rotation, want the mode of the old one", got)
	}
}

// FuzzRotation writes records of the given lengths, batched or not, and expects
// every one in order, in files that are never too long.
func FuzzRotation(f *testing.F) {
	f.Add([]byte{10, 20, 30, 255, 1, 0, 90}, uint8(64))
	f.Add([]byte{1, 1, 1, 1, 1, 1}, uint8(1))
	f.Add([]byte{200, 200}, uint8(100))
	f.Fuzz(func(t *testing.T, lengths []byte, limit uint8) {
		path := filepath.Join(t.TempDir(), "app.log")
		log := open(t, logfile.Options{Path: path, MaxBytes: int64(limit), Backups: 1000})
		var want strings.Builder
		longest := 0
		for i, n := range lengths[:min(len(lengths), 500)] {
			r := record(byte('a'+i%26), int(n)+1)
			want.WriteString(r)
			longest = max(longest, len(r))
			level := slog.LevelInfo
			if n%4 == 0 {
				level = slog.LevelWarn
			}
			if err := log.WriteRecord(level, []byte(r)); err != nil {
				t.Fatal(err)
			}
		}
		log.Close()
		if got := whole(t, path); got != want.String() {
			t.Errorf("got %q, want %q", got, want.String())
		}
		for n, content := range rotated(t, path) {
			if limit > 0 && len(content) > int(limit) && strings.Count(content, "\n") > 1 {
				t.Errorf("file %d has %d bytes, the limit is %d", n, len(content), limit)
			}
		}
	})
}
