package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/proxy"
)

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestLargeBodies sends 200 MB in either direction. What is allocated meanwhile is a small part of it.
func TestLargeBodies(t *testing.T) {
	const size, most = 200 << 20, 40 << 20
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			if r.URL.Path == "/page" {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, "<html><head>")
			}
			_, _ = io.CopyN(w, zeros{}, size)
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %v", n, err)
	})
	for _, direction := range []string{"upload", "download", "page"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		switch direction {
		case "upload":
			if _, body := f.do("POST", "/", io.LimitReader(zeros{}, size), nil); body != fmt.Sprintf("%d <nil>", size) {
				t.Error(body)
			}
		default:
			r, err := http.NewRequest("GET", f.http.URL+"/"+direction, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			res, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err != nil || n < size {
				t.Error(n, err)
			}
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s: %d MB were allocated for %d MB", direction, n>>20, size>>20)
		}
	}
}

// TestNoGoroutineStays closes a proxy in the middle of everything.
func TestNoGoroutineStays(t *testing.T) {
	release := make(chan struct{})
	s := proxy.New(proxy.Options{Pages: pages()})
	server := &http.Server{Handler: s}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	app := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})}
	al, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = app.Serve(al) }()
	b := proxy.NewBackend(al.Addr().String(), 1)
	s.Switch(b)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, path := range []string{"/", "/events"} {
		c := dialTo(t, l.Addr().String())
		c.say("GET "+path+" HTTP/1.1", "Host: localhost", "", "")
	}
	c := dialTo(t, l.Addr().String())
	c.say("GET /.fault/events HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", "")
	c.head()
	eventually(t, "both requests run", func() bool { return b.Running() == 2 })
	s.Down()
	waits := dialTo(t, l.Addr().String())
	waits.say("GET /waits HTTP/1.1", "Host: localhost", "", "")
	eventually(t, "one waits and a tab is there", func() bool { waiting, _, tabs := s.State(); return waiting == 1 && tabs == 1 })
	s.Close()
	b.Close()
	if err := b.Drain(ctx); err != nil {
		t.Error("requests still run:", err)
	}
	server.Close()
	close(release)
	app.Close()
	eventually(t, "nothing of it is left", func() bool {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left := 0
		for _, g := range strings.Split(string(stacks), "\n\n") {
			if strings.Contains(g, "proxy.(*") || strings.Contains(g, "http.(*persistConn)") || strings.Contains(g, "websocket.(*") {
				left++
			}
		}
		waiting, running, tabs := s.State()
		return left == 0 && waiting+running+tabs == 0
	})
}
