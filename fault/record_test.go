package fault_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault"
)

type recorderFunc func(context.Context, *fault.Failure) fault.Receipt

func (f recorderFunc) Record(ctx context.Context, failure *fault.Failure) fault.Receipt {
	return f(ctx, failure)
}

// failing answers one request that fails, and returns the answer and how long it took.
func failing(g *rig) (*httptest.ResponseRecorder, time.Duration) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "text/plain")
	begin := time.Now()
	g.Handle(func(http.ResponseWriter, *http.Request) error { return errors.New("no") }).ServeHTTP(w, r)
	return w, time.Since(begin)
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	told := fault.Receipt{Durable: true, Notified: true}
	tests := []struct {
		name     string
		timeout  time.Duration
		record   recorderFunc
		took     time.Duration
		notified bool
		trouble  string
	}{
		{"at once", 0, func(context.Context, *fault.Failure) fault.Receipt { return told }, 0, true, ""},
		{"in time", 0, func(context.Context, *fault.Failure) fault.Receipt { time.Sleep(249 * time.Millisecond); return told }, 249 * time.Millisecond, true, ""},
		{"too late", 0, func(context.Context, *fault.Failure) fault.Receipt { time.Sleep(time.Hour); return told }, 250 * time.Millisecond, false, "not within 250ms"},
		{"own limit", time.Second, func(ctx context.Context, _ *fault.Failure) fault.Receipt {
			<-ctx.Done()
			time.Sleep(time.Nanosecond)
			return told
		}, time.Second, false, "not within 1s"},
		{"panics", 0, func(context.Context, *fault.Failure) fault.Receipt { panic("disk") }, 0, false, "panic: disk"},
		{"exits", 0, func(context.Context, *fault.Failure) fault.Receipt { runtime.Goexit(); return told }, 0, false, "the Recorder returned no receipt"},
		{"fails", 0, func(context.Context, *fault.Failure) fault.Receipt {
			return fault.Receipt{Err: errors.New("disk full, token=abc")}
		}, 0, false, "disk full, token=[masked]"},
		{"not durable", 0, func(context.Context, *fault.Failure) fault.Receipt { return fault.Receipt{Notified: true} }, 0, true, "not durable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(fault.Options{Recorder: tt.record, RecordTimeout: tt.timeout})
				w, took := failing(g)
				if took != tt.took {
					t.Errorf("the answer took %v, want %v", took, tt.took)
				}
				if got := strings.Contains(w.Body.String(), "notified"); w.Code != 500 || got != tt.notified {
					t.Errorf("answered %d %q", w.Code, w.Body)
				}
				logged := g.log.at(slog.LevelError)
				if len(logged) != 1 || attr(logged[0], "recorder") != tt.trouble {
					t.Errorf("logged recorder=%q, want %q", attr(logged[0], "recorder"), tt.trouble)
				}
				time.Sleep(2 * time.Hour) // Until the last Recorder is done.
			})
		})
	}
}

func TestStragglersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int32
		g := newRig(fault.Options{Recorder: recorderFunc(func(context.Context, *fault.Failure) fault.Receipt {
			calls.Add(1)
			<-release
			return fault.Receipt{Durable: true}
		})})
		for range 1100 {
			failing(g)
		}
		if n := calls.Load(); n != 1024 {
			t.Errorf("%d calls are under way, want 1024", n)
		}
		if _, took := failing(g); took != 0 {
			t.Errorf("an answer waited %v for a Recorder that is stuck", took)
		}
		logged := g.log.at(slog.LevelError)
		if got := attr(logged[len(logged)-1], "recorder"); got != "not recorded: 1024 earlier ones are still under way" {
			t.Errorf("logged recorder=%q", got)
		}
		close(release)
		synctest.Wait()
		if _, took := failing(g); took != 0 || calls.Load() != 1025 {
			t.Errorf("after the Recorder recovered: %d calls, %v", calls.Load(), took)
		}
	})
}

// The client's going away does not keep its failure from being recorded.
func TestRecordOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	var inTime bool
	g := newRig(fault.Options{Recorder: recorderFunc(func(ctx context.Context, _ *fault.Failure) fault.Receipt {
		_, hasDeadline := ctx.Deadline()
		inTime = ctx.Err() == nil && hasDeadline
		return fault.Receipt{Durable: true}
	})})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	g.Handle(func(http.ResponseWriter, *http.Request) error { return errors.New("disk") }).ServeHTTP(httptest.NewRecorder(), r)
	if !inTime {
		t.Error("the Recorder's context had ended with the request's, or had no deadline")
	}
}

func TestLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	g := newRig(fault.Options{Pages: &house{}})
	for range 50 {
		failing(g)
	}
	g.Go(t.Context(), "task", func(context.Context) error { return errors.New("no") })
	waitFor(t, func() bool { return runtime.NumGoroutine() <= before })
}
