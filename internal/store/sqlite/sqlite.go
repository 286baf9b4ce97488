// Package sqlite opens a store on an SQLite file.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"example.org/microblog/fault/sqltrace"
	"example.org/microblog/internal/store"
)

// Options refine Open. The zero value works.
type Options struct {
	store.Options
	Readers int // connections that read at the same time; 0: GOMAXPROCS, at least 4
}

// pragmas are what every connection is set to.
//
// A commit is on the disk before it returns (synchronous=FULL): somebody who
// was told that their post is there finds it after a power cut. NORMAL, which
// is common with WAL, would lose the last ones. Where another process writes,
// a connection waits ten seconds for its turn before it fails with
// SQLITE_BUSY, and the store then tries again.
var pragmas = url.Values{"_pragma": {
	"busy_timeout(10000)",
	"foreign_keys(1)",
	"synchronous(FULL)",
	"fullfsync(1)", // what fsync means elsewhere, on macOS
	"temp_store(MEMORY)",
	"cache_size(-8000)",
	"journal_size_limit(67108864)",
}}

// Open opens the database file at path and creates it, with access for its
// owner only, if it does not exist; its directory must exist. The schema is
// not touched; call Migrate.
//
// The database is in WAL mode: one connection writes, others read meanwhile.
// Beside the file lie path-wal and path-shm, which belong to it, and path.lock,
// which stays empty. Several processes on one machine may open the same file;
// network file systems are not for it.
func Open(ctx context.Context, path string, o Options) (*store.Store, error) {
	path, err := prepareFile(path)
	if err != nil {
		return nil, err
	}
	writer, err := connect(path, "_txlock=immediate", o)
	if err != nil {
		return nil, explain(path, err)
	}
	writer.SetMaxOpenConns(1)
	if err := enterWAL(ctx, path, writer); err != nil {
		return nil, errors.Join(explain(path, err), writer.Close())
	}
	reader, err := connect(path, "_query_only=1", o)
	if err != nil {
		return nil, errors.Join(explain(path, err), writer.Close())
	}
	opened, err := os.Stat(path)
	if err != nil {
		return nil, errors.Join(explain(path, err), writer.Close(), reader.Close())
	}
	readers := o.Readers
	if readers <= 0 {
		readers = max(4, runtime.GOMAXPROCS(0))
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	return store.New(store.Database{
		Dialect: dialect{lockPath: path + ".lock"},
		Writer:  writer,
		Reader:  reader,
		Prepare: true,

		ShortReads: readers,
		Present:    func() error { return present(path, opened) },
	}, o.Options), nil
}

// present returns an error unless path still names the file that was opened.
func present(path string, opened fs.FileInfo) error {
	now, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("the database file was taken away: %w", err)
	}
	if !os.SameFile(opened, now) {
		return fmt.Errorf("the database file %s was replaced by another one; restart to use that", path)
	}
	return nil
}

// prepareFile makes path absolute and creates the file if there is none, so
// that it is never readable for others, not even for a moment. A file that is
// there is not opened: closing it again would drop the locks that SQLite may
// hold on it in this very process.
func prepareFile(path string) (string, error) {
	if path == "" || path == ":memory:" {
		return "", fmt.Errorf("opening the database: %q is not the path of a file", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("opening the database %s: %w", path, err)
	}
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return abs, f.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("creating the database %s: its directory does not exist: %w", path, err)
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("creating the database: %w", err)
	}
	switch info, err := os.Stat(abs); {
	case err != nil:
		return "", fmt.Errorf("opening the database: %w", err)
	case info.IsDir():
		return "", fmt.Errorf("opening the database %s: it is a directory; give the path of a file", path)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("opening the database %s: it is not a regular file", path)
	}
	return abs, nil
}

func connect(path, parameters string, o Options) (*sql.DB, error) {
	slashed := filepath.ToSlash(path)
	if slashed[0] != '/' {
		slashed = "/" + slashed // C:/… on Windows
	}
	name := url.URL{Scheme: "file", Path: slashed, RawQuery: parameters + "&_error_rc=1&" + pragmas.Encode()}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(sqltrace.Connector(connector, sqltrace.Options{OmitArgs: !o.TraceArgs})), nil
}

// enterWAL turns the file to WAL mode, once for all. Of several processes that
// do so at the same time some would fail at once, without the usual wait, so
// they take turns.
func enterWAL(ctx context.Context, path string, writer *sql.DB) error {
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	var mode string
	if err := writer.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system does not allow WAL mode (journal mode is %q); use a local disk", mode)
	}
	return nil
}

// explain says in words what a person can do about a file that does not open.
func explain(path string, err error) error {
	switch code(err) & 0xff {
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("opening the database %s: the file is not an SQLite database: %w", path, err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("opening the database %s: the file is damaged; restore a backup: %w", path, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("opening the database %s: another program keeps the file locked: %w", path, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("opening the database %s: the file and its directory must be writable: %w", path, err)
	}
	return fmt.Errorf("opening the database %s: %w", path, err)
}
