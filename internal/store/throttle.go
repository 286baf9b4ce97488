package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"net/netip"
	"strings"
	"time"

	"example.org/microblog/internal/microblog"
)

// The limits of what strangers may try.
const (
	LoginFree            = 10               // failed log-ins in a row without a wait
	LoginFirstWait       = 30 * time.Second // after that many; doubles with each further failure
	LoginLongestWait     = time.Hour
	LoginMemory          = time.Hour // after the last failure or wait all is forgotten
	RegistrationsPerHour = 60        // per address
)

// LoginSource says where a log-in comes from. Failures are counted for each
// account and source, never for the account alone, so that no stranger can
// lock somebody out from elsewhere.
type LoginSource struct {
	// Addr is the client's; IPv6 addresses count by their /64, which is what
	// one customer gets.
	Addr netip.Addr
	// Device is a mark that the server has given this browser when it last
	// signed in to this very account, and has verified; "" if there is none.
	// A device counts apart from its address, so that strangers behind the
	// same address cannot lock it out.
	Device string
}

// throttleKey names a counter. It is a hash, so that rows are of one size and
// hold nobody's address.
func throttleKey(parts ...string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return sum[:16]
}

func loginKey(login string, source LoginSource) []byte {
	account := strings.TrimSpace(login)
	if key, err := microblog.UsernameKey(account); err == nil {
		account = key
	} else {
		account = microblog.EmailKey(account)
	}
	if source.Device != "" {
		return throttleKey("login", account, "device", source.Device)
	}
	return throttleKey("login", account, "address", network(source.Addr))
}

// network is the part of an address that one customer has.
func network(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// LoginAttempt asks before a password is checked whether login may be tried
// from source. It returns 0 and counts the attempt as failed until
// LoginSucceeded or LoginWithdrawn says otherwise, so that attempts made at
// the same time count as well; or it returns how long to wait, and counts
// nothing.
func (s *Store) LoginAttempt(ctx context.Context, login string, source LoginSource, now time.Time) (wait time.Duration, err error) {
	key := loginKey(login, source)
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		wait = 0
		// No row comes back when the wait is not over.
		var failures int
		err := t.queryRow(ctx, `INSERT INTO throttles (key, attempts, blocked_until, expires_at) VALUES ($1, 1, 0, $2)
			ON CONFLICT (key) DO UPDATE SET
				attempts = CASE WHEN throttles.expires_at <= $3 THEN 1 ELSE throttles.attempts + 1 END,
				blocked_until = 0, expires_at = excluded.expires_at
			WHERE throttles.blocked_until <= $3
			RETURNING attempts`, key, toMicros(now.Add(LoginMemory)), toMicros(now)).Scan(&failures)
		if errors.Is(err, sql.ErrNoRows) {
			var until int64
			if err := t.queryRow(ctx, `SELECT blocked_until FROM throttles WHERE key = $1`, key).Scan(&until); err != nil {
				return again(err)
			}
			wait = fromMicros(until).Sub(now)
			return nil
		}
		if err != nil || failures < LoginFree {
			return err
		}
		until := now.Add(loginWait(failures))
		_, err = t.exec(ctx, `UPDATE throttles SET blocked_until = $1, expires_at = $2 WHERE key = $3`,
			toMicros(until), toMicros(until.Add(LoginMemory)), key)
		return err
	})
	if err != nil {
		return 0, s.fault(err, "asking whether a log-in may be tried")
	}
	return wait, nil
}

// loginWait is how long the wait is after so many failures in a row.
func loginWait(failures int) time.Duration {
	wait := LoginFirstWait
	for range failures - LoginFree {
		if wait *= 2; wait >= LoginLongestWait {
			return LoginLongestWait
		}
	}
	return wait
}

// LoginSucceeded forgets the failures of login from source.
func (s *Store) LoginSucceeded(ctx context.Context, login string, source LoginSource) error {
	err := s.write(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM throttles WHERE key = $1`, loginKey(login, source))
		return err
	})
	return s.fault(err, "forgetting failed log-ins")
}

// LoginWithdrawn takes one attempt back that came to no result, because the
// server was too busy to check the password.
func (s *Store) LoginWithdrawn(ctx context.Context, login string, source LoginSource) error {
	err := s.write(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `UPDATE throttles SET attempts = attempts - 1, blocked_until = 0 WHERE key = $1 AND attempts > 0`,
			loginKey(login, source))
		return err
	})
	return s.fault(err, "taking back a log-in attempt")
}

// RegistrationAttempt counts a registration from addr and returns 0, or, when
// the hour's are used up, how long to wait. The hour begins with the first.
func (s *Store) RegistrationAttempt(ctx context.Context, addr netip.Addr, now time.Time) (wait time.Duration, err error) {
	key := throttleKey("registration", network(addr))
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		wait = 0
		var attempts int
		err := t.queryRow(ctx, `INSERT INTO throttles (key, attempts, blocked_until, expires_at) VALUES ($1, 1, 0, $2)
			ON CONFLICT (key) DO UPDATE SET
				attempts = CASE WHEN throttles.expires_at <= $3 THEN 1 ELSE throttles.attempts + 1 END,
				expires_at = CASE WHEN throttles.expires_at <= $3 THEN excluded.expires_at ELSE throttles.expires_at END
			WHERE throttles.expires_at <= $3 OR throttles.attempts < $4
			RETURNING attempts`, key, toMicros(now.Add(time.Hour)), toMicros(now), RegistrationsPerHour).Scan(&attempts)
		if errors.Is(err, sql.ErrNoRows) {
			var until int64
			if err := t.queryRow(ctx, `SELECT expires_at FROM throttles WHERE key = $1`, key).Scan(&until); err != nil {
				return again(err)
			}
			wait = fromMicros(until).Sub(now)
			return nil
		}
		return err
	})
	if err != nil {
		return 0, s.fault(err, "asking whether somebody may register")
	}
	return wait, nil
}

// again makes of a row that was purged between two statements another try.
func again(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return errAgain
	}
	return err
}
