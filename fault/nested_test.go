package fault_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
)

func TestAnswerThenReturn(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{
		"GET /same": func(w http.ResponseWriter, r *http.Request) error {
			err := errors.New("once")
			g.Answer(w, r, err)
			return err
		},
		"GET /other": func(w http.ResponseWriter, r *http.Request) error {
			g.Answer(w, r, errors.New("first"))
			return errors.New("second")
		},
	})
	get(t, srv.URL+"/same", "Accept", browser).wants(t, 500, "</html>")
	g.kept.only(t)
	// Two failures are two records, but the answer that was given whole is not cut off.
	get(t, srv.URL+"/other", "Accept", browser).wants(t, 500, "</html>")
	if n := len(g.kept.all()); n != 3 {
		t.Errorf("%d failures, want 3", n)
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	deny := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Answer(w, r, fault.Forbidden("From elsewhere.")) })
	get(t, start(t, deny).URL, "Accept", browser).wants(t, 403, "From elsewhere.")
	get(t, start(t, g.Middleware(deny)).URL, "Accept", browser).wants(t, 403, "From elsewhere.")

	broken := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Answer(w, r, nil) })
	get(t, start(t, g.Middleware(broken)).URL).wants(t, 500)
	f := g.kept.only(t)
	if f.StackOf != fault.StackHandled || !strings.Contains(f.Stack[0].Name(), "TestAnswer") || !strings.Contains(f.Message, "nil error") {
		t.Errorf("recorded %q with the stack of %q: %v", f.Message, f.StackOf, f.Stack)
	}
}

func TestPanicOfMiddlewareAfterAnswer(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	inner := g.Handle(func(http.ResponseWriter, *http.Request) error { return errors.New("first") })
	commit := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		panic("session store is gone")
	})
	get(t, start(t, g.Middleware(commit)).URL, "Accept", browser).wants(t, 500, "</html>")
	if n := len(g.kept.all()); n != 2 {
		t.Errorf("%d failures, want both", n)
	}
}

func TestInsideTimeoutHandler(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	late := make(chan struct{})
	mux := http.NewServeMux()
	mux.Handle("GET /fail", g.Handle(func(http.ResponseWriter, *http.Request) error { return fault.NotFound("Buffered.") }))
	mux.Handle("GET /slow", g.Handle(func(_ http.ResponseWriter, r *http.Request) error {
		defer close(late)
		<-r.Context().Done()
		return r.Context().Err()
	}))
	srv := start(t, g.Middleware(http.TimeoutHandler(mux, time.Minute, "")))
	get(t, srv.URL+"/fail", "Accept", browser).wants(t, 404, "Buffered.")
	get(t, srv.URL+"/nowhere", "Accept", browser).wants(t, 404, "There is nothing at this address.")
	hasty := start(t, g.Middleware(http.TimeoutHandler(mux, time.Millisecond, "timed out")))
	get(t, hasty.URL+"/slow").wants(t, 503, "timed out")
	<-late
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	var none *fault.Error
	for want, err := range map[string]error{
		"Not Found":                fault.NotFound(""),
		"No such person.":          fault.NotFound("No such person."),
		"No such person: EOF":      fault.With(404, "No such person.", io.EOF),
		"EOF":                      fault.Internal(io.EOF),
		"nil *fault.Error":         none,
		"Internal Server Error":    &fault.Error{},
		"Request Error":            fault.With(419, "", nil),
		"Server Error":             fault.With(599, "", nil),
		"Method Not Allowed":       fault.MethodNotAllowed("GET"),
		"Slow down.":               fault.TooManyRequests("Slow down.", 0),
		"Service Unavailable: EOF": fault.With(503, "Service Unavailable", io.EOF),
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if none.Unwrap() != nil || !errors.Is(fault.Internal(io.EOF), io.EOF) {
		t.Error("Unwrap does not give the cause")
	}
	if h := fault.Unavailable("", -1).Header; h != nil {
		t.Errorf("a negative wait became %v", h)
	}
}

func TestRedirectByError(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(http.ResponseWriter, *http.Request) error {
		return &fault.Error{Status: 303, Header: http.Header{"Location": {"/login"}}}
	}})
	res := get(t, srv.URL)
	res.wants(t, 303)
	if res.body != "" || res.Header.Get("Location") != "/login" || res.Header.Get("Content-Type") != "" {
		t.Errorf("got %v with %q", res.Header, res.body)
	}
}

func TestHandleWithRecorderOfHTTPTest(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	w := httptest.NewRecorder()
	g.Handle(func(http.ResponseWriter, *http.Request) error { return errors.New("x") }).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 {
		t.Errorf("status %d", w.Code)
	}
}
