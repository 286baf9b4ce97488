package storetest

import (
	"errors"
	"testing"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

func testRename(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	susan := addUser(t, s, "susan")
	addUser(t, s, "john")
	for _, c := range []struct {
		name, to string
		refused  error
	}{
		{name: "untouched", to: "susan"},
		{name: "another case", to: "SuSan"},
		{name: "back", to: "susan"},
		{name: "taken", to: "john", refused: microblog.ErrUsernameTaken},
		{name: "taken in another case", to: "JOHN", refused: microblog.ErrUsernameTaken},
		{name: "free", to: "Susanne"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := getUser(t, s, susan.ID)
			u, err := s.UpdateProfile(ctx, susan.ID, c.to, "about "+c.to)
			if c.refused != nil {
				if err != c.refused {
					t.Errorf("error = %v", err)
				}
				if after := getUser(t, s, susan.ID); after.Username != before.Username || after.AboutMe != before.AboutMe {
					t.Errorf("a refused change left %+v", after)
				}
				return
			}
			if err != nil || u.ID != susan.ID || u.Username != c.to || u.AboutMe != "about "+c.to || u.Email != susan.Email {
				t.Errorf("UpdateProfile = %+v, %v", u, err)
			}
			if after := getUser(t, s, susan.ID); after.Username != c.to || after.AboutMe != "about "+c.to || after.PasswordHash != susan.PasswordHash {
				t.Errorf("stored %+v", after)
			}
			p := addPost(t, s, susan.ID, "by "+c.to)
			if p.AuthorName != c.to {
				t.Errorf("a post is by %q", p.AuthorName)
			}
		})
	}
	var fe *microblog.FieldError
	if _, err := s.UpdateProfile(ctx, susan.ID, "..", ""); !errors.As(err, &fe) {
		t.Errorf("a name that nobody can have: %v", err)
	}
}

func testFormerNames(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	a, b := addUser(t, s, "anna"), addUser(t, s, "berta")
	rename := func(u microblog.User, to string) {
		t.Helper()
		if _, err := s.UpdateProfile(ctx, u.ID, to, ""); err != nil {
			t.Fatalf("renaming %s to %s: %v", u.Username, to, err)
		}
	}
	leads := func(name string, to microblog.User, former bool) {
		t.Helper()
		p, err := s.Profile(ctx, name, 0)
		if to.ID == 0 {
			if err != microblog.ErrNotFound {
				t.Errorf("%s leads to %+v, %v; want nowhere", name, p, err)
			}
			return
		}
		if err != nil || p.User.ID != to.ID || p.Former != former || p.User.PasswordHash != "" {
			t.Errorf("%s leads to %+v, %v; want %s, former %v", name, p, err, to.Username, former)
		}
	}
	leads("Anna", a, false)
	leads("nobody", microblog.User{}, false)
	leads("a/b", microblog.User{}, false)
	leads("", microblog.User{}, false)

	rename(a, "ANNA") // only the case: nothing is left behind
	leads("anna", a, false)
	rename(a, "clara")
	leads("anna", a, true)
	leads("clara", a, false)
	rename(a, "doris")
	leads("anna", a, true)
	leads("clara", a, true)

	rename(b, "Anna") // somebody else takes the name: the redirect ends
	leads("anna", b, false)
	leads("berta", b, true)
	leads("clara", a, true)
	rename(b, "berta") // and does not come back
	leads("anna", b, true)
	leads("berta", b, false)

	rename(a, "clara") // back to a former name of one's own
	leads("clara", a, false)
	leads("doris", a, true)

	e, err := s.CreateUser(ctx, store.NewUser{Username: "Doris", Email: "e@example.com"}) // by registering
	if err != nil {
		t.Fatal(err)
	}
	leads("doris", e, false)

	if _, err := s.Follow(ctx, b.ID, a.ID); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Profile(ctx, "clara", b.ID); err != nil || !p.Follows || p.User.FollowerCount != 1 {
		t.Errorf("as a follower sees it: %+v, %v", p, err)
	}
	if p, err := s.Profile(ctx, "clara", e.ID); err != nil || p.Follows {
		t.Errorf("as somebody else sees it: %+v, %v", p, err)
	}
}
