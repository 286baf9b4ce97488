package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func testServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestLoadCountsAnswers(t *testing.T) {
	t.Parallel()
	var served, withCookie atomic.Int64
	address := testServer(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		if r.Header.Get("Cookie") == "id=7" {
			withCookie.Add(1)
		}
		if r.URL.Path == "/b" {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusTeapot)
		}
		fmt.Fprint(w, r.URL.Path)
	})
	m, err := load{
		address:     address,
		connections: 4,
		duration:    100 * time.Millisecond,
		targets: []target{
			{name: "/a", request: request(address, "/a", "id=7"), status: http.StatusOK, length: 2},
			{name: "/b", request: request(address, "/b", "id=7"), status: http.StatusTeapot, length: 2},
		},
	}.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// One request of each connection may be under way when time is up.
	if n := served.Load(); uint64(n) < m.answers || uint64(n) > m.answers+4 || withCookie.Load() != n {
		t.Errorf("counted %d answers, the server %d, %d of them with the cookie", m.answers, n, withCookie.Load())
	}
	if m.answers == 0 || m.perSecond() <= 0 || m.latency.quantile(0.5) <= 0 || m.reconnects == 0 {
		t.Errorf("%d answers, %.1f per second, median %v, %d reconnects", m.answers, m.perSecond(), m.latency.quantile(0.5), m.reconnects)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	address := testServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, "hello")
	})
	one := func(address, path string, status, length int) load {
		return load{address: address, connections: 2, duration: time.Minute, targets: []target{
			{name: path, request: request(address, path, ""), status: status, length: length},
		}}
	}
	for name, test := range map[string]struct {
		load load
		want string
	}{
		"another status":       {one(address, "/", 404, 5), "/: answered 200 with 5 bytes where 404 with 5 bytes was expected"},
		"another length":       {one(address, "/", 200, 6), "answered 200 with 5 bytes where 200 with 6 bytes was expected"},
		"an aborted answer":    {one(address, "/gone", 200, 5), "/gone: reading the answer"},
		"another machine":      {one("192.0.2.1:80", "/", 200, 5), "not an address and port of this machine"},
		"a name":               {one("localhost:80", "/", 200, 5), "not an address and port of this machine"},
		"no connection":        {load{address: address, targets: make([]target, 1)}, "1 to 64 connections"},
		"too many connections": {load{address: address, connections: 65, targets: make([]target, 1)}, "1 to 64 connections"},
		"no target":            {load{address: address, connections: 1}, "at least one target"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := test.load.run(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestLoadStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	address := testServer(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done() // no answer until the client is gone
	})
	l := load{address: address, connections: 2, duration: time.Minute, targets: []target{{request: request(address, "/", ""), status: 200}}}
	if _, err := l.run(ctx); err == nil || ctx.Err() == nil {
		t.Errorf("a cancelled load ended with %v", err)
	}
}

// The bare server gives an answer again, byte for byte but for the date.
func TestBareServerRepeats(t *testing.T) {
	t.Parallel()
	address := testServer(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h["X-Twice"] = []string{"one", "two"}
		body := strings.Repeat("<p>page</p>\n", 1000)
		h.Set("Content-Length", fmt.Sprint(len(body)))
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, body)
	})
	ta := target{name: "/", request: request(address, "/", "")}
	h, raw, err := ask(t.Context(), address, ta)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := record(h, raw)
	if err != nil {
		t.Fatal(err)
	}
	again := testServer(t, rec.ServeHTTP)
	_, same, err := ask(t.Context(), again, ta)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := withoutDate(same), withoutDate(raw); got != want {
		t.Errorf("the bare server answers\n%.400s\ninstead of\n%.400s", got, want)
	}
}

func withoutDate(raw []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(raw)) {
		if !strings.HasPrefix(line, "Date: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestBareServerEndsWithItsInput(t *testing.T) {
	t.Parallel()
	in, feed := io.Pipe()
	lines, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveBare(in, out) }()
	if _, err := io.WriteString(feed, `{"Status":404,"Header":{"Content-Length":["3"]},"Body":"YWJj"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	var address string
	if _, err := fmt.Fscanln(lines, &address); err != nil {
		t.Fatal(err)
	}
	h, raw, err := ask(t.Context(), address, target{request: request(address, "/", "")})
	if err != nil || h.status != 404 || !strings.HasSuffix(string(raw), "\r\n\r\nabc") {
		t.Errorf("answered %q, %v", raw, err)
	}
	feed.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
