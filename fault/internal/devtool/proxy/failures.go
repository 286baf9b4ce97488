package proxy

import (
	"net/http"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/overlay"
)

// failed is a failure that is kept.
type failed struct {
	shown  *overlay.Failure // replaced, never changed
	answer *ownAnswer       // nil: none was kept
	seen   chan struct{}    // has something once its page was asked for
}

// ownAnswer is what a visitor would have got.
type ownAnswer struct {
	status int
	header http.Header
	body   []byte
}

// id is the failure's, in addresses.
func (f *failed) id() string { return f.shown.ID.Full() }

// Failed notes a failure of the application. request is what the header [devlink.RequestHeader] named the request, "" outside of one. If
// its answer has not begun, the developer is shown the failure in its place; so the application has to wait with it until Failed has returned.
func (s *Server) Failed(request string, f *overlay.Failure) {
	if f == nil || f.Failure == nil {
		return
	}
	kept := &failed{shown: f, seen: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.exchanges[request]
	if f.Generation == 0 && x != nil && x.backend != nil {
		shown := *f
		shown.Generation = x.backend.generation
		kept.shown = &shown
	}
	s.keep(kept)
	shows := false // the answer itself
	if x != nil && (x.failure == nil || x.failure.shown.Reported) {
		x.failure = kept
		shows = x.load && x.trusted && !x.answered && !f.Reported && !f.Begun
	}
	if !shows {
		s.tell(overlay.Event{Type: overlay.FailureNoted, ID: kept.id(), Title: title(f.Failure)})
	}
}

// Keep keeps what is known of the end of a process with the failures. Tabs are told of that as of a problem.
func (s *Server) Keep(f *overlay.Failure) {
	if f == nil || f.Failure == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(&failed{shown: f, seen: make(chan struct{}, 1)})
}

// keep puts a failure at the head of those that are kept. s.mu is held.
func (s *Server) keep(f *failed) {
	s.failures = append([]*failed{f}, s.failures[:min(len(s.failures), maxFailures-1)]...)
}

// title says what failed, in a line.
func title(f *fault.Failure) string {
	const most = 200
	text, _, _ := strings.Cut(f.Message, "\n")
	if r := f.Request; r != nil && r.Method != "" {
		path, _, _ := strings.Cut(r.URL, "?")
		text = r.Method + " " + path + ": " + text
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// find returns the newest failure whose ID begins so, nil if there is none.
func (s *Server) find(id string) (shown *overlay.Failure, answer *ownAnswer) {
	prefix, err := fault.ParseIDPrefix(id)
	if err != nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.failures {
		if f.shown.ID.HasPrefix(prefix) {
			select {
			case f.seen <- struct{}{}:
			default:
			}
			return f.shown, f.answer
		}
	}
	return nil, nil
}

// write answers with what a visitor would have got. Nothing of it runs.
func (a *ownAnswer) write(w http.ResponseWriter) {
	h := w.Header()
	for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language"} {
		if values := a.header[name]; values != nil {
			h[name] = values
		}
	}
	h.Set("Content-Security-Policy", "sandbox; script-src 'none'; form-action 'none'; frame-ancestors 'self'")
	h.Del("Cross-Origin-Embedder-Policy") // in a sandbox the application's stylesheets and pictures are another site's
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // whoever does not get it is gone
}
