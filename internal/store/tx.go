package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// writeAttempts bounds how often a transaction is tried that others got
	// in the way of.
	writeAttempts = 10
	// writeTimeout bounds a transaction with all its attempts, also for
	// callers whose context never ends.
	writeTimeout = 30 * time.Second
)

// errAgain makes write run the transaction once more: it found the database
// changed by another one between two of its statements.
var errAgain = errors.New("the data changed at the same moment, again and again")

// tx is a transaction that may write. Its statements are not kept prepared:
// against the commit that follows, preparing is nothing.
type tx struct{ tx *sql.Tx }

// write runs fn in a transaction and commits it. If fn returns an error or
// panics, or ctx ends, the transaction is rolled back. If it fails because of
// others at the same time, or with errAgain, fn runs again in a new one, so it
// must not change anything but through its tx. When that does not help either,
// the error is ErrUnavailable.
func (s *Store) write(ctx context.Context, fn func(ctx context.Context, t *tx) error) error {
	limited, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := s.writeOnce(limited, fn)
		if err == nil || !errors.Is(err, errAgain) && !s.dialect.Conflict(err) {
			if err != nil && limited.Err() != nil && ctx.Err() == nil {
				return &unavailable{err}
			}
			return err
		}
		if attempt == writeAttempts {
			return &unavailable{err}
		}
		// Up to 2, 4, … 512 ms; by chance, so that two do not meet again.
		select {
		case <-time.After(rand.N(time.Millisecond << attempt)):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-limited.Done():
			return &unavailable{err}
		}
	}
}

func (s *Store) writeOnce(ctx context.Context, fn func(ctx context.Context, t *tx) error) error {
	sqlTx, err := s.writer.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// After a commit this does nothing. It runs during a panic as well, which
	// goes on with its stack untouched.
	defer func() { _ = sqlTx.Rollback() }()
	if err := fn(ctx, &tx{sqlTx}); err != nil {
		return err
	}
	return sqlTx.Commit()
}

func (t *tx) query(ctx context.Context, query string, args ...any) (*rows, error) {
	r, err := t.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return &rows{Rows: r}, nil
}

func (t *tx) queryRow(ctx context.Context, query string, args ...any) *row {
	return &row{row: t.tx.QueryRowContext(ctx, query, args...)}
}

// exec returns how many rows were changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
