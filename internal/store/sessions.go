package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/microblog"
)

const (
	// MaxSessionBytes bounds the data of one session.
	MaxSessionBytes = 64 << 10
	// MaxSessions is how many sessions of one person are kept.
	MaxSessions = 100
)

// Session is what a browser's cookie stands for.
type Session struct {
	UserID     int64 // 0: nobody is signed in
	Generation int64 // microblog.User.Generation when they signed in
	Data       []byte
	CreatedAt  time.Time // set by the store
	Expiry     time.Time
	Loaded     bool // came from SessionUser: committing it again only overwrites
}

// tokenKey is what the database knows of a token: who reads a backup cannot
// sign in with it.
func tokenKey(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// SessionUser returns the session of a token and the person signed in with it,
// in one query. found is false when there is no such session, it has expired,
// or it was ended by SetPassword or EndSessions. user is nil when nobody is
// signed in; their PasswordHash is not loaded.
func (s *Store) SessionUser(ctx context.Context, token string) (sess Session, user *microblog.User, found bool, err error) {
	var u microblog.User
	var created, expires, userCreated, seen int64
	err = s.reader.queryRow(ctx, `SELECT s.user_id, s.generation, s.data, s.created_at, s.expires_at,
			coalesce(u.id, 0), coalesce(u.username, ''), coalesce(u.email, ''), coalesce(u.about_me, ''),
			coalesce(u.created_at, 0), coalesce(u.last_seen, 0), coalesce(u.admin, FALSE), coalesce(u.generation, 0),
			coalesce(u.post_count, 0), coalesce(u.follower_count, 0), coalesce(u.following_count, 0)
		FROM sessions s LEFT JOIN users u ON u.id = s.user_id
		WHERE s.token_hash = $1 AND s.expires_at > $2`, tokenKey(token), toMicros(s.now())).
		Scan(nullInt{&sess.UserID}, &sess.Generation, &sess.Data, &created, &expires,
			&u.ID, &u.Username, &u.Email, &u.AboutMe, &userCreated, &seen, &u.Admin, &u.Generation,
			&u.PostCount, &u.FollowerCount, &u.FollowingCount)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, nil, false, nil
	}
	if err != nil {
		return Session{}, nil, false, s.fault(err, "loading a session")
	}
	sess.CreatedAt, sess.Expiry, sess.Loaded = fromMicros(created), fromMicros(expires), true
	if sess.UserID == 0 {
		return sess, nil, true, nil
	}
	if u.ID == 0 || u.Generation != sess.Generation {
		return Session{}, nil, false, nil
	}
	u.CreatedAt, u.LastSeen = fromMicros(userCreated), fromMicros(seen)
	return sess, &u, true, nil
}

// nullInt scans NULL as 0.
type nullInt struct{ to *int64 }

func (n nullInt) Scan(value any) error {
	var v sql.NullInt64
	err := v.Scan(value)
	*n.to = v.Int64
	return err
}

// CommitSession stores a session under a token. One that is Loaded is stored
// only if it still exists, so that a slow request does not bring back a
// session that was ended meanwhile. Of somebody's sessions the newest
// MaxSessions are kept. It returns microblog.ErrNotFound when there is no such
// person.
func (s *Store) CommitSession(ctx context.Context, token string, sess Session) error {
	if len(sess.Data) > MaxSessionBytes {
		return trace.New(fmt.Sprintf("storing a session: %d bytes are too many, %d are allowed", len(sess.Data), MaxSessionBytes))
	}
	userID := sql.NullInt64{Int64: sess.UserID, Valid: sess.UserID != 0}
	key, data := tokenKey(token), sess.Data
	if data == nil {
		data = []byte{}
	}
	err := s.write(ctx, func(ctx context.Context, t *tx) error {
		if sess.Loaded {
			_, err := t.exec(ctx, `UPDATE sessions SET user_id = $1, generation = $2, data = $3, expires_at = $4 WHERE token_hash = $5`,
				userID, sess.Generation, data, toMicros(sess.Expiry), key)
			return err
		}
		_, err := t.exec(ctx, `INSERT INTO sessions (token_hash, user_id, generation, data, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (token_hash) DO UPDATE SET user_id = excluded.user_id, generation = excluded.generation,
				data = excluded.data, expires_at = excluded.expires_at`,
			key, userID, sess.Generation, data, toMicros(s.now()), toMicros(sess.Expiry))
		if err != nil || !userID.Valid {
			return err
		}
		_, err = t.exec(ctx, `DELETE FROM sessions WHERE token_hash IN (SELECT token_hash FROM sessions WHERE user_id = $1
			ORDER BY created_at DESC, token_hash LIMIT 1000 OFFSET $2)`, userID, MaxSessions)
		return err
	})
	if err != nil && s.dialect.ForeignKeyViolation(err) {
		err = microblog.ErrNotFound
	}
	return s.outcome(err, "storing a session")
}

// DeleteSession ends one session; no error when there is none.
func (s *Store) DeleteSession(ctx context.Context, token string) error {
	err := s.write(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM sessions WHERE token_hash = $1`, tokenKey(token))
		return err
	})
	return s.fault(err, "ending a session")
}

// EndSessions ends all of somebody's sessions, also those that running
// requests are about to commit, and returns the new generation, for a session
// that is to stay; microblog.ErrNotFound when there is no such person.
func (s *Store) EndSessions(ctx context.Context, userID int64) (generation int64, err error) {
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		generation, err = endSessions(ctx, t, userID)
		return err
	})
	return generation, s.outcome(err, "ending somebody's sessions")
}

// endSessions begins a new generation, which is what ends the sessions;
// deleting them only makes room.
func endSessions(ctx context.Context, t *tx, userID int64) (generation int64, err error) {
	err = t.queryRow(ctx, `UPDATE users SET generation = generation + 1 WHERE id = $1 RETURNING generation`, userID).Scan(&generation)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, `DELETE FROM sessions WHERE user_id = $1`, userID)
	return generation, err
}

// Sessions returns somebody's running sessions, newest first, without their
// data.
func (s *Store) Sessions(ctx context.Context, userID int64) ([]Session, error) {
	rows, err := s.reader.query(ctx, `SELECT s.generation, s.created_at, s.expires_at FROM sessions s
		JOIN users u ON u.id = s.user_id AND u.generation = s.generation
		WHERE s.user_id = $1 AND s.expires_at > $2 ORDER BY s.created_at DESC LIMIT $3`, userID, toMicros(s.now()), MaxSessions)
	if err != nil {
		return nil, s.fault(err, "listing sessions")
	}
	defer rows.Close()
	var all []Session
	for rows.Next() {
		sess := Session{UserID: userID, Loaded: true}
		var created, expires int64
		if err := rows.Scan(&sess.Generation, &created, &expires); err != nil {
			return nil, s.fault(err, "listing sessions")
		}
		sess.CreatedAt, sess.Expiry = fromMicros(created), fromMicros(expires)
		all = append(all, sess)
	}
	return all, s.fault(rows.Err(), "listing sessions")
}
