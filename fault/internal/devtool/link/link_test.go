package link_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/devtool/link"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

func dial(t *testing.T, l *listener) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", l.Path())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func say(t *testing.T, conn net.Conn, line string) {
	t.Helper()
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // A string can be marshalled.
	}
	return string(text)
}

func TestVariable(t *testing.T) {
	if link.Variable != fault.SupervisorVariable {
		t.Errorf("the kit knows its supervisor by %s, the link by %s", fault.SupervisorVariable, link.Variable)
	}
}

// What a process tells of its end has arrived when it goes on.
func TestEnding(t *testing.T) {
	t.Parallel()
	l := listen(t)
	app := devlink.Open(l.Path())
	l.next("hello")
	stack := trace.Stack{{Function: "os.Exit", File: "/go/src/os/proc.go", Line: 75}, {Function: "main.main", File: "/src/main.go", Line: 3, App: true}}
	app.Ending(stack)
	if len(l.calls) != 1 {
		t.Fatalf("there were %d calls", len(l.calls))
	}
	if h := l.next("ending"); !slices.Equal(h.stack, stack) {
		t.Errorf("it ends at %+v, want %+v", h.stack, stack)
	}
	app.Close()
	l.next("gone")
	app.Ending(stack) // Nobody is left, and nothing waits.
}

// All names of secrets count that any process has told, also when it is gone.
func TestSecrets(t *testing.T) {
	t.Parallel()
	l := listen(t)
	if r := l.Redactor(); r != nil {
		t.Errorf("it masks %q", r.Keys())
	}
	var many []string
	for n := range 2000 {
		many = append(many, "n"+strconv.Itoa(n))
	}
	for _, names := range [][]string{redact.New(redact.Options{Keys: []string{"Invite Code"}}).Keys(), {"pet", "invitecode", "", strings.Repeat("x", 200)}, nil, many} {
		app := devlink.Open(l.Path())
		l.next("hello")
		app.Secrets(names)
		app.Ending(trace.Stack{}) // It waits until that has arrived.
		l.next("ending")
		app.Close()
		l.next("gone")
	}
	r := l.Redactor()
	for name, secret := range map[string]bool{"invite_code": true, "inviteCode": true, "PET": true, "password": true, "n997": true, "n998": false, strings.Repeat("x", 200): false, "name": false} {
		if r.IsSecretKey(name) != secret {
			t.Errorf("%s is a secret: %v", name, !secret)
		}
	}
}

// A process that talks nonsense is left alone, and others are served.
func TestNonsense(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines []string
		hello bool // and so there is a gone
		wrong bool // with an error
	}{
		"no JSON":              {[]string{"GET / HTTP/1.1"}, false, false},
		"no hello":             {[]string{`{"type":"live","dir":"/"}`}, false, false},
		"no JSON later":        {[]string{`{"type":"hello","pid":1}`, "x"}, true, true},
		"no type":              {[]string{`{"type":"hello","pid":1}`, "{}"}, true, true},
		"no failure":           {[]string{`{"type":"hello","pid":1}`, `{"type":"failed","seq":1,"failure":[]}`}, true, true},
		"a failure too little": {[]string{`{"type":"hello","pid":1}`, `{"type":"failed","seq":1}`}, true, true},
		"no stack":             {[]string{`{"type":"hello","pid":1}`, `{"type":"ending","seq":1,"stack":{}}`}, true, true},
		"a stack too little":   {[]string{`{"type":"hello","pid":1}`, `{"type":"ending","seq":1}`}, true, true},
		"a relative directory": {[]string{`{"type":"hello","pid":1}`, `{"type":"live","dir":"x"}`}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			conn := dial(t, l)
			for _, line := range test.lines {
				say(t, conn, line)
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Error("there was an answer")
			}
			if test.hello {
				l.next("hello")
				if h := l.next("gone"); test.wrong != errors.Is(h.err, devlink.ErrMessage) {
					t.Errorf("gone because of %v", h.err)
				}
			}
			l.none()
			if other := devlink.Open(l.Path()); !other.Connected() {
				t.Error("nobody is served any more")
			} else {
				other.Close()
			}
			l.next("hello")
			l.next("gone")
		})
	}
}

func TestUnknownMessagesAreSkipped(t *testing.T) {
	t.Parallel()
	l := listen(t)
	conn := dial(t, l)
	say(t, conn, `{"type":"hello","pid":1,"version":2}`)
	say(t, conn, `{"type":"something new"}`)
	say(t, conn, `{"type":"loaded","seq":4711}`)
	say(t, conn, `{"type":"failed","seq":9,"failure":{"message":"x"}}`)
	l.next("hello")
	if h := l.next("failed"); h.failure.Message != "x" {
		t.Errorf("%+v", h.failure)
	}
	m, err := devlink.Read(bufio.NewReader(conn))
	if err != nil || m.Type != devlink.Noted || m.Seq != 9 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	taken := filepath.Join(dir, "taken")
	write(t, taken, "")
	for name, test := range map[string]struct{ path, want string }{
		"relative":     {"socket", "absolute"},
		"too long":     {filepath.Join(dir, strings.Repeat("x", 200)), "TMPDIR"},
		"no directory": {filepath.Join(dir, "none", "socket"), "socket for the application"},
		"taken":        {taken, "socket for the application"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := link.Listen(test.path, link.Handler{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%v, %v; want an error that says %q", s, err, test.want)
			}
		})
	}
	path := filepath.Join(dir, "socket")
	s, err := link.Listen(path, link.Handler{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v", info.Mode())
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection that said nothing outlives the server")
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// TestSeveralProcesses has two on one socket, as while one takes the other's place.
func TestSeveralProcesses(t *testing.T) {
	t.Parallel()
	l := listen(t)
	dir, other := t.TempDir(), t.TempDir()
	var first, second int
	a, b := devlink.Open(l.Path()), devlink.Open(l.Path())
	t.Cleanup(a.Close)
	t.Cleanup(b.Close)
	a.Live([]string{dir}, func() error { first++; return nil })
	b.Live([]string{dir, other}, func() error { second++; return errors.New("it cannot be read") })
	b.Live([]string{dir}, func() error { return errors.New("it cannot be read, either") })
	eventually(t, "both have said so", func() bool { return len(l.Trees()) == 2 && len(l.calls) == 5 })
	problem, asked, err := l.change(filepath.Join(dir, "x"))
	if err != nil || !asked || problem != "it cannot be read\nit cannot be read, either" || first != 1 || second != 1 {
		t.Errorf("%q, %v, %v; called %d and %d times", problem, asked, err, first, second)
	}
	problem, asked, err = l.change(filepath.Join(other, "x"))
	if err != nil || !asked || problem != "it cannot be read" || first != 1 || second != 2 {
		t.Errorf("%q, %v, %v; called %d and %d times", problem, asked, err, first, second)
	}
}

// TestFailedWhileLoading has a failure in the function that loads: it waits for the supervisor, which waits
// for it.
func TestFailedWhileLoading(t *testing.T) {
	t.Parallel()
	l := listen(t)
	dir := t.TempDir()
	a := devlink.Open(l.Path())
	t.Cleanup(a.Close)
	var took time.Duration
	a.Live([]string{dir}, func() error {
		began := time.Now()
		a.Failed("", fault.Failure{Message: "while loading"}, nil)
		took = time.Since(began)
		return nil
	})
	l.next("hello")
	l.next("live")
	for range 3 { // A machine that stands still is no reason to fail.
		if problem, asked, err := l.change(filepath.Join(dir, "x")); problem != "" || !asked || err != nil {
			t.Fatalf("%q, %v, %v", problem, asked, err)
		}
		if l.next("failed"); took < devlink.Patience {
			return
		}
	}
	t.Errorf("the failure was not noted within %v", devlink.Patience)
}

// TestReleaseHasNoneOfIt looks into binaries for what belongs to development.
func TestReleaseHasNoneOfIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		build func() (string, error)
		want  bool
	}{"release": {suite.release, false}, "development": {suite.dev, true}} {
		binary := built(t, test.build)
		out, err := exec.Command("go", "tool", "nm", binary).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, pkg := range []string{"devlink", "freeze"} {
			if got := strings.Contains(string(out), "/internal/"+pkg+"."); got != test.want {
				t.Errorf("%s: symbols of %s are in it: %v", name, pkg, got)
			}
		}
	}
	for _, flags := range [][]string{{}, {"-tags", "faultdev"}} {
		args := append([]string{"list", "-deps"}, flags...)
		out, err := exec.Command("go", append(args, "../../../live", "../../..")...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, pkg := range []string{"devlink", "freeze"} {
			if got := strings.Contains(string(out), "/internal/"+pkg+"\n"); got != (len(flags) > 0) {
				t.Errorf("go list %q has %s: %v", flags, pkg, got)
			}
		}
	}
}
