package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"example.org/microblog/internal/app"
	"example.org/microblog/internal/config"
	"example.org/microblog/internal/store"
)

// migrateCommand is microblog migrate.
type migrateCommand struct {
	Up     migrateUp     `cmd:"" default:"1" help:"Apply what is pending (this is what migrate does without a command)."`
	Status migrateStatus `cmd:"" help:"List the migrations and when they were applied; change nothing."`
}

type migrateUp struct{}

// Run applies the pending migrations.
func (migrateUp) Run(ctx context.Context, in *invocation) error {
	return in.withStore(ctx, func(db *store.Store) error {
		applied, err := app.Migrate(ctx, db)
		if err != nil {
			return err
		}
		for _, m := range applied {
			fmt.Fprintf(in.Out, "applied %s\n", m.Name)
		}
		if len(applied) == 0 {
			fmt.Fprintln(in.Out, "The database is up to date.")
		}
		return nil
	})
}

type migrateStatus struct{}

// Run lists every migration.
func (migrateStatus) Run(ctx context.Context, in *invocation) error {
	return in.withExistingStore(ctx, func(db *store.Store) error {
		all, err := db.MigrationStatus(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(in.Out, 0, 0, 2, ' ', 0)
		for _, m := range all {
			when := "pending"
			if !m.AppliedAt.IsZero() {
				when = m.AppliedAt.UTC().Format(time.DateTime) + " UTC"
			}
			fmt.Fprintf(w, "%d\t%s\t%s\n", m.Version, m.Name, when)
		}
		return w.Flush()
	})
}

// withStore runs work on the database of the settings and closes it afterwards. SQLite makes it if there is none.
func (in *invocation) withStore(ctx context.Context, work func(*store.Store) error) error {
	cfg, err := in.settings()
	if err != nil {
		return err
	}
	return withStore(ctx, cfg, work)
}

// withExistingStore is withStore for commands that make no sense on a new database.
func (in *invocation) withExistingStore(ctx context.Context, work func(*store.Store) error) error {
	cfg, err := in.settings()
	if err != nil {
		return err
	}
	return withExistingStore(ctx, cfg, work)
}

func withExistingStore(ctx context.Context, cfg config.Config, work func(*store.Store) error) error {
	if cfg.Database.Kind == config.SQLite {
		if _, err := os.Stat(cfg.Database.Path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database at %s; correct the setting DATA_DIR or DATABASE_URL, or make one with microblog serve, migrate or user add", cfg.Database.Path)
		}
	}
	return withStore(ctx, cfg, work)
}

func withStore(ctx context.Context, cfg config.Config, work func(*store.Store) error) (err error) {
	defer func() { err = app.Explain(cfg, err) }()
	db, err := app.OpenStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return work(db)
}

// migrated makes work begin on a database that has the tables of this version.
func migrated(ctx context.Context, work func(*store.Store) error) func(*store.Store) error {
	return func(db *store.Store) error {
		if _, err := app.Migrate(ctx, db); err != nil {
			return err
		}
		return work(db)
	}
}
