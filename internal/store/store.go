package store

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"example.org/microblog/fault/trace"
)

// ErrUnavailable is in the chain of an error that says the database could not
// be reached, refused to talk, or stayed too busy for all attempts.
var ErrUnavailable = errors.New("database unavailable")

// readyTimeout is how long Ready waits for an answer.
const readyTimeout = 2 * time.Second

// Options are what both databases share. The zero value works.
type Options struct {
	Now          func() time.Time // the clock for what is stored; nil: time.Now
	MaxThrottles int64            // counters of attempts that Purge leaves; 0: 200,000

	// TraceArgs has the arguments of statements noted in the record of a
	// request, too. They are what people typed, hashes and tokens.
	TraceArgs bool
}

func defaultNow() time.Time { return time.Now() }

// Store is the database, opened. Its methods may be called concurrently.
type Store struct {
	dialect Dialect
	now     func() time.Time
	reader  *pool
	writer  *pool

	maxThrottles int64
	present      func() error

	migrated atomic.Bool // the version table exists
}

// Ready returns nil when the database answers and has the schema that this
// program needs, or a newer one, which a newer program beside this one may
// have made since it started. It costs one small query and gives up after two
// seconds. An SQLite file that was deleted or replaced since it was opened is
// ErrUnavailable.
func (s *Store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if s.present != nil {
		if err := s.present(); err != nil {
			return trace.Wrap(&unavailable{err}, "asking whether the database is ready")
		}
	}
	need, err := s.programVersion()
	if err != nil {
		return s.fault(err, "reading the migrations")
	}
	have, err := s.databaseVersion(ctx)
	if err != nil {
		return s.fault(err, "asking whether the database is ready")
	}
	if have < need {
		return trace.Wrap(&SchemaError{Database: have, Program: need}, "asking whether the database is ready")
	}
	return nil
}

// Close waits for running queries and closes the database.
func (s *Store) Close() error {
	err := s.reader.close()
	if s.writer != s.reader {
		err = errors.Join(err, s.writer.close())
	}
	return trace.Wrap(err, "closing the database")
}

// fault wraps what a caller is not expected to handle, once, and marks it when
// trying again later may help. It remembers where it was called.
func (s *Store) fault(err error, doing string) error {
	return s.faultOf(1, err, doing)
}

// faultOf is fault for a helper: the stack that is remembered leaves out so
// many calls above this one, and so begins in the method that was asked for.
func (s *Store) faultOf(helpers int, err error, doing string) error {
	if err != nil && s.dialect.Unavailable(err) && !errors.Is(err, ErrUnavailable) {
		err = &unavailable{err}
	}
	return trace.WrapSkip(err, doing, helpers+1)
}

// unavailable is an error that is ErrUnavailable too.
type unavailable struct{ err error }

func (e *unavailable) Error() string        { return ErrUnavailable.Error() + ": " + e.err.Error() }
func (e *unavailable) Unwrap() error        { return e.err }
func (e *unavailable) Is(target error) bool { return target == ErrUnavailable }
