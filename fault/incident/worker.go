package incident

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"example.org/microblog/fault"
)

const (
	tickEvery = time.Second
	// A transaction that failed is tried again after retryFirst, then after twice that, and so on up to
	// retryAfter.
	retryFirst  = 10 * time.Millisecond
	retryAfter  = 200 * time.Millisecond
	sourcePause = time.Second // after the Source failed
	// finishWithin bounds the work on a batch that was under way when Run was to end.
	finishWithin = 5 * time.Second
)

// Run works through the Source until ctx ends, and does what time brings about, once a second. It
// finishes the batch under way, for which it takes at most five seconds, and returns nil. It is an
// error to call it without a Source.
func (b *Book) Run(ctx context.Context) error {
	if b.o.Source == nil {
		return errors.New("running the incidents: no source is given")
	}
	b.keeps.Store(true)
	var wg sync.WaitGroup
	wg.Go(func() { b.runTicks(ctx) })
	wg.Go(func() { b.runSource(ctx) })
	wg.Wait()
	b.noteKnown(context.WithoutCancel(ctx))
	return nil
}

func (b *Book) runTicks(ctx context.Context) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		// What goes wrong is in the status, and in the log once. While it is not decided yet that the
		// database is gone, it is asked more often.
		if err := b.Tick(ctx); err != nil && b.usesSQL() {
			pause(ctx, retryAfter)
			continue
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (b *Book) runSource(ctx context.Context) {
	for ctx.Err() == nil {
		captured, err := b.o.Source.Next(ctx, maxBatch)
		if ctx.Err() != nil && len(captured) == 0 {
			return
		}
		if b.health.note(&b.health.source, err) {
			b.log.ErrorContext(ctx, "Captured failures cannot be read; they are not counted meanwhile", "err", err)
		}
		if err != nil {
			pause(ctx, sourcePause)
			continue
		}
		b.take(ctx, captured)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// take counts captured failures: when it returns they are, or ctx has ended.
func (b *Book) take(ctx context.Context, captured []fault.Captured) {
	if len(captured) == 0 {
		return
	}
	batch, err := prepare(captured, b.keep.Samples)
	if err != nil { // A failure that is no JSON was not in a journal.
		b.log.ErrorContext(ctx, "Captured failures cannot be counted", "err", err)
		return
	}
	finish, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(finishWithin, cancel) })()
	wait := retryFirst
	for began := time.Now(); ; {
		if err = b.count(finish, began, batch, captured[len(captured)-1].At); err == nil {
			return
		}
		if ctx.Err() != nil {
			// It is in the Source, and counted after the next start.
			return
		}
		if !errors.Is(err, errDegraded) {
			pause(ctx, wait)
			wait = min(2*wait, retryAfter)
		}
	}
}

// errDegraded says that the state file takes over.
var errDegraded = errors.New("the state file takes over")

// count counts a batch where the incidents are at the moment, once. The first attempt to count it was
// at began.
func (b *Book) count(ctx context.Context, began time.Time, batch *batch, at fault.Position) error {
	if err := b.hold(ctx); err != nil {
		return err
	}
	defer b.release()
	var err error
	if b.usesSQL() {
		err = b.countInSQL(ctx, began, batch)
	} else {
		err = b.countInFile(ctx, batch)
	}
	if err != nil {
		return err
	}
	b.dirty = true
	if err := b.o.Source.Done(at); b.health.note(&b.health.source, err) {
		// It is counted once all the same: the position is in the books.
		b.log.WarnContext(ctx, "Counted failures could not be removed from the journal", "err", err)
	}
	return nil
}

func (b *Book) countInSQL(ctx context.Context, began time.Time, batch *batch) error {
	err := b.takeOver(ctx)
	if err == nil {
		err = b.doIn(ctx, b.sql, func(ctx context.Context, s *session) error {
			if err := s.apply(ctx, batch); err != nil {
				return err
			}
			b.fresh += len(s.born)
			return nil
		})
		var doubt *inDoubt
		switch {
		case err == nil:
			b.sure[batch.stream], b.tried[batch.stream] = true, 0
			if b.stale.Load() {
				_ = b.remember(ctx) // It is counted, whatever comes of this.
			}
		case errors.As(err, &doubt):
			b.tried[batch.stream] = max(b.tried[batch.stream], batch.to())
		}
	}
	return b.sqlOutcome(ctx, began, err)
}

// sqlOutcome notes how a transaction ended, and lets the state file take over when there is trouble for
// too long.
func (b *Book) sqlOutcome(ctx context.Context, began time.Time, err error) error {
	if err == nil {
		b.health.fine()
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	// With began it counts as well if the database does everything else but this.
	since := earlier(b.health.trouble(began, err), began)
	if time.Since(since) < b.policy.WithoutSQL {
		return err
	}
	if b.health.degrade() {
		b.log.ErrorContext(ctx, "The database of the incidents is gone; a state file takes over", "file", b.file.path(), "err", err)
		b.saveKnown() // For the next process, if that has no database either.
		b.change()    // What is in the file, perhaps of an earlier time without the database, can be claimed.
	}
	return errDegraded
}

func (b *Book) countInFile(ctx context.Context, batch *batch) error {
	err := b.doIn(ctx, b.file, func(ctx context.Context, s *session) error {
		if b.sql != nil {
			s.doubtful = b.doubtful
		}
		if err := s.apply(ctx, batch); err != nil {
			return err
		}
		b.fresh += len(s.born)
		return nil
	})
	if b.health.note(&b.health.file, err) {
		b.log.ErrorContext(ctx, "Failures cannot be counted; they wait in the journal", "err", err)
	}
	return err
}

// doubtful tells whether the database may have counted it already: if a commit was not answered; or if
// another process may have tried, that has ended since. What this process has captured itself, no other
// one has tried.
func (b *Book) doubtful(it *item) bool {
	if b.sure[it.At.Stream] {
		return it.At.Offset <= b.tried[it.At.Stream]
	}
	f := it.Failure
	own := f.PID == os.Getpid() && f.Host == b.host && b.host != "" && f.Time.After(b.opened)
	return !own || it.At.Offset <= b.tried[it.At.Stream]
}

// hold waits for its turn to work.
func (b *Book) hold(ctx context.Context) error {
	select {
	case b.work <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Book) release() { <-b.work }
