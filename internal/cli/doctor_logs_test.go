package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// logOf writes a log file of that many bytes, last written at that time, and returns the directory of
// all.
func logOf(t *testing.T, bytes int, at time.Time) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "logs", "microblog.log")
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, bytes), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	return dir, path
}

func TestDoctorLog(t *testing.T) {
	t.Parallel()
	t.Run("as it should be", func(t *testing.T) {
		t.Parallel()
		dir, path := logOf(t, 2048, time.Now().Add(-3*time.Hour))
		for _, name := range []string{".1", ".2", ".old", ".1.gz"} {
			if err := os.WriteFile(path+name, make([]byte, 512), 0o640); err != nil {
				t.Fatal(err)
			}
		}
		e := doctorJSON(t, dir, nil)
		e.expect(t, "log", fine, "holds 2.0 KiB", "last written 3 hours ago", "rotated at 10 KiB", "2 of 10 backups hold 1.0 KiB")
		e.expect(t, "access log", fine, "does not exist yet")
	})
	t.Run("never rotated", func(t *testing.T) {
		t.Parallel()
		dir, _ := logOf(t, 10, time.Now())
		doctorJSON(t, dir, map[string]string{"LOG_MAX_BYTES": "0"}).expect(t, "log", warning, "never rotated", "LOG_MAX_BYTES")
	})
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		dir, _ := logOf(t, 100_000, time.Now())
		doctorJSON(t, dir, nil).expect(t, "log", warning, "98 KiB", "more than the 10 KiB")
	})
	t.Run("a directory", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "logs", "microblog.log"), 0o750); err != nil {
			t.Fatal(err)
		}
		doctorJSON(t, dir, nil).expect(t, "log", wrong, "is a directory", "LOG_DIR")
	})
	t.Run("written in the future", func(t *testing.T) {
		t.Parallel()
		dir, path := logOf(t, 10, time.Now().Add(2*time.Hour))
		doctorJSON(t, dir, nil).expect(t, "clock", warning, path, "later", "timedatectl")
	})
	t.Run("the access log elsewhere", func(t *testing.T) {
		t.Parallel()
		doctorJSON(t, t.TempDir(), map[string]string{"ACCESS_LOG": "off"}).expect(t, "access log", fine, "off")
		doctorJSON(t, t.TempDir(), map[string]string{"ACCESS_LOG": "stdout"}).expect(t, "access log", fine, "standard output")
	})
	t.Run("locked by somebody who does not go on", func(t *testing.T) {
		t.Parallel()
		dir, path := logOf(t, 10, time.Now())
		unlock := holdLock(t, path)
		defer unlock()
		texts := []string{"the lock of " + path}
		if runtime.GOOS == "linux" {
			if _, err := os.Stat("/proc/locks"); err == nil {
				texts = append(texts, "The process "+strconv.Itoa(os.Getpid())+" holds")
			}
		}
		doctorJSON(t, dir, nil).expect(t, "log", wrong, texts...)
	})
	t.Run("without the rights", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS == "windows" || os.Geteuid() == 0 {
			t.Skip("this user may do everything")
		}
		dir, path := logOf(t, 10, time.Now())
		if err := os.Chmod(path, 0o400); err != nil {
			t.Fatal(err)
		}
		doctorJSON(t, dir, nil).expect(t, "log", wrong, "cannot be written to", "Give it to the user")
	})
}

func TestAgo(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Hour: "in the future", -time.Millisecond: "just now", 0: "just now", time.Second: "just now", 2 * time.Second: "2 seconds ago",
		119 * time.Second: "119 seconds ago", 2 * time.Minute: "2 minutes ago", 3 * time.Hour: "3 hours ago", 49 * time.Hour: "2 days ago",
	} {
		if got := ago(d); got != want {
			t.Errorf("ago(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 10 << 10: "10 KiB", 5<<20 + 1<<19: "5.5 MiB", 3 << 30: "3.0 GiB", 2 << 40: "2.0 TiB", 5000 << 40: "5000 TiB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}
