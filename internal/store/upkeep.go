package store

import (
	"context"
	"crypto/rand"
	"time"
)

const (
	purgeBatch          = 500 // rows that Purge removes in one transaction
	defaultMaxThrottles = 200_000
)

// SecretKey returns 32 random bytes that were made once and are the same for
// every process on this database.
func (s *Store) SecretKey(ctx context.Context) (key []byte, err error) {
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, s.fault(err, "making the secret key")
	}
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, `INSERT INTO settings (name, value) VALUES ('secret_key', $1) ON CONFLICT (name) DO NOTHING`, fresh); err != nil {
			return err
		}
		return t.queryRow(ctx, `SELECT value FROM settings WHERE name = 'secret_key'`).Scan(&key)
	})
	return key, s.fault(err, "loading the secret key")
}

// Purged says what Purge removed.
type Purged struct {
	Sessions  int64
	Throttles int64
}

// Purge removes sessions and limits that have expired by now, in small
// transactions, and of the limits beyond Options.MaxThrottles, as only an attack
// leaves them, those closest to their end. Call it every few minutes;
// several processes may.
func (s *Store) Purge(ctx context.Context, now time.Time) (p Purged, err error) {
	us := toMicros(now)
	p.Sessions, err = s.purge(ctx, `DELETE FROM sessions WHERE token_hash IN
		(SELECT token_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at, token_hash LIMIT $2)`, us, purgeBatch)
	if err != nil {
		return p, s.fault(err, "removing expired sessions")
	}
	p.Throttles, err = s.purge(ctx, `DELETE FROM throttles WHERE key IN
		(SELECT key FROM throttles WHERE expires_at <= $1 ORDER BY expires_at, key LIMIT $2)`, us, purgeBatch)
	if err != nil {
		return p, s.fault(err, "removing expired limits")
	}
	n, err := s.evictThrottles(ctx)
	p.Throttles += n
	return p, s.fault(err, "removing limits beyond their number")
}

// evictThrottles removes the counters beyond their number.
func (s *Store) evictThrottles(ctx context.Context) (total int64, err error) {
	var count int64
	if err := s.reader.queryRow(ctx, `SELECT count(*) FROM throttles`).Scan(&count); err != nil {
		return 0, err
	}
	for excess := count - s.maxThrottles; excess > 0; excess -= purgeBatch {
		err := s.write(ctx, func(ctx context.Context, t *tx) error {
			n, err := t.exec(ctx, `DELETE FROM throttles WHERE key IN
				(SELECT key FROM throttles ORDER BY expires_at, key LIMIT $1)`, min(excess, purgeBatch))
			total += n
			return err
		})
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// purge runs a statement that removes at most $2 rows until it finds fewer.
func (s *Store) purge(ctx context.Context, query string, args ...any) (total int64, err error) {
	for {
		var n int64
		err := s.write(ctx, func(ctx context.Context, t *tx) (err error) {
			n, err = t.exec(ctx, query, args...)
			return err
		})
		total += n
		if err != nil || n < purgeBatch {
			return total, err
		}
	}
}
