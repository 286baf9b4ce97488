package storetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// model is what a store should know, in memory and without any cleverness.
type model struct {
	s       *store.Store
	users   map[int64]*person
	former  map[string]int64 // key of a name that was left → who left it
	posts   []microblog.Post // by id; the author's name is looked up
	follows [][2]int64       // follower, followed; in the order in which they came
	forms   map[string]int64 // what was submitted → post
}

type person struct{ username, email string }

// testModel drives the store and the model with the same actions, in an order
// made by chance, and compares all that can be seen.
func testModel(t *testing.T, o Open) {
	// A run of a hundred cases is for when something is looked for.
	if f := flag.Lookup("rapid.checks"); f != nil && f.Value.String() == f.DefValue {
		if err := f.Value.Set("8"); err != nil {
			t.Fatal(err)
		}
	}
	s := migrated(t, o)
	rapid.Check(t, func(t *rapid.T) {
		for _, table := range []string{"former_usernames", "posts", "follows", "users"} {
			if _, err := s.Writer().Exec("DELETE FROM " + table); err != nil {
				t.Fatal(err)
			}
		}
		m := &model{s: s, users: map[int64]*person{}, former: map[string]int64{}, forms: map[string]int64{}}
		t.Repeat(map[string]func(*rapid.T){
			"register": m.register,
			"rename":   m.rename,
			"post":     m.post,
			"delete":   m.delete,
			"follow":   m.follow,
			"unfollow": m.unfollow,
			"profile":  m.profile,
			"lists":    m.lists,
			"people":   m.people,
			"":         m.counts,
		})
	})
}

// Few names, so that they meet.
var (
	someName = rapid.SampledFrom([]string{"anna", "Anna", "berta", "BERTA", "clara", "dora", "Émile", "émile", "x.y"})
	someText = rapid.SampledFrom([]string{"hello", "hello again", "héllo\nworld"})
)

func (m *model) someone(t *rapid.T, label string) int64 {
	if len(m.users) == 0 {
		t.Skip("nobody there")
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(m.users))).Draw(t, label)
}

// owner returns who has a name now, or 0.
func (m *model) owner(name string) int64 {
	for id, p := range m.users {
		if strings.EqualFold(p.username, name) {
			return id
		}
	}
	return 0
}

func (m *model) register(t *rapid.T) {
	name, email := someName.Draw(t, "name"), strings.ToLower(someName.Draw(t, "mailbox"))+"@example.com"
	emailTaken := false
	for _, p := range m.users {
		emailTaken = emailTaken || p.email == email
	}
	u, err := m.s.CreateUser(context.Background(), store.NewUser{Username: name, Email: email})
	nameTaken := m.owner(name) != 0
	if errors.Is(err, microblog.ErrUsernameTaken) != nameTaken || errors.Is(err, microblog.ErrEmailTaken) != emailTaken ||
		(err == nil) == (nameTaken || emailTaken) {
		t.Fatalf("registering %s, %s: %v; taken: %v, %v", name, email, err, nameTaken, emailTaken)
	}
	if err == nil {
		m.users[u.ID] = &person{name, email}
		delete(m.former, strings.ToLower(name))
	}
}

func (m *model) rename(t *rapid.T) {
	id, name := m.someone(t, "who"), someName.Draw(t, "to")
	_, err := m.s.UpdateProfile(context.Background(), id, name, "")
	if owner := m.owner(name); owner != 0 && owner != id {
		if err != microblog.ErrUsernameTaken {
			t.Fatalf("renaming to a taken name: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	old := m.users[id].username
	m.users[id].username = name
	delete(m.former, strings.ToLower(name))
	if !strings.EqualFold(old, name) {
		m.former[strings.ToLower(old)] = id
	}
}

func (m *model) post(t *rapid.T) {
	id, body := m.someone(t, "author"), someText.Draw(t, "body")
	once := rapid.SampledFrom([]string{"", "form 1", "form 2"}).Draw(t, "once")
	p, created, err := m.s.CreatePost(context.Background(), id, body, once)
	if err != nil {
		t.Fatal(err)
	}
	form := fmt.Sprintf("%d %q %q", id, once, body)
	if before, ok := m.forms[form]; ok && once != "" {
		if created || p.ID != before {
			t.Fatalf("the same form made %+v, created %v; want post %d", p, created, before)
		}
		return
	}
	if !created || len(m.posts) > 0 && p.ID <= m.posts[len(m.posts)-1].ID {
		t.Fatalf("posted %+v, created %v", p, created)
	}
	if once != "" {
		m.forms[form] = p.ID
	}
	p.AuthorName = ""
	m.posts = append(m.posts, p)
}

func (m *model) delete(t *rapid.T) {
	if len(m.posts) == 0 {
		t.Skip("no posts")
	}
	i := rapid.IntRange(0, len(m.posts)-1).Draw(t, "which")
	id, p := m.someone(t, "who"), m.posts[i]
	err := m.s.DeletePost(context.Background(), id, p.ID)
	if id != p.AuthorID {
		if err != microblog.ErrNotOwner {
			t.Fatalf("deleting somebody else's post: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	m.posts = slices.Delete(m.posts, i, i+1)
	maps.DeleteFunc(m.forms, func(_ string, post int64) bool { return post == p.ID })
}

func (m *model) follow(t *rapid.T) {
	pair := [2]int64{m.someone(t, "follower"), m.someone(t, "followed")}
	changed, err := m.s.Follow(context.Background(), pair[0], pair[1])
	if pair[0] == pair[1] {
		if err != microblog.ErrSelfFollow {
			t.Fatal(err)
		}
		return
	}
	if err != nil || changed == slices.Contains(m.follows, pair) {
		t.Fatalf("following: %v, %v", changed, err)
	}
	if changed {
		m.follows = append(m.follows, pair)
	}
}

func (m *model) unfollow(t *rapid.T) {
	pair := [2]int64{m.someone(t, "follower"), m.someone(t, "followed")}
	changed, err := m.s.Unfollow(context.Background(), pair[0], pair[1])
	if err != nil || changed != slices.Contains(m.follows, pair) {
		t.Fatalf("unfollowing: %v, %v", changed, err)
	}
	m.follows = slices.DeleteFunc(m.follows, func(p [2]int64) bool { return p == pair })
}

func (m *model) profile(t *rapid.T) {
	name, viewer := someName.Draw(t, "name"), m.someone(t, "viewer")
	p, err := m.s.Profile(context.Background(), name, viewer)
	want, former := m.owner(name), false
	if want == 0 {
		want, former = m.former[strings.ToLower(name)], true
	}
	if want == 0 {
		if err != microblog.ErrNotFound {
			t.Fatalf("%s leads to %+v, %v", name, p, err)
		}
		return
	}
	if err != nil || p.User.ID != want || p.Former != former || p.User.Username != m.users[want].username ||
		p.Follows != slices.Contains(m.follows, [2]int64{viewer, want}) {
		t.Fatalf("%s leads to %+v, %v; want %d, former %v", name, p, err, want, former)
	}
}

func (m *model) lists(t *rapid.T) {
	who, limit := m.someone(t, "who"), rapid.IntRange(1, 5).Draw(t, "limit")
	ctx := context.Background()
	for name, c := range map[string]struct {
		get  list
		keep func(author int64) bool
	}{
		"by": {
			func(p store.Page) (store.Posts, error) { return m.s.PostsBy(ctx, who, p) },
			func(author int64) bool { return author == who },
		},
		"home": {
			func(p store.Page) (store.Posts, error) { return m.s.Home(ctx, who, p) },
			func(author int64) bool {
				return author == who || slices.Contains(m.follows, [2]int64{who, author})
			},
		},
		"explore": {
			func(p store.Page) (store.Posts, error) { return m.s.Explore(ctx, p) },
			func(int64) bool { return true },
		},
	} {
		var want []int64
		for _, p := range slices.Backward(m.posts) {
			if c.keep(p.AuthorID) {
				want = append(want, p.ID)
			}
		}
		got, err := walk(c.get, limit)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s of %d in parts of %d: %v, %v; want %v", name, who, limit, got, err, want)
		}
		first, err := c.get(store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range first.Items {
			i := slices.IndexFunc(m.posts, func(q microblog.Post) bool { return q.ID == p.ID })
			want := m.posts[i]
			want.AuthorName = m.users[want.AuthorID].username
			if p != want {
				t.Fatalf("%s: %+v, want %+v", name, p, want)
			}
		}
	}
}

func (m *model) people(t *rapid.T) {
	who := m.someone(t, "who")
	for side, get := range []func(context.Context, int64, store.Page) (store.People, error){m.s.Following, m.s.Followers} {
		var want []string
		for _, pair := range slices.Backward(m.follows) {
			if pair[side] == who {
				want = append(want, m.users[pair[1-side]].username)
			}
		}
		var got []string
		page := store.Page{Limit: 2}
		for {
			part, err := get(context.Background(), who, page)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, names(part.Items)...)
			if part.Older == 0 {
				break
			}
			page.Before = part.Older
		}
		if !slices.Equal(got, want) {
			t.Fatalf("side %d of %d: %v, want %v", side, who, got, want)
		}
	}
}

// counts holds after every action.
func (m *model) counts(t *rapid.T) {
	users, err := m.s.Users(context.Background(), 0, 100)
	if err != nil || len(users) != len(m.users) {
		t.Fatalf("%d users, %v; want %d", len(users), err, len(m.users))
	}
	for _, u := range users {
		var posts, followers, following int64
		for _, p := range m.posts {
			if p.AuthorID == u.ID {
				posts++
			}
		}
		for _, pair := range m.follows {
			if pair[0] == u.ID {
				following++
			}
			if pair[1] == u.ID {
				followers++
			}
		}
		if p := m.users[u.ID]; p == nil || u.Username != p.username || u.Email != p.email ||
			u.PostCount != posts || u.FollowerCount != followers || u.FollowingCount != following {
			t.Fatalf("user %+v; want %+v with %d posts, %d followers, following %d", u, p, posts, followers, following)
		}
	}
}
