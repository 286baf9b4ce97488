package desk_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/desk"
	"example.org/microblog/fault/incident"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	book, err := incident.Open(incident.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if _, err := desk.New(desk.Options{}); err == nil || !strings.Contains(err.Error(), "Options.Book") {
		t.Errorf("without a book: %v", err)
	}
	for _, p := range []string{"/", "incidents", "/a/", "//a", "/a/../b", "/a?b", "/a#b", "/{id}", "/a%2fb", "."} {
		if _, err := desk.New(desk.Options{Book: book, Prefix: p}); err == nil || !strings.Contains(err.Error(), "Options.Prefix") {
			t.Errorf("prefix %q: %v", p, err)
		}
	}
	for _, p := range []string{"", "/a", "/admin/incidents", "/日本"} {
		if _, err := desk.New(desk.Options{Book: book, Prefix: p}); err != nil {
			t.Errorf("prefix %q: %v", p, err)
		}
	}
}

// TestAllow: who is not let in learns nothing and changes nothing.
func TestAllow(t *testing.T) {
	t.Parallel()
	login := &fault.Error{Status: http.StatusSeeOther, Header: http.Header{"Location": {"/login"}}}
	for name, test := range map[string]struct {
		allow  func(*http.Request) error
		status int
	}{
		"nobody said who":    {nil, 403},
		"hidden":             {func(*http.Request) error { return fault.NotFound("") }, 404},
		"sent to the log-in": {func(*http.Request) error { return login }, 303},
		"broken":             {func(*http.Request) error { return errors.New("the users' database is gone") }, 500},
		"panicking":          {func(*http.Request) error { panic("no user") }, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{desk: func(o *desk.Options) { o.Allow = test.allow }})
			s.happen(failure(1, start, "apples"))
			id := s.only().ID
			for _, path := range []string{"", "/", "/status", "/" + id, "/nothing", "/desk.css", "?q=apples", "/" + id + "?failure=" + s.only().LastID.Full()} {
				a := s.get(prefix+path).wants(test.status).hides("apples", id, "the users' database", "desk-")
				if test.status == 303 {
					a.leads("/login")
				}
			}
			for _, verb := range []string{"resolve", "mute", "reopen"} {
				s.post(prefix+"/"+id+"/"+verb, "for", "1h").wants(test.status)
			}
			if i := s.only(); !i.ChangedAt.IsZero() {
				t.Errorf("changed: %+v", i)
			}
		})
	}
}

// TestOtherMounts: at the root, and below another mux.
func TestOtherMounts(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{desk: func(o *desk.Options) { o.Prefix = "" }})
	s.happen(failure(1, start, "apples"))
	id := s.only().ID
	s.get("/").wants(200).shows(`href="/`+id+`"`, `href="/status"`, `action="/"`)
	s.get("/?state=all").wants(200).shows("apples")
	s.post("/" + id + "/resolve").wants(303).leads("/" + id + "?done=resolve")
	s.get("/" + id).wants(200).shows(`action="/` + id + `/reopen"`)

	outer := http.NewServeMux()
	s = newSite(t, siteOptions{desk: func(o *desk.Options) { o.Prefix = "/日本/a b" }, wrap: func(h http.Handler) http.Handler {
		outer.Handle("/", h)
		return outer
	}})
	s.get("/%E6%97%A5%E6%9C%AC/a%20b").wants(200).shows(`href="/%E6%97%A5%E6%9C%AC/a%20b/status"`)
	s.get("/elsewhere").wants(404)
	s.get("/%E6%97%A5%E6%9C%AC/a%20bc").wants(404)
}

func TestLayout(t *testing.T) {
	t.Parallel()
	var got []desk.Page
	var mu sync.Mutex
	broken := errors.New("the layout is broken")
	failed := &recorder{}
	catcher := fault.New(fault.Options{Recorder: failed, Logger: slog.New(slog.DiscardHandler)})
	s := newSite(t, siteOptions{wrap: catcher.Middleware, desk: func(o *desk.Options) {
		o.Layout = func(w http.ResponseWriter, r *http.Request, p desk.Page) error {
			if r.URL.Query().Has("broken") {
				return broken
			}
			mu.Lock()
			got = append(got, p)
			mu.Unlock()
			w.WriteHeader(p.Status)
			return template.Must(template.New("").Parse("<main>{{.Body}}</main>")).Execute(w, p)
		}
	}})
	s.get(prefix).wants(200).shows(`<main><div class="desk">`, "<h1>Incidents</h1>").hides("<html")
	s.get(prefix + "/0000000000000").wants(404).shows("Not found")
	if h := s.get(prefix + "/status").wants(200).header; h.Get("Cache-Control") != "no-store" || h.Get("Content-Security-Policy") != "" {
		t.Errorf("header %v", h)
	}
	for i, want := range []struct {
		title  string
		status int
	}{{"Incidents", 200}, {"Not found", 404}, {"Journal and mail", 200}} {
		if p := got[i]; p.Title != want.title || p.Status != want.status || !strings.HasPrefix(p.Stylesheet, prefix+"/desk.") {
			t.Errorf("page %d: %q, %d, %q", i, p.Title, p.Status, p.Stylesheet)
		}
	}
	s.get(prefix + "?broken").wants(500).hides("the layout is broken")
	if all := failed.take(); len(all) != 1 || !strings.Contains(all[0].Message, "the layout is broken") {
		t.Errorf("recorded %v", all)
	}
}

// recorder keeps the failures that were recorded.
type recorder struct {
	mu  sync.Mutex
	all []*fault.Failure
}

func (r *recorder) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, f)
	return fault.Receipt{Durable: true}
}

func (r *recorder) take() []*fault.Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// gone is a database that cannot be reached.
type gone struct{}

func (gone) Connect(context.Context) (driver.Conn, error) {
	return nil, errors.New("dial tcp 192.0.2.1:5432: <b>connection refused</b>\u202e")
}
func (gone) Driver() driver.Driver { return nil }

// TestWithoutSQL: while the database is away the pages tell so and show the state file.
func TestWithoutSQL(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{book: func(o *incident.Options) {
		o.DB, o.Dialect, o.Policy.WithoutSQL = sql.OpenDB(gone{}), "postgres", 50*time.Millisecond
		o.Now = nil // How long it has been away is a matter of the real clock.
	}})
	s.stream.add(failure(1, time.Now(), "apples"))
	s.until("the state file stands in", func() bool { return s.book.Status().Degraded && s.stream.Waiting() == 0 })
	a := s.get(prefix).wants(200).shows(`role="alert"`, "The database cannot be reached", "apples", "connection refused", `\u202e`).hides("<b>")
	harmless(t, a)
	sound(t, a)
	page := prefix + "/" + s.only().ID
	s.get(page).wants(200).shows("The database cannot be reached", "The newest failure", "It can be resolved, muted and reopened when the database is back.").hides(page+`/resolve"`, "Mute …")
	s.get(prefix+"/status").wants(200).shows("The database cannot be reached", "waiting 1")
	for _, verb := range []string{"resolve", "mute", "reopen"} {
		a := s.post(page+"/"+verb, "for", "1h").wants(http.StatusServiceUnavailable).shows("The database cannot be reached, and without it this cannot be done. Nothing was changed.")
		harmless(t, a)
		sound(t, a)
	}
}

// TestFailureOfTheDesk: what fails in the desk goes to the Catcher around it, or else to a plain page
// and the log, and never says why to whoever looks.
func TestFailureOfTheDesk(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s := newSite(t, siteOptions{desk: func(o *desk.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o.By = func(*http.Request) string { panic("who is <it>") }
	}})
	s.happen(failure(1, start, "apples"))
	s.post(prefix + "/" + s.only().ID + "/resolve").wants(500).shows("An unexpected error has occurred").hides("who is")
	if !strings.Contains(log.String(), "who is <it>") {
		t.Errorf("the log: %s", log.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
