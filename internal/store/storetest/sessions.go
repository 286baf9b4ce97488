package storetest

import (
	"bytes"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// ticking is a clock that is set by hand.
type ticking struct{ at atomic.Int64 }

func newTicking() *ticking {
	c := &ticking{}
	c.at.Store(clock().UnixMicro())
	return c
}

func (c *ticking) now() time.Time          { return time.UnixMicro(c.at.Load()).UTC() }
func (c *ticking) advance(d time.Duration) { c.at.Add(d.Microseconds()) }

func testSessions(t *testing.T, o Open) {
	ctx := t.Context()
	c := newTicking()
	s := migratedAt(t, o, c.now)
	u := addUser(t, s, "susan")
	if _, err := s.SetPassword(ctx, u.ID, "secret hash"); err != nil {
		t.Fatal(err)
	}
	u = getUser(t, s, u.ID)

	load := func(token string) (store.Session, *microblog.User, bool) {
		t.Helper()
		sess, user, found, err := s.SessionUser(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		if !found && (user != nil || !reflect.DeepEqual(sess, store.Session{})) {
			t.Errorf("not found, but %+v and %+v", sess, user)
		}
		return sess, user, found
	}
	commit := func(token string, sess store.Session) {
		t.Helper()
		if err := s.CommitSession(ctx, token, sess); err != nil {
			t.Fatal(err)
		}
	}

	if _, _, found := load("none"); found {
		t.Error("found a session that was never stored")
	}
	stranger := store.Session{Data: []byte{0, 255, 'x'}, Expiry: c.now().Add(time.Hour)}
	commit("stranger", stranger)
	got, user, found := load("stranger")
	stranger.CreatedAt, stranger.Loaded = c.now(), true
	if !found || user != nil || !reflect.DeepEqual(got, stranger) {
		t.Errorf("of a stranger: %+v, %+v, %v; want %+v", got, user, found, stranger)
	}

	signedIn := store.Session{UserID: u.ID, Generation: u.Generation, Data: []byte("data"), Expiry: c.now().Add(time.Hour)}
	commit("susan", signedIn)
	got, user, found = load("susan")
	signedIn.CreatedAt, signedIn.Loaded = c.now(), true
	want := u
	want.PasswordHash = ""
	if !found || user == nil || !reflect.DeepEqual(*user, want) || !reflect.DeepEqual(got, signedIn) {
		t.Errorf("signed in: %+v, %+v, %v; want %+v and %+v", got, user, found, signedIn, want)
	}

	// Stored again, with other data and longer.
	c.advance(time.Minute)
	got.Data, got.Expiry = []byte{}, c.now().Add(2*time.Hour)
	commit("susan", got)
	if again, _, found := load("susan"); !found || len(again.Data) != 0 || !again.Expiry.Equal(got.Expiry) || !again.CreatedAt.Equal(signedIn.CreatedAt) {
		t.Errorf("stored again: %+v, %v", again, found)
	}

	// Expiry is to the microsecond.
	c.advance(2*time.Hour - time.Microsecond)
	if _, _, found := load("susan"); !found {
		t.Error("expired too early")
	}
	c.advance(time.Microsecond)
	if _, _, found := load("susan"); found {
		t.Error("not expired")
	}

	if err := s.CommitSession(ctx, "big", store.Session{Data: make([]byte, store.MaxSessionBytes+1), Expiry: c.now().Add(time.Hour)}); err == nil {
		t.Error("a session without bound was stored")
	}
	if err := s.CommitSession(ctx, "nobody", store.Session{UserID: 9001, Expiry: c.now().Add(time.Hour)}); err != microblog.ErrNotFound {
		t.Errorf("a session of nobody: %v", err)
	}

	// The database does not know tokens.
	var rows int
	err := s.Writer().QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE token_hash = $1`, []byte("susan")).Scan(&rows)
	if err != nil || rows != 0 {
		t.Errorf("a token lies open in the database: %d, %v", rows, err)
	}
}

func testSessionsEnd(t *testing.T, o Open) {
	ctx := t.Context()
	c := newTicking()
	s := migratedAt(t, o, c.now)
	susan, john := addUser(t, s, "susan"), addUser(t, s, "john")
	sess := func(u microblog.User, generation int64) store.Session {
		return store.Session{UserID: u.ID, Generation: generation, Data: []byte("x"), Expiry: c.now().Add(time.Hour)}
	}
	commit := func(token string, sess store.Session) {
		t.Helper()
		if err := s.CommitSession(ctx, token, sess); err != nil {
			t.Fatal(err)
		}
	}
	found := func(token string) bool {
		t.Helper()
		_, _, found, err := s.SessionUser(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}

	// One session: signing out wins over a slow request that still has it.
	commit("one", sess(susan, 0))
	slow, _, _, err := s.SessionUser(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.DeleteSession(ctx, "one"); err != nil {
			t.Fatal(err)
		}
	}
	commit("one", slow)
	if found("one") {
		t.Error("a slow request brought a session back")
	}

	for _, end := range []struct {
		name string
		do   func() (int64, error)
	}{
		{"EndSessions", func() (int64, error) { return s.EndSessions(ctx, susan.ID) }},
		{"SetPassword", func() (int64, error) { return s.SetPassword(ctx, susan.ID, "new") }},
	} {
		t.Run(end.name, func(t *testing.T) {
			before := getUser(t, s, susan.ID).Generation
			for i := range 3 {
				commit(fmt.Sprint("susan", i), sess(susan, before))
				c.advance(time.Second)
			}
			commit("john", sess(john, 0))
			running, err := s.Sessions(ctx, susan.ID)
			if err != nil || len(running) != 3 || !running[0].CreatedAt.After(running[2].CreatedAt) || running[0].Data != nil {
				t.Errorf("running: %+v, %v", running, err)
			}
			generation, err := end.do()
			if err != nil || generation <= before {
				t.Fatalf("%d, %v", generation, err)
			}
			for i := range 3 {
				if found(fmt.Sprint("susan", i)) {
					t.Errorf("session %d goes on", i)
				}
			}
			if !found("john") {
				t.Error("somebody else's session has ended")
			}
			// A log-in that was checked before, and is stored only now.
			commit("late", sess(susan, before))
			if found("late") {
				t.Error("a session of the former generation runs")
			}
			// The session that is to stay.
			commit("stays", sess(susan, generation))
			if !found("stays") {
				t.Error("the session that was to stay has ended")
			}
			if running, err := s.Sessions(ctx, susan.ID); err != nil || len(running) != 1 {
				t.Errorf("running afterwards: %+v, %v", running, err)
			}
			if err := s.DeleteSession(ctx, "stays"); err != nil {
				t.Error(err)
			}
		})
	}
}

func testSessionsBounded(t *testing.T, o Open) {
	ctx := t.Context()
	c := newTicking()
	s := migratedAt(t, o, c.now)
	u := addUser(t, s, "susan")
	expiry := c.now().Add(time.Hour)
	for i := range store.MaxSessions + 5 {
		if err := s.CommitSession(ctx, fmt.Sprint(i), store.Session{UserID: u.ID, Data: bytes.Repeat([]byte("x"), 100), Expiry: expiry}); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Second)
	}
	for i, want := range map[int]bool{0: false, 4: false, 5: true, store.MaxSessions + 4: true} {
		if _, _, found, err := s.SessionUser(ctx, fmt.Sprint(i)); err != nil || found != want {
			t.Errorf("session %d: %v, %v; want %v", i, found, err, want)
		}
	}
	if running, err := s.Sessions(ctx, u.ID); err != nil || len(running) != store.MaxSessions {
		t.Errorf("%d sessions, %v", len(running), err)
	}
}
