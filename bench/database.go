package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// seeded is a site with a database full of people and posts.
type seeded struct {
	site   site
	people people
	size   int64        // of the database, in bytes
	remove func() error // drops what lies outside the site's directory
}

// found makes a site with a database of so many posts.
func found(ctx context.Context, o options, binary, dir, name string, posts int) (_ *seeded, err error) {
	f, err := newSite(ctx, o, binary, dir, name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.remove())
		}
	}()
	db, err := f.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if f.people, err = seed(ctx, db, posts); err != nil {
		return nil, err
	}
	if f.size, err = f.settle(ctx, db); err != nil {
		return nil, err
	}
	return f, nil
}

// newSite makes a site whose database has its tables and nothing in them.
func newSite(ctx context.Context, o options, binary, dir, name string) (_ *seeded, err error) {
	f := &seeded{site: site{binary: binary, dir: filepath.Join(dir, name)}, remove: func() error { return nil }}
	if err := os.Mkdir(f.site.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a site's directory: %w", err)
	}
	if o.database != nil {
		if err := f.createPostgres(ctx, o.database); err != nil {
			return nil, err
		}
	}
	if err := f.site.migrate(ctx); err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

// createPostgres makes a database of its own on the server of that URL.
func (f *seeded) createPostgres(ctx context.Context, server *url.URL) error {
	name := fmt.Sprintf("microblog_bench_%x", rand.Uint64())
	if err := onPostgres(ctx, server, "CREATE DATABASE "+name); err != nil {
		return fmt.Errorf("creating a database for the benchmark: %w", err)
	}
	own := *server
	own.Path = "/" + name
	f.site.database = own.String()
	f.remove = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := onPostgres(ctx, server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("dropping the benchmark's database %s: %w", name, err)
		}
		return nil
	}
	return nil
}

func onPostgres(ctx context.Context, server *url.URL, statement string) error {
	db, err := sql.Open("pgx", server.String())
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}

// postgresVersion asks the server what it is.
func postgresVersion(ctx context.Context, server *url.URL) (string, error) {
	db, err := sql.Open("pgx", server.String())
	if err != nil {
		return "", fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	var version string
	err = db.QueryRowContext(ctx, "SHOW server_version").Scan(&version)
	if err = errors.Join(err, db.Close()); err != nil {
		return "", fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	version, _, _ = strings.Cut(version, " ")
	return "PostgreSQL " + version, nil
}

// open connects to the site's database past Microblog, for filling it.
func (f *seeded) open() (*sql.DB, error) {
	driver, source := "pgx", f.site.database
	if source == "" {
		driver = "sqlite"
		source = "file:" + filepath.ToSlash(f.sqliteFile()) + "?_pragma=synchronous(off)&_pragma=cache_size(-65536)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// sqliteFile is where Microblog keeps its database without any setting.
func (f *seeded) sqliteFile() string { return filepath.Join(f.site.dir, "data", "microblog.db") }

// settle ends what filling has left to do, so that it does not happen while something is measured,
// and returns the database's size in bytes.
func (f *seeded) settle(ctx context.Context, db *sql.DB) (size int64, err error) {
	if f.site.database == "" {
		if _, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			return 0, fmt.Errorf("writing the database's log back: %w", err)
		}
		info, err := os.Stat(f.sqliteFile())
		if err != nil {
			return 0, fmt.Errorf("looking at the database: %w", err)
		}
		return info.Size(), nil
	}
	// What PostgreSQL's autovacuum does by itself within some minutes.
	if _, err := db.ExecContext(ctx, "VACUUM ANALYZE"); err != nil {
		return 0, fmt.Errorf("tidying the database: %w", err)
	}
	if err := db.QueryRowContext(ctx, "SELECT pg_database_size(current_database())").Scan(&size); err != nil {
		return 0, fmt.Errorf("looking at the database: %w", err)
	}
	return size, nil
}

// bulk inserts rows into one table, many with one statement.
type bulk struct {
	tx      *sql.Tx
	into    string // INSERT INTO … (…)
	columns int
	args    []any
	full    *sql.Stmt
}

// rowsAtOnce keeps a statement within the arguments that both databases take, for up to 12 columns.
const rowsAtOnce = 200

func (b *bulk) add(ctx context.Context, values ...any) error {
	b.args = append(b.args, values...)
	if len(b.args) < b.columns*rowsAtOnce {
		return nil
	}
	if b.full == nil {
		st, err := b.tx.PrepareContext(ctx, b.statement(rowsAtOnce))
		if err != nil {
			return fmt.Errorf("preparing %s: %w", b.into, err)
		}
		b.full = st // closed with the transaction
	}
	_, err := b.full.ExecContext(ctx, b.args...)
	b.args = b.args[:0]
	if err != nil {
		return fmt.Errorf("%s: %w", b.into, err)
	}
	return nil
}

// flush inserts what is left.
func (b *bulk) flush(ctx context.Context) error {
	if len(b.args) == 0 {
		return nil
	}
	if _, err := b.tx.ExecContext(ctx, b.statement(len(b.args)/b.columns), b.args...); err != nil {
		return fmt.Errorf("%s: %w", b.into, err)
	}
	b.args = b.args[:0]
	return nil
}

func (b *bulk) statement(rows int) string {
	var s strings.Builder
	s.WriteString(b.into)
	s.WriteString(" VALUES ")
	for i := range rows * b.columns {
		switch {
		case i%b.columns != 0:
			s.WriteString(", ")
		case i > 0:
			s.WriteString("), (")
		default:
			s.WriteString("(")
		}
		fmt.Fprintf(&s, "$%d", i+1)
	}
	s.WriteString(")")
	return s.String()
}
