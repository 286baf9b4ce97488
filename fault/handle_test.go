package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

var errTaken = errors.New("store: username taken")

func TestStatusOfErrors(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{Translate: func(err error) *fault.Error {
		if errors.Is(err, errTaken) {
			return fault.Conflict("Please use a different username.")
		}
		return nil
	}})
	var typedNil *fault.Error
	tests := []struct {
		name     string
		err      error
		status   int
		detail   string
		recorded bool
		header   map[string]string
	}{
		{"bad request", fault.BadRequest("No."), 400, "No.", false, nil},
		{"unauthorized", fault.Unauthorized("Sign in."), 401, "Sign in.", false, map[string]string{"Www-Authenticate": ""}},
		{"unauthorized with scheme", &fault.Error{Status: 401, Header: http.Header{"WWW-Authenticate": {"Basic"}}}, 401, "", false, map[string]string{"Www-Authenticate": "Basic"}},
		{"forbidden", fault.Forbidden("Not yours."), 403, "Not yours.", false, nil},
		{"not found", fault.NotFound("No such person."), 404, "No such person.", false, nil},
		{"method", fault.MethodNotAllowed("GET", "POST"), 405, "", false, map[string]string{"Allow": "GET, POST"}},
		{"conflict", fault.Conflict("Taken."), 409, "Taken.", false, nil},
		{"too large", fault.TooLarge("Too large."), 413, "Too large.", false, nil},
		{"unprocessable", fault.Unprocessable("Too long."), 422, "Too long.", false, nil},
		{"too many", fault.TooManyRequests("Slow down.", 1500*time.Millisecond), 429, "Slow down.", false, map[string]string{"Retry-After": "2"}},
		{"internal", fault.Internal(errors.New("disk")), 500, "", true, nil},
		{"bad gateway", fault.With(502, "The other server is silent.", io.EOF), 502, "The other server is silent.", true, nil},
		{"unavailable", fault.Unavailable("Back soon.", time.Minute), 503, "Back soon.", true, map[string]string{"Retry-After": "60"}},
		{"expected", &fault.Error{Status: 503, Public: "Maintenance.", Expected: true}, 503, "Maintenance.", false, nil},
		{"wrapped", fmt.Errorf("profile: %w", trace.Wrap(fault.NotFound("No such person."), "loading")), 404, "No such person.", false, nil},
		{"joined", errors.Join(io.EOF, fault.Forbidden("Not yours.")), 403, "Not yours.", false, nil},
		{"outermost counts", fault.With(409, "Outer.", fault.NotFound("Inner.")), 409, "Outer.", false, nil},
		{"translated", trace.Wrap(errTaken, "saving"), 409, "Please use a different username.", false, nil},
		{"own beats translated", fault.With(500, "", errTaken), 500, "", true, nil},
		{"unknown", errors.New("no such table: users"), 500, "", true, nil},
		{"deadline", fmt.Errorf("query: %w", context.DeadlineExceeded), 503, "", true, nil},
		{"cancelled without reason", context.Canceled, 500, "", true, nil},
		{"max bytes", trace.Wrap(&http.MaxBytesError{Limit: 10}, "reading"), 413, "At most 10 bytes are accepted.", false, nil},
		{"handler timeout", http.ErrHandlerTimeout, 503, "", true, nil},
		{"zero error", &fault.Error{}, 500, "", true, nil},
		{"typed nil", typedNil, 500, "", true, nil},
		{"invalid status", &fault.Error{Status: 200}, 500, "", true, nil},
		{"odd status", fault.With(418, "", nil), 418, "", false, nil},
		{"header that lies", &fault.Error{Status: 400, Header: http.Header{"content-type": {"x/y"}, "Content-Length": {"3"}, "X-Own": {"yes"}}}, 400, "", false, map[string]string{"X-Own": "yes"}},
		{"panicking methods", hostile{}, 500, "", true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(g.kept.all())
			h := g.Handle(func(http.ResponseWriter, *http.Request) error { return tt.err })
			srv := start(t, h) // Without Middleware.
			res := get(t, srv.URL+"/x", "Accept", "application/json")
			res.wants(t, tt.status)
			doc := res.problem(t)
			detail, _ := doc["detail"].(string)
			if detail != tt.detail || doc["status"] != float64(tt.status) {
				t.Errorf("detail %q and status %v, want %q and %d", detail, doc["status"], tt.detail, tt.status)
			}
			if title := http.StatusText(tt.status); doc["title"] != title || doc["type"] != "about:blank" || doc["instance"] != "/x" {
				t.Errorf("title %v, type %v and instance %v, want %q, about:blank and /x", doc["title"], doc["type"], doc["instance"], title)
			}
			if got := len(g.kept.all()) - before; got != 1 && tt.recorded || got != 0 && !tt.recorded {
				t.Errorf("%d failures were recorded", got)
			}
			if id := res.Header.Get("Fault-Id"); (id != "") != tt.recorded || tt.recorded && doc["fault"] != id {
				t.Errorf("Fault-Id is %q and fault %v, with recorded=%v", id, doc["fault"], tt.recorded)
			}
			if rid := res.Header.Get("X-Request-Id"); rid == "" || doc["request"] != rid {
				t.Errorf("X-Request-Id is %q and request %v", rid, doc["request"])
			}
			if cc, ct := res.Header.Get("Cache-Control"), res.Header.Get("X-Content-Type-Options"); cc != "no-store" || ct != "nosniff" {
				t.Errorf("Cache-Control is %q, X-Content-Type-Options %q", cc, ct)
			}
			for k, want := range tt.header {
				if got := res.Header.Get(k); got != want {
					t.Errorf("%s is %q, want %q", k, got, want)
				}
			}
		})
	}
}

// hostile is an error none of whose methods can be trusted.
type hostile struct{ _ []int }

func (hostile) Error() string   { panic("Error") }
func (hostile) Unwrap() []error { panic("Unwrap") }
func (hostile) Is(error) bool   { panic("Is") }
func (hostile) As(any) bool     { panic("As") }

func TestPanics(t *testing.T) {
	t.Parallel()
	var none *struct{ field int }
	var f func()
	tests := []struct {
		name, message string
		panic         func()
	}{
		{"text", "panic: boom", func() { panic("boom") }},
		{"error", "panic: unexpected EOF", func() { panic(io.ErrUnexpectedEOF) }},
		{"nil", "panic: panic called with nil argument", func() { panic(nil) }},
		{"number", "panic: 42", func() { panic(42) }},
		{"nil pointer", "panic: runtime error: invalid memory address or nil pointer dereference", func() { none.field++ }},
		{"index", "panic: runtime error: index out of range [3] with length 0", func() { _ = []int{}[zero+3] }},
		{"nil function", "panic: runtime error: invalid memory address or nil pointer dereference", func() { f() }},
		{"division", "panic: runtime error: integer divide by zero", func() { _ = 1 / zero }},
		{"hostile error", "panic: (fault_test.hostile: its Error method panicked)", func() { panic(hostile{}) }},
		{"own error", "panic: No.", func() { panic(fault.NotFound("No.")) }},
	}
	for _, tt := range tests {
		for _, kind := range []string{"handle", "middleware", "both"} {
			t.Run(tt.name+"/"+kind, func(t *testing.T) {
				g := newRig(fault.Options{})
				own := g.Handle(func(http.ResponseWriter, *http.Request) error { tt.panic(); return nil })
				plain := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { tt.panic() })
				h := map[string]http.Handler{"handle": own, "middleware": g.Middleware(plain), "both": g.Middleware(g.Middleware(own))}[kind]
				res := get(t, start(t, h).URL, "Accept", browser)
				res.wants(t, 500, "An unexpected error has occurred.")
				failure := g.kept.only(t)
				if failure.Kind != fault.KindPanic || !strings.HasPrefix(failure.Message, tt.message) {
					t.Errorf("kind %q and message %q, want %q", failure.Kind, failure.Message, tt.message)
				}
				if failure.StackOf != fault.StackPanic || len(failure.Stack) == 0 || !strings.HasPrefix(failure.Stack[0].Name(), "fault_test.TestPanics.func") {
					t.Errorf("the stack of %q begins at %v", failure.StackOf, failure.Stack)
				}
				last := failure.Stack[len(failure.Stack)-1]
				if !strings.HasPrefix(last.Name(), "fault_test.TestPanics.func") && last.Name() != "http.HandlerFunc.ServeHTTP" {
					t.Errorf("the stack ends at %v, below where it was caught", last)
				}
				if n := len(g.log.at(slog.LevelError)); n != 1 {
					t.Errorf("%d records at ERROR, want 1", n)
				}
			})
		}
	}
}

var zero int

func TestAbort(t *testing.T) {
	t.Parallel()
	for name, abort := range map[string]fault.HandlerFunc{
		"panic":          func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) },
		"wrapped panic":  func(http.ResponseWriter, *http.Request) error { panic(fmt.Errorf("copy: %w", http.ErrAbortHandler)) },
		"returned":       func(http.ResponseWriter, *http.Request) error { return http.ErrAbortHandler },
		"wrapped return": func(http.ResponseWriter, *http.Request) error { return trace.Wrap(http.ErrAbortHandler, "copy") },
	} {
		for _, kind := range []string{"handle", "both", "plain"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				g := newRig(fault.Options{})
				h := g.Handle(abort)
				switch {
				case kind == "both":
					h = g.Middleware(h)
				case kind == "plain" && strings.Contains(name, "panic"):
					h = g.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = abort(w, r) }))
				}
				// The test fails if net/http has anything to log.
				if res, err := try(t, "GET", start(t, h).URL, nil); err == nil {
					t.Errorf("answered with %s, want an aborted connection", res.Status)
				}
				if len(g.kept.all()) != 0 || len(g.log.at(slog.LevelError)) != 0 {
					t.Error("an abort on purpose was recorded")
				}
			})
		}
	}
}

func TestGoexit(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	exit := func() { runtime.Goexit() }
	for name, h := range map[string]http.Handler{
		"handle": g.Handle(func(http.ResponseWriter, *http.Request) error { exit(); return nil }),
		"plain":  g.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { exit() })),
	} {
		t.Run(name, func(t *testing.T) {
			before := len(g.kept.all())
			get(t, start(t, h).URL, "Accept", browser).wants(t, 500, "</html>")
			all := g.kept.all()
			if len(all) != before+1 || all[before].Kind != fault.KindGoexit || !strings.Contains(all[before].Stack[0].Name(), "TestGoexit") {
				t.Errorf("recorded %+v", all[before:])
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{
		"GET /nothing/{x}": forgetful,
		"GET /header":      func(w http.ResponseWriter, _ *http.Request) error { w.Header().Set("X-A", "b"); return nil },
		"GET /status":      func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(204); return nil },
		"GET /empty":       func(w http.ResponseWriter, _ *http.Request) error { _, err := w.Write(nil); return err },
		"GET /copy": func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.Copy(w, onlyReader{strings.NewReader("")})
			return err
		},
		"GET /early": func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(103); return nil },
	})
	for path, status := range map[string]int{"/status": 204, "/empty": 200, "/copy": 200} {
		get(t, srv.URL+path).wants(t, status)
	}
	if len(g.kept.all()) != 0 {
		t.Fatalf("an answer was taken for none: %s", g.kept.all()[0].Message)
	}
	get(t, srv.URL+"/nothing/1").wants(t, 500)
	failure := g.kept.only(t)
	const want = `fault_test.forgetful, the handler of "GET /nothing/{x}", returned without answering: it must write a response or return an error`
	if failure.Kind != fault.KindNoAnswer || failure.Message != want {
		t.Errorf("kind %q, message %q", failure.Kind, failure.Message)
	}
	if failure.StackOf != fault.StackHandled || failure.Stack[0].Name() != "fault_test.forgetful" {
		t.Errorf("stack of %q: %v", failure.StackOf, failure.Stack)
	}
	get(t, srv.URL+"/header").wants(t, 500)
	get(t, srv.URL+"/early").wants(t, 500)
	if n := len(g.kept.all()); n != 3 {
		t.Errorf("%d failures, want 3", n)
	}
	// A plain handler may answer with nothing.
	get(t, start(t, g.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))).URL).wants(t, 200)
	if n := len(g.kept.all()); n != 3 {
		t.Errorf("%d failures, want still 3", n)
	}
}

func forgetful(http.ResponseWriter, *http.Request) error { return nil }

type onlyReader struct{ io.Reader }

func TestBegun(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(http.ResponseWriter){
		"write":        func(w http.ResponseWriter) { _, _ = w.Write([]byte("partial")) },
		"write string": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "partial") },
		"header":       func(w http.ResponseWriter) { w.WriteHeader(200) },
		"flush":        func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller":   func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
		"copy":         func(w http.ResponseWriter) { _, _ = io.Copy(w, onlyReader{strings.NewReader("partial")}) },
	} {
		for how, fail := range map[string]func() error{
			"error": func() error { return errors.New("late") },
			"panic": func() error { panic("late") },
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				g := newRig(fault.Options{})
				srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(w http.ResponseWriter, _ *http.Request) error {
					begin(w)
					return fail()
				}})
				res, err := try(t, "GET", srv.URL, nil)
				if err == nil {
					t.Errorf("the client got %s %q without an error", res.Status, res.body)
				}
				if strings.Contains(res.body, "Internal") {
					t.Errorf("a page was appended: %q", res.body)
				}
				if f := g.kept.only(t); !f.Begun {
					t.Error("Begun is not set")
				}
				if logged := g.log.at(slog.LevelError); len(logged) != 1 || attr(logged[0], "response") != "aborted" {
					t.Errorf("logged %v", logged)
				}
			})
		}
	}
}

func TestLateClientError(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = w.Write([]byte("partial"))
		return fault.NotFound("")
	}})
	if res, err := try(t, "GET", srv.URL, nil); err == nil {
		t.Errorf("the client got %s %q without an error", res.Status, res.body)
	}
	if n := len(g.kept.all()); n != 0 {
		t.Errorf("%d failures, want 0", n)
	}
	if warned := g.log.at(slog.LevelWarn); len(warned) != 1 || !strings.Contains(warned[0].Message, "should have been answered 404") {
		t.Errorf("logged %v", warned)
	}
}

func TestInformational(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		return errors.New("after early hints")
	}})
	get(t, srv.URL, "Accept", browser).wants(t, 500, "</html>")
}
