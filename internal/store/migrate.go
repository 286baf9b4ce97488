package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/pressly/goose/v3"

	"example.org/microblog/fault/trace"
)

// versionTable is where goose keeps which migrations were applied.
const versionTable = "schema_migrations"

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string    // file name without directory
	AppliedAt time.Time // zero: pending
}

// SchemaError says that the database was last changed by a newer program, or
// has not been migrated yet.
type SchemaError struct {
	Database int64 // the version of the schema in the database; 0: none
	Program  int64 // the version that this program needs
}

func (e *SchemaError) Error() string {
	if e.Database > e.Program {
		return fmt.Sprintf("the database has schema version %d, made by a newer microblog; this program knows versions up to %d: "+
			"start the newer program, or restore a backup from before it", e.Database, e.Program)
	}
	return fmt.Sprintf("the database has schema version %d and this program needs %d: run \"microblog migrate\"", e.Database, e.Program)
}

// Migrate brings the schema to the version that this program needs and returns
// the migrations it applied, none when nothing was to be done. Any number of
// processes may call it at the same time: one migrates, the others wait. A
// database of a newer program is left alone, with a *SchemaError.
func (s *Store) Migrate(ctx context.Context) ([]Migration, error) {
	applied, err := s.migrate(ctx)
	return applied, s.fault(err, "migrating the database")
}

func (s *Store) migrate(ctx context.Context) ([]Migration, error) {
	// Nearly every start finds nothing to do and need not wait for a lock.
	if done, err := s.upToDate(ctx); done || err != nil {
		return nil, err
	}
	dialect, lock, err := s.dialect.Goose()
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(dialect, s.writer.db, s.dialect.Migrations(), lock,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, err
	}
	applied := make([]Migration, len(results))
	for i, r := range results {
		applied[i] = Migration{Version: r.Source.Version, Name: path.Base(r.Source.Path), AppliedAt: s.now().UTC()}
	}
	// Whoever had the lock before may have been a newer program.
	_, err = s.upToDate(ctx)
	return applied, err
}

// upToDate reports whether the database has exactly the version that this
// program needs; a newer one is a *SchemaError.
func (s *Store) upToDate(ctx context.Context) (bool, error) {
	need, err := s.programVersion()
	if err != nil {
		return false, err
	}
	have, err := s.databaseVersion(ctx)
	if err != nil {
		return false, err
	}
	if have > need {
		return false, &SchemaError{Database: have, Program: need}
	}
	return have == need, nil
}

// MigrationStatus returns all migrations, oldest first: those that this
// program knows, and those that a newer one has applied, without a name. It
// changes nothing, also in an empty database.
func (s *Store) MigrationStatus(ctx context.Context) ([]Migration, error) {
	known, err := s.knownMigrations()
	if err != nil {
		return nil, trace.Wrap(err, "reading the migrations")
	}
	applied, err := s.appliedMigrations(ctx)
	if err != nil {
		return nil, s.fault(err, "reading the state of the migrations")
	}
	for i := range known {
		known[i].AppliedAt = applied[known[i].Version]
		delete(applied, known[i].Version)
	}
	for version, at := range applied {
		known = append(known, Migration{Version: version, AppliedAt: at})
	}
	slices.SortFunc(known, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	return known, nil
}

// knownMigrations returns what this program carries, oldest first.
func (s *Store) knownMigrations() ([]Migration, error) {
	names, err := fs.Glob(s.dialect.Migrations(), "*.sql")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Version: version, Name: name})
	}
	if len(all) == 0 {
		return nil, errors.New("this program carries no migrations")
	}
	return all, nil
}

func (s *Store) programVersion() (int64, error) {
	all, err := s.knownMigrations()
	if err != nil {
		return 0, err
	}
	return all[len(all)-1].Version, nil
}

// databaseVersion is 0 for a database that was never migrated.
func (s *Store) databaseVersion(ctx context.Context) (version int64, err error) {
	if !s.migrated.Load() {
		exists, err := s.versionTableExists(ctx)
		if !exists || err != nil {
			return 0, err
		}
		s.migrated.Store(true)
	}
	// Asked on the connection itself, so that the context counts all the time.
	err = s.reader.db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM `+versionTable+` WHERE is_applied`).Scan(&version)
	return version, err
}

// appliedMigrations returns when each version was applied. goose's own row for
// version 0 is left out.
func (s *Store) appliedMigrations(ctx context.Context) (map[int64]time.Time, error) {
	applied := map[int64]time.Time{}
	if exists, err := s.versionTableExists(ctx); !exists || err != nil {
		return applied, err
	}
	rows, err := s.reader.query(ctx, `SELECT version_id, tstamp FROM `+versionTable+` WHERE is_applied AND version_id > 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var version int64
		var at time.Time
		if err := rows.Scan(&version, &at); err != nil {
			return nil, err
		}
		applied[version] = at.UTC()
	}
	return applied, rows.Err()
}

func (s *Store) versionTableExists(ctx context.Context) (bool, error) {
	rows, err := s.reader.db.QueryContext(ctx, s.dialect.TableExists(), versionTable)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	exists := rows.Next()
	return exists, rows.Err()
}
