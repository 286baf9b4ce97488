package incident

import (
	"context"
	"slices"
	"time"
)

const (
	// knownEvery is how often is noted what the state file would start from if this process has changed
	// it, and knownIdle if not: another one may have.
	knownEvery = 10 * time.Second
	knownIdle  = time.Minute
)

// learn adds a transaction of the database to what the state file would start from. What somebody is
// told of, or has decided, the next process must know as well, if it finds no database: before anybody
// is told.
func (b *Book) learn(ch *changes) {
	if len(ch.Records)+len(ch.Removed) == 0 {
		return
	}
	for {
		k := b.known.Load()
		if b.known.CompareAndSwap(k, k.with(ch)) {
			break
		}
	}
	b.unsaved.Store(true)
	if ch.acted || slices.ContainsFunc(ch.Notices, (*noticeRow).free) || slices.ContainsFunc(ch.Records, func(r *record) bool { return r.created }) {
		b.saveKnown()
	}
}

// saveKnown saves what is known, but not from a command that has only a look at the books and knows less
// than the process that keeps them. If it fails there is another time.
func (b *Book) saveKnown() {
	if !b.keeps.Load() {
		return
	}
	b.saving.Lock()
	defer b.saving.Unlock()
	b.unsaved.Store(false)
	if err := b.known.Load().save(b.o.Dir); err != nil {
		b.unsaved.Store(true)
		if b.health.note(&b.health.file, err) {
			b.log.Warn("What is known of the incidents could not be noted for a time without the database", "err", err)
		}
		return
	}
	b.health.note(&b.health.file, nil)
}

// remember notes what the state file would start from if the database were gone the next moment.
func (b *Book) remember(ctx context.Context) error {
	now := b.now()
	if past := now.Sub(b.knownAt); !b.stale.Load() && !b.knownAt.IsZero() && (past < knownEvery || !b.unsaved.Load()) && past < knownIdle {
		return nil
	}
	was := b.known.Load()
	b.unsaved.Store(false)
	stale := b.stale.Swap(false)
	k, err := b.sql.remember(ctx, now)
	if err != nil {
		b.unsaved.Store(true)
		b.stale.Store(stale)
		return err
	}
	b.knownAt = now
	if !b.known.CompareAndSwap(was, k) {
		b.unsaved.Store(true)
		b.stale.Store(stale)
		return nil // It is known better already.
	}
	b.saveKnown()
	return nil
}

// noteKnown notes it once more at the end.
func (b *Book) noteKnown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if !b.usesSQL() || b.hold(ctx) != nil {
		return
	}
	defer b.release()
	if b.unsaved.Load() {
		b.knownAt = time.Time{}
		_ = b.remember(ctx) // A moment ago is good enough.
	}
}
