package proxy

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

const (
	tabBacklog = 32 // events that a tab may be behind; then it has to connect again
	tabWrite   = 10 * time.Second
	tabPing    = 30 * time.Second
)

// tab is a page in a browser that is connected.
type tab struct {
	events chan []byte
	lost   chan struct{} // closed when the tab is too far behind
	aside  string        // the problem that its browser had put aside
}

// events tells a tab what happens, until it goes.
func (s *Server) events(w http.ResponseWriter, x *exchange) {
	r := x.request
	if s.tabsFull() {
		http.Error(w, "fault run: too many tabs are connected.", http.StatusServiceUnavailable)
		return
	}
	// Who may do this is decided already, more strictly than by the library.
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // it has answered
	}
	defer func() { _ = c.CloseNow() }() // whatever comes of it, the tab is gone
	t := s.join(x.aside)
	defer s.part(t)
	ctx := c.CloseRead(s.ctx)
	ping := time.NewTicker(tabPing)
	defer ping.Stop()
	for {
		select {
		case event := <-t.events:
			if send(ctx, func(ctx context.Context) error { return c.Write(ctx, websocket.MessageText, event) }) != nil {
				return
			}
		case <-ping.C:
			if send(ctx, c.Ping) != nil {
				return
			}
		case <-t.lost:
			return
		case <-ctx.Done():
			return
		}
	}
}

func send(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, tabWrite)
	defer cancel()
	return f(ctx)
}

func (s *Server) tabsFull() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tabs) >= maxTabs
}

// join adds a tab and tells it how things are. What happens from here on it is told, too.
func (s *Server) join(aside string) *tab {
	t := &tab{events: make(chan []byte, tabBacklog), lost: make(chan struct{}), aside: aside}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := overlay.Event{Type: overlay.Hello, Run: s.run, Doing: s.doing}
	if s.current != nil {
		e.Generation = s.edition
	}
	if s.problem != nil {
		e.Problem = s.problemEvent(s.problem, t)
		if s.problem.Kind == problem.Crash && e.Problem.Newest && e.Problem.Served {
			e.Problem.Aside = true // it is over: who comes later gets a note
		}
	}
	s.tabs[t] = struct{}{}
	s.tellOne(t, e)
	return t
}

func (s *Server) part(t *tab) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tabs, t)
}

func (s *Server) problemEvent(p *problem.Problem, t *tab) *overlay.ProblemEvent {
	return overlay.EventOf(served(p, s.current != nil), t.aside == p.ID)
}

// tellProblem tells the tabs of a problem. s.mu is held.
func (s *Server) tellProblem(p *problem.Problem) {
	for t := range s.tabs {
		s.tellOne(t, overlay.Event{Type: overlay.ProblemShown, Problem: s.problemEvent(p, t)})
	}
}

// tell tells all tabs. s.mu is held.
func (s *Server) tell(e overlay.Event) {
	for t := range s.tabs {
		s.tellOne(t, e)
	}
}

func (s *Server) tellOne(t *tab, e overlay.Event) {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // it holds nothing that cannot be marshalled
	}
	select {
	case t.events <- text:
	default:
		delete(s.tabs, t)
		close(t.lost)
	}
}
