package process_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/process"
)

func TestStartErrors(t *testing.T) {
	t.Parallel()
	noProgram := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(noProgram, []byte("nothing to run"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		s    process.Spec
		is   error
	}{
		{"no such program", process.Spec{Path: filepath.Join(t.TempDir(), "none")}, os.ErrNotExist},
		{"no program", process.Spec{Path: noProgram}, nil},
		{"no such directory", process.Spec{Path: app, Dir: filepath.Join(t.TempDir(), "none")}, os.ErrNotExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := process.Start(tt.s)
			if err == nil {
				_ = p.Kill()
				t.Fatal("it was started")
			}
			if tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), "starting "+tt.s.Path) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestArgumentsAndEnvironment(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out := &output{}
	p := startWith(t, process.Spec{Args: []string{"say", "a b", "", "--x"}, Dir: dir, Env: []string{"SAY=yes"}, Stdout: out}, out)
	e := p.wait(t)
	if want := `["a b" "" "--x"] "yes" ` + `"` + strings.ReplaceAll(dir, `\`, `\\`) + `"` + "\n"; out.String() != want || e.Output != want {
		t.Errorf("%q, the tail %q, want %q", out.String(), e.Output, want)
	}
	if e.Code != 0 || e.Signal != "" || e.Stopped || e.Ran <= 0 || e.Crash != "" {
		t.Errorf("%+v", e)
	}
}

// TestRelativePath is not what Dir says.
func TestRelativePath(t *testing.T) {
	t.Chdir(filepath.Dir(app))
	out := &output{}
	dir := t.TempDir()
	p, err := process.Start(process.Spec{Path: "./" + filepath.Base(app), Args: []string{"say"}, Dir: dir, Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	if e := p.Exit(); e.Code != 0 || !strings.Contains(out.String(), filepath.Base(dir)) {
		t.Errorf("%+v", e)
	}
}

// TestThreadsThatEnd starts a process from a thread that ends, with which it must not.
func TestThreadsThatEnd(t *testing.T) {
	t.Parallel()
	out := &output{}
	var p *started
	var threads sync.WaitGroup
	for i := range 4 {
		threads.Go(func() {
			runtime.LockOSThread() // Without an unlock, the thread ends with the goroutine.
			if i == 0 {
				p = startWith(t, process.Spec{Args: []string{"serve"}, Stdout: out, Stderr: out}, out)
			}
		})
	}
	threads.Wait()
	ready(t, p)
	for range 20 {
		ready(t, p)
		runtime.GC()
	}
	select {
	case <-p.Done():
		t.Errorf("%+v", p.Exit())
	default:
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode  string
		code  int
		crash string
	}{
		{"exit 0", 0, ""},
		{"fatal", 1, ""},
		{"fatal, then words", 3, ""},
		{"panic", 2, "panic: runtime error: invalid memory address"},
		{"deadlock", 2, "fatal error: all goroutines are asleep"},
		{"maps", 2, "fatal error: concurrent map writes"},
		{"many stacks", 2, "fatal error: concurrent map writes"},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			p := start(t, tt.mode)
			e := p.wait(t)
			if e.Code != tt.code || e.Signal != "" || e.Stopped {
				t.Errorf("%+v", e)
			}
			if !strings.HasPrefix(e.Crash, tt.crash) || (e.Crash == "") != (tt.crash == "") {
				t.Errorf("crash %.200q", e.Crash)
			}
			if len(e.Output) > 64<<10 || len(e.Crash) > 64<<10 {
				t.Errorf("%d bytes of output, %d of the crash", len(e.Output), len(e.Crash))
			}
			if !strings.HasSuffix(p.out.String(), e.Output) {
				t.Errorf("the tail is not the end of the output: %.200q", e.Output)
			}
		})
	}
}

func TestKilledByAnother(t *testing.T) {
	t.Parallel()
	p := start(t, "never listens")
	other, err := os.FindProcess(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Kill(); err != nil {
		t.Fatal(err)
	}
	e := p.wait(t)
	if e.Stopped || runtime.GOOS != "windows" && (e.Code != -1 || e.Signal != "SIGKILL" || !strings.HasPrefix(e.String(), "killed by SIGKILL after ")) {
		t.Errorf("%+v", e)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		p := start(t, "graceful")
		ready(t, p)
		if err := p.Stop(patience); err != nil {
			t.Fatal(err)
		}
		if e := p.Exit(); e.Code != 0 || !e.Stopped || !strings.Contains(e.Output, "told by terminated") {
			t.Errorf("%+v", e)
		}
		if err := p.Stop(patience); err != nil { // once more
			t.Error(err)
		}
		if lives(p.PID()) {
			t.Error("it lives")
		}
	})
	t.Run("by signal", func(t *testing.T) {
		t.Parallel()
		p := start(t, "serve")
		ready(t, p)
		if err := p.Stop(patience); err != nil {
			t.Fatal(err)
		}
		if e := p.Exit(); e.Signal != "SIGTERM" || !e.Stopped {
			t.Errorf("%+v", e)
		}
	})
	t.Run("ignored", func(t *testing.T) {
		t.Parallel()
		p := start(t, "ignore")
		ready(t, p)
		if err := p.Stop(20 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if e := p.Exit(); e.Signal != "SIGKILL" || !e.Stopped {
			t.Errorf("%+v", e)
		}
	})
	t.Run("several at once", func(t *testing.T) {
		t.Parallel()
		p := start(t, "ignore")
		ready(t, p)
		stopped := make(chan error)
		for i := range 8 {
			go func() { stopped <- p.Stop(time.Duration(i) * 10 * time.Millisecond) }()
		}
		for range 8 {
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("quit", func(t *testing.T) {
		t.Parallel()
		p := start(t, "never listens")
		p.says(t, "waiting") // Before its runtime has started, the signal ends it without a word.
		if err := p.Quit(patience); err != nil {
			t.Fatal(err)
		}
		if e := p.Exit(); e.Code != 2 || !strings.HasPrefix(e.Crash, "SIGQUIT: quit") || !strings.Contains(e.Crash, "main.forever") {
			t.Errorf("%+v", e)
		}
	})
}

// TestNothingIsLeft ends processes in different ways that have started others: one in their group, and one with a
// group of its own, both of which ignore SIGTERM and hold the output.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no groups of processes")
	}
	for _, tt := range []struct {
		name string
		args []string
		end  func(*started) error
	}{
		{"stop", []string{"fork"}, func(p *started) error { return p.Stop(20 * time.Millisecond) }},
		{"kill", []string{"fork"}, func(p *started) error { return p.Kill() }},
		{"ends by itself", []string{"fork", "and end"}, func(*started) error { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, tt.args...)
			children := numbers(t, p.says(t, "children "))
			if err := tt.end(p); err != nil {
				t.Fatal(err)
			}
			p.wait(t)
			if runtime.GOOS != "linux" {
				children = children[:1] // The other one cannot be found.
			}
			gone(t, append(children, p.PID())...)
		})
	}
}

// TestDaemon has a process leave one that has a session of its own and holds the output: it is left alone, and not
// waited for.
func TestDaemon(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no setsid")
	}
	for _, kind := range []string{"pipe", "terminal"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			out := &output{}
			s := process.Spec{Args: []string{"daemon"}, Stdout: out, Stderr: out}
			if kind == "terminal" {
				s.Terminal = terminal(t, 24, 80)
			}
			p := startWith(t, s, out)
			daemon := numbers(t, p.says(t, "daemon "))[0]
			e := p.wait(t)
			if e.Code != 0 || !lives(daemon) {
				t.Errorf("%+v, the daemon lives: %v", e, lives(daemon))
			}
			d, err := os.FindProcess(daemon)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Kill(); err != nil {
				t.Error(err)
			}
			gone(t, daemon)
		})
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	const much = 3 << 20
	for _, kind := range []string{"pipes", "terminal"} {
		spec := func(t *testing.T, out, errs *output, args ...string) process.Spec {
			s := process.Spec{Args: args, Stdout: out, Stderr: errs}
			if kind == "terminal" {
				s.Terminal = terminal(t, 24, 80)
			}
			return s
		}
		t.Run("much without a line's end, "+kind, func(t *testing.T) {
			t.Parallel()
			out := &output{}
			p := startWith(t, spec(t, out, out, "write", "3145728"), out)
			e := p.wait(t)
			want := strings.Repeat("0123456789abcdef", much/16)
			if got := out.String(); len(got) != much+len("the end") || strings.Replace(got, "the end", "", 1) != want {
				t.Errorf("%d bytes arrived, want %d", len(got), much+len("the end"))
			}
			if len(e.Output) > 64<<10 || len(e.Output) < 60<<10 || !strings.HasSuffix(out.String(), e.Output) {
				t.Errorf("the tail has %d bytes, …%q", len(e.Output), e.Output[max(0, len(e.Output)-50):])
			}
		})
		t.Run("both, "+kind, func(t *testing.T) {
			t.Parallel()
			out, errs := &output{}, &output{}
			p := startWith(t, spec(t, out, errs, "both"), out)
			e := p.wait(t)
			if kind == "pipes" {
				if strings.Contains(out.String(), "err") || strings.Count(out.String(), "\n") != 500 ||
					strings.Contains(errs.String(), "out") || strings.Count(errs.String(), "\n") != 500 || strings.Count(e.Output, "\n") != 1000 {
					t.Errorf("out %q\nerr %q\ntail %q", out.String(), errs.String(), e.Output)
				}
				return
			}
			if runtime.GOOS == "windows" {
				return
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != 1000 || errs.String() != "" || e.Output != out.String() {
				t.Fatalf("%d lines, errors %q", len(lines), errs.String())
			}
			for i, line := range lines {
				if want := []string{"out ", "err "}[i%2]; !strings.HasPrefix(line, want) {
					t.Fatalf("line %d is %q", i, line)
				}
			}
		})
		t.Run("closed, "+kind, func(t *testing.T) {
			t.Parallel()
			out := &output{}
			p := startWith(t, spec(t, out, out, "close"), out)
			ready(t, p)
			if err := p.Stop(patience); err != nil {
				t.Error(err)
			}
		})
		t.Run("closed errors, "+kind, func(t *testing.T) {
			t.Parallel()
			out := &output{}
			p := startWith(t, spec(t, out, out, "close stderr"), out)
			p.says(t, "still here")
			ready(t, p)
			select {
			case <-p.Done():
				t.Error("it has ended")
			default:
			}
		})
		t.Run("crash, "+kind, func(t *testing.T) {
			t.Parallel()
			out := &output{}
			p := startWith(t, spec(t, out, out, "panic"), out)
			if e := p.wait(t); !strings.HasPrefix(e.Crash, "panic: ") || !strings.Contains(e.Crash, "store.Open") || !strings.Contains(out.String(), "store.Open") {
				t.Errorf("%+v", e)
			}
		})
	}
}

// failing is a writer that fails, or waits until it is let go.
type failing struct{ wait chan struct{} }

func (f failing) Write([]byte) (int, error) {
	if f.wait != nil {
		<-f.wait
	}
	return 0, io.ErrClosedPipe
}

func TestWritersThatDoNotWork(t *testing.T) {
	t.Parallel()
	t.Run("fails", func(t *testing.T) {
		t.Parallel()
		p := startWith(t, process.Spec{Args: []string{"write", "1048576"}, Stdout: failing{}, Stderr: failing{}}, &output{})
		if e := p.wait(t); e.Code != 0 || !strings.HasSuffix(strings.Replace(e.Output, "the end", "", 1), "def") {
			t.Errorf("%d, %q", e.Code, e.Output[max(0, len(e.Output)-100):])
		}
	})
	t.Run("waits", func(t *testing.T) {
		t.Parallel()
		let := make(chan struct{})
		defer close(let)
		p := startWith(t, process.Spec{Args: []string{"write", "1048576"}, Stdout: failing{let}, Stderr: failing{let}}, &output{})
		if err := p.Stop(20 * time.Millisecond); err != nil {
			t.Error(err)
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		p := startWith(t, process.Spec{Args: []string{"both"}}, &output{})
		if e := p.wait(t); strings.Count(e.Output, "\n") != 1000 {
			t.Errorf("%q", e.Output)
		}
	})
}
