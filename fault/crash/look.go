package crash

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/filelock"
)

const (
	// emptyFor is how long an empty marker may be one that is being made.
	emptyFor = time.Minute
	// staleBeats is after how many missed heartbeats a process is dead, where there are no locks.
	staleBeats = 6
	// maxKept bounds how many ends are kept that the Recorder could not. The oldest go first; they
	// have been told in the log.
	maxKept = 100
)

// look finds the processes that have ended, and settles what they left.
func (w *Watcher) look(ctx context.Context) error {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return fmt.Errorf("looking for the ends of processes: %w", err)
	}
	var kept []string
	var errs []error
	recordable := true
	for _, e := range entries {
		id, ok := idOf(e.Name())
		if !ok || id == w.mark.state.ID {
			continue
		}
		if ctx.Err() != nil {
			return errors.Join(errs...) // With the next heartbeat.
		}
		left := &remains{id: id, path: filepath.Join(w.dir, e.Name())}
		left.output = strings.TrimSuffix(left.path, markSuffix) + outputSuffix
		settled, err := w.settle(ctx, left, recordable)
		switch {
		case err != nil:
			errs = append(errs, err)
		case !settled:
			recordable = false // Others would have to wait as well.
			kept = append(kept, left.path)
		}
	}
	return errors.Join(append(errs, w.thin(kept))...)
}

// remains is what a process left.
type remains struct {
	id           fault.ID
	path, output string
	file         *os.File // the marker, locked
	state        state
	last         time.Time // when the marker was touched last
	crash        []byte    // the beginning of the crash output
	crashSize    int64
	crashTime    time.Time
}

// settle records the end of one process, if it has ended and not cleanly, and removes what it left
// once that is durable. settled is false only if that is not durable.
func (w *Watcher) settle(ctx context.Context, r *remains, recordable bool) (settled bool, err error) {
	ended, err := r.open()
	if err != nil || !ended {
		return true, err
	}
	defer r.file.Close()
	s, empty, err := readState(r.file)
	switch {
	case empty && time.Since(r.last) < emptyFor:
		return true, nil // It is being made.
	case empty:
		return true, r.remove()
	case err != nil:
		// Torn, as a machine without power leaves it. Its name and time are known all the same.
		s = state{Version: 1}
	}
	s.ID = r.id
	r.state = s
	if err := r.readOutput(); err != nil {
		return true, fmt.Errorf("reading the output of a crash: %w", err)
	}
	f := w.failure(r)
	trouble := "not now: it was not durable for the one before"
	if recordable {
		trouble = w.record(ctx, f)
	}
	if !s.Told {
		w.tell(ctx, f, trouble)
	}
	if trouble == "" {
		return true, r.remove()
	}
	if !s.Told {
		r.state.Told = true
		err = errors.Join(write(r.file, r.state), os.Chtimes(r.path, r.last, r.last), r.shorten())
	}
	return false, err
}

// open opens the marker and takes its lock. ended is false if its process is alive, or if somebody
// else is at it.
func (r *remains) open() (ended bool, err error) {
	r.file, err = os.OpenFile(r.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // Cleanly ended, just now.
	}
	if err != nil {
		return false, fmt.Errorf("opening a marker: %w", err)
	}
	defer func() {
		if !ended {
			_ = r.file.Close() // Nothing was written.
		}
	}()
	info, err := r.file.Stat()
	if err != nil {
		return false, fmt.Errorf("opening a marker: %w", err)
	}
	r.last = info.ModTime()
	switch err := filelock.Try(r.file); {
	case err == nil:
		return true, nil
	case errors.Is(err, errors.ErrUnsupported):
		s, _, _ := readState(r.file)
		beat := s.Beat
		if beat <= 0 {
			beat = defaultHeartbeat
		}
		return time.Since(r.last) > staleBeats*beat, nil
	}
	return false, nil
}

// readOutput reads the beginning of the crash output, where the text and the failing goroutine are.
func (r *remains) readOutput() error {
	f, err := os.Open(r.output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r.crashSize, r.crashTime = info.Size(), info.ModTime()
	r.crash = make([]byte, min(r.crashSize, maxOutput))
	n, err := f.ReadAt(r.crash, 0)
	r.crash = r.crash[:n]
	if n > 0 {
		return nil
	}
	if r.crashSize > 0 {
		return err
	}
	return nil
}

// shorten bounds the output that is kept.
func (r *remains) shorten() error {
	if r.crashSize <= maxOutput {
		return nil
	}
	if err := os.Truncate(r.output, maxOutput); err != nil {
		return err
	}
	return os.Chtimes(r.output, r.crashTime, r.crashTime) // It is when the process ended.
}

// remove takes away what is settled. Cut short, what is left reads as a clean end.
func (r *remains) remove() error {
	err := r.file.Truncate(0)
	_ = r.file.Close() // Open files cannot be removed everywhere.
	return errors.Join(err, removeFiles(r.path, r.output))
}

// thin removes the oldest of the ends that are kept, if there are too many.
func (w *Watcher) thin(kept []string) error {
	if len(kept) <= maxKept {
		return nil
	}
	touched := func(path string) time.Time {
		info, err := os.Stat(path)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(kept, func(a, b string) int { return touched(a).Compare(touched(b)) })
	var errs []error
	for _, path := range kept[:len(kept)-maxKept] {
		errs = append(errs, removeFiles(path, strings.TrimSuffix(path, markSuffix)+outputSuffix))
	}
	return errors.Join(append(errs, fmt.Errorf("of %d ends that could not be recorded the oldest %d were given up", len(kept), len(kept)-maxKept))...)
}
