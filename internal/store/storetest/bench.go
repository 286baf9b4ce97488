package storetest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// BenchVariable names the numbers of posts that Benchmark runs with, such as
// "10000,100000,1000000".
const BenchVariable = "BENCH_POSTS"

// Benchmark measures what the pages ask for, with ten and a hundred thousand
// posts, or as many as BENCH_POSTS says. Each author has a hundred posts; the
// reader follows 200 people.
func Benchmark(b *testing.B, fresh func(b *testing.B) Open) {
	sizes := []int{10_000, 100_000}
	if list := os.Getenv(BenchVariable); list != "" {
		sizes = nil
		for _, text := range strings.Split(list, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1000 {
				b.Fatalf("%s=%q: %q is not a number from 1000", BenchVariable, list, text)
			}
			sizes = append(sizes, n)
		}
	}
	for _, posts := range sizes {
		b.Run(fmt.Sprintf("posts=%d", posts), func(b *testing.B) {
			s, err := fresh(b)(store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			if err := Fill(b.Context(), s, max(posts/100, 300), posts); err != nil {
				b.Fatal(err)
			}
			benchmark(b, s, int64(posts))
		})
	}
}

func benchmark(b *testing.B, s *store.Store, posts int64) {
	ctx, cancel := context.WithCancel(context.Background()) // as a request's: one that can end
	defer cancel()
	sess := store.Session{UserID: 1, Data: make([]byte, 100), Expiry: time.Now().Add(time.Hour)}
	if err := s.CommitSession(ctx, "token", sess); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		call func(ctx context.Context) error
	}{
		{"SessionUser", func(ctx context.Context) error { _, _, _, err := s.SessionUser(ctx, "token"); return err }},
		{"Profile", func(ctx context.Context) error { _, err := s.Profile(ctx, "user7", 1); return err }},
		{"PostsBy", func(ctx context.Context) error { _, err := s.PostsBy(ctx, 7, store.Page{Limit: 10}); return err }},
		{"ProfilePage", func(ctx context.Context) error { return profilePage(ctx, s) }},
		{"Home", func(ctx context.Context) error { _, err := s.Home(ctx, 1, store.Page{}); return err }},
		{"HomeMiddle", func(ctx context.Context) error { _, err := s.Home(ctx, 1, store.Page{Before: posts / 2}); return err }},
		{"Explore", func(ctx context.Context) error { _, err := s.Explore(ctx, store.Page{}); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := c.call(ctx); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	b.Run("CreatePost", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := s.CreatePost(ctx, 1, "hello", ""); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// profilePage is what a profile with ten posts asks for when somebody is
// signed in.
func profilePage(ctx context.Context, s *store.Store) error {
	_, viewer, found, err := s.SessionUser(ctx, "token")
	if err != nil || !found {
		return fmt.Errorf("the session: %v, %w", found, err)
	}
	p, err := s.Profile(ctx, "user7", viewer.ID)
	if err != nil {
		return err
	}
	posts, err := s.PostsBy(ctx, p.User.ID, store.Page{Limit: 10})
	if err == nil && len(posts.Items) != 10 {
		err = microblog.ErrNotFound
	}
	return err
}
