package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// A sharedServer serves many tests. Each brings people of its own, under unique names.
type sharedServer struct {
	*server
	drop func() error // its database
}

// shared returns the server on SQLite that tests share where they can. It has the drill on and
// believes X-Forwarded-For, so that each client has an address of its own.
func shared(t testing.TB) *server {
	t.Helper()
	return sharedOn(t, "sqlite")
}

// sharedOn is shared with either database.
func sharedOn(t testing.TB, database string) *server {
	t.Helper()
	binary := program(t)
	suite.mu.Lock()
	defer suite.mu.Unlock()
	if s := suite.shared[database]; s != nil {
		return s.server
	}
	s := &sharedServer{drop: func() error { return nil }}
	set := settings{"TRUSTED_PROXIES": "127.0.0.1", "LOG_BACKUPS": "1000"}
	if database == "postgres" {
		db, drop, err := newPostgres(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if db == nil {
			t.Skip("NOT TESTED ON POSTGRESQL: TEST_POSTGRES_URL is not set. It is the URL of a server where the role may create databases.")
		}
		set["DATABASE_URL"], s.drop = db.url, drop
	}
	dir := filepath.Join(suite.dir, database)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.server, err = launch(binary, options{dir: dir, args: []string{"--drill"}, settings: set}); err != nil {
		t.Fatal(err)
	}
	if err := s.waitReady(context.Background()); err != nil {
		_ = s.cmd.Process.Kill()
		t.Fatalf("starting the shared server: %v", err)
	}
	suite.shared[database] = s
	return s.server
}

// eachShared runs a test on the shared server of each database system.
func eachShared(t *testing.T, test func(t *testing.T, s *server)) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			test(t, sharedOn(t, db.name))
		})
	}
}

func (s *sharedServer) close() error {
	err := s.stop()
	if dropped := s.drop(); err == nil {
		err = dropped
	}
	return err
}
