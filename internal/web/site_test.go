package web_test

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
	"example.org/microblog/internal/store/sqlite"
	"example.org/microblog/internal/web"
)

// site is a whole Microblog on a database of its own, reached over HTTP.
type site struct {
	*httptest.Server
	t       testing.TB
	store   *store.Store
	path    string // of the database
	options web.Options
	web     atomic.Pointer[web.Server]
	clock   *clock
	failed  *recorder
	access  *records
}

type siteOption func(*web.Options)

func newSite(t testing.TB, options ...siteOption) *site {
	t.Helper()
	s := &site{t: t, clock: newClock(), failed: new(recorder), access: new(records)}
	s.store, s.path = openStore(t, s.clock.Now)
	pages, err := testPages()
	if err != nil {
		t.Fatal(err)
	}
	o := web.Options{
		Store: s.store,
		Catcher: fault.New(fault.Options{
			Pages:     pages.Errors(web.CurrentViewer),
			Logger:    slog.New(slog.DiscardHandler),
			Recorder:  s.failed,
			User:      web.CurrentUserLabel,
			RequestID: web.RequestID,
			Secrets:   web.RequestSecrets,
			Translate: web.Translate,
		}),
		Pages:     pages,
		Logger:    slog.New(slog.DiscardHandler),
		AccessLog: slog.New(s.access),
		SecretKey: []byte("a key for tests only, of 32 bytes"),
		Hasher:    cheapHasher(),
		Now:       s.clock.Now,
	}
	for _, option := range options {
		option(&o)
	}
	s.options = o
	s.start()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.web.Load().ServeHTTP(w, r) }))
	t.Cleanup(func() {
		s.Server.Close()
		_ = s.stop() // some tests have closed the store
	})
	return s
}

func (s *site) start() {
	s.t.Helper()
	server, err := web.New(s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.web.Store(server)
}

func (s *site) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.web.Load().Close(ctx)
}

// restart is what happens at an update: the server writes what it still has to write, and another
// one on the same database takes its place.
func (s *site) restart() {
	s.t.Helper()
	if err := s.stop(); err != nil {
		s.t.Fatal(err)
	}
	s.start()
}

func withDrill(o *web.Options) { o.Drill = true }

func withBaseURL(base string) siteOption {
	return func(o *web.Options) {
		u, err := url.Parse(base)
		if err != nil {
			panic(err)
		}
		o.BaseURL = u
	}
}

// cheapHasher makes hashes as fast as argon2 allows.
func cheapHasher() *microblog.Hasher { return &microblog.Hasher{MemoryKiB: 8, Passes: 1, Lanes: 1} }

// testPages are shared by all tests: parsing them is most of the time that a small test takes.
var testPages = sync.OnceValues(func() (*web.Pages, error) {
	return web.NewPages(web.PagesOptions{Now: newClock().Now})
})

// migrated is an empty database file.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "microblog")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "microblog.db")
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(context.Background()); err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// openStore opens an empty database and tells where it is.
func openStore(t testing.TB, now func() time.Time) (db *store.Store, path string) {
	t.Helper()
	file, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "microblog.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if db, err = sqlite.Open(t.Context(), path, sqlite.Options{Options: store.Options{Now: now}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, path
}

// sql changes the database behind the server's back.
func (s *site) sql(statements ...string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", s.path+"?_pragma=busy_timeout(10000)") // the driver that package sqlite brings
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 11, 22, 14, 42, 52, 0, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
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
	return fault.Receipt{Durable: true, Notified: true}
}

func (r *recorder) take() []*fault.Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// records is a slog.Handler that keeps what it gets.
type records struct {
	mu  sync.Mutex
	all []map[string]any
}

func (h *records) Enabled(context.Context, slog.Level) bool { return true }
func (h *records) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *records) WithGroup(string) slog.Handler            { return h }

func (h *records) Handle(_ context.Context, r slog.Record) error {
	line := map[string]any{"msg": r.Message, "level": r.Level}
	r.Attrs(func(a slog.Attr) bool {
		line[a.Key] = a.Value.Any()
		return true
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, line)
	return nil
}

// wait returns the n records that the requests so far have made or are about to make: a client may
// have its answer a moment before the record is written.
func (h *records) wait(t testing.TB, n int) []map[string]any {
	t.Helper()
	for range 500 {
		h.mu.Lock()
		if len(h.all) >= n {
			all := h.all
			h.all = nil
			h.mu.Unlock()
			if len(all) != n {
				t.Fatalf("%d access records, want %d: %v", len(all), n, all)
			}
			return all
		}
		h.mu.Unlock()
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("fewer than %d access records: %v", n, h.all)
	return nil
}

// browser is a person's browser: it keeps cookies, does not follow redirects by itself, and says
// where its requests come from.
type browser struct {
	t    testing.TB
	site *site
	http *http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{t: s.t, site: s, http: &http.Client{
		Jar:           jar,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// on is the same browser in a subtest.
func (b *browser) on(t testing.TB) *browser { return &browser{t: t, site: b.site, http: b.http} }

// answer is what came back.
type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func (b *browser) do(r *http.Request) *answer {
	b.t.Helper()
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "text/html")
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return &answer{t: b.t, what: r.Method + " " + r.URL.RequestURI(), status: res.StatusCode, header: res.Header, body: string(body), err: err}
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequest(method, b.site.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *browser) get(path string) *answer {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

// post sends a form of name and value pairs.
func (b *browser) post(path string, pairs ...string) *answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(b.form(path, form.Encode()))
}

func (b *browser) form(path, encoded string) *http.Request {
	b.t.Helper()
	r := b.request(http.MethodPost, path, strings.NewReader(encoded))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.site.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

const password = "correct horse battery"

func email(name string) string { return strings.ToLower(name) + "@example.org" }

// join registers somebody.
func (b *browser) join(name string) *browser {
	b.t.Helper()
	b.post("/register", "username", name, "email", email(name), "password", password, "password2", password).wants(303).leads("/login")
	return b
}

// login signs in.
func (b *browser) login(name string, more ...string) *browser {
	b.t.Helper()
	b.post("/login", append([]string{"username", name, "password", password}, more...)...).wants(303)
	return b
}

// member is a browser in which somebody of this name has just registered and signed in.
func (s *site) member(name string) *browser {
	s.t.Helper()
	return s.browser().join(name).login(name)
}

func (s *site) user(name string) microblog.User {
	s.t.Helper()
	u, err := s.store.UserByLogin(s.t.Context(), name)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	return u
}

func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.site.URL)
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) setCookie(name, value string) {
	u, _ := url.Parse(b.site.URL)
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// signedIn reports whether the page shows somebody as signed in.
func (a *answer) signedIn() bool { return strings.Contains(a.body, `action="/logout"`) }

func (a *answer) wants(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d\n%s", a.what, a.status, status, a.text())
	}
	return a
}

func (a *answer) leads(to string) *answer {
	a.t.Helper()
	if got := a.header.Get("Location"); got != to {
		a.t.Fatalf("%s: leads to %q, want %q", a.what, got, to)
	}
	return a
}

func (a *answer) shows(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s: does not show %q\n%s", a.what, text, a.text())
		}
	}
	return a
}

func (a *answer) hides(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Errorf("%s: shows %q\n%s", a.what, text, a.text())
		}
	}
	return a
}

// text is the part of the page worth reading in a failed test.
func (a *answer) text() string {
	if _, main, ok := strings.Cut(a.body, "<main"); ok {
		return main
	}
	if len(a.body) > 2000 {
		return a.body[:2000]
	}
	return a.body
}

// setCookie returns the Set-Cookie of that name, nil when there is none.
func (a *answer) setCookie(name string) *http.Cookie {
	for _, line := range a.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == name {
			return c
		}
	}
	return nil
}

// eventually runs check until it returns true.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	for range 500 {
		if check() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within five seconds: %s", what)
}
