package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/microblog/internal/store"
	"example.org/microblog/internal/store/postgres"
	"example.org/microblog/internal/store/storetest"
)

const secret = "s3cr3t-Pa55"

// No error tells the password, or a part of it, whatever is wrong with the URL.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	// A port on which nobody listens.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	for _, c := range []struct{ name, url, says string }{
		{"nobody listens", "postgres://u:" + secret + "@" + closed + "/d?connect_timeout=2", "connecting to PostgreSQL"},
		{"slash in the password", "postgres://u:" + secret + "/x@127.0.0.1/d", "percent-encoded"},
		{"percent in the password", "postgres://u:" + secret + "%zz@127.0.0.1/d", "percent-encoded"},
		{"space in the password", "postgres://u:" + secret + " x@127.0.0.1/d", "percent-encoded"},
		{"control character", "postgres://u:" + secret + "\n@127.0.0.1/d", "percent-encoded"},
		{"question mark in the password", "postgres://u:" + secret + "?x@127.0.0.1/d", ""},
		{"bad port", "postgres://u:" + secret + "@127.0.0.1:port/d", "percent-encoded"},
		{"port out of range", "postgres://u:" + secret + "@127.0.0.1:99999/d", "port"},
		{"another scheme", "mysql://u:" + secret + "@127.0.0.1/d", "postgres://"},
		{"no scheme", "u:" + secret + "@127.0.0.1/d", "postgres://"},
		{"bad sslmode", "postgres://u:" + secret + "@127.0.0.1/d?sslmode=sometimes", "sslmode"},
		{"bad timeout", "postgres://u:" + secret + "@127.0.0.1/d?connect_timeout=soon", "timeout"},
		{"bad pool", "postgres://u:" + secret + "@127.0.0.1/d?pool_max_conns=0", "pool_max_conns"},
		{"password as a parameter", "postgres://127.0.0.1/d?password=" + secret + "&sslmode=" + secret, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			s, err := postgres.Open(ctx, c.url, postgres.Options{})
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, secret) || strings.Contains(text, secret[:6]) {
				t.Errorf("the error tells the password: %v", err)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not say %q", err, c.says)
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	for _, before := range []string{"postgres://u:", "postgres://127.0.0.1/d?password=", "postgres:", ""} {
		for _, after := range []string{"@127.0.0.1:1/d", "@[::1", "/@x", "%zz@x", "&sslmode=x", "@h:p/d?sslmode=" + secret, "@/d?service=" + secret} {
			f.Add(before, after)
		}
	}
	// Not even a try to connect.
	done, cancel := context.WithCancel(context.Background())
	cancel()
	f.Fuzz(func(t *testing.T, before, after string) {
		s, err := postgres.Open(done, before+secret+after, postgres.Options{})
		if err == nil {
			s.Close()
			t.Fatal("opened")
		}
		if strings.HasPrefix(before, "postgres://u:") && strings.HasPrefix(after, "@") && strings.Count(after, "@") == 1 &&
			strings.Contains(err.Error(), secret) && !strings.Contains(after, secret) {
			t.Fatalf("the error tells the password: %v", err)
		}
	})
}

// openMigrated opens a fresh database and returns a connection of the test's
// own to the server as well.
func openMigrated(t *testing.T) (s *store.Store, database string, admin *sql.DB) {
	t.Helper()
	target := storetest.NewPostgres(t)
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	admin, err = sql.Open("pgx", storetest.PostgresServer(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	s, err = postgres.Open(t.Context(), target, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, strings.TrimPrefix(u.Path, "/"), admin
}

// When the server has ended all connections, the store makes new ones; when
// the database is gone, that is told as such.
func TestConnectionsLost(t *testing.T) {
	t.Parallel()
	s, database, admin := openMigrated(t)
	end := func() {
		t.Helper()
		_, err := admin.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database)
		if err != nil {
			t.Fatal(err)
		}
	}
	end()
	var err error
	for range 100 {
		if err = s.Ready(t.Context()); err == nil {
			break
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("with connections lost: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("the store does not recover: %v", err)
	}
	if _, err := admin.ExecContext(t.Context(), "DROP DATABASE "+database+" WITH (FORCE)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("without its database the store is %v", err)
	}
	if _, _, err := s.CreatePost(t.Context(), 1, "x", ""); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("writing without a database: %v", err)
	}
}

// A deadlock with a transaction that locks people in another order than the
// store is resolved by trying again.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	s, _, _ := openMigrated(t)
	ctx := t.Context()
	for _, name := range []string{"anna", "berta"} {
		if _, err := s.CreateUser(ctx, store.NewUser{Username: name, Email: name + "@example.com"}); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := s.Writer().BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	const lock = "UPDATE users SET about_me = 'x' WHERE id = $1"
	if _, err := tx.ExecContext(ctx, lock, 2); err != nil {
		t.Fatal(err)
	}
	followed := make(chan error, 1)
	go func() {
		_, err := s.Follow(ctx, 1, 2) // locks 1 and waits for 2
		followed <- err
	}()
	for waiting := false; !waiting; {
		time.Sleep(10 * time.Millisecond)
		err := s.Writer().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_stat_activity "+
			"WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	// Either of the two is chosen to give way.
	_, _ = tx.ExecContext(ctx, lock, 1)
	_ = tx.Rollback()
	if err := <-followed; err != nil {
		t.Errorf("following: %v", err)
	}
	if u, err := s.UserByID(ctx, 2); err != nil || u.FollowerCount != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	admin, err := sql.Open("pgx", storetest.PostgresServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	target := storetest.NewPostgres(t)
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	for _, statement := range []string{"DROP DATABASE " + name, "CREATE DATABASE " + name + " ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"} {
		if _, err := admin.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := postgres.Open(t.Context(), target, postgres.Options{}); err == nil || !strings.Contains(err.Error(), "SQL_ASCII") {
		t.Errorf("a database of another encoding: %v", err)
	}
	query := u.Query()
	query.Set("search_path", "nowhere")
	u.RawQuery = query.Encode()
	if _, err := admin.ExecContext(t.Context(), "DROP DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name+" ENCODING 'UTF8' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Open(t.Context(), u.String(), postgres.Options{}); err == nil || !strings.Contains(err.Error(), "search_path") {
		t.Errorf("a database without the schema: %v", err)
	}
}
