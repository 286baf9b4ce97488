package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"example.org/microblog/internal/microblog"
)

// NewUser is what registering takes. Username and Email must have passed
// microblog.CheckUsername and CheckEmail; CreateUser refuses others with a
// *microblog.FieldError, reserved usernames excepted, which an administrator
// may give away.
type NewUser struct {
	Username     string
	Email        string
	PasswordHash string // from microblog.Hasher; "" locks log-in
	Admin        bool
}

// userColumns are what scanUser reads. The password hash is not among them:
// it is loaded only where a password is checked.
const userColumns = `u.id, u.username, u.email, u.about_me, u.created_at, u.last_seen, u.admin, u.generation,
	u.post_count, u.follower_count, u.following_count`

// userFields returns where userColumns go, and what makes a User of them.
func userFields(u *microblog.User) (dest []any, finish func()) {
	var created, seen int64
	return []any{&u.ID, &u.Username, &u.Email, &u.AboutMe, &created, &seen, &u.Admin, &u.Generation,
			&u.PostCount, &u.FollowerCount, &u.FollowingCount}, func() {
			u.CreatedAt, u.LastSeen = fromMicros(created), fromMicros(seen)
		}
}

// toMicros is how times are stored: microseconds since 1970 UTC, 0 for none.
func toMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// CreateUser registers somebody. Of several that want the same username or
// address at the same time, in any number of processes, exactly one gets it;
// the others get microblog.ErrUsernameTaken, ErrEmailTaken, or both joined.
func (s *Store) CreateUser(ctx context.Context, n NewUser) (microblog.User, error) {
	key, err := microblog.UsernameKey(n.Username)
	if err != nil {
		return microblog.User{}, err
	}
	email, err := microblog.CheckEmail(n.Email)
	if err != nil {
		return microblog.User{}, err
	}
	claim := claim{usernameKey: key, emailKey: microblog.EmailKey(email)}
	u := microblog.User{
		Username: n.Username, Email: email, PasswordHash: n.PasswordHash, Admin: n.Admin,
		CreatedAt: fromMicros(toMicros(s.now())),
	}
	err = s.claim(ctx, claim, func(ctx context.Context, t *tx) error {
		err := t.queryRow(ctx, `INSERT INTO users (username, username_key, email, email_key, password_hash, admin, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
			u.Username, claim.usernameKey, u.Email, claim.emailKey, u.PasswordHash, u.Admin, toMicros(u.CreatedAt)).Scan(&u.ID)
		if err != nil {
			return err
		}
		// The name is somebody's again: links to who had it before end.
		_, err = t.exec(ctx, `DELETE FROM former_usernames WHERE username_key = $1`, claim.usernameKey)
		return err
	})
	if err != nil {
		return microblog.User{}, s.outcome(err, "creating a user")
	}
	return u, nil
}

// CheckFree tells whether username and email are still to be had: nil,
// microblog.ErrUsernameTaken, ErrEmailTaken, or both joined. It saves hashing
// a password in vain; CreateUser has the last word. An empty string is not
// looked at, and a name or address that nobody can have is not taken.
func (s *Store) CheckFree(ctx context.Context, username, email string) error {
	var c claim
	if key, err := microblog.UsernameKey(username); err == nil {
		c.usernameKey = key
	}
	if checked, err := microblog.CheckEmail(email); err == nil {
		c.emailKey = microblog.EmailKey(checked)
	}
	if c == (claim{}) {
		return nil
	}
	return s.outcome(c.check(ctx, s.reader), "looking whether a name is taken")
}

// UserByID returns a person, or microblog.ErrNotFound.
func (s *Store) UserByID(ctx context.Context, id int64) (microblog.User, error) {
	return s.oneUser(ctx, "loading a user", `SELECT `+userColumns+`, u.password_hash FROM users u WHERE u.id = $1`, id)
}

// UserByLogin returns whom somebody says they are at log-in, by username or by
// e-mail address, or microblog.ErrNotFound.
func (s *Store) UserByLogin(ctx context.Context, login string) (microblog.User, error) {
	login = strings.TrimSpace(login)
	if key, err := microblog.UsernameKey(login); err == nil {
		return s.oneUser(ctx, "loading a user by name",
			`SELECT `+userColumns+`, u.password_hash FROM users u WHERE u.username_key = $1`, key)
	}
	if email, err := microblog.CheckEmail(login); err == nil {
		return s.oneUser(ctx, "loading a user by address",
			`SELECT `+userColumns+`, u.password_hash FROM users u WHERE u.email_key = $1`, microblog.EmailKey(email))
	}
	return microblog.User{}, microblog.ErrNotFound
}

func (s *Store) oneUser(ctx context.Context, doing, query string, arg any) (microblog.User, error) {
	var u microblog.User
	dest, finish := userFields(&u)
	err := s.reader.queryRow(ctx, query, arg).Scan(append(dest, &u.PasswordHash)...)
	if err != nil {
		return microblog.User{}, s.outcomeOf(1, err, doing)
	}
	finish()
	return u, nil
}

// Users returns at most limit people with ids above after, by id, without
// their password hashes.
func (s *Store) Users(ctx context.Context, after int64, limit int) ([]microblog.User, error) {
	rows, err := s.reader.query(ctx, `SELECT `+userColumns+` FROM users u WHERE u.id > $1 ORDER BY u.id LIMIT $2`, after, limit)
	if err != nil {
		return nil, s.fault(err, "listing users")
	}
	defer rows.Close()
	var all []microblog.User
	for rows.Next() {
		var u microblog.User
		dest, finish := userFields(&u)
		if err := rows.Scan(dest...); err != nil {
			return nil, s.fault(err, "listing users")
		}
		finish()
		all = append(all, u)
	}
	return all, s.fault(rows.Err(), "listing users")
}

// outcome passes on bare what callers are expected to handle and wraps the
// rest, once. No row at all is microblog.ErrNotFound.
func (s *Store) outcome(err error, doing string) error {
	return s.outcomeOf(1, err, doing)
}

// outcomeOf is outcome for a helper, as faultOf is fault.
func (s *Store) outcomeOf(helpers int, err error, doing string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return microblog.ErrNotFound
	}
	for _, expected := range []error{
		microblog.ErrNotFound, microblog.ErrUsernameTaken, microblog.ErrEmailTaken, microblog.ErrNotOwner, microblog.ErrSelfFollow,
	} {
		if errors.Is(err, expected) {
			return err
		}
	}
	return s.faultOf(helpers+1, err, doing)
}
