package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// callTimeout bounds each call of the database.
	callTimeout = 2 * time.Second
	// updateAttempts is how often a transaction runs that others got in the way of.
	updateAttempts = 3
	leaseFor       = time.Minute
)

// errSlow is the cause of a call's end that took too long.
var errSlow = fmt.Errorf("the database did not answer within %v", callTimeout)

// inDoubt wraps the error of a commit: the transaction may have been committed.
type inDoubt struct{ err error }

func (e *inDoubt) Error() string { return "committing: " + e.err.Error() }
func (e *inDoubt) Unwrap() error { return e.err }

// sqlStore keeps the incidents in SQL.
type sqlStore struct {
	db   *sql.DB
	d    *dialect
	name atomic.Pointer[string] // see ledger; nil: not read yet
}

// ledger returns the random name of these books. It is a part of each notice's key, so that the mails
// of one database are never taken for those of another, or of the same one made anew.
func (s *sqlStore) ledger(ctx context.Context, t *sqlTxn) (string, error) {
	if name := s.name.Load(); name != nil {
		return *name, nil
	}
	var name string
	err := scan(ctx, t.q, func(scan func(...any) error) error { return scan(&name) }, `SELECT value FROM fault_turns WHERE name = 'ledger'`)
	if err != nil {
		return "", err
	}
	s.name.Store(&name)
	return name, nil
}

var _ store = (*sqlStore)(nil)

// update runs fn in a transaction. An error may come from others that did something at the same time,
// and there is no telling which without knowing the driver; so it runs a few times, unless the error
// is final.
func (s *sqlStore) update(ctx context.Context, fn func(context.Context, txn) (*changes, error)) error {
	for attempt := 1; ; attempt++ {
		err := s.updateOnce(ctx, fn)
		var doubt *inDoubt
		switch {
		case err == nil, errors.As(err, &doubt), ctx.Err() != nil, errors.Is(err, errSlow), errors.Is(err, ErrNotFound):
			return err
		case attempt == updateAttempts:
			return err
		}
	}
}

func (s *sqlStore) updateOnce(ctx context.Context, fn func(context.Context, txn) (*changes, error)) error {
	w := watch(ctx)
	defer w.stop()
	tx, err := s.db.BeginTx(w.ctx, nil)
	if err != nil {
		return w.explain(err)
	}
	// After a commit this does nothing.
	defer func() { _ = tx.Rollback() }()
	t := &sqlTxn{q: watched{tx, w}, d: s.d}
	if s.d.writing != "" {
		if _, err := t.q.ExecContext(w.ctx, s.d.writing); err != nil {
			return w.explain(err)
		}
	}
	ch, err := fn(w.ctx, t)
	if err != nil {
		return w.explain(err)
	}
	if err := t.write(w.ctx, ch); err != nil {
		return w.explain(err)
	}
	w.again()
	if err := tx.Commit(); err != nil {
		return &inDoubt{w.explain(err)}
	}
	return nil
}

// read returns what runs queries outside of a transaction, and how to end that.
func (s *sqlStore) read(ctx context.Context) (watched, func()) {
	w := watch(ctx)
	return watched{s.db, w}, w.stop
}

// watchdog ends a context when a call of the database takes too long.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func watch(ctx context.Context) *watchdog {
	w := &watchdog{}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(callTimeout, func() { w.cancel(errSlow) })
	return w
}

// again begins the time of another call.
func (w *watchdog) again() {
	if w.ctx.Err() == nil {
		w.timer.Reset(callTimeout)
	}
}

func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// explain adds that the call took too long, if it did.
func (w *watchdog) explain(err error) error {
	if err != nil && errors.Is(context.Cause(w.ctx), errSlow) {
		return errors.Join(errSlow, err)
	}
	return err
}

// watched is a querier of which every call has its own time.
type watched struct {
	q querier
	w *watchdog
}

func (q watched) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	q.w.again()
	rows, err := q.q.QueryContext(q.w.ctx, query, args...)
	return rows, q.w.explain(err)
}

func (q watched) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	q.w.again()
	res, err := q.q.ExecContext(q.w.ctx, query, args...)
	return res, q.w.explain(err)
}
