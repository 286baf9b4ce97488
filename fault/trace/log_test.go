package trace_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"example.org/microblog/fault/trace"
)

func TestLogHandlerNotes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 14, 42, 52, 672e6, time.UTC)
	tests := []struct {
		name string
		log  func(ctx context.Context, l *slog.Logger)
		text string
		args []string
	}{
		{"plain", func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "a post was read") }, "INFO a post was read", nil},
		{"attributes", func(ctx context.Context, l *slog.Logger) {
			l.WarnContext(ctx, "slow", "post", 7, "took", time.Second, "at", at, "err", io.EOF)
		}, "WARN slow", []string{"post=7", "took=1s", "at=2026-11-22T14:42:52.672Z", "err=EOF"}},
		{"bytes", func(ctx context.Context, l *slog.Logger) {
			l.InfoContext(ctx, "x", "a", []byte("b"), "c", []byte(nil))
		}, "INFO x", []string{"a=b", "c="}},
		{"of the logger", func(ctx context.Context, l *slog.Logger) {
			l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("").InfoContext(ctx, "x", "c", 3)
		}, "INFO x", []string{"a=1", "g.b=2", "g.c=3"}},
		{"groups", func(ctx context.Context, l *slog.Logger) {
			l.InfoContext(ctx, "x", slog.Group("g", "a", 1, slog.Group("", "b", 2)), slog.Attr{}, slog.Group("none"))
		}, "INFO x", []string{"g.a=1", "g.b=2"}},
		{"another level", func(ctx context.Context, l *slog.Logger) { l.Log(ctx, slog.LevelError+4, "x") }, "ERROR+4 x", nil},
		{"not enabled", func(ctx context.Context, l *slog.Logger) { l.DebugContext(ctx, "x") }, "", nil},
		{"no context", func(_ context.Context, l *slog.Logger) { l.Info("x") }, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var written bytes.Buffer
			ctx := trace.Begin(t.Context())
			before := time.Now()
			tt.log(ctx, slog.New(trace.LogHandler(slog.NewTextHandler(&written, nil))))
			steps, _ := trace.Steps(ctx)
			if tt.text == "" {
				if len(steps) > 0 {
					t.Errorf("noted: %+v", steps)
				}
				return
			}
			if len(steps) != 1 || steps[0].Kind != "log" || steps[0].Text != tt.text || !slices.Equal(steps[0].Args, tt.args) || steps[0].Time.Before(before.Round(0)) {
				t.Errorf("noted: %+v", steps)
			}
			if !strings.Contains(written.String(), "msg=") {
				t.Errorf("written: %q", written.String())
			}
		})
	}
}

// Two lines of one logger do not share what their arguments are in.
func TestLogHandlersAreApart(t *testing.T) {
	t.Parallel()
	ctx := trace.Begin(t.Context())
	l := slog.New(trace.LogHandler(slog.NewTextHandler(io.Discard, nil))).With("a", 1, "b", 2, "c", 3)
	for _, name := range []string{"x", "y"} {
		l.InfoContext(ctx, name, name, 1)
	}
	l.With("z", 1).InfoContext(ctx, "z")
	steps, _ := trace.Steps(ctx)
	for i, want := range []string{"x=1", "y=1", "z=1"} {
		if got := steps[i].Args; len(got) != 4 || got[3] != want {
			t.Errorf("line %d has %q, want %s last", i, got, want)
		}
	}
}

type failing struct{ slog.Handler }

func (failing) Handle(context.Context, slog.Record) error { return errors.New("no room") }

func TestLogHandlerPassesOn(t *testing.T) {
	t.Parallel()
	h := trace.LogHandler(failing{slog.NewTextHandler(io.Discard, nil)})
	ctx := trace.Begin(t.Context())
	before := time.Now()
	if err := h.Handle(ctx, slog.Record{}); err == nil || err.Error() != "no room" {
		t.Errorf("the error is %v", err)
	}
	if steps, _ := trace.Steps(ctx); len(steps) != 1 || steps[0].Time.Before(before) {
		t.Errorf("a line without a time is noted as %+v", steps)
	}
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return trace.LogHandler(slog.NewJSONHandler(&b, nil))
	}, func(t *testing.T) map[string]any {
		var line map[string]any
		if err := json.Unmarshal(b.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		return line
	})
}

func TestEntry(t *testing.T) {
	t.Parallel()
	trace.Enter(t.Context(), trace.Step{Text: "nobody"}).Add(time.Second, io.EOF) // Does nothing.
	ctx := trace.Begin(t.Context())
	if trace.Recording(t.Context()) || !trace.Recording(ctx) {
		t.Error("a record is where none was begun, or the other way round")
	}
	var entries []trace.Entry
	for range 150 {
		entries = append(entries, trace.Enter(ctx, trace.Step{Duration: 1}))
	}
	for i, e := range entries { // The first fifty were dropped.
		e.Add(time.Duration(i), nil)
	}
	entries[149].Add(1, io.EOF)
	entries[149].Add(1, nil)
	steps, dropped := trace.Steps(ctx)
	for i, s := range steps[:99] {
		if s.Duration != time.Duration(dropped+i+1) || s.Err != "" {
			t.Errorf("step %d took %d and failed with %q", dropped+i, s.Duration, s.Err)
		}
	}
	if last := steps[99]; last.Duration != 152 || last.Err != "EOF" {
		t.Errorf("the last is %+v", last)
	}
}
