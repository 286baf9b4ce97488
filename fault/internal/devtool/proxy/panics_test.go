package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/proxy"
)

// panics is an application without a catcher. What it logs about its panics, it tells itself.
type panics struct {
	f     *fixture
	asked atomic.Int64
	told  chan string // what became of each panic
	hold  chan struct{}
}

func startPanics(t *testing.T) *panics {
	p := &panics{told: make(chan string, 50), hold: make(chan struct{})}
	p.f = start(t, proxy.Options{}, nil)
	p.f.serve(p.serve)
	return p
}

func (p *panics) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/well":
		fmt.Fprint(w, "well")
		return
	case "/abort":
		panic(http.ErrAbortHandler)
	case "/begun":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><head></head><body><p>half")
		_ = http.NewResponseController(w).Flush()
	case "/late":
		w.Header().Set("Content-Length", "4")
		fmt.Fprint(w, "late")
		_ = http.NewResponseController(w).Flush()
		<-p.hold
	default:
		p.asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
	}
	panicked := p.f.app.Panicked(r.RemoteAddr)
	if panicked == nil {
		p.told <- "of no request"
		panic(http.ErrAbortHandler)
	}
	if p.f.app.Panicked(r.RemoteAddr) != nil || p.f.app.Panicked("127.0.0.1:1") != nil {
		p.told <- "told twice"
	}
	go p.tell(panicked) // as its output is read: later
	panic(http.ErrAbortHandler)
}

func (p *panics) tell(panicked *proxy.Panic) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	begun, ok := panicked.Await(ctx)
	if !ok {
		panicked.Forget()
		p.told <- "of another request"
		return
	}
	time.Sleep(300 * time.Millisecond) // longer than one that is told of nothing waits
	body, whole := panicked.Body()
	f := aFailure("it panicked")
	f.Begun = begun
	p.f.Server.Panicked(panicked, f)
	p.told <- fmt.Sprintf("%s %s begun=%t body=%d %t", panicked.Request().Method, panicked.Request().URL, begun, len(body), whole)
}

func TestPanicIsShown(t *testing.T) {
	t.Parallel()
	p := startPanics(t)
	const shown = `FAILURE it panicked answer="" generation=0 SOURCE`
	form := "application/x-www-form-urlencoded"
	for _, test := range []struct {
		name, method, path, body string
		header                   map[string]string
		told                     string
	}{
		{"a page", "GET", "/", "", navigation, "GET / begun=false body=0 true"},
		{"curl", "GET", "/?a=b", "", nil, "GET /?a=b begun=false body=0 true"},
		{"a fetch", "GET", "/", "", fetch, "GET / begun=false body=0 true"},
		{"a form", "POST", "/", "a=b&c=d", map[string]string{"Content-Type": form}, "POST / begun=false body=7 true"},
		{"a long form", "POST", "/", "a=" + strings.Repeat("x", 100_000), map[string]string{"Content-Type": form}, "POST / begun=false body=65536 false"},
		{"JSON", "POST", "/", `{"a": 1}`, map[string]string{"Content-Type": "application/json"}, "POST / begun=false body=8 true"},
		{"something else", "POST", "/", `{"a": 1}`, map[string]string{"Content-Type": "application/octet-stream"}, "POST / begun=false body=0 true"},
	} {
		before := p.asked.Load()
		res, body := p.f.do(test.method, test.path, strings.NewReader(test.body), test.header)
		if res.StatusCode != http.StatusInternalServerError || body != shown || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s %v %q", test.name, res.Status, res.Header, body)
		}
		if told := <-p.told; told != test.told {
			t.Errorf("%s is told as %q", test.name, told)
		}
		if n := p.asked.Load() - before; n != 1 {
			t.Errorf("%s was asked for %d times", test.name, n)
		}
	}
	for name, header := range map[string]map[string]string{"another name": {"Host": "evil.example"}, "another site": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}} {
		if body, err := p.ask("/", header); err == nil {
			t.Errorf("%s: %q", name, body)
		}
		if told := <-p.told; told != "GET / begun=false body=0 true" {
			t.Errorf("%s is told as %q", name, told)
		}
	}
	if body, err := p.ask("/abort", nil); err == nil {
		t.Errorf("what is broken off on purpose: %q", body)
	}
	if body, err := p.ask("/begun", nil); err == nil || strings.Contains(body, "FAILURE") {
		t.Errorf("%v, %q", err, body)
	}
	if told := <-p.told; told != "GET /begun begun=true body=0 true" {
		t.Errorf("told as %q", told)
	}
	// A handler whose answer is complete is told of when its request is over.
	if _, body := p.f.get("/late", nil); body != "late" {
		t.Errorf("%q", body)
	}
	for end := time.Now().Add(patience); p.f.app.Running() != 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	close(p.hold)
	if told := <-p.told; told != "GET /late begun=true body=0 true" {
		t.Errorf("told as %q", told)
	}
	if _, body := p.f.get(overlay.Prefix, nil); !strings.Contains(body, "failures=11") {
		t.Errorf("%q", body)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if res, body := p.f.get("/well", nil); res.StatusCode != http.StatusOK || body != "well" {
				t.Errorf("%s %q", res.Status, body)
			}
		})
		all.Go(func() {
			if res, body := p.f.get("/", nil); res.StatusCode != http.StatusInternalServerError || body != shown {
				t.Errorf("%s %q", res.Status, body)
			}
		})
	}
	all.Wait()
}

// ask is get where there may be no answer.
func (p *panics) ask(path string, header map[string]string) (body string, err error) {
	r, err := http.NewRequest(http.MethodGet, "http://"+p.f.address()+path, nil)
	if err != nil {
		return "", err
	}
	for name, value := range header {
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// TestPanicOfTheRequestBefore: on a kept connection the handler of an answered request may still run when the next one is sent.
func TestPanicOfTheRequestBefore(t *testing.T) {
	t.Parallel()
	if !proxy.KeepsConnections {
		t.Skip("connections are not kept here")
	}
	p := startPanics(t)
	if _, body := p.f.get("/late", nil); body != "late" {
		t.Fatalf("%q", body)
	}
	got := make(chan string)
	for end := time.Now().Add(patience); p.f.app.Idle() != 1 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	go func() {
		body, err := p.ask("/well", nil)
		got <- fmt.Sprint(body, err)
	}()
	for end := time.Now().Add(patience); p.f.app.Running() != 1 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	time.Sleep(50 * time.Millisecond) // it is written
	close(p.hold)
	if told, body := <-p.told, <-got; told != "of another request" || body != "well<nil>" {
		t.Errorf("the panic is told as %q, the next request is answered %q", told, body)
	}
	if _, body := p.f.get(overlay.Prefix, nil); !strings.Contains(body, "failures=0") {
		t.Errorf("%q", body)
	}
}
