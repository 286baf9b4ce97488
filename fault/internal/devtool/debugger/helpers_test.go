package debugger_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/debugger"
)

// patience is for what comes at once on an idle machine.
const patience = 60 * time.Second

// scratch is where programs are built.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "debugger-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	defer closeShared()
	return m.Run()
}

var installer debugger.Installer

// delve is the dlv of the tests, which is built when it is first needed.
func delve(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("frozen copies are to be had on Linux only")
	}
	path, err := installer.Ensure(context.Background(), func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// program is testdata/program, built as `fault run` builds an application.
var program = sync.OnceValues(func() (string, error) {
	return build(filepath.Join("testdata", "program"), "program", "-gcflags=example.org/program/...=-N -l")
})

// copies is testdata/copies.
var copies = sync.OnceValues(func() (string, error) {
	return build(".", "copies", "-tags=faultdev", "-ldflags=-checklinkname=0",
		"-gcflags=example.org/microblog/fault/internal/devtool/debugger/testdata/...=-N -l",
		"-gcflags=example.org/microblog/fault/internal/freeze/calls=-N -l", "./testdata/copies")
})

func build(dir, name string, arguments ...string) (string, error) {
	path := filepath.Join(scratch, name)
	cmd := exec.Command("go", append([]string{"build", "-o", path}, arguments...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// marker is where testdata/program stays.
const marker = "example.org/program/stop.Marker"

// start runs testdata/program up to where it stays.
func start(t testing.TB) int {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	pid, end, err := startProgram(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return pid
}

func startProgram(path string) (pid int, end func(), err error) {
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	end = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "here\n" {
		end()
		return 0, nil, fmt.Errorf("the program said %q: %w", line, err)
	}
	return cmd.Process.Pid, end, nil
}

// attach opens a session of its own for the test.
func attach(t testing.TB, o debugger.Options) *debugger.Session {
	t.Helper()
	o.Delve = delve(t)
	if o.PID == 0 {
		o.PID, o.Marker = start(t), marker
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := debugger.Attach(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// one is a session for all tests that only read.
var one struct {
	sync.Mutex
	session *debugger.Session
	end     func()
}

func closeShared() {
	if one.session != nil {
		_ = one.session.Close()
		one.end()
	}
}

func shared(t testing.TB) *debugger.Session {
	t.Helper()
	dlv := delve(t)
	one.Lock()
	defer one.Unlock()
	if one.session != nil {
		return one.session
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	pid, end, err := startProgram(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := debugger.Attach(ctx, debugger.Options{Delve: dlv, PID: pid, Marker: marker})
	if err != nil {
		end()
		t.Fatal(err)
	}
	one.session, one.end = s, end
	return s
}

// frameOf is the index of the first frame of a function.
func frameOf(t testing.TB, s *debugger.Session, function string) int {
	t.Helper()
	frames, err := s.Frames(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if f.Function == function {
			return f.Index
		}
	}
	t.Fatalf("there is no frame of %s", function)
	return 0
}

// variablesOf are those of a function's frame by their names; of several, the last.
func variablesOf(t testing.TB, s *debugger.Session, function string) map[string]debugger.Variable {
	t.Helper()
	list, err := s.Variables(t.Context(), frameOf(t, s, function))
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]debugger.Variable{}
	for _, v := range list {
		byName[v.Name] = v
	}
	return byName
}

func childrenOf(t testing.TB, s *debugger.Session, v debugger.Variable) []debugger.Variable {
	t.Helper()
	children, total, err := s.Children(t.Context(), v.Ref, 0, 1000)
	if err != nil {
		t.Fatalf("the children of %s: %v", v.Name, err)
	}
	if total < len(children) {
		t.Errorf("%s has %d children, of %d", v.Name, len(children), total)
	}
	return children
}

// lines say what variables are worth.
func lines(list []debugger.Variable) string {
	var b strings.Builder
	for _, v := range list {
		fmt.Fprintf(&b, "%s %s = %s", v.Name, v.Type, v.Value)
		if v.Unreadable != "" {
			fmt.Fprintf(&b, " (%s)", v.Unreadable)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func evaluateError(t testing.TB, err error) *debugger.EvaluateError {
	t.Helper()
	var e *debugger.EvaluateError
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want an EvaluateError", err)
	}
	return e
}
