package cli

import (
	"bytes"
	"database/sql"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/internal/store/storetest"
)

// database is a path to an SQLite database as this version makes it.
func database(t *testing.T) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	if r := command(t, dir, nil, "migrate"); r.code != 0 {
		t.Fatal(r.err)
	}
	return dir, filepath.Join(dir, "data", "microblog.db")
}

// execute runs statements in an SQLite database and closes it again.
func execute(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestDoctorSQLite(t *testing.T) {
	t.Parallel()
	t.Run("no database", func(t *testing.T) {
		t.Parallel()
		dir, path := database(t)
		if err := os.WriteFile(path, bytes.Repeat([]byte("something else entirely\n"), 1000), 0o600); err != nil {
			t.Fatal(err)
		}
		e := doctorJSON(t, dir, nil)
		e.expect(t, "database", wrong, "is not an SQLite database")
		e.expect(t, "incidents", skipped, "in the database")
		e.expect(t, "clock", fine)
	})
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		dir, path := database(t)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 2 * 4096; i < len(text); i++ {
			text[i] ^= 0x5a
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		doctorJSON(t, dir, nil).expect(t, "database", wrong, "damaged", "restore a backup")
	})
	t.Run("a directory", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		doctorJSON(t, dir, map[string]string{"DATABASE_URL": "sqlite:" + dir}).expect(t, "database", wrong, "is no file")
	})
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "empty.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		doctorJSON(t, dir, map[string]string{"DATABASE_URL": "sqlite:" + path}).expect(t, "database", fine, "is empty")
		if got := files(t, dir); !slices.Equal(got, []string{dir, path}) {
			t.Errorf("doctor has made something: %q", got)
		}
	})
	t.Run("of another program", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "other.db")
		execute(t, path, "CREATE TABLE songs (name TEXT)")
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doctorJSON(t, dir, map[string]string{"DATABASE_URL": "sqlite:" + path}).expect(t, "database", warning, "has 1 table of another program")
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("doctor has changed it: %v", err)
		}
	})
	t.Run("of another program that has users, too", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "other.db")
		execute(t, path, "CREATE TABLE Users (name TEXT)", "CREATE TABLE songs (name TEXT)")
		with := map[string]string{"DATABASE_URL": "sqlite:" + path}
		doctorJSON(t, dir, with).expect(t, "database", wrong, "made it: users.", "The next start fails", "DATABASE_URL=sqlite:")
		if r := command(t, dir, with, "migrate"); r.code == 0 {
			t.Error("the start does not fail")
		} else if !strings.Contains(r.err, "microblog doctor") {
			t.Errorf("standard error %q", r.err)
		}
		doctorJSON(t, dir, with).expect(t, "database", wrong, "made it: users.") // also after it has failed
	})
	t.Run("our names", func(t *testing.T) {
		t.Parallel()
		_, path := database(t)
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		names, err := column(t.Context(), db, "SELECT name FROM sqlite_master WHERE substr(name, 1, 7) <> 'sqlite_' AND substr(name, 1, 6) <> 'fault_' AND name <> 'schema_migrations'")
		slices.Sort(names)
		if want := slices.Sorted(slices.Values(ourNames)); err != nil || !slices.Equal(names, want) {
			t.Errorf("the database has %q (%v), ourNames %q", names, err, want)
		}
	})
	t.Run("a restored backup", func(t *testing.T) {
		t.Parallel()
		dir, path := database(t)
		execute(t, path, "PRAGMA journal_mode = DELETE")
		doctorJSON(t, dir, nil).expect(t, "database", warning, "not in WAL mode")
	})
	t.Run("of a newer program", func(t *testing.T) {
		t.Parallel()
		dir, path := database(t)
		execute(t, path, "INSERT INTO schema_migrations (version_id, is_applied) VALUES (999999, 1)")
		doctorJSON(t, dir, nil).expect(t, "database", wrong, "by a newer Microblog")
	})
	t.Run("without the record of its migrations", func(t *testing.T) {
		t.Parallel()
		dir, path := database(t)
		execute(t, path, "DELETE FROM schema_migrations WHERE version_id > 0")
		doctorJSON(t, dir, nil).expect(t, "database", wrong, "without the record", "posts", "The next start fails")
	})
	t.Run("locked", func(t *testing.T) {
		t.Parallel()
		dir, path := database(t)
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		e := doctorJSON(t, dir, nil)
		e.expect(t, "database", wrong, "write: Another program keeps", "locked")
		e.expect(t, "database", fine, "integrity: No damage")
	})
	t.Run("readable by everybody", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS == "windows" {
			t.Skip("rights are others here")
		}
		dir, path := database(t)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		doctorJSON(t, dir, nil).expect(t, "database", warning, "Everybody on this machine can read", "chmod 600")
	})
	t.Run("a file in the way of the directory", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "data"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		e := doctorJSON(t, dir, nil)
		e.expect(t, "disk", wrong, "is no directory", "DATA_DIR")
		if e.OK {
			t.Error("all is well?")
		}
	})
}

func TestDoctorPostgresUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	const secret = "hunter-two-of-three"
	e := doctorJSON(t, t.TempDir(), map[string]string{"DATABASE_URL": "postgres://ann:" + secret + "@" + address + "/blog?sslmode=disable"})
	e.expect(t, "database", wrong, "cannot be used", "No server listens there")
	e.expect(t, "incidents", skipped)
	e.expect(t, "outbox", fine)
	for _, f := range e.Findings {
		if strings.Contains(f.Text+f.Advice, secret) {
			t.Errorf("the secret is in %+v", f)
		}
	}
}

func TestDoctorPostgres(t *testing.T) {
	t.Parallel()
	server := storetest.NewPostgres(t)
	with := map[string]string{"DATABASE_URL": server}
	t.Run("before and after migrating", func(t *testing.T) {
		dir := t.TempDir()
		e := doctorJSON(t, dir, with)
		e.expect(t, "database", fine, "connect: PostgreSQL", "answers")
		e.expect(t, "database", fine, "write: It can be written to.")
		e.expect(t, "database", fine, "the next start makes its tables")
		if r := command(t, dir, with, "migrate"); r.code != 0 {
			t.Fatal(r.err)
		}
		e = doctorJSON(t, dir, with)
		e.expect(t, "database", fine, "The schema is up to date")
		e.expect(t, "clock", fine, "the database's clock is")
		if e.Wrong != 0 {
			t.Errorf("%+v", e.Findings)
		}
	})
	change := func(change func(*url.URL)) map[string]string {
		u, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		change(u)
		return map[string]string{"DATABASE_URL": u.String()}
	}
	t.Run("no such database", func(t *testing.T) {
		e := doctorJSON(t, t.TempDir(), change(func(u *url.URL) { u.Path = "/no_such_database" }))
		e.expect(t, "database", wrong, "no_such_database", "createdb")
	})
	t.Run("read only", func(t *testing.T) {
		e := doctorJSON(t, t.TempDir(), change(func(u *url.URL) {
			q := u.Query()
			q.Set("default_transaction_read_only", "on")
			u.RawQuery = q.Encode()
		}))
		e.expect(t, "database", wrong, "can only be read", "primary")
	})
}
