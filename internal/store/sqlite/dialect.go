package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"example.org/microblog/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// dialect is store.Dialect for SQLite.
type dialect struct{ lockPath string }

var _ store.Dialect = dialect{}

// code returns SQLite's extended result code, 0 for another error.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

func (dialect) Name() string { return "sqlite" }

func (dialect) UniqueViolation(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

func (dialect) ForeignKeyViolation(err error) bool {
	return code(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

func (dialect) Conflict(err error) bool {
	switch code(err) & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}

func (dialect) Unavailable(err error) bool {
	switch code(err) & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}

func (dialect) Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // only for an invalid path, which this is not
	}
	return sub
}

func (d dialect) Goose() (goose.Dialect, goose.ProviderOption, error) {
	return goose.DialectSQLite3, goose.WithLocker(&migrationLock{path: d.lockPath}), nil
}

func (dialect) TableExists() string {
	return `SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1`
}

// migrationLock is goose's lock for one run, which SQLite lacks: a lock on a
// file beside the database.
type migrationLock struct {
	path   string
	unlock func()
}

func (l *migrationLock) Lock(ctx context.Context, _ *sql.DB) (err error) {
	l.unlock, err = lockFile(ctx, l.path)
	return err
}

func (l *migrationLock) Unlock(context.Context, *sql.DB) error {
	l.unlock()
	return nil
}
