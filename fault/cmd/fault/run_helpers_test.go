package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buffer is what a process has written so far.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// running is `fault run` on an application of the test's own.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string // the application's
	addr string // HOST:PORT
	out  buffer // standard output: the application's
	err  buffer // standard error: the application's, and what fault run says
	done chan struct{}
}

// application writes files into a directory: a module example.test/app, with the given ones.
func application(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	if _, ok := files["go.mod"]; !ok {
		put(t, filepath.Join(dir, "go.mod"), "module example.test/app\n\ngo 1.26\n")
	}
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// kitModule is a go.mod for an application that uses the kit of this checkout.
func kitModule(t *testing.T) string {
	t.Helper()
	kit, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return "module example.test/app\n\ngo 1.26\n\nrequire example.org/microblog/fault v0.0.0\n\nreplace example.org/microblog/fault => " + kit + "\n"
}

// runFault starts `fault run` on a free port in dir. It is stopped at the end of the test, and nothing may be left.
func runFault(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	return runFaultWith(t, dir, nil, args...)
}

// runFaultWith is runFault with more in the environment.
func runFaultWith(t *testing.T, dir string, env []string, args ...string) *running {
	t.Helper()
	return runFaultBy(t, dir, nil, env, args...)
}

// runFaultBy is runFaultWith with a command that prepare, which may be nil, has changed.
func runFaultBy(t *testing.T, dir string, prepare func(*exec.Cmd), env []string, args ...string) *running {
	t.Helper()
	r := &running{t: t, dir: dir, addr: freeAddress(t), done: make(chan struct{})}
	r.cmd = exec.Command(binary, append([]string{"run", "--listen", r.addr}, args...)...)
	if prepare != nil {
		prepare(r.cmd)
	}
	r.cmd.Dir = dir
	mark := fmt.Sprintf("FAULT_TEST_MARK=%s-%d", t.Name(), time.Now().UnixNano())
	r.cmd.Env = append(append(cleanEnvironment(), mark), env...)
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.err
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait() // ProcessState has what is asked for
		close(r.done)
	}()
	t.Cleanup(func() {
		r.stop()
		for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			left := marked(mark)
			if len(left) == 0 {
				break
			}
			if time.Now().After(end) {
				t.Errorf("processes are left: %q", left)
				break
			}
		}
		if t.Failed() {
			t.Logf("standard error:\n%s\nstandard output:\n%s", r.err.String(), r.out.String())
		}
	})
	return r
}

// cleanEnvironment is this one without the settings that fault run heeds.
func cleanEnvironment() []string {
	var env []string
	for _, entry := range os.Environ() {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "LISTEN", "PORT", "MAIL_SERVER", "MAIL_PORT", "ADMINS", "FAULT_RUN", "GOFLAGS":
		default:
			env = append(env, entry)
		}
	}
	return append(env, "GOFLAGS=-mod=mod")
}

// marked names the processes whose environment has the mark, on systems that tell.
func marked(mark string) (left []string) {
	if runtime.GOOS != "linux" {
		return nil
	}
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil
	}
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, []byte(mark)) {
			continue
		}
		command, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err != nil || len(command) == 0 {
			continue // it has ended
		}
		left = append(left, string(bytes.ReplaceAll(command, []byte{0}, []byte{' '})))
	}
	return left
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// stop ends it as Ctrl+C does.
func (r *running) stop() {
	select {
	case <-r.done:
		return
	default:
	}
	_ = r.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-r.done:
	case <-time.After(patience):
		r.t.Errorf("it does not end within %s", patience)
		_ = r.cmd.Process.Kill()
		<-r.done
	}
}

// says waits until standard error has something.
func (r *running) says(expression string) []string {
	r.t.Helper()
	re := regexp.MustCompile(expression)
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if found := re.FindStringSubmatch(r.err.String()); found != nil {
			return found
		}
		if time.Now().After(end) {
			r.t.Fatalf("no %s within %s:\n%s", expression, patience, r.err.String())
		}
	}
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// asks makes a request, with further headers as "Name: value".
func (r *running) asks(method, path, body string, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+r.addr+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			request.Host = value
		}
		request.Header.Set(name, value)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text)}, err
}

// get asks as a program does.
func (r *running) get(path string) answer {
	r.t.Helper()
	return r.must(r.asks(http.MethodGet, path, ""))
}

// browse asks as a browser's page load does.
func (r *running) browse(path string) answer {
	r.t.Helper()
	return r.must(r.asks(http.MethodGet, path, "", "Accept: text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none"))
}

func (r *running) must(a answer, err error) answer {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.err.String())
	}
	return a
}

// serves waits until a program gets this text at a path.
func (r *running) serves(path, text string) {
	r.t.Helper()
	r.until(func() (bool, string) {
		a, err := r.asks(http.MethodGet, path, "")
		return err == nil && a.status == http.StatusOK && a.body == text, fmt.Sprintf("%q at %s; it is %d %q, %v", text, path, a.status, a.body, err)
	})
}

// until waits for a condition; what tells what it waits for.
func (r *running) until(condition func() (met bool, what string)) {
	r.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		met, what := condition()
		if met {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("waited %s for %s\n%s", patience, what, r.err.String())
		}
	}
}

// endedIn runs the command in a directory to its end.
func endedIn(t *testing.T, dir, env string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Env = dir, append(cleanEnvironment(), env)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}
