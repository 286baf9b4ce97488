package incident

import (
	"context"
	"time"
)

const (
	// expireEvery is how often is looked for what is too old, if anything happened, and idleEvery if
	// not.
	expireEvery = time.Minute
	idleEvery   = time.Hour
	// maxRounds bounds how many transactions of one kind a tick makes.
	maxRounds = 20
)

// upkeep is what a Book remembers of its own work. Whoever holds Book.work may touch it.
type upkeep struct {
	tried      map[string]int64 // by stream, up to where a commit was not answered
	sure       map[string]bool  // streams of which was read how far the database has counted them
	dirty      bool             // something was counted or changed since the last expiry
	fresh      int              // incidents that began since the last expiry
	registered bool             // this build
	refused    bool             // it was said that the database cannot take over the state file
	expired    time.Time
	knownAt    time.Time
}

// next is when time brings something about. The zero values stand for never.
type next struct {
	due      time.Time // an incident
	deferred int64     // a summary: the earliest hour that had no mail left
	since    time.Time // a digest: since when there is an uncovered failure
	lease    time.Time // a notice can be claimed from then on
}

// Tick does what time brings about: incidents become quiet, notices come due, what is too old goes, and
// the database takes over again from the state file. Run does so once a second.
func (b *Book) Tick(ctx context.Context) error {
	if b.sql != nil && b.health.isDegraded() {
		if err := b.recover(ctx); err == nil {
			return b.tick(ctx)
		}
	}
	return b.tick(ctx)
}

func (b *Book) tick(ctx context.Context) error {
	if err := b.hold(ctx); err != nil {
		return err
	}
	defer b.release()
	if !b.usesSQL() {
		err := b.pass(ctx, b.file)
		if b.health.note(&b.health.file, err) {
			b.log.ErrorContext(ctx, "The state file of the incidents cannot be used", "err", err)
		}
		return err
	}
	began := time.Now()
	err := b.takeOver(ctx)
	if err == nil {
		err = b.pass(ctx, b.sql)
	}
	if err == nil {
		err = b.remember(ctx)
	}
	return b.sqlOutcome(ctx, began, err)
}

// recover lets the database take over again if it answers.
func (b *Book) recover(ctx context.Context) error {
	if err := b.sql.ping(ctx); err != nil {
		b.health.trouble(time.Now(), err)
		return err
	}
	if err := b.hold(ctx); err != nil {
		return err
	}
	defer b.release()
	count, err := b.reconcile(ctx)
	if err != nil {
		b.health.trouble(time.Now(), err)
		if !b.refused {
			b.log.ErrorContext(ctx, "The database of the incidents answers but cannot take over what the state file has", "file", b.file.path(), "err", err)
		}
		b.refused = true
		return err
	}
	b.refused = false
	since := b.health.recover()
	b.reconciled()
	b.log.WarnContext(ctx, "The database of the incidents is back", "without", time.Since(since).Round(time.Second), "failures", count)
	return nil
}

// takeOver brings a state file of before into the database.
func (b *Book) takeOver(ctx context.Context) error {
	if !b.file.exists() {
		return nil
	}
	count, err := b.reconcile(ctx)
	if err != nil {
		return err
	}
	b.reconciled()
	b.log.InfoContext(ctx, "The database has taken over the incidents of a time without it", "failures", count)
	return nil
}

func (b *Book) reconciled() {
	b.dirty = true
	b.stale.Store(true) // It may have been taken over by a process that did not live to see it.
	b.change()
}

// pass does what time brings about.
func (b *Book) pass(ctx context.Context, in store) error {
	u := b.rules()
	n, err := in.next(ctx)
	if err != nil {
		return err
	}
	if !n.due.IsZero() && !n.due.After(u.now) {
		if err := b.rounds(ctx, in, (*session).pass); err != nil {
			return err
		}
	}
	if u.mail && n.deferred != 0 && n.deferred < hourOf(u.now) {
		if err := b.once(ctx, in, (*session).summarise); err != nil {
			return err
		}
	}
	if u.mail && !n.since.IsZero() && !n.since.After(u.now.Add(-u.Digest)) {
		if err := b.once(ctx, in, (*session).digest); err != nil {
			return err
		}
	}
	if !n.lease.IsZero() && n.lease.Before(u.now) {
		b.change()
	}
	if !b.registered {
		if err := b.once(ctx, in, b.register); err != nil {
			return err
		}
		b.registered = true
	}
	return b.expire(ctx, in, u.now)
}

func (b *Book) expire(ctx context.Context, in store, now time.Time) error {
	if b.expired.IsZero() {
		b.expired = now
	}
	past := now.Sub(b.expired)
	if past < idleEvery && (past < expireEvery || !b.dirty) && b.fresh < max(b.keep.Incidents/10, 1) {
		return nil
	}
	for _, fn := range []func(*session, context.Context) (bool, error){(*session).forsake, (*session).expire} {
		if err := b.rounds(ctx, in, fn); err != nil {
			return err
		}
	}
	b.expired, b.fresh, b.dirty = now, 0, false
	return nil
}

// once makes one transaction.
func (b *Book) once(ctx context.Context, in store, fn func(*session, context.Context) error) error {
	b.dirty = true
	return b.doIn(ctx, in, func(ctx context.Context, s *session) error { return fn(s, ctx) })
}

// rounds makes transactions until there is nothing more to be done.
func (b *Book) rounds(ctx context.Context, in store, fn func(*session, context.Context) (more bool, err error)) error {
	for range maxRounds {
		more := false
		err := b.once(ctx, in, func(s *session, ctx context.Context) (err error) {
			more, err = fn(s, ctx)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// register notes when this build was first seen.
func (b *Book) register(s *session, ctx context.Context) error {
	_, err := s.registerBuilds(ctx, []item{{build: buildKey(b.o.Build)}})
	return err
}
