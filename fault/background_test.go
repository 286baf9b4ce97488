package fault_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

func TestReport(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	id := g.Report(t.Context(), trace.Wrap(io.EOF, "reading the feed"))
	f := g.kept.only(t)
	if id.IsZero() || f.ID != id || f.Message != "reading the feed: EOF" || f.Request != nil || f.StackOf != fault.StackWrapped || f.Status != 500 {
		t.Errorf("recorded %+v under %s", f, id)
	}
	logged := g.log.at(slog.LevelError)
	if len(logged) != 1 || logged[0].Message != "Failure reported: reading the feed: EOF" || attr(logged[0], "fault") != id.String() {
		t.Errorf("logged %v", logged)
	}

	id = g.Report(t.Context(), io.EOF)
	f = g.kept.all()[1]
	if f.StackOf != fault.StackHandled || f.Stack[0].Name() != "fault_test.TestReport" {
		t.Errorf("%s: the stack of %q begins at %v", id, f.StackOf, f.Stack)
	}
	if g.Report(t.Context(), nil).IsZero() {
		t.Error("a nil error must be reported as the mistake it is")
	}

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	before := len(g.kept.all())
	for _, err := range []error{context.Canceled, &fault.Error{Status: 503, Expected: true}} {
		if id := g.Report(cancelled, err); !id.IsZero() {
			t.Errorf("%v was recorded", err)
		}
	}
	if len(g.kept.all()) != before || len(g.log.at(slog.LevelDebug)) != 2 {
		t.Error("what is expected must be in the log at DEBUG only")
	}
	if g.Report(cancelled, io.EOF).IsZero() || g.Report(t.Context(), context.Canceled).IsZero() {
		t.Error("a failure was taken for expected")
	}
}

func TestReportInRequest(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{Secrets: func(*http.Request) []string { return []string{"session-token"} }})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(w http.ResponseWriter, r *http.Request) error {
		trace.Note(r.Context(), trace.Step{Kind: "sql", Text: "SELECT 1"})
		fault.FromContext(r.Context()).Report(r.Context(), errors.New("no avatar for session-token"))
		_, err := io.WriteString(w, "fine "+fault.RequestID(r.Context()))
		return err
	}})
	res := get(t, srv.URL)
	f := g.kept.only(t)
	if res.body != "fine "+f.RequestID || len(f.Steps) != 1 || f.Message != "no avatar for [masked]" {
		t.Errorf("answered %q, recorded %+v", res.body, f)
	}
}

func TestGo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, message string
		kind          fault.Kind
		stackOf       string
		fn            func(context.Context) error
	}{
		{"fine", "", "", "", func(context.Context) error { return nil }},
		{"error", "EOF", fault.KindError, fault.StackHandled, func(context.Context) error { return io.EOF }},
		{"panic", "panic: boom", fault.KindPanic, fault.StackPanic, func(context.Context) error { panic("boom") }},
		{"abort is a panic like any", "panic: net/http: abort Handler", fault.KindPanic, fault.StackPanic, func(context.Context) error { panic(http.ErrAbortHandler) }},
		{"exit", "the task ended its goroutine (runtime.Goexit)", fault.KindGoexit, fault.StackExit, func(context.Context) error { runtime.Goexit(); return nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(fault.Options{})
				g.Go(t.Context(), "refresh", func(ctx context.Context) error {
					trace.Note(ctx, trace.Step{Kind: "log", Text: "began"})
					return tt.fn(ctx)
				})
				synctest.Wait()
				if tt.kind == "" {
					if len(g.kept.all()) != 0 {
						t.Errorf("recorded %v", g.kept.all())
					}
					return
				}
				f := g.kept.only(t)
				if f.Task != "refresh" || f.Message != tt.message || f.Kind != tt.kind || f.StackOf != tt.stackOf || len(f.Steps) != 1 {
					t.Errorf("recorded %+v", f)
				}
				if len(f.Stack) == 0 || !strings.Contains(f.Stack[0].Name(), "TestGo") || len(f.Stack) > 3 && tt.stackOf != fault.StackHandled {
					t.Errorf("stack %v", f.Stack)
				}
				logged := g.log.at(slog.LevelError)
				if len(logged) != 1 || !strings.HasPrefix(logged[0].Message, "refresh failed: ") || attr(logged[0], "task") != "refresh" {
					t.Errorf("logged %v", logged)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		g := newRig(fault.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		g.Go(ctx, "refresh", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		cancel()
		synctest.Wait()
		if len(g.kept.all()) != 0 {
			t.Error("the end of the context was recorded as a failure")
		}
	})
}
