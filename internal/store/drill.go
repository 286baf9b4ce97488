package store

import (
	"context"
	"math"
)

// Drill fails as a query does that nobody expected to fail: its transaction
// writes a post whose author does not exist, which the database refuses, and
// is rolled back. The error holds the database's own and is none of this
// package's or of microblog's.
func (s *Store) Drill(ctx context.Context) error {
	err := s.write(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO posts (author_id, body, created_at) VALUES ($1, $2, $3)`,
			int64(math.MaxInt64), "This post was asked for by the drill, and is never stored.", toMicros(s.now()))
		return err
	})
	return s.fault(err, "failing for the drill")
}
