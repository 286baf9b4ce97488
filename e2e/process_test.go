package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for something that should happen at once. It is long because a
// busy machine is no failure, and only a failing test waits so long.
const patience = 90 * time.Second

// settings are environment variables of a process; nothing else of the environment reaches it.
type settings map[string]string

// options say how to start a server. The zero value serves in a new directory, on a free port, with
// SQLite.
type options struct {
	binary   string   // "": the one under test
	dir      string   // working directory; "": a new one
	args     []string // after "microblog serve"
	settings settings
	exit     int           // the exit code that SIGTERM is expected to lead to
	anyEnd   bool          // it may end on its own, in any way
	within   time.Duration // for starting; 0: patience
}

// A server is a running microblog process.
type server struct {
	dir    string
	url    string // as the terminal line says it
	stdout *capture
	stderr *capture

	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process has ended
	opts   options
	binary string
}

var openLine = regexp.MustCompile(`(?m)^Microblog is running: (?:open \S+ in a browser; it listens on |open |it listens on )(\S+?)(?: in a browser)?\. Ctrl\+C stops it\.$`)

// start runs a server for the time of the test, and waits until it is ready.
func start(t testing.TB, o options) *server {
	t.Helper()
	if o.dir == "" {
		o.dir = t.TempDir()
	}
	if o.binary == "" {
		o.binary = program(t)
	}
	s, err := launch(o.binary, o)
	if err == nil {
		err = s.waitReady(context.Background())
	}
	if s != nil {
		t.Cleanup(func() {
			if err := s.stop(); err != nil {
				t.Errorf("stopping the server: %v", err)
			}
			if t.Failed() {
				t.Logf("standard output:\n%s\nstandard error:\n%s\nlog:\n%s", tail(s.stdout.String()), tail(s.stderr.String()), tail(s.logText()))
			}
		})
	}
	if err != nil {
		t.Fatalf("starting the server: %v", err)
	}
	return s
}

// launch starts the process and does not wait for it.
func launch(binary string, o options) (*server, error) {
	s := &server{dir: o.dir, stdout: newCapture(), stderr: newCapture(), ended: make(chan struct{}), opts: o, binary: binary}
	s.cmd = exec.Command(binary, append([]string{"serve"}, o.args...)...)
	s.cmd.Dir = o.dir
	s.cmd.Env = environment(settings{"LISTEN": "127.0.0.1:0"}, o.settings)
	s.cmd.Stdout, s.cmd.Stderr = s.stdout, s.stderr
	if err := s.spawn(); err != nil {
		return nil, err
	}
	return s, nil
}

// spawn starts the process, and closes s.ended once it has ended.
func (s *server) spawn() error {
	dieWithUs(s.cmd)
	started := make(chan error)
	go func() {
		// The thread that starts the process must live as long as it: that is what dieWithUs watches.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // its state tells
			close(s.ended)
		}
	}()
	return <-started
}

// environment is the whole environment of a process under test.
func environment(all ...settings) []string {
	set := settings{"GORACE": "exitcode=66"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ", "SYSTEMROOT", "GOCOVERDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			set[name] = v
		}
	}
	for _, more := range all {
		maps.Copy(set, more)
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		list = append(list, name+"="+set[name])
	}
	return list
}

// waitReady waits for the line that tells people where to open Microblog, and for /readyz.
func (s *server) waitReady(ctx context.Context) error {
	within := s.opts.within
	if within == 0 {
		within = patience
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	text, err := s.stdout.wait(ctx, s.ended, func(text string) bool { return openLine.MatchString(text) })
	if err != nil {
		return fmt.Errorf("the line that says where to open it did not come: %w\nstandard output: %s\nstandard error: %s", err, text, s.stderr.String())
	}
	s.url = openLine.FindStringSubmatch(text)[1]
	if socket, ok := strings.CutPrefix(s.url, "unix:"); ok && !filepath.IsAbs(socket) {
		s.url = "unix:" + s.path(socket)
	}
	return eventually(ctx, func() error {
		status, body, err := s.probe("/readyz")
		if err == nil && status != 200 {
			err = fmt.Errorf("/readyz answered %d: %s", status, body)
		}
		return err
	})
}

// signal sends sig to the process.
func (s *server) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("sending %v: %v", sig, err)
	}
}

// stop asks the process to end, and reports what was wrong with how it did. It may be called again.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return errors.New("it did not end after SIGTERM and was killed")
	}
	return s.checkEnd()
}

// checkEnd reports what was wrong with how the process ended.
func (s *server) checkEnd() error {
	stderr := s.stderr.String()
	if strings.Contains(stderr, "WARNING: DATA RACE") {
		return fmt.Errorf("the race detector found:\n%s", stderr)
	}
	if code := s.cmd.ProcessState.ExitCode(); !s.opts.anyEnd && code != s.opts.exit {
		return fmt.Errorf("%v, want exit code %d\nstandard error: %s", s.cmd.ProcessState, s.opts.exit, tail(stderr))
	}
	return nil
}

// waitEnd waits until the process has ended by itself, and returns its exit code.
func (s *server) waitEnd(t testing.TB) int {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatal("the process did not end")
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *server) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// logText returns what stands in the current log file.
func (s *server) logText() string {
	text, err := os.ReadFile(s.path("logs", "microblog.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// run runs a command of the binary to its end, in dir.
func run(t testing.TB, dir string, set settings, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t), args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, environment(set), strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("microblog %s: %v", strings.Join(args, " "), err)
	}
	if strings.Contains(errs.String(), "WARNING: DATA RACE") {
		t.Errorf("microblog %s: the race detector found:\n%s", strings.Join(args, " "), errs.String())
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// eventually tries until it works or ctx is done; then it returns the last error.
func eventually(ctx context.Context, try func() error) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// soon is eventually with the usual patience; it ends the test when it does not come true.
func soon(t testing.TB, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := eventually(ctx, try); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// tail returns the end of a long text.
func tail(text string) string {
	const most = 6000
	if len(text) <= most {
		return text
	}
	return "…" + text[len(text)-most:]
}

// A capture collects what a process writes, and lets others wait for it.
type capture struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at each write
}

func newCapture() *capture { return &capture{changed: make(chan struct{})} }

func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
	return c.text.Write(p)
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// wait returns the text as soon as it is as wanted. It gives up when ctx or the process ends.
func (c *capture) wait(ctx context.Context, ended <-chan struct{}, wanted func(string) bool) (string, error) {
	for {
		c.mu.Lock()
		text, changed := c.text.String(), c.changed
		c.mu.Unlock()
		if wanted(text) {
			return text, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return text, ctx.Err()
		case <-ended:
			if text := c.String(); wanted(text) {
				return text, nil
			}
			return text, errors.New("the process has ended")
		}
	}
}
