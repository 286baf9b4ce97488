package desk_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/desk"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/trace"
)

const prefix = "/ops/incidents"

// start is when the clocks of the tests begin.
var start = time.Date(2026, 11, 22, 14, 42, 52, 0, time.UTC)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
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

// stream is a Source: what the tests give it was captured.
type stream struct {
	mu     sync.Mutex
	all    []fault.Captured
	given  int
	done   int
	arrive chan struct{}
}

func newStream() *stream { return &stream{arrive: make(chan struct{}, 1)} }

func (s *stream) add(failures ...*fault.Failure) {
	s.mu.Lock()
	for _, f := range failures {
		s.all = append(s.all, fault.Captured{Failure: f, Count: 1, At: fault.Position{Stream: "test", Offset: int64(len(s.all) + 1)}})
	}
	s.mu.Unlock()
	select {
	case s.arrive <- struct{}{}:
	default:
	}
}

func (s *stream) Next(ctx context.Context, max int) ([]fault.Captured, error) {
	for {
		s.mu.Lock()
		if batch := s.all[s.given:min(len(s.all), s.given+max)]; len(batch) > 0 {
			s.given += len(batch)
			s.mu.Unlock()
			return batch, nil
		}
		s.mu.Unlock()
		select {
		case <-s.arrive:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *stream) Done(p fault.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = max(s.done, int(p.Offset))
	return nil
}

func (s *stream) Rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = s.done
}

func (s *stream) Waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.all) - s.done)
}

// site is a desk over HTTP, with a Book in a state file.
type site struct {
	*httptest.Server
	t      testing.TB
	clock  *clock
	stream *stream
	book   *incident.Book
}

type siteOptions struct {
	book func(*incident.Options)
	desk func(*desk.Options)
	wrap func(http.Handler) http.Handler
}

func newSite(t testing.TB, o siteOptions) *site {
	t.Helper()
	s := &site{t: t, clock: &clock{now: start}, stream: newStream()}
	books := incident.Options{
		Dir: t.TempDir(), Source: s.stream, Logger: slog.New(slog.DiscardHandler), Mail: true, Now: s.clock.Now,
		Build: fault.Build{Module: "example.org/shop", Version: "v1.4.0", Revision: "8f37aaf02c", Go: "go1.26.0", ID: "0123456789ab"},
	}
	if o.book != nil {
		o.book(&books)
	}
	var err error
	if s.book, err = incident.Open(books); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.book.Run(ctx) }()
	options := desk.Options{
		Book: s.book, Prefix: prefix, Location: time.UTC, Now: s.clock.Now, Logger: slog.New(slog.DiscardHandler),
		Allow: func(*http.Request) error { return nil },
		By:    func(*http.Request) string { return "grace" },
	}
	if o.desk != nil {
		o.desk(&options)
	}
	handler, err := desk.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if o.wrap != nil {
		handler = o.wrap(handler)
	}
	s.Server = httptest.NewServer(handler)
	t.Cleanup(func() {
		s.Server.Close()
		stop()
		if err := <-ran; err != nil {
			t.Errorf("the book's Run: %v", err)
		}
		if err := s.book.Close(); err != nil {
			t.Errorf("closing the book: %v", err)
		}
	})
	return s
}

// on is the same site in a subtest.
func (s *site) on(t testing.TB) *site {
	other := *s
	other.t = t
	return &other
}

// happen captures failures and waits until they are counted.
func (s *site) happen(failures ...*fault.Failure) {
	s.t.Helper()
	s.stream.add(failures...)
	s.until("the failures are counted", func() bool { return s.stream.Waiting() == 0 })
}

func (s *site) until(what string, is func() bool) {
	s.t.Helper()
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("not within ten seconds: %s", what)
}

// only is the one incident that there is.
func (s *site) only() incident.Incident {
	s.t.Helper()
	list, err := s.book.List(s.t.Context(), incident.Query{})
	if err != nil || len(list.Items) != 1 {
		s.t.Fatalf("%d incidents, %v", len(list.Items), err)
	}
	return list.Items[0]
}

// failure is one as a catcher records it: number tells its ID from those of others, what its message
// and place.
func failure(number int, at time.Time, what string) *fault.Failure {
	f := &fault.Failure{
		Time: at, Kind: fault.KindError, Status: 500, Message: "loading the basket: " + what,
		Causes: fault.Cause{Type: "*trace.wrapped", Message: "loading the basket: " + what, Causes: []fault.Cause{
			{Type: "*errors.joinError", Message: what, Causes: []fault.Cause{{Type: "*fs.PathError", Message: "open /srv/basket: no such file"}, {Type: "*errors.errorString", Message: what}}},
		}},
		Stack: trace.Stack{
			{Function: "example.org/shop/internal/web.(*Server).basket", File: "/src/shop/internal/web/basket.go", Line: 40 + len(what), App: true},
			{Function: "example.org/shop/internal/web.(*Server).serve", File: "/src/shop/internal/web/web.go", Line: 12, App: true},
			{Function: "net/http.HandlerFunc.ServeHTTP", File: "/usr/lib/go/src/net/http/server.go", Line: 2220},
		},
		StackOf: fault.StackWrapped,
		Request: &fault.Request{
			Method: "POST", Route: "POST /basket/{id}", URL: "/basket/7?coupon=%F0%9F%8E%81", Proto: "HTTP/1.1", Host: "shop.example", RemoteAddr: "192.0.2.7:4711",
			ContentLength: 21,
			Header:        http.Header{"User-Agent": {"Mozilla/5.0"}, "Accept": {"text/html", "*/*"}},
			Form:          url.Values{"item": {"42"}, "count": {"1"}},
			Files:         []fault.File{{Field: "photo", Name: "cat.jpg", Size: 123456}},
		},
		Response: &fault.Response{Status: 201, Bytes: 70_000, Header: http.Header{"Set-Cookie": {"session=[masked]; Path=/"}}},
		User:     "susan (3)", RequestID: "req-1", Host: "web-1", PID: 4242,
		Build: fault.Build{Module: "example.org/shop", Version: "v1.4.0", Revision: "8f37aaf02c", Go: "go1.26.0", ID: "0123456789ab"},
		Steps: []trace.Step{
			{Time: at.Add(-12 * time.Millisecond), Kind: "sql", Text: "SELECT * FROM baskets WHERE id = $1", Args: []string{"7"}, Duration: 3 * time.Millisecond},
			{Time: at.Add(-2 * time.Millisecond), Kind: "log", Text: "WARN: the basket is old", Err: "stale"},
		},
	}
	copy(f.ID[:], fmt.Sprintf("%016d", number))
	return f
}

// answer is what came back.
type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   string
}

func (s *site) do(r *http.Request) *answer {
	s.t.Helper()
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return &answer{s.t, r.Method + " " + r.URL.RequestURI(), res.StatusCode, res.Header, strings.ReplaceAll(string(body), "&#43;", "+")}
}

func (s *site) request(method, path string, body io.Reader) *http.Request {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	return r
}

func (s *site) get(path string) *answer {
	s.t.Helper()
	return s.do(s.request(http.MethodGet, path, nil))
}

// post sends a form of name and value pairs as a page of the desk does.
func (s *site) post(path string, pairs ...string) *answer {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := s.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", s.URL)
	return s.do(r)
}

func (a *answer) wants(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d\n%s", a.what, a.status, status, a.body)
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
			a.t.Errorf("%s: does not show %q\n%s", a.what, text, a.body)
		}
	}
	return a
}

func (a *answer) hides(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Errorf("%s: shows %q\n%s", a.what, text, a.body)
		}
	}
	return a
}
