package store

import (
	"context"
	"database/sql"
	"errors"

	"example.org/microblog/internal/microblog"
)

// Profile is a person as a viewer meets them.
type Profile struct {
	User    microblog.User // without PasswordHash
	Former  bool           // the name asked for is one that the person had before: lead to User.Username
	Follows bool           // the viewer follows the person
}

// Profile returns whoever has username now, without regard to case, else
// whoever had it last; microblog.ErrNotFound when nobody did. viewer is the
// id of the person who looks, 0 for a stranger.
func (s *Store) Profile(ctx context.Context, username string, viewer int64) (Profile, error) {
	key, err := microblog.UsernameKey(username)
	if err != nil {
		return Profile{}, microblog.ErrNotFound
	}
	p, err := s.profile(ctx, `SELECT `+userColumns+`, EXISTS (SELECT 1 FROM follows WHERE follower_id = $2 AND followed_id = u.id)
		FROM users u WHERE u.username_key = $1`, key, viewer)
	if errors.Is(err, sql.ErrNoRows) {
		p, err = s.profile(ctx, `SELECT `+userColumns+`, EXISTS (SELECT 1 FROM follows WHERE follower_id = $2 AND followed_id = u.id)
			FROM former_usernames n JOIN users u ON u.id = n.user_id WHERE n.username_key = $1`, key, viewer)
		p.Former = true
	}
	if err != nil {
		return Profile{}, s.outcome(err, "loading a profile")
	}
	return p, nil
}

func (s *Store) profile(ctx context.Context, query, key string, viewer int64) (Profile, error) {
	var p Profile
	dest, finish := userFields(&p.User)
	err := s.reader.queryRow(ctx, query, key, viewer).Scan(append(dest, &p.Follows)...)
	finish()
	return p, err
}
