package store_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers "sqlite"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// faulty is a dialect for which every error is a conflict with others.
type faulty struct{ conflict func(err error) bool }

func (faulty) Name() string                   { return "faulty" }
func (faulty) UniqueViolation(error) bool     { return false }
func (faulty) ForeignKeyViolation(error) bool { return false }
func (f faulty) Conflict(err error) bool      { return f.conflict(err) }
func (faulty) Unavailable(error) bool         { return false }
func (faulty) Migrations() fs.FS              { return fstest.MapFS{} }
func (faulty) TableExists() string            { return "" }
func (faulty) Goose() (_ goose.Dialect, _ goose.ProviderOption, err error) {
	return "", nil, errors.ErrUnsupported
}

func newFaulty(t *testing.T, conflict func(db *sql.DB, err error) bool) *store.Store {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "faulty.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(store.Database{
		Dialect: faulty{func(err error) bool { return conflict(db, err) }},
		Writer:  db, Reader: db,
	}, store.Options{})
	t.Cleanup(func() { s.Close() })
	return s
}

// A transaction that others get in the way of is tried again until it works.
func TestConflictPasses(t *testing.T) {
	t.Parallel()
	tries := 0
	s := newFaulty(t, func(db *sql.DB, err error) bool {
		if tries++; tries == 3 {
			if _, err := db.Exec("CREATE TABLE users (id INTEGER, admin BOOLEAN)"); err != nil {
				t.Error(err)
			}
		}
		return !errors.Is(err, microblog.ErrNotFound)
	})
	if err := s.SetAdmin(t.Context(), 1, true); err != microblog.ErrNotFound {
		t.Errorf("SetAdmin = %v", err)
	}
	if tries != 4 { // three conflicts, and the answer at last
		t.Errorf("the error was looked at %d times", tries)
	}
}

// But not for ever.
func TestConflictStays(t *testing.T) {
	t.Parallel()
	tries := 0
	s := newFaulty(t, func(*sql.DB, error) bool { tries++; return true })
	err := s.SetAdmin(t.Context(), 1, true)
	if !errors.Is(err, store.ErrUnavailable) || tries != 10 {
		t.Errorf("SetAdmin = %v after %d tries", err, tries)
	}
}
