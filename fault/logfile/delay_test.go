package logfile_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/logfile"
)

// In a bubble the clock stands still until all its goroutines wait, and the
// bubble fails if one is left over.

func TestDelay(t *testing.T) {
	tests := []struct {
		name    string
		delay   time.Duration
		write   func(f *logfile.File)
		at      time.Duration // when to look
		written bool
	}{
		{"INFO waits", 0, info("x"), 49 * time.Millisecond, false},
		{"INFO for 50 ms", 0, info("x"), 50 * time.Millisecond, true},
		{"INFO waits as told", time.Second, info("x"), 999 * time.Millisecond, false},
		{"INFO no longer than told", time.Second, info("x"), time.Second, true},
		{"no delay", -1, info("x"), 0, true},
		{"WARNING does not wait", time.Hour, func(f *logfile.File) { f.WriteRecord(slog.LevelWarn, []byte("x")) }, 0, true},
		{"WARNING takes INFO along", time.Hour, func(f *logfile.File) {
			info("x")(f)
			f.WriteRecord(slog.LevelWarn, []byte("y"))
		}, 0, true},
		{"64 KiB do not wait", time.Hour, info(strings.Repeat("x", 64<<10)), 0, true},
		{"just below 64 KiB do", time.Hour, info(strings.Repeat("x", 64<<10-2)), 0, false},
		{"Flush does not wait", time.Hour, func(f *logfile.File) { info("x")(f); f.Flush() }, 0, true},
		{"Reopen does not wait", time.Hour, func(f *logfile.File) { info("x")(f); f.Reopen() }, 0, true},
		{"Close does not wait", time.Hour, func(f *logfile.File) { info("x")(f); f.Close() }, 0, true},
		{"the first of several sets the time", 0, func(f *logfile.File) {
			info("x")(f)
			time.Sleep(40 * time.Millisecond)
			info("y")(f)
		}, 10 * time.Millisecond, true},
		{"a new batch has its own time", 0, func(f *logfile.File) {
			info("x")(f)
			time.Sleep(50 * time.Millisecond)
			synctest.Wait()
			f.Reopen() // settles what is written
			info("y")(f)
			time.Sleep(49 * time.Millisecond)
		}, time.Millisecond, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				f := open(t, logfile.Options{Path: path, Delay: tt.delay})
				tt.write(f)
				time.Sleep(tt.at)
				synctest.Wait()
				got := read(t, path)
				if (got != "") != tt.written {
					t.Errorf("after %v the file has %d bytes; want some: %t", tt.at, len(got), tt.written)
				}
				if strings.HasPrefix(got, "y") {
					t.Errorf("the second record is before the first")
				}
			})
		})
	}
}

func info(text string) func(f *logfile.File) {
	return func(f *logfile.File) { f.WriteRecord(slog.LevelInfo, []byte(text)) }
}

// An idle file has no timer: in a bubble, time would jump to it.
func TestIdleFileHasNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, logfile.Options{Path: filepath.Join(t.TempDir(), "app.log")})
		info("x")(f)
		time.Sleep(time.Second)
		start := time.Now()
		done := make(chan struct{})
		time.AfterFunc(24*time.Hour, func() { close(done) })
		<-done
		if d := time.Since(start); d != 24*time.Hour {
			t.Errorf("time passed %v", d)
		}
	})
}
