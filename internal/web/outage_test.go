package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.org/microblog/internal/web"
)

// TestWithoutDatabase: with the database gone, every answer is still a page in the layout, with the
// right status, also for somebody who is signed in.
func TestWithoutDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	susan, stranger := s.member("susan"), s.browser()
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/nothing": 404, "/follow/susan": 405, "/drill/panic": 500, "/drill/status/409": 409} {
		stranger.get(path).wants(want).shows("</html>", `href="/register"`, `rel="stylesheet"`)
		susan.get(path).wants(want).shows("</html>", `rel="stylesheet"`)
	}
	for _, path := range []string{"/login", "/register", "/logout", "/static/app.css", "/avatar/1.svg", "/healthz"} {
		stranger.get(path).wants(200)
	}
	for _, path := range []string{"/", "/explore", "/user/susan", "/account", "/login"} {
		a := susan.get(path)
		if a.status != 500 && a.status != 503 {
			t.Errorf("%s: status %d", path, a.status)
		}
		a.shows("</html>", `rel="stylesheet"`).hides("sql", "closed")
	}
	junk := stranger.request(http.MethodGet, "/login", nil) // what cannot be a token is not looked up
	junk.Header.Set("Cookie", "session=theme-dark")
	stranger.do(junk).wants(200)
	a := stranger.post("/login", "username", "susan", "password", password)
	if a.status != 500 && a.status != 503 {
		t.Errorf("the log-in answers %d", a.status)
	}
	if a.setCookie("session") != nil {
		t.Error("a session was begun")
	}
	for _, f := range s.failed.take() {
		if len(f.Stack) == 0 {
			t.Errorf("no stack for %s", f.Message)
		}
	}
}

// TestErrorPagesKnowTheViewer, without asking the database again.
func TestErrorPagesKnowTheViewer(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	a := s.member("susan").get("/drill/panic").wants(500)
	if !a.signedIn() || !strings.Contains(a.body, "/user/susan") {
		t.Errorf("the page does not know susan:\n%s", a.body)
	}
}

// TestBrokenDatabase: a query that fails in the middle of a handler is a failure with a page for whoever
// is signed in, and a record that says what was being done; the page says nothing of it.
func TestBrokenDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan, stranger := s.member("susan"), s.browser()
	susan.post("/", "post", "Before").wants(303)
	s.sql("ALTER TABLE posts RENAME TO posts_gone", "ALTER TABLE follows RENAME TO follows_gone", "ALTER TABLE throttles RENAME TO throttles_gone")
	for _, path := range []string{"/", "/explore", "/user/susan", "/post/1", "/post/1/delete", "/user/susan/followers", "/user/susan/following"} {
		a := susan.get(path).wants(500).shows("An unexpected error has occurred", "The administrator has been notified", "</html>").hides("posts", "SQL", "table")
		if !a.signedIn() {
			t.Errorf("%s: the page does not know susan", path)
		}
		failed := s.failed.take()
		if len(failed) != 1 || !strings.Contains(failed[0].Message, "no such table") || !strings.Contains(failed[0].Message, "loading ") || failed[0].User != "susan (1)" {
			t.Errorf("%s: recorded %+v", path, failed)
		}
	}
	susan.post("/", "post", "Hello").wants(500)
	susan.post("/post/1/delete").wants(500)
	susan.post("/account", "current_password", password, "password", "another battery", "password2", "another battery").wants(500)
	stranger.post("/login", "username", "susan", "password", password).wants(500)
	stranger.post("/register", "username", "john", "email", "john@example.org", "password", password, "password2", password).wants(500)
	for _, f := range s.failed.take() {
		if strings.Contains(f.Message, password) {
			t.Errorf("a password is in the record: %s", f.Message)
		}
	}
	s.sql("ALTER TABLE users RENAME TO users_gone")
	susan.get("/").wants(500)
	susan.get("/nothing").wants(404)
	stranger.post("/login", "username", "susan", "password", password).wants(500)
}

// TestNotMigrated: a database that an older program left is told by /readyz, without a word on where
// it is.
func TestNotMigrated(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.sql("DELETE FROM schema_migrations WHERE version_id > 0")
	s.browser().get("/readyz").wants(503).shows("schema version", "microblog migrate").hides(".db", "/tmp")
}

// TestRequestTimeout: nothing a request waits for holds it for ever.
func TestRequestTimeout(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill, func(o *web.Options) { o.RequestTimeout = 50 * time.Millisecond })
	start := time.Now()
	a := s.browser().get("/drill/slow?ms=30000").wants(503).shows("took too long", "</html>")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if a.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

// TestClientGoesAway: that is no failure.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	client := &http.Client{Timeout: 50 * time.Millisecond}
	if res, err := client.Get(s.URL + "/drill/slow?ms=30000"); err == nil {
		res.Body.Close()
		t.Fatal("the client did not go away")
	}
	line := s.access.wait(t, 1)[0]
	if line["status"] != int64(499) {
		t.Errorf("the log says %v", line)
	}
	if failed := s.failed.take(); len(failed) != 0 {
		t.Errorf("recorded: %s", failed[0].Message)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, err := web.New(web.Options{SecretKey: []byte("short")})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"Store", "Catcher", "Pages", "SecretKey"} {
		if !strings.Contains(err.Error(), "Options."+name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
	s := newSite(t)
	for _, base := range []string{"ftp://blog.example", "https://blog.example/path", "blog.example", "https://"} {
		o := s.options
		withBaseURL(base)(&o)
		if _, err := web.New(o); err == nil || !strings.Contains(err.Error(), "Options.BaseURL") {
			t.Errorf("%s: %v", base, err)
		}
	}
}
