package web

import (
	"context"
	"sync"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

const (
	seenEvery   = time.Minute      // how exact last_seen is, and how often it is written at most
	seenBatch   = 5 * time.Second  // how long notes are gathered before they are written together
	seenTimeout = 10 * time.Second // of one write
	maxSeen     = 10_000           // notes waiting; a note too many is left out, the next request makes it again
)

// seenWriter writes what requests leave behind, off their path: when people were last seen, and that
// a session is still in use. A note too many or one that cannot be written is dropped: the person's
// next request makes it again.
type seenWriter struct {
	save   func(context.Context, map[int64]time.Time) error
	report func(context.Context, error) fault.ID // tells of a write that failed

	wake  chan struct{} // holds a token when there is something to write
	stop  chan struct{}
	ended chan struct{}

	mu     sync.Mutex
	seen   map[int64]time.Time
	tasks  map[string]func(context.Context) error
	closed bool
}

// newSeenWriter returns a writer that writes once run is running.
func newSeenWriter(save func(context.Context, map[int64]time.Time) error, report func(context.Context, error) fault.ID) *seenWriter {
	return &seenWriter{
		save: save, report: report,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
		seen: map[int64]time.Time{}, tasks: map[string]func(context.Context) error{},
	}
}

// note remembers that a person was seen now, unless that is less than a minute after last, what the
// database says.
func (w *seenWriter) note(id int64, last, now time.Time) {
	if now.Sub(last) < seenEvery {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, waiting := w.seen[id]; waiting || w.closed || len(w.seen) >= maxSeen {
		return
	}
	w.seen[id] = now
	w.signal()
}

// do runs task soon, unless one of the same name is waiting.
func (w *seenWriter) do(name string, task func(context.Context) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, waiting := w.tasks[name]; waiting || w.closed || len(w.tasks) >= maxSeen {
		return
	}
	w.tasks[name] = task
	w.signal()
}

func (w *seenWriter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run writes until close is called.
func (w *seenWriter) run(ctx context.Context) error {
	defer close(w.ended)
	for {
		select {
		case <-w.stop:
			return nil
		case <-w.wake:
		}
		timer := time.NewTimer(seenBatch)
		select {
		case <-w.stop:
			timer.Stop()
			return nil
		case <-timer.C:
		}
		writing, cancel := context.WithTimeout(ctx, seenTimeout)
		err := w.flush(writing)
		cancel()
		if err != nil {
			w.report(ctx, err)
		}
	}
}

// flush writes what is waiting. Of several errors it returns the first.
func (w *seenWriter) flush(ctx context.Context) error {
	w.mu.Lock()
	seen, tasks := w.seen, w.tasks
	w.seen, w.tasks = map[int64]time.Time{}, map[string]func(context.Context) error{}
	w.mu.Unlock()

	var first error
	if len(seen) > 0 {
		first = trace.Wrap(w.save(ctx, seen), "storing when people were last seen")
	}
	for _, task := range tasks {
		if err := task(ctx); err != nil && first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return first
}

// close ends the goroutine and writes what is waiting, as long as ctx allows.
func (w *seenWriter) close(ctx context.Context) error {
	w.mu.Lock()
	again := w.closed
	w.closed = true
	w.mu.Unlock()
	if !again {
		close(w.stop)
	}
	select {
	case <-w.ended:
	case <-ctx.Done():
		return trace.Wrap(ctx.Err(), "waiting for the last-seen times to be stored")
	}
	return w.flush(ctx)
}
