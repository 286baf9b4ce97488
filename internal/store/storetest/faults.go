package storetest

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/store"
)

// A panic inside a transaction rolls it back, goes on to the caller, and keeps
// nobody waiting afterwards.
func testPanic(t *testing.T, o Open) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var broken atomic.Bool
	s := migratedAt(t, o, func() time.Time {
		if broken.Load() {
			panic("the clock is broken")
		}
		return time.Now()
	})
	u := addUser(t, s, "susan")
	for range 30 { // more often than there are connections
		func() {
			defer func() {
				if p := recover(); p != "the clock is broken" {
					t.Fatalf("recovered %v", p)
				}
			}()
			broken.Store(true)
			defer broken.Store(false)
			// The clock is asked for after the name was changed.
			_, err := s.UpdateProfile(ctx, u.ID, "john", "about")
			t.Errorf("no panic, but %v", err)
		}()
	}
	if got := getUser(t, s, u.ID); got.Username != "susan" || got.AboutMe != "" {
		t.Errorf("a change was kept: %+v", got)
	}
	if _, err := s.UpdateProfile(ctx, u.ID, "john", "about"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Every method stops when its context is done.
func testContext(t *testing.T, o Open) {
	s := migrated(t, o)
	u := addUser(t, s, "susan")
	addr := netip.MustParseAddr("192.0.2.1")
	methods := map[string]func(ctx context.Context) error{
		"CreateUser": func(ctx context.Context) error {
			_, err := s.CreateUser(ctx, store.NewUser{Username: "john", Email: "john@example.com"})
			return err
		},
		"CheckFree":     func(ctx context.Context) error { return s.CheckFree(ctx, "john", "") },
		"UserByID":      func(ctx context.Context) error { _, err := s.UserByID(ctx, u.ID); return err },
		"UserByLogin":   func(ctx context.Context) error { _, err := s.UserByLogin(ctx, "susan"); return err },
		"Users":         func(ctx context.Context) error { _, err := s.Users(ctx, 0, 1); return err },
		"UpdateProfile": func(ctx context.Context) error { _, err := s.UpdateProfile(ctx, u.ID, "john", ""); return err },
		"SetAdmin":      func(ctx context.Context) error { return s.SetAdmin(ctx, u.ID, true) },
		"SetPassword":   func(ctx context.Context) error { _, err := s.SetPassword(ctx, u.ID, "x"); return err },
		"Rehash":        func(ctx context.Context) error { return s.RehashPassword(ctx, u.ID, u.PasswordHash, "x") },
		"SaveLastSeen": func(ctx context.Context) error {
			return s.SaveLastSeen(ctx, map[int64]time.Time{u.ID: time.Now()})
		},
		"Profile":    func(ctx context.Context) error { _, err := s.Profile(ctx, "susan", 0); return err },
		"CreatePost": func(ctx context.Context) error { _, _, err := s.CreatePost(ctx, u.ID, "x", ""); return err },
		"DeletePost": func(ctx context.Context) error { return s.DeletePost(ctx, u.ID, 1) },
		"Post":       func(ctx context.Context) error { _, err := s.Post(ctx, 1); return err },
		"PostsBy":    func(ctx context.Context) error { _, err := s.PostsBy(ctx, u.ID, store.Page{}); return err },
		"Home":       func(ctx context.Context) error { _, err := s.Home(ctx, u.ID, store.Page{After: 1}); return err },
		"Explore":    func(ctx context.Context) error { _, err := s.Explore(ctx, store.Page{}); return err },
		"Follow":     func(ctx context.Context) error { _, err := s.Follow(ctx, u.ID, u.ID+1); return err },
		"Unfollow":   func(ctx context.Context) error { _, err := s.Unfollow(ctx, u.ID, u.ID+1); return err },
		"Follows":    func(ctx context.Context) error { _, err := s.Follows(ctx, u.ID, u.ID+1); return err },
		"Followers":  func(ctx context.Context) error { _, err := s.Followers(ctx, u.ID, store.Page{}); return err },
		"Following":  func(ctx context.Context) error { _, err := s.Following(ctx, u.ID, store.Page{}); return err },
		"SessionUser": func(ctx context.Context) error {
			_, _, _, err := s.SessionUser(ctx, "x")
			return err
		},
		"CommitSession": func(ctx context.Context) error { return s.CommitSession(ctx, "x", store.Session{Expiry: time.Now()}) },
		"DeleteSession": func(ctx context.Context) error { return s.DeleteSession(ctx, "x") },
		"EndSessions":   func(ctx context.Context) error { _, err := s.EndSessions(ctx, u.ID); return err },
		"Sessions":      func(ctx context.Context) error { _, err := s.Sessions(ctx, u.ID); return err },
		"LoginAttempt": func(ctx context.Context) error {
			_, err := s.LoginAttempt(ctx, "x", store.LoginSource{}, time.Now())
			return err
		},
		"LoginSucceeded": func(ctx context.Context) error { return s.LoginSucceeded(ctx, "x", store.LoginSource{}) },
		"LoginWithdrawn": func(ctx context.Context) error { return s.LoginWithdrawn(ctx, "x", store.LoginSource{}) },
		"Registration":   func(ctx context.Context) error { _, err := s.RegistrationAttempt(ctx, addr, time.Now()); return err },
		"SecretKey":      func(ctx context.Context) error { _, err := s.SecretKey(ctx); return err },
		"Purge":          func(ctx context.Context) error { _, err := s.Purge(ctx, time.Now()); return err },
		"Migrate":        func(ctx context.Context) error { _, err := s.Migrate(ctx); return err },
		"Status":         func(ctx context.Context) error { _, err := s.MigrationStatus(ctx); return err },
		"Ready":          s.Ready,
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range methods {
		err := call(done)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a context that is done: %v", name, err)
			continue
		}
		if errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s takes the caller's own end for the database's: %v", name, err)
		}
		if !strings.Contains(err.Error(), ": ") || trace.StackOf(err) == nil {
			t.Errorf("%s does not say what was being done, or where: %v", name, err)
		}
	}
	if got := getUser(t, s, u.ID); got != u {
		t.Errorf("something was changed: %+v", got)
	}

	// Somebody else is writing and does not come to an end.
	other := migrated(t, o)
	tx, err := other.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), `UPDATE users SET about_me = 'x' WHERE id = $1`, u.ID); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.SetAdmin(short, u.ID, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for another one's transaction: %v", err)
	}
	if _, err := s.Profile(t.Context(), "susan", 0); err != nil {
		t.Errorf("reading meanwhile: %v", err)
	}
	// And when it does come to an end, the next one gets its turn.
	timer := time.AfterFunc(50*time.Millisecond, func() { _ = tx.Rollback() })
	defer timer.Stop()
	if err := s.SetAdmin(t.Context(), u.ID, true); err != nil {
		t.Errorf("after another one's transaction: %v", err)
	}
}

// What a request did is on its record, with what people typed only if that is
// asked for.
func testSteps(t *testing.T, o Open) {
	s := migrated(t, o)
	u := addUser(t, s, "susan")
	ctx := trace.Begin(t.Context())
	if _, err := s.Profile(ctx, "secretname", 0); err == nil {
		t.Fatal("found")
	}
	if _, _, err := s.CreatePost(ctx, u.ID, "secret text", "secret form"); err != nil {
		t.Fatal(err)
	}
	steps, dropped := trace.Steps(ctx)
	var texts []string
	for _, step := range steps {
		texts = append(texts, step.Text)
		if step.Kind != "sql" || step.Time.IsZero() || step.Duration <= 0 || step.Err != "" {
			t.Errorf("step %+v", step)
		}
		if strings.Contains(step.Text+strings.Join(step.Args, ""), "secret") {
			t.Errorf("step %+v tells what was typed", step)
		}
	}
	if dropped != 0 || len(texts) != 6 || !strings.HasPrefix(texts[3], "INSERT INTO posts") ||
		!slices.Contains(texts, "BEGIN") || texts[5] != "COMMIT" {
		t.Errorf("steps: %q", texts)
	}

	telling := open(t, o, store.Options{TraceArgs: true})
	ctx = trace.Begin(t.Context())
	if _, err := telling.Profile(ctx, "secretname", 0); err == nil {
		t.Fatal("found")
	}
	told := false
	steps, _ = trace.Steps(ctx)
	for _, step := range steps {
		told = told || slices.Contains(step.Args, "secretname")
	}
	if !told {
		t.Errorf("no argument is in %+v", steps)
	}

	// A statement that fails says so, as does the end of its transaction.
	ctx = trace.Begin(t.Context())
	if err := s.Drill(ctx); err == nil {
		t.Fatal("it did not fail")
	}
	steps, _ = trace.Steps(ctx)
	if len(steps) != 3 || steps[0].Text != "BEGIN" || steps[1].Err == "" || steps[2].Text != "ROLLBACK" || steps[2].Err != "" {
		t.Errorf("steps: %+v", steps)
	}
}
