package logfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/fault/logfile"
)

// terminal stands in for standard error.
type terminal struct {
	mu    sync.Mutex
	lines []string
}

func (w *terminal) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, string(p))
	return len(p), nil
}

// said returns what was written so far.
func (w *terminal) said() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.lines...)
}

// open opens a log file for a test that fails if stderr is told anything.
func open(t *testing.T, o logfile.Options) *logfile.File {
	t.Helper()
	w := &terminal{}
	o.Stderr = w
	f := openWith(t, o)
	t.Cleanup(func() {
		f.Close()
		for _, line := range w.said() {
			t.Errorf("stderr was told: %s", line)
		}
	})
	return f
}

func openWith(t *testing.T, o logfile.Options) *logfile.File {
	t.Helper()
	f, err := logfile.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func warn(t *testing.T, f *logfile.File, format string, args ...any) {
	t.Helper()
	if err := f.WriteRecord(slog.LevelWarn, fmt.Appendf(nil, format, args...)); err != nil {
		t.Errorf("WriteRecord: %v", err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

var number = regexp.MustCompile(`\.(\d+)$`)

// rotated returns the content of the log and its backups by number, 0 being
// the log itself.
func rotated(t *testing.T, path string) map[int]string {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]string{}
	for _, name := range names {
		n := 0
		if m := number.FindStringSubmatch(name); m != nil {
			n, _ = strconv.Atoi(m[1])
		}
		all[n] = read(t, name)
	}
	return all
}

// whole returns the log from the oldest backup to the present file.
func whole(t *testing.T, path string) string {
	t.Helper()
	all := rotated(t, path)
	top := 0
	for n := range all {
		top = max(top, n)
	}
	var b strings.Builder
	for n := top; n >= 0; n-- {
		b.WriteString(all[n])
	}
	return b.String()
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// recorder is a sink that keeps what it gets.
type recorder struct {
	mu  sync.Mutex
	buf bytes.Buffer
	n   int
}

func (r *recorder) WriteRecord(_ slog.Level, record []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	r.buf.Write(record)
	return nil
}
