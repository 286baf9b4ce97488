package faulttest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/faulttest"
	"example.org/microblog/fault/trace"
)

// watcher is a test that is let to fail.
type watcher struct {
	testing.TB
	said  []string
	ended bool
}

func (w *watcher) Helper()           {}
func (w *watcher) Error(args ...any) { w.Errorf("%s", fmt.Sprint(args...)) }
func (w *watcher) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}
func (w *watcher) Fatal(args ...any) { w.Fatalf("%s", fmt.Sprint(args...)) }
func (w *watcher) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	w.ended = true
	panic(w)
}

// watched runs a check and returns what it reports.
func watched(check func(t testing.TB)) (w *watcher) {
	w = &watcher{}
	defer func() {
		if v := recover(); v != nil && v != any(w) {
			panic(v)
		}
	}()
	check(w)
	return w
}

func profile(w http.ResponseWriter, r *http.Request) error {
	trace.Note(r.Context(), trace.Step{Kind: "sql", Text: "SELECT name FROM users"})
	return trace.Wrap(&fs.PathError{Op: "open", Path: "avatar", Err: fs.ErrNotExist}, "loading the profile")
}

// shop fails at every address but /.
func shop(o fault.Options) http.Handler {
	o.Logger = slog.New(slog.DiscardHandler)
	o.User = func(*http.Request) string { return "susan" }
	c := fault.New(o)
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("GET /profile/{name}", c.Handle(profile))
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(errors.New("out of tea")) })
	return c.Middleware(mux)
}

func get(h http.Handler, path string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Result()
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	var r faulttest.Recorder
	h := shop(fault.Options{Recorder: &r})
	get(h, "/")
	r.None(t)
	if w := watched(func(t testing.TB) { r.Only(t) }); !w.ended || w.said[0] != "no failure was recorded; want one" {
		t.Errorf("Only of none: %+v", w)
	}
	if w := watched(func(t testing.TB) { r.Of(t, get(h, "/").Header) }); !w.ended {
		t.Error("Of an answer that names no failure")
	}
	answer := get(h, "/panic")
	f := r.Only(t)
	if r.Of(t, answer.Header) != f {
		t.Error("the answer names another failure")
	}
	get(h, "/profile/susan")
	for name, check := range map[string]func(t testing.TB){
		"None": r.None,
		"Only": func(t testing.TB) { r.Only(t) },
		"Of":   func(t testing.TB) { r.Of(t, http.Header{"Fault-Id": {"0000-0000"}}) },
	} {
		w := watched(check)
		if len(w.said) != 1 || !strings.Contains(w.said[0], "2 failures were recorded:\n\t"+f.ID.String()+": panic, status 500: panic: out of tea (GET /panic)") {
			t.Errorf("%s reports %q", name, w.said)
		}
	}
	if len(r.Failures()) != 2 {
		t.Errorf("%d failures", len(r.Failures()))
	}
	r.Reset()
	r.None(t)
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		receipt  func(*fault.Failure) fault.Receipt
		notified bool
	}{
		"none":      {nil, true},
		"not kept":  {func(*fault.Failure) fault.Receipt { return fault.Receipt{Err: errors.New("the disk is full")} }, false},
		"kept only": {func(*fault.Failure) fault.Receipt { return fault.Receipt{Durable: true} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := faulttest.Recorder{Receipt: test.receipt}
			w := httptest.NewRecorder()
			request := httptest.NewRequest(http.MethodGet, "/panic", nil)
			request.Header.Set("Accept", "text/html")
			shop(fault.Options{Recorder: &r}).ServeHTTP(w, request)
			r.Only(t)
			if got := strings.Contains(w.Body.String(), "has been notified"); got != test.notified {
				t.Errorf("the page says that somebody was notified: %v", got)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	var r faulttest.Recorder
	get(shop(fault.Options{Recorder: &r}), "/profile/susan?token=hunter22")
	f := r.Only(t)
	faulttest.Check(t, f, faulttest.Want{})
	faulttest.Check(t, f, faulttest.Want{
		Status: 500, Kind: fault.KindError, Message: "loading the profile: open avatar", Cause: "*fs.PathError", Route: "GET /profile/{name}",
		User: "susan", In: "faulttest_test.profile", Step: "FROM users", Without: []string{"hunter22", ""},
	})
	for name, test := range map[string]struct {
		want faulttest.Want
		says string
	}{
		"status":  {faulttest.Want{Status: 404}, "its status is 500, want 404"},
		"kind":    {faulttest.Want{Kind: fault.KindPanic}, `its kind is "error", want "panic"`},
		"public":  {faulttest.Want{Public: "Sorry."}, `its public text is "", want "Sorry."`},
		"message": {faulttest.Want{Message: "nil map"}, `"nil map" is not in its message`},
		"cause":   {faulttest.Want{Cause: "*net.OpError"}, "no *net.OpError is among its causes, which are *trace.wrapped, *fs.PathError"},
		"route":   {faulttest.Want{Route: "GET /"}, `its route is "GET /profile/{name}", want "GET /"`},
		"user":    {faulttest.Want{User: "john"}, `its user is "susan", want "john"`},
		"task":    {faulttest.Want{Task: "refresh"}, `its task is "", want "refresh"`},
		"in":      {faulttest.Want{In: "main.main"}, "main.main is not in its stack: faulttest_test.profile"},
		"step":    {faulttest.Want{Step: "FROM posts"}, `"FROM posts" is not among its steps: "SELECT name FROM users"`},
		"without": {faulttest.Want{Without: []string{"x y z", "avatar"}}, "the secret Without[1] is in it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watched(func(t testing.TB) { faulttest.Check(t, f, test.want) })
			if len(w.said) != 1 || !strings.Contains(w.said[0], f.ID.String()) || !strings.Contains(w.said[0], test.says) {
				t.Errorf("it reports %q, want %q", w.said, test.says)
			}
		})
	}
	if w := watched(func(t testing.TB) { faulttest.Check(t, nil, faulttest.Want{}) }); len(w.said) != 1 {
		t.Errorf("of no failure it reports %q", w.said)
	}
}
