package store

import (
	"context"
	"database/sql"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Dialect is what differs between the databases. Errors are told apart by
// code, never by their text.
type Dialect interface {
	// Name is "sqlite" or "postgres".
	Name() string

	// UniqueViolation reports whether a row that must be the only one of its
	// kind was there already.
	UniqueViolation(err error) bool

	// ForeignKeyViolation reports whether a row was missing that another one
	// refers to.
	ForeignKeyViolation(err error) bool

	// Conflict reports whether a transaction failed only because of others at
	// the same time, left no trace, and may be tried again.
	Conflict(err error) bool

	// Unavailable reports whether the database could not be reached or had
	// no room for the request.
	Unavailable(err error) bool

	// Migrations returns the schema's steps, named as goose wants them.
	Migrations() fs.FS

	// Goose returns goose's dialect, and the lock that only one process has
	// at a time while it migrates.
	Goose() (goose.Dialect, goose.ProviderOption, error)

	// TableExists is a query that returns one row if the table named $1 exists.
	TableExists() string
}

// Database is an opened database, from which New makes a Store.
type Database struct {
	Dialect Dialect
	Writer  *sql.DB // for transactions that write
	Reader  *sql.DB // for everything else; may be the same
	Prepare bool    // statements are to be prepared once and kept; not where the driver does so itself

	// ShortReads is the number of connections of Reader if it is an embedded
	// database, where a read takes microseconds and the goroutines that watch
	// its context as much again. The store then gives out that many turns
	// itself: a context counts until it is a read's turn, and the read runs to
	// its end, which an index always keeps near. 0: the driver watches.
	ShortReads int

	// Present tells why what Writer writes would be lost, although the open
	// connections still work: the file was taken away. Nil: that cannot be.
	Present func() error
}

// New makes a Store of a database. It is for the packages that open one.
func New(db Database, o Options) *Store {
	if o.Now == nil {
		o.Now = defaultNow
	}
	if o.MaxThrottles <= 0 {
		o.MaxThrottles = defaultMaxThrottles
	}
	s := &Store{
		dialect: db.Dialect,
		now:     o.Now,
		writer:  &pool{db: db.Writer, prepare: db.Prepare},

		maxThrottles: o.MaxThrottles,
		present:      db.Present,
	}
	s.reader = s.writer
	if db.Reader != db.Writer {
		s.reader = &pool{db: db.Reader, prepare: db.Prepare}
	}
	if db.ShortReads > 0 {
		s.reader.turns = make(chan struct{}, db.ShortReads)
	}
	return s
}

// Writer returns the database for what keeps tables of its own in it. Their
// names must not be those of this package. The caller must not close it.
func (s *Store) Writer() *sql.DB { return s.writer.db }

// DialectName is "sqlite" or "postgres".
func (s *Store) DialectName() string { return s.dialect.Name() }

// querier runs statements, in a transaction or outside.
type querier interface {
	queryRow(ctx context.Context, query string, args ...any) *row
	query(ctx context.Context, query string, args ...any) (*rows, error)
}
