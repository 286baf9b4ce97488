package incident

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/microblog/fault"
)

// Book keeps the incidents. Its methods may be called by several goroutines at once.
type Book struct {
	o      Options
	policy Policy
	keep   Retention
	log    *slog.Logger
	now    func() time.Time
	sql    *sqlStore // nil: the state file is the book
	file   *fileStore
	health health

	changed chan struct{}
	known   atomic.Pointer[known]
	unsaved atomic.Bool // what is known has changed since it was saved
	saving  sync.Mutex
	// learning is held while a transaction is made and learnt, and by Claim alone: nobody is told of what
	// the next process might not know if it finds no database.
	learning sync.RWMutex
	keeps    atomic.Bool // Run was called
	stale    atomic.Bool // it lacks a transaction whose commit was not answered
	opened   time.Time
	host     string

	// work is held by whoever works through the Source or does what time brings about, so that what
	// they do is done either in the database or in the file.
	work chan struct{}
	upkeep

	claims struct {
		sync.Mutex
		owner    owner
		released map[store]bool       // where nothing is claimed by this directory that was not given
		given    map[string]time.Time // what Claim has returned, and when
	}
}

// Open returns a Book. It does not wait for the database, which may be gone; the tables must be those
// of [Migrate].
func Open(o Options) (*Book, error) {
	if o.Dir == "" {
		return nil, errors.New("opening the incidents: no directory is given")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the incidents: %w", err)
	}
	b := &Book{
		o: o, policy: o.Policy.withDefaults(), keep: o.Retention.withDefaults(), log: o.Logger, now: o.Now,
		changed: make(chan struct{}, 1), work: make(chan struct{}, 1), opened: time.Now(),
	}
	if b.log == nil {
		b.log = slog.Default()
	}
	if b.now == nil {
		b.now = time.Now
	}
	if b.o.Build == (fault.Build{}) {
		b.o.Build = fault.ReadBuild()
	}
	b.host, _ = os.Hostname() // Without a name more is taken for doubtful.
	b.claims.released, b.claims.given = map[store]bool{}, map[string]time.Time{}
	b.tried, b.sure = map[string]int64{}, map[string]bool{}
	var seed func() *known
	if o.DB != nil {
		d, err := dialectOf(o.Dialect)
		if err != nil {
			return nil, fmt.Errorf("opening the incidents: %w", err)
		}
		b.sql = &sqlStore{db: o.DB, d: d}
		b.known.Store(readKnown(o.Dir))
		b.stale.Store(true)
		seed = b.known.Load
	}
	b.file = newFileStore(o.Dir, seed)
	return b, nil
}

// Close releases what the Book holds. Run must have ended.
func (b *Book) Close() error { return nil }

// rules returns what decisions depend on now.
func (b *Book) rules() *rules {
	return &rules{Policy: b.policy, mail: b.o.Mail, now: b.now().UTC().Truncate(time.Microsecond)}
}

// usesSQL tells whether the database is the book at the moment.
func (b *Book) usesSQL() bool { return b.sql != nil && !b.health.isDegraded() }

// store returns where the incidents are at the moment.
func (b *Book) store() store {
	if b.usesSQL() {
		return b.sql
	}
	return b.file
}

// do runs a session's work in a transaction of where the incidents are at the moment.
func (b *Book) do(ctx context.Context, fn func(context.Context, *session) error) error {
	return b.doIn(ctx, b.store(), fn)
}

func (b *Book) doIn(ctx context.Context, in store, fn func(context.Context, *session) error) error {
	b.learning.RLock()
	defer b.learning.RUnlock()
	return b.transact(ctx, in, fn)
}

func (b *Book) transact(ctx context.Context, in store, fn func(context.Context, *session) error) error {
	u := b.rules()
	var ch *changes
	err := in.update(ctx, func(ctx context.Context, t txn) (*changes, error) {
		suffix := ""
		switch t := t.(type) {
		case *fileTxn:
			suffix = "." + t.ledger
		case *sqlTxn:
			name, err := b.sql.ledger(ctx, t)
			if err != nil {
				return nil, err
			}
			suffix = "." + name
		}
		s := newSession(t, u, &b.keep, suffix)
		if err := fn(ctx, s); err != nil {
			return nil, err
		}
		ch = s.finish()
		return ch, nil
	})
	var doubt *inDoubt
	if errors.As(err, &doubt) && in == store(b.sql) {
		b.stale.Store(true)
	}
	if err != nil {
		return err
	}
	if in == store(b.sql) {
		b.learn(ch)
	}
	if slices.ContainsFunc(ch.Notices, (*noticeRow).free) {
		b.change()
	}
	return nil
}

// change wakes whoever waits for notices.
func (b *Book) change() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// Changed returns a channel that is sent to when a notice may be there to be claimed.
func (b *Book) Changed() <-chan struct{} { return b.changed }

// Status returns how the Book itself is. It asks nobody and does not wait.
func (b *Book) Status() Status {
	st := b.health.status()
	st.SQL = b.sql != nil
	st.Unreconciled = b.sql != nil && b.file.exists()
	return st
}
