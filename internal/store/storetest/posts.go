package storetest

import (
	"reflect"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

func testPosts(t *testing.T, o Open) {
	ctx := t.Context()
	s := migratedAt(t, o, clock)
	susan, john := addUser(t, s, "Susan"), addUser(t, s, "john")
	const body = "Hello, 世界!\n👨\u200d👩\u200d👧 %_'\"\\ $1"
	p, created, err := s.CreatePost(ctx, susan.ID, body, "form 1")
	want := microblog.Post{ID: p.ID, AuthorID: susan.ID, AuthorName: "Susan", Body: body, CreatedAt: clock().Truncate(time.Microsecond)}
	if err != nil || !created || p.ID <= 0 || !reflect.DeepEqual(p, want) {
		t.Errorf("CreatePost = %+v, %v, %v; want %+v", p, created, err, want)
	}
	if got, err := s.Post(ctx, p.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Post = %+v, %v; want %+v", got, err, want)
	}
	if n := getUser(t, s, susan.ID).PostCount; n != 1 {
		t.Errorf("%d posts are counted", n)
	}
	if _, _, err := s.CreatePost(ctx, 9001, body, ""); err != microblog.ErrNotFound {
		t.Errorf("a post by nobody: %v", err)
	}
	if err := s.DeletePost(ctx, john.ID, p.ID); err != microblog.ErrNotOwner {
		t.Errorf("deleting somebody else's post: %v", err)
	}
	if err := s.DeletePost(ctx, susan.ID, p.ID+1); err != microblog.ErrNotFound {
		t.Errorf("deleting what is not there: %v", err)
	}
	if err := s.DeletePost(ctx, susan.ID, p.ID); err != nil {
		t.Errorf("deleting: %v", err)
	}
	if err := s.DeletePost(ctx, susan.ID, p.ID); err != microblog.ErrNotFound {
		t.Errorf("deleting twice: %v", err)
	}
	if _, err := s.Post(ctx, p.ID); err != microblog.ErrNotFound {
		t.Errorf("a deleted post: %v", err)
	}
	if n := getUser(t, s, susan.ID).PostCount; n != 0 {
		t.Errorf("%d posts are counted after deleting", n)
	}
	if again := addPost(t, s, john.ID, "next"); again.ID <= p.ID {
		t.Errorf("the id %d of a deleted post was used again: %d", p.ID, again.ID)
	}
}

func testDoubleSubmit(t *testing.T, o Open) {
	ctx := t.Context()
	stores := two(t, o)
	s := stores[0]
	susan, john := addUser(t, s, "susan"), addUser(t, s, "john")

	made := make([]microblog.Post, raceRunners)
	createds := make([]bool, raceRunners)
	for _, err := range race(stores, raceRunners, func(s *store.Store, i int) (err error) {
		made[i], createds[i], err = s.CreatePost(ctx, susan.ID, "hello", "form")
		return err
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	created := 0
	for i := range made {
		if createds[i] {
			created++
		}
		if !reflect.DeepEqual(made[i], made[0]) {
			t.Errorf("two answers to one form: %+v and %+v", made[i], made[0])
		}
	}
	if n := getUser(t, s, susan.ID).PostCount; created != 1 || n != 1 {
		t.Errorf("%d were created and %d are counted", created, n)
	}

	for _, c := range []struct {
		name       string
		author     int64
		body, once string
	}{
		{"another person's form", john.ID, "hello", "form"},
		{"another text", susan.ID, "hello again", "form"},
		{"another form", susan.ID, "hello", "form 2"},
		{"no form", susan.ID, "hello", ""},
		{"no form again", susan.ID, "hello", ""},
	} {
		if p, created, err := s.CreatePost(ctx, c.author, c.body, c.once); err != nil || !created || p.ID == made[0].ID {
			t.Errorf("%s: %+v, %v, %v", c.name, p, created, err)
		}
	}
	if n := getUser(t, s, susan.ID).PostCount; n != 5 {
		t.Errorf("%d posts are counted, want 5", n)
	}
}
