package fault_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// sink is a response writer that costs nothing.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

func benchMux(c *fault.Catcher) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /ok", c.Handle(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, "hello")
		return err
	}))
	mux.HandleFunc("GET /plain", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello") })
	mux.Handle("GET /missing", c.Handle(func(http.ResponseWriter, *http.Request) error {
		return fault.NotFound("There is no such person here.")
	}))
	mux.Handle("GET /error", c.Handle(func(http.ResponseWriter, *http.Request) error {
		return trace.Wrap(errors.New("no such table: users"), "loading the profile")
	}))
	mux.Handle("GET /panic", c.Handle(func(http.ResponseWriter, *http.Request) error { panic("boom") }))
	return mux
}

func benchCatcher() *fault.Catcher {
	return fault.New(fault.Options{
		Logger:  slog.New(slog.NewTextHandler(io.Discard, nil)),
		Secrets: func(*http.Request) []string { return []string{"Zk3hYt0vQw9mXs8rLp2nBd7cFg4jKa6e"} },
	})
}

// BenchmarkServe is the time a request spends in the Catcher and the mux, without a network. "bare"
// is the mux alone.
func BenchmarkServe(b *testing.B) {
	c := benchCatcher()
	mux := benchMux(c)
	caught := c.Middleware(mux)
	for _, bm := range []struct {
		name, path string
		h          http.Handler
	}{
		{"bare/plain", "/plain", mux},
		{"bare/404", "/nothing", mux},
		{"middleware/plain", "/plain", caught},
		{"middleware/ok", "/ok", caught},
		{"handle/ok", "/ok", mux},
		{"404/mux", "/nothing", caught},
		{"404/handler", "/missing", caught},
		{"500/error", "/error", caught},
		{"500/panic", "/panic", caught},
	} {
		b.Run(bm.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", bm.path, nil)
			r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
			w := &sink{h: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				bm.h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkServer404 is the whole way over a connection, beside a bare server that answers the same
// bytes.
func BenchmarkServer404(b *testing.B) {
	c := benchCatcher()
	caught := c.Middleware(benchMux(c))
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/nothing", nil)
	r.Header.Set("Accept", "text/html")
	caught.ServeHTTP(rec, r)
	want := rec.Result()
	body, err := io.ReadAll(want.Body)
	if err != nil {
		b.Fatal(err)
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range want.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(want.StatusCode)
		_, _ = w.Write(body)
	})
	for name, h := range map[string]http.Handler{"bare": bare, "caught": caught} {
		b.Run(name, func(b *testing.B) {
			srv := httptest.NewServer(h)
			defer srv.Close()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			b.ReportAllocs()
			for b.Loop() {
				fmt.Fprintf(conn, "GET /nothing HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n")
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
