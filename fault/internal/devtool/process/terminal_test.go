//go:build unix

package process_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/process"
	"github.com/creack/pty"
)

// terminal makes a terminal that is as a person's.
func terminal(t *testing.T, rows, columns uint16) *os.File {
	t.Helper()
	outer, inner, err := pty.Open()
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() {
		_ = outer.Close()
		_ = inner.Close()
	})
	if err := pty.Setsize(inner, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	return inner
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	file := func(t *testing.T) *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	for _, tt := range []struct {
		name string
		spec func(*testing.T, *output) process.Spec
		want string
	}{
		{"no terminal", func(_ *testing.T, o *output) process.Spec { return process.Spec{Stdout: o, Stderr: o} },
			"stdin false stdout false stderr false"},
		{"both", func(t *testing.T, o *output) process.Spec {
			return process.Spec{Stdout: o, Stderr: o, Terminal: terminal(t, 31, 97)}
		}, "stdin false stdout true stderr true"},
		{"errors go to a file", func(t *testing.T, o *output) process.Spec {
			return process.Spec{Stdout: o, Stderr: file(t), Terminal: terminal(t, 31, 97)}
		}, "stdin false stdout true stderr false"},
		{"nobody wants errors", func(t *testing.T, o *output) process.Spec {
			return process.Spec{Stdout: o, Terminal: terminal(t, 31, 97)}
		}, "stdin false stdout true stderr false"},
		{"errors are on a terminal", func(t *testing.T, o *output) process.Spec {
			return process.Spec{Stdout: o, Stderr: terminal(t, 31, 97)}
		}, "stdin false stdout false stderr true"},
		{"it is no terminal", func(t *testing.T, o *output) process.Spec {
			return process.Spec{Stdout: o, Stderr: o, Terminal: file(t)}
		}, "stdin false stdout false stderr false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := &output{}
			s := tt.spec(t, out)
			s.Args = []string{"terminals"}
			p := startWith(t, s, out)
			p.says(t, "listening for the size")
			if got, _, _ := strings.Cut(out.String(), "\n"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if strings.HasSuffix(tt.want, "stdout true stderr true") && p.says(t, "size ") != "31x97" {
				t.Errorf("%q", out.String())
			}
			if strings.Contains(out.String(), "\r") {
				t.Errorf("what it wrote was changed: %q", out.String())
			}
		})
	}
}

func TestSizeOfTheTerminal(t *testing.T) {
	t.Parallel()
	screen := terminal(t, 24, 80)
	out := &output{}
	p := startWith(t, process.Spec{Args: []string{"terminals"}, Stdout: out, Stderr: out, Terminal: screen}, out)
	p.says(t, "listening for the size")
	if err := pty.Setsize(screen, &pty.Winsize{Rows: 50, Cols: 132}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new size", func() bool {
		// What a terminal does for those who run in it.
		if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
		return strings.Contains(out.String(), "size 50x132\n")
	})
}

// TestSuspended ends a process that somebody has suspended.
func TestSuspended(t *testing.T) {
	t.Parallel()
	p := start(t, "graceful")
	ready(t, p)
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(patience); err != nil {
		t.Fatal(err)
	}
	if e := p.Exit(); e.Code != 0 || !strings.Contains(e.Output, "told by terminated") {
		t.Errorf("%+v", e)
	}
}

// TestSupervisorIsKilled kills, as no program can prevent, the one that has started the process.
func TestSupervisorIsKilled(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"fork", "ignore"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), supervise+"="+mode, "PROCESS_TEST_APP="+app, "LISTEN=127.0.0.1:0")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Wait() }() // It is killed.
			defer func() { _ = cmd.Process.Kill() }()
			var pids []int
			ready := map[string]bool{}
			want := []string{"supervises", "ignoring"}
			if mode == "fork" {
				want = append(want, "children")
			}
			for lines := bufio.NewScanner(out); len(ready) < len(want) && lines.Scan(); {
				word, rest, _ := strings.Cut(lines.Text(), " ")
				ready[word] = true
				if rest != "" {
					pids = append(pids, numbers(t, rest)...)
				}
			}
			if len(pids) == 0 || len(ready) < len(want) {
				t.Fatalf("it said only %v", ready)
			}
			if mode == "fork" && runtime.GOOS != "linux" {
				pids = pids[:len(pids)-1] // The one with a group of its own cannot be found.
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			gone(t, pids...)
		})
	}
}
