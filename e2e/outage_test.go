package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// checkOutage checks what people and machines get while the database is gone: pages in the layout
// that say nothing of the cause, /healthz as ever, /readyz not ready, and the files of the pages.
func checkOutage(t *testing.T, s *server, member *client) {
	t.Helper()
	stranger := s.client(t)
	for _, request := range []struct {
		who    *client
		method string
		path   string
	}{
		{member, "GET", "/"}, {member, "POST", "/"}, {member, "GET", "/edit_profile"}, {member, "POST", "/edit_profile"},
		{stranger, "GET", "/explore"}, {stranger, "GET", "/user/" + member.name}, {stranger, "GET", "/post/1"},
		{stranger, "POST", "/login"}, {stranger, "POST", "/register"},
	} {
		var r *reply
		if request.method == "GET" {
			r = request.who.get(request.path)
		} else {
			name := unique("meanwhile")
			r = request.who.post(request.path, form("username", name, "email", name+"@example.com", "about_me", "", "post", "x",
				"password", password, "password2", password))
		}
		if r.status != http.StatusInternalServerError && r.status != http.StatusServiceUnavailable {
			t.Errorf("%s %s without the database: status %d, want 500 or 503", request.method, request.path, r.status)
			continue
		}
		checkFailure(t, r, pageType, true)
	}
	if status, body, err := s.probe("/healthz"); err != nil || status != http.StatusOK {
		t.Errorf("/healthz without the database: %d %q %v, want 200", status, body, err)
	}
	status, body, err := s.probe("/readyz")
	if err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("/readyz without the database: %d %q %v, want 503", status, body, err)
	}
	if leak := internals.FindString(strings.ReplaceAll(body, "/readyz", "")); leak != "" {
		t.Errorf("/readyz tells a stranger %q: %s", leak, body)
	}
	for _, page := range []string{"/login", "/register", "/nothing"} {
		stranger.get(page).want(http.StatusOK, http.StatusNotFound).inLayout()
	}
	for link := range elements(stranger.get("/login").doc(), "link") {
		stranger.get(attr(link, "href")).want(http.StatusOK)
	}
}

// checkRecovery waits until the server is ready again, and checks that everybody is as before.
func checkRecovery(t *testing.T, s *server, member *client) {
	t.Helper()
	soon(t, "waiting for /readyz", func() error {
		status, body, err := s.probe("/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d: %s", status, body)
		}
		return err
	})
	if !member.signedIn(member.name) {
		t.Error("the outage has ended the session")
	}
	member.publish("It works again.").want(http.StatusSeeOther)
}

func TestPostgresGone(t *testing.T) {
	t.Parallel()
	p := through(t, postgres(t))
	s := start(t, options{args: []string{"--drill"}, settings: settings{"DATABASE_URL": p.url, "LOG_MAX_BYTES": "0"}})
	member := s.person(t, "patient")
	p.cut()
	checkOutage(t, s, member)
	p.restore(t)
	checkRecovery(t, s, member)
}

// PostgreSQL ends all connections, as at a restart: at most what was under way fails.
func TestPostgresRestarts(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	s := start(t, options{settings: settings{"DATABASE_URL": db.url}})
	member := s.person(t, "patient")
	for range 3 {
		if err := db.server(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+db.name+"'"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			member.get("/").want(http.StatusOK, http.StatusInternalServerError, http.StatusServiceUnavailable).inLayout()
		}
		checkRecovery(t, s, member)
	}
}

// PostgreSQL does not answer any more, and does not say so. Everything that waits for it gives up in
// time, and what needs no database is not held up.
func TestPostgresHangs(t *testing.T) {
	t.Parallel()
	p := through(t, postgres(t))
	s := start(t, options{settings: settings{"DATABASE_URL": p.url}})
	member := s.person(t, "patient")
	p.freeze()
	waiting := make(chan *reply, 3)
	for range cap(waiting) {
		go func() {
			r, err := member.try("GET", "/", nil, nil)
			if err != nil {
				t.Error(err)
			}
			waiting <- r
		}()
	}
	for range 20 {
		if status, _, err := s.probe("/healthz"); err != nil || status != http.StatusOK {
			t.Fatalf("/healthz while the database hangs: %d %v", status, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range cap(waiting) {
		select {
		case r := <-waiting:
			if r != nil {
				r.want(http.StatusServiceUnavailable, http.StatusInternalServerError).inLayout()
			}
		case <-ctx.Done():
			t.Fatal("a page is still waiting for the database")
		}
	}
	p.thaw()
	checkRecovery(t, s, member)
}

// The file of the embedded database is overwritten with something else.
func TestSQLiteOverwritten(t *testing.T) {
	t.Parallel()
	s := start(t, options{settings: settings{"LOG_MAX_BYTES": "0"}, anyEnd: true})
	member := s.person(t, "patient")
	for _, file := range []string{"microblog.db", "microblog.db-wal"} {
		must(t, os.WriteFile(s.path("data", file), []byte(strings.Repeat("This is no database. ", 10_000)), 0o600))
	}
	checkOutage(t, s, member)
}

// The file of the embedded database is taken away under the running server. The system keeps it for
// the server for as long as that runs, so that people may go on; but all they write will be gone, so
// the server is not ready any more.
func TestSQLiteTakenAway(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, data string){
		"the directory is removed": func(t *testing.T, data string) {
			must(t, os.RemoveAll(data))
		},
		"another file is moved there": func(t *testing.T, data string) {
			backup, err := os.ReadFile(filepath.Join(data, "microblog.db"))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(data, "backup.db"), backup, 0o600))
			must(t, os.Rename(filepath.Join(data, "backup.db"), filepath.Join(data, "microblog.db")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{anyEnd: true})
			member := s.person(t, "patient")
			spoil(t, s.path("data"))
			for _, path := range []string{"/", "/explore", "/user/" + member.name} {
				member.get(path).want(http.StatusOK, http.StatusInternalServerError, http.StatusServiceUnavailable).inLayout()
			}
			if status, body, err := s.probe("/healthz"); err != nil || status != http.StatusOK {
				t.Errorf("/healthz: %d %q %v, want 200", status, body, err)
			}
			if status, body, err := s.probe("/readyz"); err != nil || status != http.StatusServiceUnavailable {
				t.Errorf("/readyz: %d %q %v, want 503", status, body, err)
			}
		})
	}
}

// A start on what is no database says so and ends.
func TestStartOnGarbage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte(strings.Repeat("This is no database.\n", 500)), 0o600))
	_, stderr, code := run(t, dir, settings{"DATABASE_URL": "sqlite:notes.txt", "LISTEN": "127.0.0.1:0"}, "", "serve")
	if code != 1 || !strings.Contains(stderr, "notes.txt") || strings.Contains(stderr, "goroutine") {
		t.Errorf("exit code %d, standard error %q: want 1 and a message that names the file", code, stderr)
	}
	text, err := os.ReadFile(filepath.Join(dir, "notes.txt"))
	if err != nil || !strings.HasPrefix(string(text), "This is no database.\n") {
		t.Errorf("the file was changed: %v", err)
	}
}

// A start without PostgreSQL says where it has looked, without the password, and ends in time.
func TestStartWithoutPostgres(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	_, stderr, code := run(t, t.TempDir(), settings{"DATABASE_URL": "postgres://susan:very-secret@127.0.0.1:1/microblog", "LISTEN": "127.0.0.1:0"}, "", "serve")
	if code != 1 || !strings.Contains(stderr, "127.0.0.1") || strings.Contains(stderr, "goroutine") || strings.Contains(stderr, "very-secret") {
		t.Errorf("exit code %d after %v, standard error %q: want 1 and a message that names the server and not the password", code, time.Since(begin), stderr)
	}
}
