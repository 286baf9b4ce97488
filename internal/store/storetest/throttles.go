package storetest

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"example.org/microblog/internal/store"
)

func testLoginLimit(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	now := clock()
	home := store.LoginSource{Addr: netip.MustParseAddr("192.0.2.1")}
	try := func(login string, source store.LoginSource) time.Duration {
		t.Helper()
		wait, err := s.LoginAttempt(ctx, login, source, now)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	fail := func(login string, source store.LoginSource, times int) {
		t.Helper()
		for i := range times {
			if wait := try(login, source); wait != 0 {
				t.Fatalf("attempt %d has to wait %v", i+1, wait)
			}
		}
	}
	near := func(got, want time.Duration) bool { return (got - want).Abs() <= time.Microsecond }

	// Successes do not count.
	for range 3 {
		fail("susan", home, store.LoginFree-1)
		if err := s.LoginSucceeded(ctx, "Susan", home); err != nil {
			t.Fatal(err)
		}
	}
	// Ten in a row are free, then the waits grow.
	fail("susan", home, store.LoginFree)
	wait := store.LoginFirstWait
	for range 12 {
		if got := try("SUSAN", home); !near(got, wait) {
			t.Errorf("the wait is %v, want %v", got, wait)
		}
		now = now.Add(wait - time.Second)
		if got := try("susan", home); !near(got, time.Second) {
			t.Errorf("a second before the end: %v", got)
		}
		now = now.Add(time.Second)
		fail("susan", home, 1)
		wait = min(2*wait, store.LoginLongestWait)
	}
	// Nobody else is kept out.
	for name, c := range map[string]struct {
		login  string
		source store.LoginSource
	}{
		"another account":          {"john", home},
		"another address":          {"susan", store.LoginSource{Addr: netip.MustParseAddr("192.0.2.2")}},
		"a known device":           {"susan", store.LoginSource{Addr: home.Addr, Device: "phone"}},
		"an unknown address":       {"susan", store.LoginSource{}},
		"an account with odd name": {"a\x00/..\xff", home},
	} {
		if wait := try(c.login, c.source); wait != 0 {
			t.Errorf("%s has to wait %v", name, wait)
		}
	}
	// The same address written differently is the same.
	if wait := try("susan", store.LoginSource{Addr: netip.MustParseAddr("::ffff:192.0.2.1")}); wait == 0 {
		t.Error("the address as IPv6 need not wait")
	}
	// A right password at last, and all is forgotten.
	if err := s.LoginSucceeded(ctx, "susan", home); err != nil {
		t.Fatal(err)
	}
	fail("susan", home, store.LoginFree)
	// As it is after a quiet time.
	now = now.Add(store.LoginFirstWait + store.LoginMemory)
	fail("susan", home, store.LoginFree)

	// IPv6: all addresses of one customer count together, by address and by case of an e-mail login.
	for i := range store.LoginFree {
		fail("A@example.com", store.LoginSource{Addr: netip.MustParseAddr(fmt.Sprintf("2001:db8:1:2::%d", i+1))}, 1)
	}
	if wait := try("a@EXAMPLE.com", store.LoginSource{Addr: netip.MustParseAddr("2001:db8:1:2:ffff::1%eth0")}); wait == 0 {
		t.Error("another address of the same network need not wait")
	}
	if wait := try("a@example.com", store.LoginSource{Addr: netip.MustParseAddr("2001:db8:1:3::1")}); wait != 0 {
		t.Error("another network has to wait")
	}

	// What the server could not check does not count.
	for range 3 * store.LoginFree {
		fail("busy", home, 1)
		if err := s.LoginWithdrawn(ctx, "busy", home); err != nil {
			t.Fatal(err)
		}
	}
	fail("busy", home, store.LoginFree)
	if try("busy", home) == 0 {
		t.Error("failures after withdrawn attempts do not count")
	}
}

// Attempts at the same time count as well: no more than ten get through.
func testLoginLimitAtOnce(t *testing.T, o Open) {
	stores := two(t, o)
	source := store.LoginSource{Addr: netip.MustParseAddr("192.0.2.1")}
	var mu sync.Mutex
	free := 0
	for _, err := range race(stores, 3*store.LoginFree, func(s *store.Store, i int) error {
		wait, err := s.LoginAttempt(t.Context(), "susan", source, clock())
		if err == nil && wait == 0 {
			mu.Lock()
			free++
			mu.Unlock()
		}
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if free != store.LoginFree {
		t.Errorf("%d attempts got through, want %d", free, store.LoginFree)
	}
}

func testRegistrationLimit(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	now := clock()
	addr := netip.MustParseAddr("192.0.2.1")
	try := func(addr netip.Addr) time.Duration {
		t.Helper()
		wait, err := s.RegistrationAttempt(ctx, addr, now)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for hour := range 2 {
		for i := range store.RegistrationsPerHour {
			if wait := try(addr); wait != 0 {
				t.Fatalf("hour %d: registration %d has to wait %v", hour, i+1, wait)
			}
			now = now.Add(time.Second)
		}
		left := time.Hour - store.RegistrationsPerHour*time.Second
		for range 2 {
			if wait := try(addr); (wait - left).Abs() > time.Microsecond {
				t.Errorf("hour %d: the wait is %v, want %v", hour, wait, left)
			}
		}
		if wait := try(netip.MustParseAddr("192.0.2.2")); wait != 0 {
			t.Errorf("another address has to wait %v", wait)
		}
		now = now.Add(left)
	}
}

func testPurge(t *testing.T, o Open) {
	ctx := t.Context()
	c := newTicking()
	s := migratedAt(t, o, c.now)
	u := addUser(t, s, "susan")
	const many = 703 // two batches
	fill := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 703) `
	for _, statement := range []string{
		`INSERT INTO sessions (token_hash, generation, data, created_at, expires_at) ` + fill +
			`SELECT ` + blob(s, `'session' || i`) + `, 0, ` + blob(s, `''`) + `, 0, i FROM n`,
		`INSERT INTO throttles (key, attempts, blocked_until, expires_at) ` + fill +
			`SELECT ` + blob(s, `'throttle' || i`) + `, 0, 0, i FROM n`,
	} {
		if _, err := s.Writer().ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CommitSession(ctx, "kept", store.Session{UserID: u.ID, Expiry: c.now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RegistrationAttempt(ctx, netip.MustParseAddr("192.0.2.1"), c.now()); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Purge(ctx, c.now()); err != nil || p != (store.Purged{Sessions: many, Throttles: many}) {
		t.Errorf("Purge = %+v, %v", p, err)
	}
	if p, err := s.Purge(ctx, c.now()); err != nil || p != (store.Purged{}) {
		t.Errorf("Purge again = %+v, %v", p, err)
	}
	if _, _, found, err := s.SessionUser(ctx, "kept"); err != nil || !found {
		t.Errorf("a running session was purged: %v, %v", found, err)
	}
	if p, err := s.Purge(ctx, c.now().Add(2*time.Hour)); err != nil || p != (store.Purged{Sessions: 1, Throttles: 1}) {
		t.Errorf("Purge later = %+v, %v", p, err)
	}
}

// Of more counters than there may be, those go that would end first.
func testPurgeBound(t *testing.T, o Open) {
	ctx := t.Context()
	migrated(t, o)
	s := open(t, o, store.Options{MaxThrottles: 20})
	now := clock()
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }
	for i := range 50 {
		if _, err := s.RegistrationAttempt(ctx, addr(i), now.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := s.Purge(ctx, now); err != nil || p != (store.Purged{Throttles: 30}) {
		t.Errorf("Purge = %+v, %v", p, err)
	}
	if p, err := s.Purge(ctx, now); err != nil || p != (store.Purged{}) {
		t.Errorf("Purge again = %+v, %v", p, err)
	}
	var first int64
	if err := s.Writer().QueryRowContext(ctx, `SELECT min(expires_at) FROM throttles`).Scan(&first); err != nil ||
		first != now.Add(time.Hour+30*time.Second).UnixMicro() {
		t.Errorf("the first to end ends at %d, %v", first, err)
	}
}

// blob makes bytes of a text in SQL.
func blob(s *store.Store, text string) string {
	if s.DialectName() == "postgres" {
		return `convert_to(` + text + `, 'UTF8')`
	}
	return `CAST(` + text + ` AS BLOB)`
}
