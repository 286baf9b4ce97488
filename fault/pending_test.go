package fault_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault"
)

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var recorded atomic.Int32
		g := newRig(fault.Options{Recorder: recorderFunc(func(context.Context, *fault.Failure) fault.Receipt {
			time.Sleep(time.Second)
			recorded.Add(1)
			return fault.Receipt{Durable: true}
		})})
		if err := g.Wait(t.Context()); err != nil {
			t.Errorf("with nothing under way: %v", err)
		}
		if _, took := failing(g); took != 250*time.Millisecond || recorded.Load() != 0 {
			t.Fatalf("the answer took %v, %d recordings are done", took, recorded.Load())
		}
		if err := g.Wait(t.Context()); err != nil || recorded.Load() != 1 {
			t.Errorf("after Wait (%v) %d recordings are done", err, recorded.Load())
		}

		g.Go(t.Context(), "task", func(context.Context) error { time.Sleep(time.Minute); return errors.New("late") })
		g.Go(t.Context(), "task", func(context.Context) error { time.Sleep(time.Minute); panic("late") })
		stop := errors.New("the second signal")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, stop)
		defer cancel()
		if err := g.Wait(ctx); !errors.Is(err, stop) || !strings.Contains(err.Error(), "2 recordings and tasks") {
			t.Errorf("with two tasks under way: %v", err)
		}
		// Also what the tasks leave behind.
		if err := g.Wait(t.Context()); err != nil || recorded.Load() != 3 {
			t.Errorf("after Wait (%v) %d recordings are done", err, recorded.Load())
		}
	})
}
