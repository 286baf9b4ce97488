// Package storetest is the conformance suite that a store must pass on every database.
package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// Open opens one database, each time with connections of its own, as another
// process would.
type Open func(store.Options) (*store.Store, error)

// Run runs the suite. fresh makes an empty database and removes it when the
// test is over.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open Open)
	}{
		{"Migrate", testMigrate},
		{"MigrateAtOnce", testMigrateAtOnce},
		{"NewerSchema", testNewerSchema},
		{"SecretKey", testSecretKey},
		{"CreateUser", testCreateUser},
		{"CreateUserTaken", testCreateUserTaken},
		{"FindUser", testFindUser},
		{"UserSettings", testUserSettings},
		{"LastSeen", testLastSeen},
		{"Rename", testRename},
		{"FormerNames", testFormerNames},
		{"RenameRace", testRenameRace},
		{"RenameSwap", testRenameSwap},
		{"RenameOwnTabs", testRenameOwnTabs},
		{"RegisterRace", testRegisterRace},
		{"RegisterRenameRace", testRegisterRenameRace},
		{"Posts", testPosts},
		{"DoubleSubmit", testDoubleSubmit},
		{"Parts", testParts},
		{"StableWhilePosting", testStableWhilePosting},
		{"HomeOfMany", testHomeOfMany},
		{"Follow", testFollow},
		{"FollowRace", testFollowRace},
		{"FollowLists", testFollowLists},
		{"Sessions", testSessions},
		{"SessionsEnd", testSessionsEnd},
		{"SessionsBounded", testSessionsBounded},
		{"LoginLimit", testLoginLimit},
		{"LoginLimitAtOnce", testLoginLimitAtOnce},
		{"RegistrationLimit", testRegistrationLimit},
		{"Purge", testPurge},
		{"PurgeBound", testPurgeBound},
		{"Panic", testPanic},
		{"Context", testContext},
		{"Steps", testSteps},
		{"Plans", testPlans},
		{"Model", testModel},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, fresh(t))
		})
	}
}

// open opens the database and closes it with the test.
func open(t *testing.T, o Open, options store.Options) *store.Store {
	t.Helper()
	s, err := o(options)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return s
}

// migrated opens the database and brings it up to date.
func migrated(t *testing.T, o Open) *store.Store {
	t.Helper()
	return migratedAt(t, o, nil)
}

func migratedAt(t *testing.T, o Open, now func() time.Time) *store.Store {
	t.Helper()
	s := open(t, o, store.Options{Now: now})
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatalf("migrating: %v", err)
	}
	return s
}

// two opens the database twice, as two processes do.
func two(t *testing.T, o Open) [2]*store.Store {
	t.Helper()
	return [2]*store.Store{migrated(t, o), migrated(t, o)}
}

// addUser registers somebody called name.
func addUser(t testing.TB, s *store.Store, name string) microblog.User {
	t.Helper()
	u, err := s.CreateUser(context.Background(), store.NewUser{Username: name, Email: name + "@example.com", PasswordHash: "hash of " + name})
	if err != nil {
		t.Fatalf("creating %s: %v", name, err)
	}
	return u
}

func addUsers(t testing.TB, s *store.Store, n int) []microblog.User {
	t.Helper()
	users := make([]microblog.User, n)
	for i := range users {
		users[i] = addUser(t, s, fmt.Sprintf("user%d", i))
	}
	return users
}

func addPost(t testing.TB, s *store.Store, author int64, body string) microblog.Post {
	t.Helper()
	p, _, err := s.CreatePost(context.Background(), author, body, "")
	if err != nil {
		t.Fatalf("posting %q: %v", body, err)
	}
	return p
}

func getUser(t testing.TB, s *store.Store, id int64) microblog.User {
	t.Helper()
	u, err := s.UserByID(context.Background(), id)
	if err != nil {
		t.Fatalf("loading user %d: %v", id, err)
	}
	return u
}

func ids(posts []microblog.Post) []int64 {
	list := make([]int64, len(posts))
	for i, p := range posts {
		list[i] = p.ID
	}
	return list
}

func names(users []microblog.User) []string {
	list := make([]string, len(users))
	for i, u := range users {
		list[i] = u.Username
	}
	return list
}
