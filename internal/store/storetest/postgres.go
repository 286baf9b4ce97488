package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx"
)

// PostgresVariable names the server on which NewPostgres makes databases.
const PostgresVariable = "TEST_POSTGRES_URL"

// PostgresServer returns the value of TEST_POSTGRES_URL. Without one the test
// is skipped.
func PostgresServer(t testing.TB) string {
	t.Helper()
	server := os.Getenv(PostgresVariable)
	if server == "" {
		t.Skipf("NOT TESTED ON POSTGRESQL: set %s to the URL of a server whose role may create databases, "+
			"for example postgres://postgres:secret@127.0.0.1:5432/postgres", PostgresVariable)
	}
	return server
}

// NewPostgres makes an empty PostgreSQL database for one test, drops it when
// the test is over, and returns its URL. Without TEST_POSTGRES_URL the test is
// skipped.
func NewPostgres(t testing.TB) string {
	t.Helper()
	server := PostgresServer(t)
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL", PostgresVariable)
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatalf("%s: %v", PostgresVariable, err)
	}
	name := "microblog_test_" + strings.ToLower(rand.Text()[:16])
	run := func(statement string) error {
		// Making a database takes a while when many are made at once.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err := db.ExecContext(ctx, statement)
		return err
	}
	if err := run("CREATE DATABASE " + name + " ENCODING 'UTF8' TEMPLATE template0"); err != nil {
		db.Close()
		t.Fatalf("creating a database: %v", err)
	}
	t.Cleanup(func() {
		if err := run("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("dropping a database: %v", err)
		}
		db.Close()
	})
	u.Path = "/" + name
	return u.String()
}

// NewPostgresSchema makes an empty schema in a database that NewPostgres made,
// which takes much less time than a database, and returns a URL that leads
// there.
func NewPostgresSchema(t testing.TB, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal("the database's URL is none")
	}
	db, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := "schema_" + strings.ToLower(rand.Text()[:16])
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatalf("creating a schema: %v", err)
	}
	query := u.Query()
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	return u.String()
}
