package storetest

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// clock is a time with more digits than the database keeps.
func clock() time.Time { return time.Date(2026, 11, 22, 14, 42, 52, 672_123_456, time.UTC) }

func testCreateUser(t *testing.T, o Open) {
	ctx := t.Context()
	s := migratedAt(t, o, clock)
	want := microblog.User{
		Username: "Renée", Email: "Renee@Example.com", PasswordHash: "hash", Admin: true,
		CreatedAt: clock().Truncate(time.Microsecond),
	}
	got, err := s.CreateUser(ctx, store.NewUser{Username: "Renée", Email: " Renee@Example.com ", PasswordHash: "hash", Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	want.ID = got.ID
	if got.ID <= 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("created %+v, want %+v", got, want)
	}
	if loaded := getUser(t, s, got.ID); !reflect.DeepEqual(loaded, want) {
		t.Errorf("loaded %+v, want %+v", loaded, want)
	}
	second := addUser(t, s, "second")
	if second.ID <= got.ID {
		t.Errorf("the second id %d does not follow %d", second.ID, got.ID)
	}
	for _, bad := range []store.NewUser{{Username: "a/b", Email: "a@b"}, {Username: "", Email: "a@b"}, {Username: "ab", Email: "a"}} {
		var fe *microblog.FieldError
		if _, err := s.CreateUser(ctx, bad); !errors.As(err, &fe) {
			t.Errorf("CreateUser(%+v) = %v", bad, err)
		}
	}
}

func testCreateUserTaken(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	addUser(t, s, "Susan")
	addUser(t, s, "renée")
	for _, c := range []struct {
		name, username, email string
		nameTaken, emailTaken bool
	}{
		{name: "free", username: "john", email: "john@example.com"},
		{name: "the name", username: "Susan", email: "john@example.com", nameTaken: true},
		{name: "the name in another case", username: "sUSAN", email: "john@example.com", nameTaken: true},
		{name: "the name decomposed", username: "Rene\u0301e", email: "john@example.com", nameTaken: true},
		{name: "the address", username: "john", email: "Susan@example.com", emailTaken: true},
		{name: "the address in another case", username: "john", email: "sUSAN@EXAMPLE.com", emailTaken: true},
		{name: "both of one person", username: "susan", email: "susan@example.com", nameTaken: true, emailTaken: true},
		{name: "both of two people", username: "susan", email: "renée@example.com", nameTaken: true, emailTaken: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(doing string, err error) {
				if errors.Is(err, microblog.ErrUsernameTaken) != c.nameTaken || errors.Is(err, microblog.ErrEmailTaken) != c.emailTaken {
					t.Errorf("%s: %v", doing, err)
				}
				if (err != nil) != (c.nameTaken || c.emailTaken) {
					t.Errorf("%s: %v", doing, err)
				}
			}
			check("CheckFree", s.CheckFree(ctx, c.username, c.email))
			if c.nameTaken || c.emailTaken {
				_, err := s.CreateUser(ctx, store.NewUser{Username: c.username, Email: c.email})
				check("CreateUser", err)
			}
		})
	}
	if err := s.CheckFree(ctx, "Susan", ""); !errors.Is(err, microblog.ErrUsernameTaken) {
		t.Errorf("only the name: %v", err)
	}
	if err := s.CheckFree(ctx, "", ""); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := s.CheckFree(ctx, "a/b", "x"); err != nil {
		t.Errorf("what nobody can have: %v", err)
	}
	if users, err := s.Users(ctx, 0, 10); err != nil || len(users) != 2 {
		t.Errorf("users = %v, %v", names(users), err)
	}
}

func testFindUser(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	susan, john := addUser(t, s, "Susan"), addUser(t, s, "john")
	for _, c := range []struct {
		login string
		want  int64
	}{
		{"Susan", susan.ID}, {"susan", susan.ID}, {" SUSAN ", susan.ID}, {"SUSAN@example.com", susan.ID}, {"john@example.com", john.ID},
		{"nobody", 0}, {"nobody@example.com", 0}, {"", 0}, {"a\x00b", 0}, {"\xff", 0}, {"%", 0}, {"a\x00b@example.com", 0},
		{strings.Repeat("a", 100_000), 0},
	} {
		u, err := s.UserByLogin(ctx, c.login)
		switch {
		case c.want == 0 && err != microblog.ErrNotFound:
			t.Errorf("UserByLogin(%.20q) = %+v, %v", c.login, u, err)
		case c.want != 0 && (err != nil || u.ID != c.want || u.PasswordHash != "hash of "+u.Username):
			t.Errorf("UserByLogin(%q) = %+v, %v", c.login, u, err)
		}
	}
	if u, err := s.UserByID(ctx, john.ID+1); err != microblog.ErrNotFound {
		t.Errorf("UserByID = %+v, %v", u, err)
	}
	first, err := s.Users(ctx, 0, 1)
	if err != nil || len(first) != 1 || first[0].ID != susan.ID || first[0].PasswordHash != "" {
		t.Errorf("Users = %+v, %v", first, err)
	}
	rest, err := s.Users(ctx, first[0].ID, 10)
	if err != nil || len(rest) != 1 || rest[0].ID != john.ID {
		t.Errorf("Users = %+v, %v", rest, err)
	}
}

func testUserSettings(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	u := addUser(t, s, "susan")
	for _, admin := range []bool{true, true, false} {
		if err := s.SetAdmin(ctx, u.ID, admin); err != nil || getUser(t, s, u.ID).Admin != admin {
			t.Errorf("SetAdmin(%v): %v", admin, err)
		}
	}
	generation, err := s.SetPassword(ctx, u.ID, "second")
	if got := getUser(t, s, u.ID); err != nil || got.PasswordHash != "second" || got.Generation != generation || generation <= u.Generation {
		t.Errorf("SetPassword = %d, %v; user %+v", generation, err, got)
	}
	if err := s.RehashPassword(ctx, u.ID, "first", "third"); err != nil || getUser(t, s, u.ID).PasswordHash != "second" {
		t.Errorf("a hash that is no longer there was replaced: %v", err)
	}
	if err := s.RehashPassword(ctx, u.ID, "second", "third"); err != nil {
		t.Error(err)
	}
	if got := getUser(t, s, u.ID); got.PasswordHash != "third" || got.Generation != generation {
		t.Errorf("after RehashPassword: %+v", got)
	}
	if err := s.SetAdmin(ctx, 9001, true); err != microblog.ErrNotFound {
		t.Errorf("SetAdmin for nobody: %v", err)
	}
	if _, err := s.SetPassword(ctx, 9001, "x"); err != microblog.ErrNotFound {
		t.Errorf("SetPassword for nobody: %v", err)
	}
	if _, err := s.EndSessions(ctx, 9001); err != microblog.ErrNotFound {
		t.Errorf("EndSessions for nobody: %v", err)
	}
	if _, err := s.UpdateProfile(ctx, 9001, "nobody", ""); err != microblog.ErrNotFound {
		t.Errorf("UpdateProfile for nobody: %v", err)
	}
}

func testLastSeen(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	users := addUsers(t, s, 3)
	at := clock()
	if !getUser(t, s, users[0].ID).LastSeen.IsZero() {
		t.Error("a new user has been seen")
	}
	seen := func(m map[int64]time.Time) {
		t.Helper()
		if err := s.SaveLastSeen(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	seen(nil)
	seen(map[int64]time.Time{users[0].ID: at, users[1].ID: at.Add(time.Hour), 9001: at})
	seen(map[int64]time.Time{users[0].ID: at.Add(time.Minute), users[1].ID: at})
	for i, want := range []time.Time{at.Add(time.Minute), at.Add(time.Hour), {}} {
		if got := getUser(t, s, users[i].ID).LastSeen; !got.Equal(want.Truncate(time.Microsecond)) {
			t.Errorf("user %d was seen %v, want %v", i, got, want)
		}
	}
	many := map[int64]time.Time{}
	for id := range int64(1000) {
		many[id] = at.Add(24 * time.Hour)
	}
	seen(many)
	if got := getUser(t, s, users[2].ID).LastSeen; !got.Equal(at.Add(24 * time.Hour).Truncate(time.Microsecond)) {
		t.Errorf("of many: %v", got)
	}
}
