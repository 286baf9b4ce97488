// Package proxy is the server in front of the application under `fault run`: it holds the public address for the
// whole time, forwards every request to the version that serves, and shows what keeps the newest one from serving.
//
// No request is refused while versions are exchanged: each one takes its backend under a lock, and one that finds none
// waits. What a developer sees beside the application is below [overlay.Prefix], and only for requests that this
// developer has made; everybody else gets the application's own answers.
package proxy

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

// Defaults of the Options.
const (
	DefaultWait     = 30 * time.Second
	DefaultPageWait = 3 * time.Second
)

const (
	maxWaiting  = 2000 // requests that wait at the same time; further ones are told to come again
	maxTabs     = 200
	maxFailures = 50
	maxAnswer   = 1 << 20 // bytes of the application's own answer to a failed request
)

// Options of a Server. The zero value is useful.
type Options struct {
	// Hosts are further names by which the developer calls the application, without port. The names and addresses
	// of the loopback interface need not be given.
	Hosts []string
	// Exposed says that other machines may see what the developer sees. Then any IP address will do as a host,
	// but no further name: those can be made to point here by others.
	Exposed bool

	Wait     time.Duration // a request waits at most so long for a version that serves; 0 is DefaultWait
	PageWait time.Duration // and a page load, which then is told so; 0 is DefaultPageWait

	Package string // what is run, for the overview
	Mailbox string // URL, for the overview; "" is none

	Pages Pages // what a developer is shown; the zero value is package overlay
}

// Server forwards requests. It is an http.Handler for an http.Server; its methods may be called from several
// goroutines.
type Server struct {
	options Options
	run     string // differs for each Server, so that tabs know
	forward *forwarder
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc

	mu      sync.Mutex
	current *Backend         // nil: requests wait
	problem *problem.Problem // nil: none
	doing   string
	changed chan struct{} // closed and replaced whenever one of the above changes
	// edition counts what pages can look like: versions, and changes that need none. told says that tabs know.
	edition int
	told    bool

	exchanges map[string]*exchange // by the name that the application is told
	waiting   int
	waited    int // since the last Switch
	tabs      map[*tab]struct{}
	failures  []*failed // newest first
	closed    bool
}

// New returns a Server without a backend: requests wait.
func New(o Options) *Server {
	if o.Wait <= 0 {
		o.Wait = DefaultWait
	}
	if o.PageWait <= 0 {
		o.PageWait = DefaultPageWait
	}
	o.PageWait = min(o.PageWait, o.Wait)
	o.Pages = o.Pages.complete()
	s := &Server{
		options: o, run: rand.Text()[:12], changed: make(chan struct{}),
		exchanges: map[string]*exchange{}, tabs: map[*tab]struct{}{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.forward = newForwarder(s)
	return s
}

// Close ends what would go on for ever: tabs' connections, streams and requests that wait. It does not wait for the
// handlers; the http.Server's Close afterwards ends their connections.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.cancel()
	s.notify()
	running := make([]*exchange, 0, len(s.exchanges))
	for _, x := range s.exchanges {
		running = append(running, x)
	}
	s.mu.Unlock()
	for _, x := range running {
		x.endStream()
	}
}

// notify wakes up whoever waits for a change. s.mu is held.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Switch makes b the backend for all requests from here on. Those that run stay where they are; Drain the old one
// for them. It returns how many requests have had to wait since the last Switch. Tabs are not told: see Reload.
func (s *Server) Switch(b *Backend) (waited int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waited, s.waited = s.waited, 0
	if b != s.current {
		s.current = b
		s.edition++
		s.told = false
	}
	s.notify()
	return waited
}

// Down says that there is no backend: requests wait from here on.
func (s *Server) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
	s.notify()
}

// Crashed says that the process behind b has ended by itself, for the reason p. Requests that it was busy with are
// answered with p. If it served, requests wait from here on: again says that it is started again, and then p
// withholds nothing; otherwise p answers them at once.
func (s *Server) Crashed(b *Backend, p *problem.Problem, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.setCrash(p)
	if s.current == b {
		s.current = nil
	}
	shown := *p
	shown.Newest = again
	s.setProblem(&shown)
}

// Ended says that the process behind b, which does not serve any more, has ended by itself, for the reason p: requests that it was
// busy with are answered with p.
func (s *Server) Ended(b *Backend, p *problem.Problem) { b.setCrash(p) }

// SetProblem shows a problem, in the place of an earlier one; nil is that there is none. It is not changed afterwards.
func (s *Server) SetProblem(p *problem.Problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setProblem(p)
}

// setProblem is SetProblem with s.mu held.
func (s *Server) setProblem(p *problem.Problem) {
	before := s.problem
	s.problem = p
	s.notify()
	switch {
	case p == nil && before != nil:
		s.tell(overlay.Event{Type: overlay.Mended})
	case p != nil && (before == nil || before.ID != p.ID || before.Served != p.Served || before.Newest != p.Newest || before.Debugger != p.Debugger):
		s.tellProblem(p)
	}
}

// SetDoing says what is done at the moment, for people: "building ./cmd/microblog"; "" is nothing.
func (s *Server) SetDoing(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doing == text {
		return
	}
	s.doing = text
	s.notify()
	s.tell(overlay.Event{Type: overlay.Doing, Doing: text})
}

// Reload tells the tabs to load their pages again: a new backend serves, or a template has changed.
func (s *Server) Reload() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told {
		s.edition++
	}
	s.told = true
	s.tell(overlay.Event{Type: overlay.Reload, Generation: s.edition})
}

// Styles tells the tabs that these stylesheets have changed and can be exchanged in the pages.
func (s *Server) Styles(files []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(overlay.Event{Type: overlay.Style, Files: files})
}
