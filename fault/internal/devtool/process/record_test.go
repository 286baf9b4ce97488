package process_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/internal/devtool/process"
)

func TestKept(t *testing.T) {
	t.Parallel()
	stacks := strings.Repeat("goroutine 7 [running]:\nmain.f()\n", 5_000)
	for _, tt := range []struct{ name, written, crash string }{
		{"nothing", "", ""},
		{"a line that only mentions one", "a panic: no\n panic: no\n", ""},
		{"a panic", "hello\npanic: boom\n\ngoroutine 1 [running]:\n", "panic: boom\n\ngoroutine 1 [running]:\n"},
		{"the last one", "panic: old\nmore\npanic: new\n", "panic: new\n"},
		{"one in another", "panic: a\n\tpanic: b\n", "panic: a\n\tpanic: b\n"},
		{"with GOTRACEBACK=crash", "panic: a\nSIGABRT: abort\n", "panic: a\nSIGABRT: abort\n"},
		{"aborted", "SIGABRT: abort\nPC=1\n", "SIGABRT: abort\nPC=1\n"},
		{"the beginning of many stacks", "x\nfatal error: maps\n" + stacks, ("fatal error: maps\n" + stacks)[:64<<10]},
		{"torn off", "panic: ", "panic: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 3, 7, 32 << 10} {
				tail, crash := process.Kept(cut([]byte(tt.written), size), true)
				if crash != tt.crash {
					t.Errorf("in pieces of %d: %.200q", size, crash)
				}
				if !strings.HasSuffix(tt.written, tail) || len(tail) < min(len(tt.written), 60<<10) || len(tail) > 64<<10 {
					t.Errorf("in pieces of %d the tail has %d bytes", size, len(tail))
				}
			}
			if _, crash := process.Kept([][]byte{[]byte(tt.written)}, false); crash != "" {
				t.Errorf("on standard output: %q", crash)
			}
		})
	}
}

// TestKeptLately tells what was written in the last second before the end from what is older.
func TestKeptLately(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100<<10)
	for _, tt := range []struct {
		name       string
		pieces     []string
		pause, end time.Duration
		lately     string
	}{
		{"nothing", nil, 0, 0, ""},
		{"at the end", []string{"a\n", "b\n"}, 0, 0, "a\nb\n"},
		{"long ago", []string{"a\n", "b\n"}, 0, 100 * time.Second, ""},
		{"the last alone", []string{"a\n", "b\n", "c\n"}, 10 * time.Second, 500 * time.Millisecond, "c\n"},
		{"the last second of many", strings.Split(strings.Repeat("-", 999), ""), 300 * time.Millisecond, 0, "----"},
		{"the last second of very many", strings.Split(strings.Repeat("-", 99_999), ""), 10 * time.Millisecond, 990 * time.Millisecond, "--"},
		{"much", []string{"a\n", long}, 2 * time.Second, 0, long[:64<<10]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tail, lately, times := process.KeptLately(tt.pieces, tt.pause, tt.end)
				// The times are noted to a tenth of a second.
				slack := 0
				if tt.pause > 0 && tt.pause < 100*time.Millisecond {
					slack = int(100 * time.Millisecond / tt.pause)
				}
				if more := len(lately) - len(tt.lately); !strings.HasSuffix(lately, tt.lately) || more > slack || !strings.HasSuffix(tail, lately) {
					t.Errorf("%d bytes: %.100q", len(lately), lately)
				}
				if times > 60 {
					t.Errorf("%d times are noted", times)
				}
			})
		})
	}
}

func cut(b []byte, size int) (pieces [][]byte) {
	for len(b) > size {
		pieces = append(pieces, b[:size])
		b = b[size:]
	}
	return append(pieces, b)
}

// FuzzKept: it is the same in whatever pieces it comes.
func FuzzKept(f *testing.F) {
	f.Add([]byte("hello\npanic: boom\n"), 3, 1)
	f.Add([]byte("SIGQUIT: quit\nfatal error: x\n"), 7, 4000)
	f.Fuzz(func(t *testing.T, b []byte, size, times int) {
		if size < 1 || times < 1 || times > 10_000 || len(b)*times > 1<<20 {
			t.Skip()
		}
		b = bytes.Repeat(b, times)
		tail, crash := process.Kept([][]byte{b}, true)
		tail2, crash2 := process.Kept(cut(b, size), true)
		if crash != crash2 || len(crash) > 64<<10 || !bytes.Contains(b, []byte(crash)) {
			t.Errorf("crash %.100q or %.100q", crash, crash2)
		}
		if tail != tail2 || len(tail) > 64<<10 || !strings.HasSuffix(string(b), tail) {
			t.Errorf("tail %.100q or %.100q", tail, tail2)
		}
	})
}
