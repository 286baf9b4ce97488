package postgres

import (
	"context"
	"database/sql/driver"
	"embed"
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"example.org/microblog/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// The error codes that are told apart; PostgreSQL's manual, appendix A.
const (
	uniqueViolation      = "23505"
	foreignKeyViolation  = "23503"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
)

// Lock waits in seconds: how long a start waits while another one migrates.
const (
	lockEvery  = 1
	lockChecks = 300
)

// dialect is store.Dialect for PostgreSQL.
type dialect struct{ schema string }

var _ store.Dialect = dialect{}

// code returns the five characters of PostgreSQL's error code, "" for another
// error.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func (dialect) Name() string { return "postgres" }

func (dialect) UniqueViolation(err error) bool     { return code(err) == uniqueViolation }
func (dialect) ForeignKeyViolation(err error) bool { return code(err) == foreignKeyViolation }

func (dialect) Conflict(err error) bool {
	switch code(err) {
	case serializationFailure, deadlockDetected, lockNotAvailable:
		return true
	}
	return false
}

// Unavailable knows whatever goes wrong while connecting, and the classes 08
// (connection), 53 (resources) and 57 (operator intervention: shutdown,
// start-up). That a caller's own time was up says nothing about the database.
func (d dialect) Unavailable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	if connecting(err) {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if c := code(err); len(c) == 5 {
		return c[:2] == "08" || c[:2] == "53" || c[:2] == "57" && c != queryCanceled || d.Conflict(err)
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err)
}

func connecting(err error) bool {
	var e *pgconn.ConnectError
	return errors.As(err, &e)
}

func (dialect) Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // only for an invalid path, which this is not
	}
	return sub
}

// Goose locks by the name of the schema: advisory locks count for a whole
// database, which may hold several stores.
func (d dialect) Goose() (goose.Dialect, goose.ProviderOption, error) {
	id := fnv.New64a()
	id.Write([]byte("microblog migration " + d.schema))
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockEvery, lockChecks), lock.WithLockID(int64(id.Sum64())))
	return goose.DialectPostgres, goose.WithSessionLocker(locker), err
}

func (dialect) TableExists() string {
	return `SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1`
}
