package web_test

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
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
