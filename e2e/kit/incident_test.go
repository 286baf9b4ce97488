package kit

import (
	"net/url"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"example.org/microblog/fault/incident/incidenttest"
	"example.org/microblog/internal/store/storetest"
)

func TestIncidents(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		incidenttest.Run(t, func(t *testing.T) incidenttest.Backend { return newSQLite(t) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		database := storetest.NewPostgres(t)
		incidenttest.Run(t, func(t *testing.T) incidenttest.Backend { return newPostgres(t, database) })
	})
}

// newSQLite returns an empty SQLite file, opened as Microblog opens its own.
func newSQLite(t testing.TB) incidenttest.Backend {
	t.Helper()
	c, err := sqlite.NewConnector(sqliteName(t))
	if err != nil {
		t.Fatal(err)
	}
	return incidenttest.Backend{Dialect: "sqlite", Connector: c, MaxConns: 1}
}

// sqliteName names a new SQLite file.
func sqliteName(t testing.TB) string {
	name := url.URL{
		Scheme: "file", Path: filepath.ToSlash(filepath.Join(t.TempDir(), "incidents.db")),
		RawQuery: "_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)&_pragma=journal_mode(WAL)&_pragma=cache_size(-8000)",
	}
	return name.String()
}

// newPostgres returns an empty schema of a PostgreSQL database.
func newPostgres(t testing.TB, database string) incidenttest.Backend {
	t.Helper()
	config, err := pgx.ParseConfig(storetest.NewPostgresSchema(t, database))
	if err != nil {
		t.Fatal(err)
	}
	return incidenttest.Backend{Dialect: "postgres", Connector: stdlib.GetConnector(*config), MaxConns: 5}
}
