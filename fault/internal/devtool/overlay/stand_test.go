package overlay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

// stand is an application behind `fault run`, as far as a tab sees it.
type stand struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	version int
	run     string
	problem *problem.Problem
	aside   bool
	hold    bool // page loads are answered with the problem
	styles  map[string]string
	policy  string
	method  string // what the script is told
	tabs    map[*websocket.Conn]bool
	begun   int // connections
	put     []string
	failing *overlay.Failure
	old     bool // pages are those of version 1
	loads   int  // of the page
}

func newStand(t *testing.T) *stand {
	s := &stand{t: t, version: 1, run: "first", tabs: map[*websocket.Conn]bool{}, styles: map[string]string{"/style.css": "h1 { color: rgb(1, 1, 1) }"}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /{name}", s.style)
	mux.HandleFunc("GET /outer", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!DOCTYPE html><html><head>%s<title>outer</title></head><body><h1>Outer</h1><iframe src="/"></iframe></body></html>`, s.script())
	})
	mux.HandleFunc("GET /elsewhere", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "<!DOCTYPE html><p>Elsewhere") })
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!DOCTYPE html><html><head>%s</head><body><h1>It began</h1><script src="/.fault/client.js?failure=ABC"></script>`, s.script())
	})
	mux.HandleFunc("GET /.fault/events", s.events)
	mux.HandleFunc("GET /.fault/problem", func(w http.ResponseWriter, r *http.Request) {
		overlay.Problem(w, r, s.now(), r.URL.Query().Get("to"), r.URL.Query().Get("framed") != "")
	})
	mux.HandleFunc("GET /.fault/failures/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		f := s.failing
		s.mu.Unlock()
		if f == nil {
			f = failed(t)
		}
		overlay.WriteFailure(w, r, f, 500, true)
	})
	mux.HandleFunc("POST /.fault/dismiss", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.put = append(s.put, r.PostFormValue("id"))
	})
	mux.HandleFunc("GET /.fault/{name}", func(w http.ResponseWriter, r *http.Request) {
		content, kind, ok := overlay.Asset(r.PathValue("name"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content)
	})
	server := httptest.NewServer(mux)
	s.url = server.URL
	t.Cleanup(func() {
		s.drop()
		server.Close()
	})
	return s
}

func (s *stand) now() *problem.Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}

func (s *stand) script() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	version := s.version
	if s.old {
		version = 1
	}
	return fmt.Sprintf(`<script src="/.fault/client.js?g=%d&amp;r=%s%s"></script>`, version, s.run, s.method)
}

func (s *stand) page(w http.ResponseWriter, r *http.Request) {
	script := s.script()
	s.mu.Lock()
	s.loads++
	hold, p, version, policy, failing := s.hold, s.problem, s.version, s.policy, s.failing
	s.mu.Unlock()
	switch {
	case hold && p != nil:
		overlay.Problem(w, r, p, r.URL.RequestURI(), false)
		return
	case failing != nil:
		overlay.WriteFailure(w, r, failing, 500, false)
		return
	}
	if policy != "" {
		w.Header().Set("Content-Security-Policy", policy)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><head>%s<title>The application</title><link rel="stylesheet" href="/style.css"></head>
<body><h1>Version %d</h1><form><input id="name" value="as it was"><textarea id="text"></textarea><input type="checkbox" id="box"><select id="choice"><option>a<option>b</select></form>
<div id="rich" contenteditable="true"></div><p id="deep">Deep</p><script src="/tall.js"></script></body></html>`, script, version)
}

// style serves what a page consists of, by its path.
func (s *stand) style(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	content, ok := s.styles[r.URL.Path]
	s.mu.Unlock()
	switch {
	case r.URL.Path == "/tall.js":
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, `document.getElementById("deep").style.marginTop = "3000px"`)
	case !ok:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", "text/css")
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = io.WriteString(w, content)
	}
}

func (s *stand) events(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it is no tab
	}
	s.mu.Lock()
	s.begun++
	s.tabs[c] = true
	s.send(c, overlay.Event{Type: overlay.Hello, Run: s.run, Generation: s.version, Problem: overlay.EventOf(s.problem, s.aside)})
	s.mu.Unlock()
	<-c.CloseRead(context.Background()).Done()
	s.mu.Lock()
	delete(s.tabs, c)
	s.mu.Unlock()
	_ = c.CloseNow() // it is closed
}

// send is called with s.mu held.
func (s *stand) send(c *websocket.Conn, e overlay.Event) {
	text, err := json.Marshal(e)
	if err != nil {
		s.t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = c.Write(ctx, websocket.MessageText, text) // the tab may be gone
}

// set changes something under the lock.
func (s *stand) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// tell sends an event to all tabs.
func (s *stand) tell(e overlay.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.tabs {
		s.send(c, e)
	}
}

// drop ends all connections, as when `fault run` ends.
func (s *stand) drop() {
	s.mu.Lock()
	tabs := s.tabs
	s.tabs = map[*websocket.Conn]bool{}
	s.mu.Unlock()
	for c := range tabs {
		_ = c.CloseNow() // it may be gone
	}
}

// wait waits until something is true under the lock.
func (s *stand) wait(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		ok := is()
		s.mu.Unlock()
		if ok {
			return
		}
	}
	s.t.Fatalf("never: %s", what)
}

// connected waits for so many tabs.
func (s *stand) connected(n int) {
	s.t.Helper()
	s.wait(fmt.Sprintf("%d connections", n), func() bool { return len(s.tabs) == n })
}

// next serves a new version and tells the tabs.
func (s *stand) next() {
	s.set(func() { s.version++ })
	s.mu.Lock()
	e := overlay.Event{Type: overlay.Reload, Generation: s.version}
	s.mu.Unlock()
	s.tell(e)
}

// trouble shows a problem; nil is that it is mended.
func (s *stand) trouble(p *problem.Problem) {
	s.set(func() { s.problem = p })
	if p == nil {
		s.tell(overlay.Event{Type: overlay.Mended})
		return
	}
	s.tell(overlay.Event{Type: overlay.ProblemShown, Problem: overlay.EventOf(p, false)})
}
