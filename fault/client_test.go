package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
)

func TestAbortOnTheWire(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "partial")
		_ = http.NewResponseController(w).Flush()
		panic("late")
	}})
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(all); !strings.HasPrefix(s, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(s, "7\r\npartial\r\n") {
		t.Errorf("on the wire: %q, want it to end without the last chunk", s)
	}
}

func TestClientGone(t *testing.T) {
	t.Parallel()
	statuses := make(chan int, 1)
	for name, h := range map[string]fault.HandlerFunc{
		"error":    func(_ http.ResponseWriter, r *http.Request) error { <-r.Context().Done(); return r.Context().Err() },
		"noanswer": func(_ http.ResponseWriter, r *http.Request) error { <-r.Context().Done(); return nil },
		"wrapped": func(_ http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return fault.Internal(fmt.Errorf("query: %w", r.Context().Err()))
		},
		"write": func(w http.ResponseWriter, _ *http.Request) error {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return fmt.Errorf("writing: %w", err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(fault.Options{})
			caught := g.Middleware(g.Handle(h))
			srv := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rec := &statusWriter{ResponseWriter: w}
				defer func() { statuses <- rec.status }()
				caught.ServeHTTP(rec, r)
			}))
			ctx, cancel := context.WithCancel(t.Context())
			go func() { time.Sleep(20 * time.Millisecond); cancel() }()
			req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			status := <-statuses
			if want := map[bool]int{true: 200, false: 499}[name == "write"]; status != want {
				t.Errorf("an access log sees status %d, want %d", status, want)
			}
			if len(g.kept.all()) != 0 || len(g.log.at(8)) != 0 {
				t.Errorf("recorded %v, logged %v", g.kept.all(), g.log.at(8))
			}
		})
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) { w.status = code; w.ResponseWriter.WriteHeader(code) }
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = 200
	}
	return w.ResponseWriter.Write(p)
}

func TestServerStops(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	base, stop := context.WithCancelCause(t.Context())
	reached := make(chan struct{})
	srv := httptest.NewUnstartedServer(g.Middleware(g.Handle(func(_ http.ResponseWriter, r *http.Request) error {
		close(reached)
		<-r.Context().Done()
		return r.Context().Err()
	})))
	srv.Config.BaseContext = func(net.Listener) context.Context { return base }
	srv.Start()
	t.Cleanup(srv.Close)
	go func() { <-reached; stop(errors.New("shutting down")) }()
	get(t, srv.URL, "Accept", browser).wants(t, 503, "The server is stopping.")
	if n := len(g.kept.all()); n != 0 {
		t.Errorf("%d failures, want none", n)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	h := g.Middleware(g.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if r.URL.Path == "/limited" {
			r.Body = http.MaxBytesReader(w, r.Body, 10)
		}
		if r.URL.Path == "/slow" {
			if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
				return err
			}
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		fmt.Fprint(w, len(b))
		return nil
	}))
	srv := start(t, h)
	if res := do(t, "POST", srv.URL+"/", strings.NewReader("four")); res.body != "4" {
		t.Errorf("got %q", res.body)
	}
	tests := []struct{ name, send, want string }{
		{"too large", "POST /limited HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n01234567890123456789", "HTTP/1.1 413 "},
		{"too slow", "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n0123", "HTTP/1.1 408 "},
		{"broken", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, tt.send)
			all, _ := io.ReadAll(conn) // It ends when the server closes, perhaps by a reset.
			s := string(all)
			if !strings.HasPrefix(s, tt.want) || !strings.Contains(s, "\r\nConnection: close\r\n") {
				t.Errorf("got %q, want %q and a closed connection", s, tt.want)
			}
		})
	}
	if n := len(g.kept.all()); n != 0 {
		t.Errorf("%d failures, want none: %s", n, g.kept.all()[0].Message)
	}
}
