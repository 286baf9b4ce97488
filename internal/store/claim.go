package store

import (
	"context"
	"errors"

	"example.org/microblog/internal/microblog"
)

// claim is what somebody wants to have that only one person can: the key of a
// username, of an e-mail address, or of both. "" is not claimed.
type claim struct {
	usernameKey, emailKey string
	except                int64 // the person who may have them already
}

// claim runs fn, which stores what c claims, in a transaction. The check
// before gives both answers at once; the unique indexes decide whenever
// somebody else was faster. The index that refused is not read off the error:
// whoever is there after it is the answer, on both databases, and if nobody is
// any more, the claim is tried again.
//
// The check also keeps transactions that swap names from waiting for each
// other on PostgreSQL: a name that is somebody's in what is committed is
// refused before anything is locked, so one waits only for a transaction that
// is about to take the name, which itself waits for nothing any more.
func (s *Store) claim(ctx context.Context, c claim, fn func(ctx context.Context, t *tx) error) error {
	return s.write(ctx, func(ctx context.Context, t *tx) error {
		if err := c.check(ctx, t); err != nil {
			return err
		}
		err := fn(ctx, t)
		if err != nil && s.dialect.UniqueViolation(err) {
			// The transaction is of no use any more on PostgreSQL; look again
			// in a new one.
			return errors.Join(errAgain, err)
		}
		return err
	})
}

// check returns nil or which of the claimed is somebody else's.
func (c claim) check(ctx context.Context, q querier) error {
	rows, err := q.query(ctx, `SELECT username_key, email_key FROM users WHERE (username_key = $1 OR email_key = $2) AND id <> $3`,
		c.usernameKey, c.emailKey, c.except)
	if err != nil {
		return err
	}
	defer rows.Close()
	var taken []error
	for rows.Next() {
		var username, email string
		if err := rows.Scan(&username, &email); err != nil {
			return err
		}
		if c.usernameKey != "" && username == c.usernameKey {
			taken = append(taken, microblog.ErrUsernameTaken)
		}
		if c.emailKey != "" && email == c.emailKey {
			taken = append(taken, microblog.ErrEmailTaken)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(taken) == 1 {
		return taken[0]
	}
	return errors.Join(taken...)
}
