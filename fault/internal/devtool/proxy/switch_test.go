package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"example.org/microblog/fault/internal/devtool/proxy"
)

// version is one version of an application for the load: it may be ended only when nothing runs on it.
type version struct {
	server  *httptest.Server
	backend *proxy.Backend
	posts   *atomic.Int64
	ended   atomic.Bool
}

func newVersion(t *testing.T, n int, posts *atomic.Int64) *version {
	v := &version{posts: posts}
	v.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v.ended.Load() {
			t.Errorf("version %d was asked for %s after its end", n, r.URL)
		}
		switch r.URL.Path {
		case "/socket":
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer func() { _ = c.CloseNow() }()
			kind, text, err := c.Read(r.Context())
			if err == nil {
				_ = c.Write(r.Context(), kind, text)
				_ = c.Close(websocket.StatusNormalClosure, "")
			}
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: one\n\n")
			_ = http.NewResponseController(w).Flush()
			fmt.Fprint(w, "data: two\n\n")
		case "/slow":
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
			fmt.Fprint(w, "slow")
		default:
			if r.Method == http.MethodPost {
				v.posts.Add(1)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("version %d: reading a body: %v", n, err)
			}
			_, _ = w.Write(body)
		}
	}))
	v.server.Config.IdleTimeout = time.Millisecond // connections are closed all the time
	v.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	v.server.Start()
	v.backend = proxy.NewBackend(v.server.Listener.Addr().String(), n)
	v.backend.SetGrace(patience) // its streams end by themselves
	return v
}

// end drains the version and ends it as a supervisor would.
func (v *version) end(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := v.backend.Drain(ctx); err != nil {
		t.Error("draining:", err)
	}
	v.ended.Store(true)
	v.server.Close()
	v.backend.Close()
}

// TestNoRequestIsRefused switches versions fifty times below 2,000 requests of all kinds. Sometimes the old one is gone before the next is
// there. Every connection without a request is closed by the application after a millisecond.
func TestNoRequestIsRefused(t *testing.T) {
	const requests, workers, switches = 2000, 16, 50
	f := start(t, proxy.Options{}, nil)
	var posts, sent, done atomic.Int64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	defer client.CloseIdleConnections()
	var work sync.WaitGroup
	for range workers {
		work.Go(func() {
			for done.Add(1) <= requests {
				if err := request(t, client, f.http.URL, &sent); err != nil {
					t.Error(err)
				}
			}
		})
	}
	finished := make(chan struct{})
	go func() {
		work.Wait()
		close(finished)
	}()
	old := newVersion(t, 1, &posts)
	f.Switch(old.backend)
	f.Reload()
	var ends sync.WaitGroup
	for n := 2; n <= switches+1; n++ {
		// a switch every so many requests
		eventually(t, "the requests go on", func() bool { return done.Load() > int64((n-1)*requests/(switches+2)) })
		if n%5 == 0 { // both cannot run at the same time
			f.Down()
			old.end(t)
			old = newVersion(t, n, &posts)
			f.Switch(old.backend)
			f.Reload()
			continue
		}
		next := newVersion(t, n, &posts)
		f.Switch(next.backend)
		f.Reload()
		gone := old
		ends.Go(func() { gone.end(t) })
		old = next
	}
	<-finished
	ends.Wait()
	f.Down()
	old.end(t)
	if posts.Load() != sent.Load() {
		t.Errorf("%d POSTs were sent, %d have arrived", sent.Load(), posts.Load())
	}
}

// request makes a request of any kind, and says what is wrong with its answer.
func request(t *testing.T, client *http.Client, base string, posts *atomic.Int64) error {
	kind := rand.IntN(8)
	switch kind {
	case 0:
		c, res, err := websocket.Dial(t.Context(), base+"/socket", &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			return fmt.Errorf("a WebSocket: %w", err)
		}
		_ = res
		defer func() { _ = c.CloseNow() }()
		if err := c.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			return fmt.Errorf("writing to a WebSocket: %w", err)
		}
		if _, text, err := c.Read(t.Context()); err != nil || string(text) != "hello" {
			return fmt.Errorf("reading from a WebSocket: %q, %w", text, err)
		}
		return nil
	case 1, 2, 3:
		body := strings.Repeat("x", rand.IntN(100_000))
		var reader io.Reader = strings.NewReader(body)
		if kind == 2 {
			reader = io.MultiReader(reader) // in chunks
		}
		if kind == 3 {
			body, reader = "", nil
		}
		posts.Add(1)
		res, err := client.Post(base+"/post", "text/plain", reader)
		return check(res, err, body)
	case 4:
		res, err := client.Get(base + "/events")
		return check(res, err, "data: one\n\ndata: two\n\n")
	case 5:
		res, err := client.Get(base + "/slow")
		return check(res, err, "slow")
	case 6:
		res, err := client.Head(base + "/")
		return check(res, err, "")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/", nil)
	if err != nil {
		return err
	}
	for name, value := range navigation {
		r.Header.Set(name, value)
	}
	res, err := client.Do(r)
	return check(res, err, "")
}

func check(res *http.Response, err error, want string) error {
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s: reading: %w", res.Request.URL, err)
	}
	if res.StatusCode != http.StatusOK || string(body) != want {
		return fmt.Errorf("%s %s: %s, %.40q", res.Request.Method, res.Request.URL, res.Status, body)
	}
	return nil
}

// TestKeptConnections makes sure that requests without effects share connections, and that one which the application closes costs
// nothing.
func TestKeptConnections(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	from := map[string]int{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from[r.RemoteAddr]++
		mu.Unlock()
		fmt.Fprint(w, "ok")
	}))
	server.Start()
	defer server.Close()
	f := start(t, proxy.Options{}, nil)
	b := proxy.NewBackend(server.Listener.Addr().String(), 1)
	defer b.Close()
	f.Switch(b)
	for range 20 {
		if _, body := f.get("/", nil); body != "ok" {
			t.Fatal(body)
		}
	}
	mu.Lock()
	if len(from) != 1 && proxy.KeepsConnections {
		t.Errorf("20 requests came by %d connections", len(from))
	}
	mu.Unlock()
	server.CloseClientConnections()
	if _, body := f.get("/", nil); body != "ok" {
		t.Error(body)
	}
	for range 5 {
		if _, body := f.do("POST", "/", nil, nil); body != "ok" {
			t.Error(body)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(from) < 7 {
		t.Errorf("POSTs came by a kept connection: %v", from)
	}
}

// TestKeptConnectionThatFails has an application that answers the first request of each connection only. One request finds that
// out; it is not sent again, since what it has done is not known. The others have connections of their own from there on.
func TestKeptConnectionThatFails(t *testing.T) {
	t.Parallel()
	if !proxy.KeepsConnections {
		t.Skip("no connections are kept on this system")
	}
	var asked atomic.Int32
	var mu sync.Mutex
	seen := map[string]bool{}
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		again := seen[r.RemoteAddr]
		seen[r.RemoteAddr] = true
		mu.Unlock()
		asked.Add(1)
		if again {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, "ok")
	})
	f := start(t, proxy.Options{}, nil)
	b := proxy.NewBackend(app, 1)
	defer b.Close()
	f.Switch(b)
	answered := 0
	for range 10 {
		if f.dial().asks("GET", "/") != "" {
			answered++
		}
	}
	if n := asked.Load(); n != 10 || answered != 9 {
		t.Errorf("the application was asked %d times for 10 requests, of which %d were answered", n, answered)
	}
}

// TestHandlerThatPanics makes sure that a request arrives once which the application breaks off without an answer, though it came
// by a connection that was kept.
func TestHandlerThatPanics(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/boom" {
					asked.Add(1)
					panic("boom")
				}
				fmt.Fprint(w, "ok")
			})
			if _, body := f.get("/", nil); body != "ok" {
				t.Fatal(body)
			}
			if proxy.KeepsConnections {
				eventually(t, "the connection is kept", func() bool { return f.app.Idle() == 1 })
			}
			if answer := f.dial().asks(method, "/boom"); answer != "" {
				t.Errorf("an answer: %q", answer)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("the application was asked %d times", n)
			}
			if _, body := f.get("/", nil); body != "ok" {
				t.Error(body)
			}
		})
	}
}

// TestKeptConnectionThatIsClosed has an application that says on a connection without a request that it closes it, as some do,
// or closes it without a word.
func TestKeptConnectionThatIsClosed(t *testing.T) {
	t.Parallel()
	for name, words := range map[string]string{"silently": "", "with words": "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"+words)
					}
					_ = c.Close()
				}
			}()
			f := start(t, proxy.Options{}, nil)
			b := proxy.NewBackend(l.Addr().String(), 1)
			defer b.Close()
			f.Switch(b)
			for range 100 {
				if _, body := f.get("/", nil); body != "ok" {
					t.Fatal(body)
				}
			}
		})
	}
}
