package storetest

import (
	"fmt"
	"slices"
	"testing"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// list is one of the three lists of posts.
type list func(page store.Page) (store.Posts, error)

func lists(t testing.TB, s *store.Store, user int64) map[string]list {
	return map[string]list{
		"by":      func(p store.Page) (store.Posts, error) { return s.PostsBy(t.Context(), user, p) },
		"home":    func(p store.Page) (store.Posts, error) { return s.Home(t.Context(), user, p) },
		"explore": func(p store.Page) (store.Posts, error) { return s.Explore(t.Context(), p) },
	}
}

// walk reads a list from the first part to the last and back again, checks the
// way, and returns the ids.
func walk(get list, limit int) (all []int64, err error) {
	var parts [][]int64
	page := store.Page{Limit: limit}
	for {
		part, err := get(page)
		if err != nil {
			return nil, err
		}
		if len(part.Items) > limit || len(part.Items) == 0 && len(parts) > 0 {
			return nil, fmt.Errorf("a part has %d entries", len(part.Items))
		}
		if (part.Newer == 0) != (len(parts) == 0) {
			return nil, fmt.Errorf("part %d: newer = %d", len(parts), part.Newer)
		}
		all = append(all, ids(part.Items)...)
		parts = append(parts, ids(part.Items))
		if part.Older == 0 {
			break
		}
		page = store.Page{Before: part.Older, Limit: limit}
	}
	for i := len(parts) - 1; i > 0; i-- {
		part, err := get(store.Page{After: parts[i][0], Limit: limit})
		if err != nil {
			return nil, err
		}
		if !slices.Equal(ids(part.Items), parts[i-1]) {
			return nil, fmt.Errorf("going back from part %d: %v, want %v", i, ids(part.Items), parts[i-1])
		}
		if (part.Newer == 0) != (i == 1) || part.Older == 0 {
			return nil, fmt.Errorf("going back from part %d: %+v", i, part.Pager)
		}
	}
	return all, nil
}

func testParts(t *testing.T, o Open) {
	s := migrated(t, o)
	users := addUsers(t, s, 2)
	for name, get := range lists(t, s, users[0].ID) {
		if part, err := get(store.Page{}); err != nil || len(part.Items) != 0 || part.Pager != (store.Pager{}) {
			t.Errorf("%s of nobody's posts: %+v, %v", name, part, err)
		}
	}
	var mine, all []int64
	for i := range 45 {
		all = append(all, addPost(t, s, users[i%3/2].ID, fmt.Sprint(i)).ID)
		if i%3/2 == 0 {
			mine = append(mine, all[i])
		}
	}
	slices.Reverse(mine)
	slices.Reverse(all)
	for name, get := range lists(t, s, users[0].ID) {
		want := mine
		if name == "explore" {
			want = all
		}
		for _, limit := range []int{1, 7, len(want) - 1, len(want), 100} {
			if got, err := walk(get, limit); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s in parts of %d: %v, %v; want %v", name, limit, got, err, want)
			}
		}
		if part, err := get(store.Page{}); err != nil || len(part.Items) != 20 {
			t.Errorf("%s: the usual part has %d entries, %v", name, len(part.Items), err)
		}
		if part, err := get(store.Page{Limit: 1000}); err != nil || len(part.Items) != len(want) {
			t.Errorf("%s: a large part has %d entries, %v", name, len(part.Items), err)
		}
		// Cursors that a stranger made up.
		for _, c := range []struct {
			page  store.Page
			first int64
		}{
			{store.Page{Before: -5}, want[0]}, {store.Page{After: -5}, want[0]},
			{store.Page{Before: 1 << 62}, want[0]}, {store.Page{After: 1 << 62}, want[0]},
			{store.Page{Before: 1}, 0}, {store.Page{Before: want[3], After: want[3]}, want[4]},
		} {
			part, err := get(c.page)
			var first int64
			if len(part.Items) > 0 {
				first = part.Items[0].ID
			}
			if err != nil || first != c.first {
				t.Errorf("%s%+v begins with %d, %v; want %d", name, c.page, first, err, c.first)
			}
		}
	}
	// A part all of whose posts are gone still leads back.
	last := mine[len(mine)-1]
	if err := s.DeletePost(t.Context(), users[0].ID, last); err != nil {
		t.Fatal(err)
	}
	part, err := s.PostsBy(t.Context(), users[0].ID, store.Page{Before: last + 1, Limit: 5})
	if err != nil || len(part.Items) != 0 || part.Older != 0 {
		t.Fatalf("beyond the end: %+v, %v", part, err)
	}
	back, err := s.PostsBy(t.Context(), users[0].ID, store.Page{After: part.Newer, Limit: 5})
	if err != nil || !slices.Equal(ids(back.Items), mine[len(mine)-6:len(mine)-1]) {
		t.Errorf("the way back leads to %v, %v", ids(back.Items), err)
	}
}

// The parts that somebody reads stay where they are while others post.
func testStableWhilePosting(t *testing.T, o Open) {
	s := migrated(t, o)
	reader, other := addUser(t, s, "reader"), addUser(t, s, "other")
	if _, err := s.Follow(t.Context(), reader.ID, other.ID); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		addPost(t, s, []int64{reader.ID, other.ID}[i%2], fmt.Sprint(i))
	}
	for name, get := range lists(t, s, reader.ID) {
		if name == "by" {
			continue
		}
		first, err := get(store.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var new []int64
		for i := range 15 {
			new = append(new, addPost(t, s, other.ID, fmt.Sprint("new ", i)).ID)
		}
		second, err := get(store.Page{Before: first.Older, Limit: 10})
		if err != nil || second.Items[0].ID >= first.Items[9].ID {
			t.Fatalf("%s: %v, %v", name, ids(second.Items), err)
		}
		back, err := get(store.Page{After: second.Newer, Limit: 10})
		if err != nil || !slices.Equal(ids(back.Items), ids(first.Items)) || back.Newer == 0 {
			t.Errorf("%s: going back: %v, want %v", name, ids(back.Items), ids(first.Items))
		}
		newer, err := get(store.Page{After: back.Newer, Limit: 10})
		slices.Reverse(newer.Items)
		if err != nil || !slices.Equal(ids(newer.Items), new[:10]) || newer.Newer == 0 {
			t.Errorf("%s: what was posted since: %v, %v; want %v", name, ids(newer.Items), err, new[:10])
		}
	}
}

// The home timeline of somebody who follows very different people is what
// filtering everything would give.
func testHomeOfMany(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	users := addUsers(t, s, 60)
	me := users[0]
	for _, u := range users[1:40] {
		if _, err := s.Follow(ctx, me.ID, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	// Some post all the time, some seldom, some never, some in one go.
	var want []int64
	for i := range 300 {
		var author microblog.User
		switch {
		case i%7 == 0:
			author = users[i%len(users)]
		case i > 150 && i < 200:
			author = users[7]
		case i%5 == 0:
			author = users[50] // nobody we follow
		default:
			author = users[i%4]
		}
		p := addPost(t, s, author.ID, fmt.Sprint(i))
		if author.ID <= users[39].ID {
			want = append(want, p.ID)
		}
	}
	slices.Reverse(want)
	for _, limit := range []int{7, 20} {
		got, err := walk(lists(t, s, me.ID)["home"], limit)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("in parts of %d: %d posts, %v; want %d", limit, len(got), err, len(want))
		}
	}
}
