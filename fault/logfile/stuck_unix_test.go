//go:build darwin || linux

package logfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// As a user who may not write the directory: a file that exists grows beyond its limit, up to ten
// times that, and one that does not cannot be made.
func TestReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		file    bool // exists and is writable
		records int
		lost    bool
		says    []string // on stderr, in this order
	}{
		{"no file", false, 10, true, []string{"cannot be written: open: permission denied. Give this", "10 records were not written"}},
		{"rotation impossible", true, 100, false, []string{"cannot be rotated: "}},
		{"too much for a file", true, 500, true, []string{"cannot be rotated: ", "cannot be written: it has grown to 10 times its limit, because rotating it fails: ", " records were not written"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "app.log")
			j := job{Path: path, ID: "p", Records: tt.records, MaxBytes: 2048, Backups: 3}
			if os.Getuid() == 0 { // whom no mode keeps out
				j.Setuid = 65534
				if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if tt.file {
				write(t, path, "")
				if err := os.Chmod(path, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(dir, 0o755) })
			c := start(t, j)
			begin(c)
			said := lines(c.wait(t))
			content := read(t, path)
			got := lines(content)
			if len(got)+c.lost != tt.records || (c.lost > 0) != tt.lost {
				t.Errorf("%d records written and %d lost of %d", len(got), c.lost, tt.records)
			}
			for i, line := range got {
				if line != j.line(i) {
					t.Errorf("line %d is %q", i, line)
				}
			}
			if n := len(content); tt.file && n <= 2048 || n > 20480 {
				t.Errorf("the log has %d bytes", n)
			}
			if len(said) != len(tt.says) {
				t.Fatalf("stderr was told %q", said)
			}
			for i, want := range tt.says {
				if !strings.Contains(said[i], want) {
					t.Errorf("stderr was told %q, want %q", said[i], want)
				}
			}
			if first := said[0]; !strings.Contains(first, "permission denied. Give this program's user permission to write the file and its directory.") {
				t.Errorf("stderr was told %q", first)
			}
			if last := said[len(said)-1]; tt.lost && !strings.Contains(last, fmt.Sprintf("%d records", c.lost)) {
				t.Errorf("%d records were lost; stderr was told %q", c.lost, last)
			}
		})
	}
}
