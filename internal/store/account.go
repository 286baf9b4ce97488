package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"example.org/microblog/internal/microblog"
)

// UpdateProfile changes somebody's username and about-me text and returns the
// person as stored. One's own name, also in another case, is always allowed;
// a name somebody else has gives microblog.ErrUsernameTaken, also when both
// take it at the same moment. The name that was left leads to the new one
// until somebody else takes it; see Profile. The values must have passed
// microblog.CheckRename and CheckAboutMe.
func (s *Store) UpdateProfile(ctx context.Context, id int64, username, aboutMe string) (microblog.User, error) {
	key, err := microblog.UsernameKey(username)
	if err != nil {
		return microblog.User{}, err
	}
	var u microblog.User
	err = s.claim(ctx, claim{usernameKey: key, except: id}, func(ctx context.Context, t *tx) error {
		var old string
		if err := t.queryRow(ctx, `SELECT username_key FROM users WHERE id = $1`, id).Scan(&old); err != nil {
			return err
		}
		// The condition on the key fails if another tab has renamed the same
		// person since.
		n, err := t.exec(ctx, `UPDATE users SET username = $1, username_key = $2, about_me = $3 WHERE id = $4 AND username_key = $5`,
			username, key, aboutMe, id, old)
		if err != nil {
			return err
		}
		if n == 0 {
			return errAgain
		}
		if old != key {
			if err := s.leaveName(ctx, t, id, old, key); err != nil {
				return err
			}
		}
		dest, finish := userFields(&u)
		err = t.queryRow(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id).Scan(dest...)
		finish()
		return err
	})
	if err != nil {
		return microblog.User{}, s.outcome(err, "changing a profile")
	}
	return u, nil
}

// leaveName makes the name that was left lead to its last owner, and ends
// where the name that was taken led to.
func (s *Store) leaveName(ctx context.Context, t *tx, id int64, left, taken string) error {
	if _, err := t.exec(ctx, `DELETE FROM former_usernames WHERE username_key = $1`, taken); err != nil {
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO former_usernames (username_key, user_id, left_at) VALUES ($1, $2, $3)
		ON CONFLICT (username_key) DO UPDATE SET user_id = excluded.user_id, left_at = excluded.left_at`,
		left, id, toMicros(s.now()))
	return err
}

// SetAdmin makes somebody an administrator or takes that away. It returns
// microblog.ErrNotFound when there is no such person.
func (s *Store) SetAdmin(ctx context.Context, id int64, admin bool) error {
	err := s.write(ctx, func(ctx context.Context, t *tx) error {
		return one(t.exec(ctx, `UPDATE users SET admin = $1 WHERE id = $2`, admin, id))
	})
	return s.outcome(err, "changing who is an administrator")
}

// SetPassword stores a new password hash and ends all of the person's
// sessions. It returns the new generation, for a session that is to stay, or
// microblog.ErrNotFound.
func (s *Store) SetPassword(ctx context.Context, id int64, hash string) (generation int64, err error) {
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		if err := one(t.exec(ctx, `UPDATE users SET password_hash = $1 WHERE id = $2`, hash, id)); err != nil {
			return err
		}
		generation, err = endSessions(ctx, t, id)
		return err
	})
	return generation, s.outcome(err, "changing a password")
}

// RehashPassword replaces the hash of an unchanged password by one made with
// other parameters. It does nothing when the stored hash is no longer old.
func (s *Store) RehashPassword(ctx context.Context, id int64, old, hash string) error {
	err := s.write(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3`, hash, id, old)
		return err
	})
	return s.fault(err, "renewing a password hash")
}

// lastSeenBatch is how many people SaveLastSeen writes in one transaction, so
// that others do not wait long.
const lastSeenBatch = 200

// SaveLastSeen stores when people were seen. A time earlier than the stored
// one is ignored, as are people who do not exist.
func (s *Store) SaveLastSeen(ctx context.Context, seen map[int64]time.Time) error {
	// In the order of the ids, as every transaction locks people.
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(seen)), lastSeenBatch) {
		err := s.write(ctx, func(ctx context.Context, t *tx) error {
			for _, id := range ids {
				at := toMicros(seen[id])
				if _, err := t.exec(ctx, `UPDATE users SET last_seen = $1 WHERE id = $2 AND last_seen < $1`, at, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return s.fault(err, "saving when people were seen")
		}
	}
	return nil
}

// one makes of a statement's result that it changed a row, or else ErrNotFound.
func one(n int64, err error) error {
	if err == nil && n == 0 {
		return microblog.ErrNotFound
	}
	return err
}
