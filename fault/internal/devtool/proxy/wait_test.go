package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"example.org/microblog/fault/internal/devtool/proxy"
)

func TestDialErrorWaitsForTheNext(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := proxy.NewBackend(l.Addr().String(), 1)
	l.Close()
	f := start(t, proxy.Options{}, nil)
	f.Switch(gone)
	type answer struct {
		status int
		body   string
	}
	answers := make(chan answer)
	for range 3 {
		go func() {
			res, err := http.Post(f.http.URL+"/", "text/plain", strings.NewReader("kept"))
			if err != nil {
				answers <- answer{body: err.Error()}
				return
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			answers <- answer{res.StatusCode, string(body)}
		}()
	}
	eventually(t, "three wait", func() bool { waiting, _, _ := f.State(); return waiting == 3 })
	next := proxy.NewBackend(application(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }), 2)
	defer next.Close()
	if waited := f.Switch(next); waited != 3 {
		t.Errorf("%d requests have waited", waited)
	}
	for range 3 {
		if a := <-answers; a.status != 200 || a.body != "kept" {
			t.Error(a)
		}
	}
	if waited := f.Switch(next); waited != 0 {
		t.Errorf("%d requests have waited since", waited)
	}
	if n := gone.Running(); n != 0 {
		t.Errorf("%d requests are on the old one", n)
	}
}

// TestWaitingHasAnEnd waits for nothing.
func TestWaitingHasAnEnd(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{Wait: 200 * time.Millisecond, PageWait: time.Millisecond}, nil)
	f.SetDoing("building ./x")
	for name, header := range map[string]map[string]string{"a page": navigation, "another": nil} {
		res, body := f.get("/", header)
		if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || body != "WAIT building ./x" {
			t.Errorf("%s: %s %q", name, res.Status, body)
		}
	}
	res, body := f.get("/", map[string]string{"Host": "evil.example"})
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || strings.Contains(body, "building") {
		t.Errorf("%s %q", res.Status, body)
	}
	if waiting, running, _ := f.State(); waiting != 0 || running != 0 {
		t.Errorf("%d still wait, %d still run", waiting, running)
	}
}

// TestWaitingIsBounded has more requests wait than may.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	for range proxy.MaxWaiting {
		work.Go(func() {
			r := httptest.NewRequestWithContext(ctx, "GET", "http://localhost/", nil)
			defer func() { _ = recover() }() // it is aborted
			f.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	eventually(t, "all wait", func() bool { waiting, _, _ := f.State(); return waiting == proxy.MaxWaiting })
	if res, _ := f.get("/", nil); res.StatusCode != 503 {
		t.Error(res.Status)
	}
	cancel()
	work.Wait()
	if waiting, running, _ := f.State(); waiting != 0 || running != 0 {
		t.Errorf("%d still wait, %d still run", waiting, running)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/socket":
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer func() { _ = c.CloseNow() }()
			_ = c.Write(r.Context(), websocket.MessageText, []byte("hello"))
			_, _, _ = c.Read(r.Context())
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			fmt.Fprint(w, "data: one\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		default:
			<-release
			fmt.Fprint(w, "finished")
		}
	})
	ended := make(chan error, 1)
	c, _, err := websocket.Dial(t.Context(), f.http.URL+"/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, text, err := c.Read(t.Context()); err != nil || string(text) != "hello" {
		t.Fatal(string(text), err)
	}
	go func() {
		_, _, err := c.Read(context.Background())
		ended <- err
	}()
	events, err := http.Get(f.http.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	slow := f.dial()
	slow.say("GET /slow HTTP/1.1", "Host: x", "", "")
	eventually(t, "all three run", func() bool { return f.app.Running() == 3 })

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.app.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Error("Drain does not heed its context:", err)
	}
	f.Down()
	drained := make(chan error)
	go func() { drained <- f.app.Drain(context.WithoutCancel(t.Context())) }()
	if err := <-ended; err == nil {
		t.Error("the WebSocket goes on")
	}
	if text, err := io.ReadAll(events.Body); err != nil || string(text) != "data: one\n\n" {
		t.Errorf("the stream did not end well: %q, %v", text, err)
	}
	select {
	case err := <-drained:
		t.Fatal("a request still runs:", err)
	default:
	}
	close(release)
	if _, body := slow.response("GET"); body != "finished" {
		t.Error(body)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if n := f.app.Idle(); n != 0 {
		t.Errorf("%d connections are kept", n)
	}
}

// TestCloseCutsOff has a client that does not read.
func TestCloseCutsOff(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, zeros{})
	})
	c := f.dial()
	c.say("GET / HTTP/1.1", "Host: x", "", "")
	c.head()
	f.Down()
	f.app.Close()
	if err := f.app.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWaitsWhileAProblemIsMended: without a backend a problem is shown at once, but not while something is done about it.
func TestWaitsWhileAProblemIsMended(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{Wait: time.Minute, PageWait: time.Millisecond}, nil)
	f.SetProblem(aProblem("broken"))
	if res, body := f.get("/", nil); res.StatusCode != 503 || !strings.Contains(body, "broken") {
		t.Errorf("nothing is done: %s %q", res.Status, body)
	}
	f.SetDoing("building ./x")
	if res, body := f.get("/", navigation); res.StatusCode != 503 || !strings.Contains(body, "broken") {
		t.Errorf("a page that has waited: %s %q", res.Status, body)
	}
	answers := make(chan string)
	go func() {
		_, body := f.get("/", nil)
		answers <- body
	}()
	eventually(t, "one waits", func() bool { waiting, _, _ := f.State(); return waiting == 1 })
	next := proxy.NewBackend(application(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "mended") }), 1)
	defer next.Close()
	f.Switch(next)
	if body := <-answers; body != "mended" {
		t.Errorf("it got %q", body)
	}
}
