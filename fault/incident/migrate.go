package incident

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrations embed.FS

// maxMigrating bounds how long Migrate takes, the wait for other processes included.
const maxMigrating = time.Minute

// SchemaError says that the tables were last changed by a newer program.
type SchemaError struct {
	Database, Program int // versions
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("the tables of the incidents have version %d, made by a newer program; this one knows versions up to %d: start the newer program",
		e.Database, e.Program)
}

// Migrate makes or updates the tables, whose names begin with fault_. dialect is "sqlite" or
// "postgres". Any number of processes may call it at the same time. Tables of a newer program are left
// alone, with a [*SchemaError].
func Migrate(ctx context.Context, db *sql.DB, dialect string) error {
	if err := migrate(ctx, db, dialect); err != nil {
		return fmt.Errorf("preparing the tables of the incidents: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB, name string) error {
	d, err := dialectOf(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, maxMigrating)
	defer cancel()
	steps, err := readMigrations()
	if err != nil {
		return err
	}
	// Nearly every start finds nothing to do and need not wait for anybody.
	version, err := schemaVersion(ctx, db, d)
	if err != nil {
		return err
	}
	for version < len(steps) {
		if version, err = migrateOnce(ctx, db, d, steps); err != nil {
			return err
		}
	}
	if version > len(steps) {
		return &SchemaError{Database: version, Program: len(steps)}
	}
	return nil
}

// migrateOnce applies all steps that are missing, in one transaction, and returns the version then.
func migrateOnce(ctx context.Context, db *sql.DB, d *dialect, steps []string) (int, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // After a commit this does nothing.
	if err := migrationTurn(ctx, tx, d); err != nil {
		return 0, err
	}
	version, err := schemaVersion(ctx, tx, d)
	if err != nil || version >= len(steps) {
		return version, err
	}
	for ; version < len(steps); version++ {
		for _, statement := range strings.SplitAfter(steps[version], ";\n") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return 0, fmt.Errorf("step %d: %w", version+1, err)
			}
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO fault_turns (name, value) VALUES ('ledger', $1) ON CONFLICT (name) DO NOTHING`, randomName()); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE fault_schema SET version = $1`, version); err != nil {
		return 0, err
	}
	return version, tx.Commit()
}

// migrationTurn lets one process at a time go on. The table for the version is made here.
func migrationTurn(ctx context.Context, tx *sql.Tx, d *dialect) error {
	if d.name == "postgres" {
		// CREATE TABLE IF NOT EXISTS is no protection against another one at the same moment.
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('fault_schema'), hashtext(current_schema()))`); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`CREATE TABLE IF NOT EXISTS fault_schema (version BIGINT NOT NULL)`,
		`INSERT INTO fault_schema (version) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM fault_schema)`,
		`UPDATE fault_schema SET version = version`, // SQLite's write lock, whatever was there before
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// schemaVersion returns 0 where there are no tables yet.
func schemaVersion(ctx context.Context, q querier, d *dialect) (version int, err error) {
	exists := false
	err = scan(ctx, q, func(func(...any) error) error { exists = true; return nil }, d.tableExists, "fault_schema")
	if err != nil || !exists {
		return 0, err
	}
	err = scan(ctx, q, func(scan func(...any) error) error { return scan(&version) }, `SELECT version FROM fault_schema`)
	return version, err
}

// readMigrations returns the steps in their order; the version is how many were applied.
func readMigrations() ([]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql") // in the order of their names
	if err != nil {
		return nil, err
	}
	steps := make([]string, len(names))
	for i, name := range names {
		data, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		steps[i] = string(data)
	}
	return steps, nil
}
