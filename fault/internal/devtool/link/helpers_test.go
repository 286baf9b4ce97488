package link_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/link"
	"example.org/microblog/fault/trace"
)

// patience is for what comes at once on an idle machine.
const patience = 30 * time.Second

// suite is what the tests share.
var suite struct {
	dir     string
	dev     func() (string, error)
	release func() (string, error)
}

// staysVariable has the test's binary be an application that does nothing for a minute.
const staysVariable = "TEST_STAYS"

func TestMain(m *testing.M) {
	if os.Getenv(staysVariable) != "" {
		time.Sleep(time.Minute)
		return
	}
	var err error
	if suite.dir, err = os.MkdirTemp("", "link"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	suite.dev = sync.OnceValues(func() (string, error) {
		return buildApp(filepath.Join(suite.dir, "dev"), "-tags", "faultdev")
	})
	suite.release = sync.OnceValues(func() (string, error) { return buildApp(filepath.Join(suite.dir, "release")) })
	code := m.Run()
	if err := os.RemoveAll(suite.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// buildApp copies the application of testdata to dir, and builds it there.
func buildApp(dir string, flags ...string) (binary string, err error) {
	if err := source(dir); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "app")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	args := append([]string{"build", "-mod=mod", "-buildvcs=false", "-o", binary}, flags...)
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the application: %w\n%s", err, out)
	}
	return binary, nil
}

// source copies the application of testdata to a module of its own in dir.
func source(dir string) error {
	kit := reflect.TypeFor[fault.Failure]().PkgPath()
	kitDir, err := filepath.Abs("../../..")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS("testdata/app")); err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(kitDir, "go.sum"))
	if err != nil {
		return err
	}
	mod := fmt.Sprintf("module example.com/app\n\ngo 1.26.0\n\nrequire %s v0.0.0\n\nreplace %s => %s\n", kit, kit, kitDir)
	for name, text := range map[string]string{"go.mod": mod, "go.sum": string(sums)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func built(t *testing.T, how func() (string, error)) string {
	t.Helper()
	binary, err := how()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// application is a running one.
type application struct {
	t    *testing.T
	url  string
	pid  int
	log  *lockedBuffer
	out  *bufio.Reader
	stop func()
	kill func()
}

// start runs the binary with the value of FAULT_RUN until the test ends.
func start(t *testing.T, binary, faultRun string) *application {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, link.Variable+"=") })
	if faultRun != "" {
		cmd.Env = append(cmd.Env, link.Variable+"="+faultRun)
	}
	a := &application{t: t, log: new(lockedBuffer)}
	cmd.Stderr = a.log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a.pid = cmd.Process.Pid
	a.stop = sync.OnceFunc(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the application ended: %v\n%s", err, a.log)
		}
	})
	t.Cleanup(func() { a.stop() })
	a.out = bufio.NewReader(out)
	a.kill = func() {
		a.stop = sync.OnceFunc(func() { _ = cmd.Wait() })
		_ = cmd.Process.Kill()
		a.stop()
	}
	line, err := a.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the application did not start: %v\n%s", err, a.log)
	}
	a.url = strings.TrimSpace(line)
	return a
}

type answer struct {
	status int
	header http.Header
	body   string
	broken error // why the body ended early
}

// get asks the application; the header is given in pairs.
func (a *application) get(path string, header ...string) answer {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatalf("GET %s: %v", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(body), err}
}

// heard is one call of a Handler's function.
type heard struct {
	what    string // hello, live, failed, ending, gone
	pid     int
	path    string
	request string
	failure *fault.Failure
	frozen  link.Failure
	stack   trace.Stack
	err     error
}

// listener is a Server whose calls can be waited for.
type listener struct {
	t *testing.T
	*link.Server
	calls  chan heard
	failed func() // called in Handler.Failed, before the call is to be seen
}

func listen(t *testing.T) *listener {
	t.Helper()
	return listenWith(t, false)
}

// listenWith listens, for applications that make copies of their failures or do not.
func listenWith(t *testing.T, freeze bool) *listener {
	t.Helper()
	l := &listener{t: t, calls: make(chan heard, 100), failed: func() {}}
	server, err := link.Listen(filepath.Join(socketDir(t), "app"), link.Handler{
		Hello: func(pid int) { l.calls <- heard{what: "hello", pid: pid} },
		Live:  func(pid int, path string) { l.calls <- heard{what: "live", pid: pid, path: path} },
		Failed: func(pid int, f link.Failure) {
			l.failed()
			l.calls <- heard{what: "failed", pid: pid, request: f.Request, failure: f.Failure, frozen: f}
		},
		Ending: func(pid int, stack trace.Stack) { l.calls <- heard{what: "ending", pid: pid, stack: stack} },
		Freeze: freeze,
		Gone:   func(pid int, err error) { l.calls <- heard{what: "gone", pid: pid, err: err} },
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Server = server
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// socketDir is a directory with a short name.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// next returns the next call.
func (l *listener) next(what string) heard {
	l.t.Helper()
	select {
	case h := <-l.calls:
		if h.what != what {
			l.t.Fatalf("%+v, want %s", h, what)
		}
		return h
	case <-time.After(patience):
		l.t.Fatalf("there was no %s", what)
		return heard{}
	}
}

// none fails the test if there was another call.
func (l *listener) none() {
	l.t.Helper()
	select {
	case h := <-l.calls:
		l.t.Fatalf("%+v, want nothing", h)
	default:
	}
}

// skip forgets the calls so far.
func (l *listener) skip() {
	for len(l.calls) > 0 {
		<-l.calls
	}
}

// change tells that the files have changed.
func (l *listener) change(files ...string) (problem string, asked bool, err error) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return l.Changed(ctx, files)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came to this: " + what)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}
