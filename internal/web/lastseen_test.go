package web

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault"
)

// savedTimes stands for the database.
type savedTimes struct {
	mu     sync.Mutex
	writes []map[int64]time.Time
	err    error
	wait   time.Duration
}

func (s *savedTimes) save(ctx context.Context, seen map[int64]time.Time) error {
	if s.wait > 0 {
		select {
		case <-time.After(s.wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, maps.Clone(seen))
	return s.err
}

func (s *savedTimes) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writes)
}

func TestSeenWriter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		saved := &savedTimes{}
		w := newSeenWriter(saved.save, func(context.Context, error) fault.ID { t.Error("something was reported"); return fault.ID{} })
		go func() { _ = w.run(t.Context()) }()

		start := time.Now()
		for range 100 { // many requests of three people
			w.note(1, time.Time{}, time.Now())
			w.note(2, start.Add(-time.Hour), time.Now())
			w.note(3, start.Add(-59*time.Second), time.Now())
		}
		synctest.Wait()
		if n := saved.count(); n != 0 {
			t.Errorf("%d writes on the request's path", n)
		}
		time.Sleep(seenBatch + time.Second)
		synctest.Wait()
		if saved.count() != 1 || len(saved.writes[0]) != 2 || !saved.writes[0][1].Equal(start) || !saved.writes[0][2].Equal(start) {
			t.Fatalf("wrote %v", saved.writes)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := saved.count(); n != 1 {
			t.Errorf("%d writes though nobody came", n)
		}

		w.note(1, start, time.Now())
		if err := w.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if saved.count() != 2 || len(saved.writes[1]) != 1 {
			t.Errorf("what was waiting was not written at the end: %v", saved.writes)
		}
		w.note(1, time.Time{}, time.Now())
		w.do("late", func(context.Context) error { t.Error("a task ran after the end"); return nil })
		if err := w.close(t.Context()); err != nil || saved.count() != 2 {
			t.Errorf("closing again: %v, %d writes", err, saved.count())
		}
		// synctest fails here if the goroutine is still there.
	})
}

func TestSeenWriterIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		saved := &savedTimes{}
		w := newSeenWriter(saved.save, nil)
		for id := range int64(maxSeen + 1000) {
			w.note(id, time.Time{}, time.Now())
			w.do(time.Duration(id).String(), func(context.Context) error { return nil })
		}
		if len(w.seen) != maxSeen || len(w.tasks) != maxSeen {
			t.Errorf("%d notes and %d tasks are waiting", len(w.seen), len(w.tasks))
		}
	})
}

func TestSeenWriterFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		saved := &savedTimes{err: errors.New("no database")}
		var reported []error
		w := newSeenWriter(saved.save, func(_ context.Context, err error) fault.ID {
			reported = append(reported, err)
			return fault.ID{}
		})
		go func() { _ = w.run(t.Context()) }()
		w.note(1, time.Time{}, time.Now())
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(reported) != 1 || !errors.Is(reported[0], saved.err) {
			t.Fatalf("reported %v", reported)
		}
		w.note(1, time.Time{}, time.Now()) // the next request tries again
		time.Sleep(time.Minute)
		synctest.Wait()
		if saved.count() != 2 {
			t.Errorf("%d writes", saved.count())
		}

		// A database that hangs holds the end no longer than its context allows.
		saved.wait = 5 * time.Minute
		w.note(1, time.Time{}, time.Now())
		time.Sleep(seenBatch + time.Second) // it is being written now
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := w.close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closing says %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("closing took %v", took)
		}
		time.Sleep(seenTimeout) // the goroutine ends on its own
	})
}

func TestSeenWriterDoesEachTaskOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSeenWriter((&savedTimes{}).save, nil)
		go func() { _ = w.run(t.Context()) }()
		n := 0
		for range 10 {
			w.do("same", func(context.Context) error { n++; return nil })
		}
		time.Sleep(seenBatch + time.Second)
		synctest.Wait()
		if n != 1 {
			t.Errorf("the task ran %d times", n)
		}
		if err := w.close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
