package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

func testFollow(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	a, b := addUser(t, s, "anna"), addUser(t, s, "berta")
	counts := func(u microblog.User, followers, following int64) {
		t.Helper()
		if got := getUser(t, s, u.ID); got.FollowerCount != followers || got.FollowingCount != following {
			t.Errorf("%s has %d followers and follows %d; want %d and %d", u.Username, got.FollowerCount, got.FollowingCount, followers, following)
		}
	}
	for _, c := range []struct {
		name   string
		do     func(ctx context.Context, follower, followed int64) (bool, error)
		change bool
		after  bool
	}{
		{"unfollow nobody", s.Unfollow, false, false},
		{"follow", s.Follow, true, true},
		{"follow again", s.Follow, false, true},
		{"unfollow", s.Unfollow, true, false},
		{"unfollow again", s.Unfollow, false, false},
		{"follow once more", s.Follow, true, true},
	} {
		changed, err := c.do(ctx, a.ID, b.ID)
		if err != nil || changed != c.change {
			t.Errorf("%s: %v, %v", c.name, changed, err)
		}
		if follows, err := s.Follows(ctx, a.ID, b.ID); err != nil || follows != c.after {
			t.Errorf("after %s: %v, %v", c.name, follows, err)
		}
		if follows, err := s.Follows(ctx, b.ID, a.ID); err != nil || follows {
			t.Errorf("after %s the other way round: %v, %v", c.name, follows, err)
		}
		if c.after {
			counts(a, 0, 1)
			counts(b, 1, 0)
		} else {
			counts(a, 0, 0)
			counts(b, 0, 0)
		}
	}
	if _, err := s.Follow(ctx, a.ID, a.ID); err != microblog.ErrSelfFollow {
		t.Errorf("following oneself: %v", err)
	}
	if _, err := s.Follow(ctx, a.ID, 9001); err != microblog.ErrNotFound {
		t.Errorf("following nobody: %v", err)
	}
	if _, err := s.Follow(ctx, 9001, a.ID); err != microblog.ErrNotFound {
		t.Errorf("nobody follows: %v", err)
	}
	counts(a, 0, 1)
}

// Everybody follows everybody at once, some of them several times; the counts
// agree with the rows.
func testFollowRace(t *testing.T, o Open) {
	stores := two(t, o)
	users := addUsers(t, stores[0], 5)
	for i, err := range race(stores, 2*len(users), func(s *store.Store, i int) error {
		me := users[i%len(users)]
		for range 3 {
			for _, other := range users {
				if other.ID == me.ID {
					continue
				}
				if _, err := s.Follow(t.Context(), me.ID, other.ID); err != nil {
					return err
				}
				if i%2 == 0 && other.ID%2 == 0 {
					if _, err := s.Unfollow(t.Context(), me.ID, other.ID); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("runner %d: %v", i, err)
		}
	}
	for _, u := range users {
		got := getUser(t, stores[0], u.ID)
		followers, err := stores[0].Followers(t.Context(), u.ID, store.Page{Limit: 100})
		if err != nil || int64(len(followers.Items)) != got.FollowerCount {
			t.Errorf("%s has %d followers, %v; counted are %d", u.Username, len(followers.Items), err, got.FollowerCount)
		}
		following, err := stores[0].Following(t.Context(), u.ID, store.Page{Limit: 100})
		if err != nil || int64(len(following.Items)) != got.FollowingCount {
			t.Errorf("%s follows %d, %v; counted are %d", u.Username, len(following.Items), err, got.FollowingCount)
		}
	}
}

func testFollowLists(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	users := addUsers(t, s, 26)
	star, fans := users[0], users[1:]
	var want []string
	for i := range fans {
		fan := fans[(i*7)%len(fans)] // not in the order of the ids
		if _, err := s.Follow(ctx, fan.ID, star.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Follow(ctx, star.ID, fan.ID); err != nil {
			t.Fatal(err)
		}
		want = append(want, fan.Username)
	}
	slices.Reverse(want)
	for name, get := range map[string]func(ctx context.Context, id int64, page store.Page) (store.People, error){
		"followers": s.Followers, "following": s.Following,
	} {
		var got []string
		var pages []store.Page
		page := store.Page{Limit: 10}
		for {
			part, err := get(ctx, star.ID, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range part.Items {
				if u.PasswordHash != "" {
					t.Errorf("%s: a password hash was loaded", name)
				}
			}
			got = append(got, names(part.Items)...)
			pages = append(pages, store.Page{After: part.Newer, Limit: 10})
			if part.Older == 0 {
				break
			}
			page = store.Page{Before: part.Older, Limit: 10}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		back, err := get(ctx, star.ID, pages[len(pages)-1])
		if err != nil || !slices.Equal(names(back.Items), want[10:20]) {
			t.Errorf("%s: going back: %v, %v; want %v", name, names(back.Items), err, want[10:20])
		}
		if part, err := get(ctx, fans[0].ID, store.Page{}); err != nil || fmt.Sprint(names(part.Items)) != "["+star.Username+"]" {
			t.Errorf("%s of a fan: %v, %v", name, names(part.Items), err)
		}
	}
}
