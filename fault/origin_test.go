package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// What a task's record tells of its request is taken when the task is started, on the handler's
// goroutine, and never afterwards.
func TestTaskOfARequest(t *testing.T) {
	t.Parallel()
	var handler, elsewhere int64
	var over bool // Written between two requests of this test only.
	note := func() {
		if over || goroutineID() != handler {
			elsewhere++
		}
	}
	g := newRig(fault.Options{
		RequestID: func(r *http.Request) string { note(); return r.Header.Get("X-Id") },
		Secrets:   func(r *http.Request) []string { note(); return []string{r.Header.Get("X-Token")} },
		User:      func(r *http.Request) string { note(); return r.Header.Get("X-User") },
	})
	release := make(chan struct{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /user/{name}": func(w http.ResponseWriter, r *http.Request) error {
		handler = goroutineID()
		g.Go(context.WithoutCancel(r.Context()), "mail", func(ctx context.Context) error {
			<-release
			if id := fault.RequestID(ctx); id != "req-7" {
				t.Errorf("the task is of request %q", id)
			}
			g.Report(ctx, errors.New("in between: session-token"))
			g.Go(ctx, "inner", func(context.Context) error { panic("inner: session-token") })
			return errors.New("at the end: session-token")
		})
		r.Header.Set("X-Token", "changed-since")
		w.WriteHeader(204)
		return nil
	}})
	get(t, srv.URL+"/user/bob?q=1", "X-Id", "req-7", "X-Token", "session-token", "X-User", "susan").wants(t, 204)
	over = true
	close(release)
	waitFor(t, func() bool { return len(g.kept.all()) == 3 })
	if elsewhere != 0 {
		t.Errorf("the application's functions were called %d times on another goroutine or after the request", elsewhere)
	}
	for _, f := range g.kept.all() {
		if !strings.HasSuffix(f.Message, ": [masked]") || f.RequestID != "req-7" || f.User != "susan" || !f.Reported {
			t.Errorf("recorded %+v", f)
		}
		if q := f.Request; q == nil || q.Method != "GET" || q.Route != "GET /user/{name}" || q.URL != "/user/bob" {
			t.Errorf("of the request: %+v", q)
		}
	}
}

func TestReportTellsTheRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	g := newRig(fault.Options{User: func(r *http.Request) string { u, _ := r.Context().Value(key{}).(string); return u }})
	srv := g.serve(t, map[string]fault.HandlerFunc{"POST /a b/{x}": func(w http.ResponseWriter, r *http.Request) error {
		ctx := context.WithValue(r.Context(), key{}, "susan") // As a middleware inside would.
		g.Report(ctx, io.EOF)
		w.WriteHeader(204)
		return nil
	}})
	do(t, "POST", srv.URL+"/a%20b/c%2Fd?token=abc", nil).wants(t, 204)
	f := g.kept.only(t)
	if q := f.Request; q == nil || q.Method != "POST" || q.Route != "POST /a b/{x}" || q.URL != "/a%20b/c%2Fd" || f.User != "susan" {
		t.Fatalf("recorded %+v of %+v", f, q)
	}
	logged := g.log.at(slog.LevelError)
	if len(logged) != 1 || attr(logged[0], "user") != "susan" || attr(logged[0], "route") != "POST /a b/{x}" || attr(logged[0], "status") != "" {
		t.Errorf("logged %v", logged)
	}
}

func TestReportThenReturn(t *testing.T) {
	t.Parallel()
	fresh := func() error { return errors.New("no such table: users") }
	tests := []struct {
		name     string
		give     func(err error) error // what the handler returns
		status   int
		failures int
		same     bool // the answer shows the ID that Report returned
	}{
		{"as it is", func(err error) error { return err }, 500, 1, true},
		{"wrapped", func(err error) error { return trace.Wrap(err, "loading") }, 500, 1, true},
		{"joined", func(err error) error { return errors.Join(io.EOF, fmt.Errorf("x: %w", err)) }, 500, 1, true},
		{"with a status", func(err error) error { return fault.With(502, "Try later.", err) }, 502, 1, true},
		{"another of the same text", func(error) error { return fresh() }, 500, 2, false},
		{"another", func(error) error { return io.EOF }, 500, 2, false},
		{"as no failure", func(err error) error { return fault.With(404, "", err) }, 404, 1, false},
		{"a panic has its own stack", func(err error) error { panic(err) }, 500, 2, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(fault.Options{})
			g.kept.receipt.Notified = true
			var id fault.ID
			srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(_ http.ResponseWriter, r *http.Request) error {
				err := fresh()
				id = g.Report(r.Context(), err)
				for range 5 {
					g.Report(r.Context(), io.ErrClosedPipe)
				}
				return tt.give(err)
			}})
			res := get(t, srv.URL, "Accept", browser)
			res.wants(t, tt.status)
			if n := len(g.kept.all()) - 5; n != tt.failures {
				t.Errorf("%d failures, want %d", n, tt.failures)
			}
			if n := len(g.log.at(slog.LevelError)) - 5; n != tt.failures {
				t.Errorf("%d records at ERROR, want %d", n, tt.failures)
			}
			if got := res.Header.Get("Fault-Id"); (got == id.String()) != tt.same {
				t.Errorf("the answer shows %q, Report returned %s", got, id)
			}
			if tt.same && !strings.Contains(res.body, "notified") {
				t.Error("the page does not tell what the receipt promised")
			}
			if tt.status == 502 {
				res.wants(t, 502, "Try later.")
			}
		})
	}
}
