package store_test

import (
	"context"
	"database/sql"
	"testing"

	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/store"
)

// What a fault remembers begins in the method that failed, not in a helper that all of them share.
func TestFaultsRememberTheMethod(t *testing.T) {
	t.Parallel()
	s := newFaulty(t, func(*sql.DB, error) bool { return false }) // without any tables
	for name, call := range map[string]func(context.Context) error{
		"UserByID":    func(ctx context.Context) error { _, err := s.UserByID(ctx, 1); return err },
		"UserByLogin": func(ctx context.Context) error { _, err := s.UserByLogin(ctx, "susan"); return err },
		"Users":       func(ctx context.Context) error { _, err := s.Users(ctx, 0, 1); return err },
		"Post":        func(ctx context.Context) error { _, err := s.Post(ctx, 1); return err },
		"Explore":     func(ctx context.Context) error { _, err := s.Explore(ctx, store.Page{}); return err },
		"Followers":   func(ctx context.Context) error { _, err := s.Followers(ctx, 1, store.Page{}); return err },
		"SetAdmin":    func(ctx context.Context) error { return s.SetAdmin(ctx, 1, true) },
		"SecretKey":   func(ctx context.Context) error { _, err := s.SecretKey(ctx); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := call(t.Context())
			stack := trace.StackOf(err)
			if len(stack) == 0 || stack[0].Name() != "store.(*Store)."+name {
				t.Errorf("%v remembers %v", err, stack)
			}
		})
	}
}
