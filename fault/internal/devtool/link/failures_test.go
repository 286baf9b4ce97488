package link_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devlink"
)

func TestFailuresAreTold(t *testing.T) {
	t.Parallel()
	l := listen(t)
	a := start(t, built(t, suite.dev), l.Path())
	if h := l.next("hello"); h.pid != a.pid {
		t.Fatalf("the process %d said that it is %d", a.pid, h.pid)
	}
	for range 3 { // hello.txt, static, templates
		l.next("live")
	}
	if !l.Redactor().IsSecretKey("invite_code") {
		t.Error("a name of secrets that one of the Catchers knows was not told")
	}
	for _, test := range []struct {
		path   string
		status int // of the answer
		kind   fault.Kind
		text   string // in the message
		token  bool   // the failure is the answer's
		begun  bool
		again  bool // it is told twice: reported, then answered
	}{
		{path: "/error", status: 500, kind: fault.KindError, text: "an error", token: true},
		{path: "/panic", status: 500, kind: fault.KindPanic, text: "a panic", token: true},
		{path: "/plain-panic", status: 500, kind: fault.KindPanic, text: "a plain panic", token: true},
		{path: "/goexit", status: 500, kind: fault.KindGoexit, text: "Goexit", token: true},
		{path: "/noanswer", status: 500, kind: fault.KindNoAnswer, text: "without answering", token: true},
		{path: "/page", status: 404, kind: fault.KindPage, text: "the page is broken", token: true},
		{path: "/answer", status: 500, kind: fault.KindError, text: "answered", token: true},
		{path: "/inner", status: 500, kind: fault.KindError, text: "an inner error", token: true},
		{path: "/begun", status: 200, kind: fault.KindError, text: "too late", token: true, begun: true},
		{path: "/report", status: 200, kind: fault.KindError, text: "reported"},
		{path: "/go", status: 200, kind: fault.KindPanic, text: "in a task"},
		{path: "/report-and-return", status: 500, kind: fault.KindError, text: "reported, then returned", token: true, again: true},
		{path: "/begun-after-report", status: 200, kind: fault.KindError, text: "reported too late", token: true, begun: true, again: true},
	} {
		t.Run(test.path[1:], func(t *testing.T) {
			got := a.get(test.path, devlink.RequestHeader, "token-of"+test.path, "Cookie", "kept=yes")
			if test.again {
				if h := l.next("failed"); h.request != "" || !h.failure.Reported {
					t.Errorf("reported for the request %q", h.request)
				}
			}
			h := l.next("failed")
			l.none()
			f := h.failure
			if test.again && (f.Reported || f.Response == nil || f.Response.Header.Get("X-Set") != "before") {
				t.Errorf("the answer is of a failure that was reported: %v, with the response %+v", f.Reported, f.Response)
			}
			if f.Kind != test.kind || !strings.Contains(f.Message, test.text) || f.Begun != test.begun || len(f.Stack) == 0 && f.Kind != fault.KindPage || f.PID != a.pid {
				t.Errorf("the failure is %+v", f)
			}
			want := ""
			if test.token {
				want = "token-of" + test.path
			}
			if h.request != want {
				t.Errorf("the failure is of the request %q, want %q", h.request, want)
			}
			if test.begun {
				if got.broken == nil || !strings.Contains(got.body, "so far") {
					t.Errorf("the answer is whole: %+v", got)
				}
			} else if got.status != test.status || got.broken != nil {
				t.Errorf("the answer is %+v, want %d", got, test.status)
			}
			if id := got.header.Get("Fault-Id"); got.status == 500 && id != f.ID.String() {
				t.Errorf("the answer tells of the failure %q, the supervisor was told of %s", id, f.ID)
			}
			if f.Request != nil && !f.Reported {
				if f.Request.Header.Get(devlink.RequestHeader) != "" || len(f.Request.Header["Cookie"]) == 0 {
					t.Errorf("the record has the header %v", f.Request.Header)
				}
			}
		})
	}
	if strings.Contains(a.log.String(), "token-of") {
		t.Errorf("the log tells the token:\n%s", a.log)
	}
	a.stop()
	if h := l.next("gone"); h.err != nil || h.pid != a.pid {
		t.Errorf("%+v", h)
	}
}

func TestTheHandlerDoesNotSeeTheToken(t *testing.T) {
	t.Parallel()
	l := listen(t)
	a := start(t, built(t, suite.dev), l.Path())
	if got := a.get("/header", devlink.RequestHeader, "token", "X-Other", "stays"); got.body != `[] ["stays"]` {
		t.Errorf("the handler sees %s", got.body)
	}
}

func TestTheAnswerWaitsForTheSupervisor(t *testing.T) {
	t.Parallel()
	l := listen(t)
	var noted atomic.Bool
	l.failed = func() {
		time.Sleep(200 * time.Millisecond) // An answer that does not wait is there before.
		noted.Store(true)
	}
	a := start(t, built(t, suite.dev), l.Path())
	// A machine that stands still for as long as the application waits is no reason to fail.
	for range 3 {
		noted.Store(false)
		a.get("/error")
		if noted.Load() {
			return
		}
		eventually(t, "the failure is noted", noted.Load)
	}
	t.Error("the answer came before the supervisor had noted the failure")
}

// Whatever is wrong with the supervisor, the application answers.
func TestTheAnswerComesWithoutTheSupervisor(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(net.Conn){
		"it never notes anything": func(conn net.Conn) { drain(conn) },
		"it never reads":          func(net.Conn) {}, // and does not close the connection
		"it is gone at once":      func(conn net.Conn) { conn.Close() },
		"it talks nonsense":       func(conn net.Conn) { fmt.Fprintln(conn, "HTTP/1.1 400 Bad Request\r\n\r"); drain(conn) },
		"it sends half a line":    func(conn net.Conn) { fmt.Fprint(conn, `{"type":"noted","seq":`); drain(conn) },
		"it notes others":         func(conn net.Conn) { fmt.Fprintln(conn, `{"type":"noted","seq":4711}`); drain(conn) },
		"it says what is unknown": func(conn net.Conn) { fmt.Fprintln(conn, `{"type":"later version","seq":[]}`); drain(conn) },
		"it asks for nothing":     func(conn net.Conn) { fmt.Fprintln(conn, `{"type":"changed","seq":1}`); drain(conn) },
		"it sends a long line": func(conn net.Conn) {
			text := strings.Repeat("x", 1<<20)
			for range 20 {
				if _, err := conn.Write([]byte(text)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(socketDir(t), "app")
			server, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			conns := make(chan net.Conn, 1)
			go func() {
				conn, err := server.Accept()
				if err != nil {
					return
				}
				conns <- conn
				serve(conn)
			}()
			a := start(t, built(t, suite.dev), path)
			for range 2 {
				if got := a.get("/error", devlink.RequestHeader, "token"); got.status != 500 || got.header.Get("Fault-Id") == "" {
					t.Errorf("the answer is %+v", got)
				}
			}
			if got := a.get("/home"); got.status != 200 {
				t.Errorf("the answer is %+v", got)
			}
			a.stop()
			_ = (<-conns).Close()
		})
	}
}

// drain reads until the other end closes the connection.
func drain(conn net.Conn) {
	buf := make([]byte, 4096)
	for {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

func TestWithoutASupervisor(t *testing.T) {
	t.Parallel()
	nobody := filepath.Join(socketDir(t), "nobody")
	for name, test := range map[string]struct {
		build    func() (string, error)
		faultRun string
		warns    int
	}{
		"a development build by itself":              {suite.dev, "", 1},
		"a development build, supervised by another": {suite.dev, "1", 1},
		"a development build, nobody there":          {suite.dev, nobody, 1},
		"a release":                                  {suite.release, "", 0},
		"a release with fault run":                   {suite.release, nobody, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, built(t, test.build), test.faultRun)
			got := a.get("/error")
			if got.status != 500 || !strings.Contains(got.body, got.header.Get("Fault-Id")) {
				t.Errorf("the answer is %+v", got)
			}
			if got := a.get("/header", devlink.RequestHeader, "anybody's"); got.body != `["anybody's"] []` {
				t.Errorf("the handler sees %s", got.body)
			}
			if got := a.get("/loads"); got.body != "1 false" {
				t.Errorf("files were loaded, and are from disk: %s", got.body)
			}
			a.stop()
			// There are two Catchers.
			if n := strings.Count(a.log.String(), "development build"); n != test.warns {
				t.Errorf("%d warnings, want %d:\n%s", n, test.warns, a.log)
			}
		})
	}
}
