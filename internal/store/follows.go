package store

import (
	"context"

	"example.org/microblog/internal/microblog"
)

// People is one part of a list of people, those who came last first.
type People struct {
	Items []microblog.User // without PasswordHash
	Pager
}

// Follow makes follower follow followed; changed is false when they already
// did. It returns microblog.ErrSelfFollow for oneself and microblog.ErrNotFound
// when one of them does not exist.
func (s *Store) Follow(ctx context.Context, follower, followed int64) (changed bool, err error) {
	if follower == followed {
		return false, microblog.ErrSelfFollow
	}
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, `INSERT INTO follows (follower_id, followed_id, created_at) VALUES ($1, $2, $3)
			ON CONFLICT (follower_id, followed_id) DO NOTHING`, follower, followed, toMicros(s.now()))
		changed = n == 1
		if err != nil || !changed {
			return err
		}
		return countFollow(ctx, t, follower, followed, 1)
	})
	if err != nil && s.dialect.ForeignKeyViolation(err) {
		err = microblog.ErrNotFound
	}
	if err != nil {
		return false, s.outcome(err, "following somebody")
	}
	return changed, nil
}

// Unfollow ends what Follow began; changed is false when there was nothing to
// end.
func (s *Store) Unfollow(ctx context.Context, follower, followed int64) (changed bool, err error) {
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, `DELETE FROM follows WHERE follower_id = $1 AND followed_id = $2`, follower, followed)
		changed = n == 1
		if err != nil || !changed {
			return err
		}
		return countFollow(ctx, t, follower, followed, -1)
	})
	if err != nil {
		return false, s.fault(err, "unfollowing somebody")
	}
	return changed, nil
}

// countFollow keeps the two counts. It goes by id, as every transaction that
// locks several people does, so that none waits in a circle.
func countFollow(ctx context.Context, t *tx, follower, followed int64, by int) error {
	type step struct {
		id    int64
		query string
	}
	steps := [2]step{
		{follower, `UPDATE users SET following_count = following_count + $1 WHERE id = $2`},
		{followed, `UPDATE users SET follower_count = follower_count + $1 WHERE id = $2`},
	}
	if followed < follower {
		steps[0], steps[1] = steps[1], steps[0]
	}
	for _, st := range steps {
		if _, err := t.exec(ctx, st.query, by, st.id); err != nil {
			return err
		}
	}
	return nil
}

// Follows reports whether follower follows followed.
func (s *Store) Follows(ctx context.Context, follower, followed int64) (follows bool, err error) {
	err = s.reader.queryRow(ctx, `SELECT EXISTS (SELECT 1 FROM follows WHERE follower_id = $1 AND followed_id = $2)`,
		follower, followed).Scan(&follows)
	return follows, s.fault(err, "looking who follows whom")
}

// The queries of the lists of people: the cursor is $1, the limit $2, the
// person $3. For CROSS JOIN see postColumns.
const (
	followersOlder = `SELECT f.id, ` + userColumns + ` FROM follows f CROSS JOIN users u
		WHERE u.id = f.follower_id AND f.followed_id = $3 AND f.id < $1 ORDER BY f.id DESC LIMIT $2`
	followersNewer = `SELECT f.id, ` + userColumns + ` FROM follows f CROSS JOIN users u
		WHERE u.id = f.follower_id AND f.followed_id = $3 AND f.id > $1 ORDER BY f.id LIMIT $2`
	followingOlder = `SELECT f.id, ` + userColumns + ` FROM follows f CROSS JOIN users u
		WHERE u.id = f.followed_id AND f.follower_id = $3 AND f.id < $1 ORDER BY f.id DESC LIMIT $2`
	followingNewer = `SELECT f.id, ` + userColumns + ` FROM follows f CROSS JOIN users u
		WHERE u.id = f.followed_id AND f.follower_id = $3 AND f.id > $1 ORDER BY f.id LIMIT $2`
)

// Followers returns the people who follow userID, those who began last first.
func (s *Store) Followers(ctx context.Context, userID int64, page Page) (People, error) {
	return s.people(ctx, "listing followers", page, followersOlder, followersNewer, userID)
}

// Following returns the people whom userID follows, the latest first.
func (s *Store) Following(ctx context.Context, userID int64, page Page) (People, error) {
	return s.people(ctx, "listing whom somebody follows", page, followingOlder, followingNewer, userID)
}

// follower is a person in a list with their place in it.
type follower struct {
	cursor int64
	user   microblog.User
}

func (s *Store) people(ctx context.Context, doing string, page Page, older, newer string, userID int64) (People, error) {
	load := func(query string) loader[follower] {
		return func(cursor int64, limit int) ([]follower, error) {
			return s.loadPeople(ctx, query, cursor, limit, userID)
		}
	}
	items, pager, err := part(page, load(older), load(newer), func(f follower) int64 { return f.cursor })
	if err != nil {
		return People{}, s.faultOf(1, err, doing)
	}
	list := People{Pager: pager}
	for _, f := range items {
		list.Items = append(list.Items, f.user)
	}
	return list, nil
}

func (s *Store) loadPeople(ctx context.Context, query string, args ...any) ([]follower, error) {
	rows, err := s.reader.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var items []follower
	for rows.Next() {
		var f follower
		dest, finish := userFields(&f.user)
		if err := rows.Scan(append([]any{&f.cursor}, dest...)...); err != nil {
			return nil, err
		}
		finish()
		items = append(items, f)
	}
	return items, rows.Err()
}
