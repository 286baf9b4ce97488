package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.org/microblog/fault/logfile"
	"example.org/microblog/internal/web"
)

// The benchmarks send requests through the whole handler, with the access log written in its format,
// but without a network. BenchmarkBare answers the same bytes as the log-in page, with the headers
// that net/http alone sends, for comparison.

// sink is a response that is thrown away.
type sink struct {
	header http.Header
	status int
	n      int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.n += len(p); return len(p), nil }

func benchmark(b *testing.B, h http.Handler, r *http.Request, status int) {
	b.Helper()
	b.ReportAllocs()
	out := &sink{}
	for b.Loop() {
		out.header, out.status, out.n = make(http.Header, 4), 200, 0
		h.ServeHTTP(out, r.WithContext(context.Background()))
		if out.status != status {
			b.Fatalf("status %d, want %d", out.status, status)
		}
	}
	b.ReportMetric(float64(out.n), "B/page")
}

func request(path string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header = http.Header{"User-Agent": {"bench"}, "Accept": {"text/html"}, "Accept-Encoding": {"gzip"}}
	return r
}

func logged(o *web.Options) {
	o.AccessLog = slog.New(logfile.NewHandler(logfile.ToWriter(io.Discard), logfile.HandlerOptions{}))
}

func unlogged(o *web.Options) { o.AccessLog = nil }

func BenchmarkLoginPage(b *testing.B) {
	for name, option := range map[string]siteOption{"logged": logged, "unlogged": unlogged} {
		b.Run(name, func(b *testing.B) {
			s := newSite(b, option)
			benchmark(b, s.web.Load(), request("/login"), 200)
		})
	}
}

func BenchmarkBare(b *testing.B) {
	s := newSite(b)
	page := []byte(s.browser().get("/login").body)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	benchmark(b, h, request("/login"), 200)
}

func BenchmarkNotFound(b *testing.B) {
	s := newSite(b, logged)
	benchmark(b, s.web.Load(), request("/nothing"), 404)
}

// BenchmarkProfile is the profile of somebody with ten posts, read by somebody else who is signed in.
func BenchmarkProfile(b *testing.B) {
	s := newSite(b, logged)
	s.browser().join("susan")
	fill(b, s, "susan", 10)
	benchmark(b, s.web.Load(), signed(s.member("john"), "/user/susan"), 200)
}

// BenchmarkHome is a home timeline of twenty posts.
func BenchmarkHome(b *testing.B) {
	s := newSite(b, logged)
	john := s.member("john")
	s.browser().join("susan")
	fill(b, s, "susan", 20)
	john.post("/follow/susan").wants(303)
	benchmark(b, s.web.Load(), signed(john, "/"), 200)
}

// BenchmarkSession is what it costs to be signed in: a page without a query of its own.
func BenchmarkSession(b *testing.B) {
	s := newSite(b, logged)
	benchmark(b, s.web.Load(), signed(s.member("john"), "/logout"), 200)
}

func fill(b *testing.B, s *site, name string, posts int) {
	b.Helper()
	for i := range posts {
		if _, _, err := s.store.CreatePost(b.Context(), s.user(name).ID, fmt.Sprintf("Post %d: a sentence of about as many words as people write, and a link: https://example.org/%d", i, i), ""); err != nil {
			b.Fatal(err)
		}
	}
}

func signed(who *browser, path string) *http.Request {
	r := request(path)
	r.Header.Set("Cookie", "session="+who.cookie("session"))
	return r
}
