package debugapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

const (
	testPIN  = "123456789"
	deadline = 30 * time.Second
)

// fakeEngine attaches to anything.
type fakeEngine struct {
	mu       sync.Mutex
	attached []*fakeSession
	most     int // sessions at the same time
	open     int
	fail     error         // instead of attaching
	hold     chan struct{} // Attach waits for it to be closed; nil is not
	frames   []debugapi.Frame
}

func (e *fakeEngine) Attach(ctx context.Context, c debugapi.Copy, progress func(string)) (debugapi.Session, error) {
	e.mu.Lock()
	fail, hold := e.fail, e.hold
	e.mu.Unlock()
	progress("Building Delve")
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if fail != nil {
		return nil, fail
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &fakeSession{engine: e, copy: c, done: make(chan struct{})}
	e.attached = append(e.attached, s)
	e.open++
	e.most = max(e.most, e.open)
	return s, nil
}

func (e *fakeEngine) last(t *testing.T) *fakeSession {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.attached) == 0 {
		t.Fatal("nothing was attached")
	}
	return e.attached[len(e.attached)-1]
}

func (e *fakeEngine) counts() (attached, open, most int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.attached), e.open, e.most
}

type fakeSession struct {
	engine *fakeEngine
	copy   debugapi.Copy
	done   chan struct{}
	once   sync.Once

	mu    sync.Mutex
	calls int
	busy  bool
}

// alone fails the test's answers if two use the session at once.
func (s *fakeSession) alone() (func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return nil, errors.New("two use the session at once")
	}
	s.busy = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy = false
	}, nil
}

func (s *fakeSession) Frames(context.Context) ([]debugapi.Frame, error) {
	done, err := s.alone()
	if err != nil {
		return nil, err
	}
	defer done()
	return s.engine.frames, nil
}

func (s *fakeSession) Variables(_ context.Context, frame int) ([]debugapi.Variable, error) {
	done, err := s.alone()
	if err != nil {
		return nil, err
	}
	defer done()
	if frame == 12 {
		return nil, errors.New("this frame is broken")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return []debugapi.Variable{
		{Name: "user", Type: "*web.User", Kind: "ptr", Value: `{Name: "<script>alert(1)</script>"}`, Ref: 17, Argument: true, Expression: "user"},
		{Name: "calls", Type: "int", Kind: "int", Value: fmt.Sprint(s.calls)},
		{Name: "frame", Type: "int", Kind: "int", Value: fmt.Sprint(frame), Shadowed: true},
		{Name: "gone", Type: "string", Unreadable: "It was optimized away."},
	}, nil
}

func (s *fakeSession) Children(_ context.Context, ref, start, count int) ([]debugapi.Variable, int, error) {
	done, err := s.alone()
	if err != nil {
		return nil, 0, err
	}
	defer done()
	if ref != 17 {
		return nil, 0, &debugapi.ExpressionError{Text: "there is no such reference"}
	}
	const total = 250
	var all []debugapi.Variable
	for i := start; i < min(total, start+count); i++ {
		all = append(all, debugapi.Variable{Name: fmt.Sprint(i), Type: "int", Value: fmt.Sprint(i * i)})
	}
	return all, total, nil
}

func (s *fakeSession) Evaluate(ctx context.Context, frame int, expression string, call bool) (debugapi.Variable, error) {
	done, err := s.alone()
	if err != nil {
		return debugapi.Variable{}, err
	}
	defer done()
	switch {
	case strings.Contains(expression, "sleep"):
		select {
		case <-ctx.Done():
			return debugapi.Variable{}, ctx.Err()
		case <-s.done:
			return debugapi.Variable{}, errors.New("closed")
		}
	case strings.HasSuffix(expression, "."):
		return debugapi.Variable{}, &debugapi.ExpressionError{Text: "This is not finished", Unfinished: true}
	case expression == "slow":
		return debugapi.Variable{}, &debugapi.ExpressionError{Text: "It took too long", Time: true}
	case strings.HasSuffix(expression, ")") && !call:
		return debugapi.Variable{}, &debugapi.ExpressionError{Text: "This needs a call", Call: true}
	case strings.HasSuffix(expression, ")"):
		s.mu.Lock()
		s.calls++
		s.mu.Unlock()
	case expression == "nonsense":
		return debugapi.Variable{}, &debugapi.ExpressionError{Text: "there is no nonsense in this frame"}
	}
	return debugapi.Variable{Type: "string", Kind: "string", Value: fmt.Sprintf("%d: %s", frame, expression), Ref: 17}, nil
}

func (s *fakeSession) Complete(_ context.Context, _ int, text string, offset int) (int, []debugapi.Completion, error) {
	done, err := s.alone()
	if err != nil {
		return 0, nil, err
	}
	defer done()
	dot := strings.LastIndexByte(text[:offset], '.') + 1
	return dot, []debugapi.Completion{{Text: "Name", Kind: "field", Type: "string"}}, nil
}

func (s *fakeSession) Goroutines(context.Context) ([]debugapi.Goroutine, error) {
	return []debugapi.Goroutine{
		{ID: 1, State: "waiting", Wait: "chan receive", Function: "runtime.gopark"},
		{ID: 7, State: "waiting", Function: "example.org/blog/web.worker", File: "/src/blog/web/worker.go", Line: 3, App: true},
		{ID: 9, State: "waiting", Function: "net/http.(*persistConn).readLoop", Request: true},
		{ID: 34, State: "running", Function: "example.org/blog/web.user", Failing: true, Request: true},
	}, nil
}

func (s *fakeSession) Done() <-chan struct{} { return s.done }

// die ends the debugger as if it had crashed.
func (s *fakeSession) die() {
	s.once.Do(func() {
		close(s.done)
		s.engine.mu.Lock()
		defer s.engine.mu.Unlock()
		s.engine.open--
	})
}

func (s *fakeSession) Close() error {
	s.die()
	return nil
}

// newServer runs a server until the test ends.
func newServer(t *testing.T, change func(*debugapi.Options)) (*debugapi.Server, *fakeEngine) {
	t.Helper()
	engine := &fakeEngine{frames: []debugapi.Frame{
		{Index: 10, Function: "runtime.panicIndex", File: "/go/runtime/panic.go", Line: 115},
		{Index: 11, Function: "example.org/blog/web.user", File: "/src/blog/web/user.go", Line: 42, App: true},
		{Index: 12, Function: "net/http.HandlerFunc.ServeHTTP", File: "/go/net/http/server.go", Line: 2200},
		{Index: 13, Function: "example.org/blog/web.(*Middleware).ServeHTTP", File: "/src/blog/web/mw.go", Line: 9, App: true},
		{Index: 14, Function: "runtime.goexit", File: "/go/runtime/asm.s", Line: 1},
	}}
	options := debugapi.Options{PIN: testPIN, Engine: engine, App: "http://127.0.0.1:5000"}
	if change != nil {
		change(&options)
	}
	s, err := debugapi.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, open, _ := engine.counts(); open != 0 {
			t.Errorf("%d debuggers are left", open)
		}
	})
	return s, engine
}

var idCount struct {
	sync.Mutex
	n uint32
}

// newFailure is one of example.org/blog. Its copy belongs to somebody else.
func newFailure(message string) debugapi.Failure {
	idCount.Lock()
	defer idCount.Unlock()
	idCount.n++
	f := &fault.Failure{
		ID: fault.ID{byte(idCount.n), byte(idCount.n >> 8), byte(idCount.n), 7, 1}, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Kind: fault.KindPanic,
		Status: 500, Message: message, Causes: fault.Cause{Message: message, Type: "runtime.Error"}, StackOf: fault.StackPanic,
		Stack: trace.Stack{
			{Function: "example.org/blog/web.user", File: "/src/blog/web/user.go", Line: 42, App: true},
			{Function: "net/http.HandlerFunc.ServeHTTP", File: "/go/net/http/server.go", Line: 2200},
			{Function: "example.org/blog/web.vanished", File: "/src/blog/web/gone.go", Line: 8, App: true},
			{Function: "example.org/blog/web.(*Middleware).ServeHTTP", File: "/src/blog/web/mw.go", Line: 7, App: true},
		},
		Request: &fault.Request{Method: "GET", URL: "/user/susan?x=1", Host: "127.0.0.1:5000", Header: http.Header{"Accept": {"text/html"}}},
		Build:   fault.Build{Module: "example.org/blog", Go: "go1.26"},
	}
	return debugapi.Failure{
		Failure: &overlay.Failure{Failure: f, Generation: 3, Excerpts: [][]problem.Line{{{Number: 42, Text: "\treturn users[i]", Hit: true}}}},
		Copy:    debugapi.Copy{PID: 4711, Release: func() {}},
		Source: func(file string, line int) ([]problem.Line, string) {
			return []problem.Line{{Number: line, Text: "// of " + file, Hit: true}}, ""
		},
	}
}

// caller sends requests to a server.
type caller struct {
	t     *testing.T
	url   string
	token string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

func login(t *testing.T, s *debugapi.Server) *caller {
	t.Helper()
	c := &caller{t: t, url: s.URL()}
	a := c.post("/session", `{"pin":"123-456-789"}`)
	c.token, _ = a.json["token"].(string)
	if a.status != 200 || c.token == "" {
		t.Fatalf("no token: %d %s", a.status, a.body)
	}
	return c
}

func (c *caller) do(method, path, body string, header http.Header) answer {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("User-Agent", "test")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		if name == "Host" {
			r.Host = values[0]
			continue
		}
		if values == nil {
			r.Header.Del(name)
			continue
		}
		r.Header[name] = values
	}
	client := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true},
	}
	got, err := client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer got.Body.Close()
	a := answer{status: got.StatusCode, header: got.Header}
	if a.body, err = io.ReadAll(got.Body); err != nil {
		c.t.Fatal(err)
	}
	if strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") && len(a.body) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(a.body))
		if err := decoder.Decode(&a.json); err != nil {
			c.t.Fatalf("%v in %s", err, a.body)
		}
	}
	return a
}

func (c *caller) get(path string) answer        { c.t.Helper(); return c.do("GET", path, "", nil) }
func (c *caller) post(path, body string) answer { c.t.Helper(); return c.do("POST", path, body, nil) }

// code is the word for programs of an error.
func (a answer) code() string { s, _ := a.json["code"].(string); return s }

// until waits for a failure to be so, as a page does.
func (c *caller) until(id string, what string, is func(answer) bool) answer {
	c.t.Helper()
	a := c.get("/failures/" + id)
	for end := time.Now().Add(deadline); !is(a); {
		if a.status != 200 || time.Now().After(end) {
			c.t.Fatalf("waiting for %s: %d %s", what, a.status, a.body)
		}
		a = c.get(fmt.Sprintf("/failures/%s?after=%v", id, int64(a.json["revision"].(float64))))
	}
	return a
}

// ready waits for all variables.
func (c *caller) ready(id string) answer {
	c.t.Helper()
	return c.until(id, "the variables", func(a answer) bool {
		if a.json["state"] != "ready" {
			return false
		}
		for _, f := range frames(a) {
			if state := f["variables"].(map[string]any)["state"]; state == "loading" || state == "none" && f["function"] != "example.org/blog/web.vanished" {
				return false
			}
		}
		return true
	})
}

func frames(a answer) []map[string]any {
	var all []map[string]any
	for _, f := range a.json["frames"].([]any) {
		all = append(all, f.(map[string]any))
	}
	return all
}

// wait waits for a condition.
func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain for " + what)
		}
	}
}
