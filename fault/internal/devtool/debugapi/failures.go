package debugapi

import (
	"fmt"
	"math"
	"net/http"
)

func (s *Server) getFailures(w http.ResponseWriter, r *http.Request) error {
	after, err := number(r.URL.Query(), "after", -1, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	if after >= 0 {
		s.await(r.Context(), after, func() (int64, <-chan struct{}) { return s.revision, s.changed })
	}
	s.mu.Lock()
	d := s.listDocument()
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, d)
	return nil
}

func (s *Server) getFailure(w http.ResponseWriter, r *http.Request, e *entry) error {
	q := r.URL.Query()
	after, err := number(q, "after", -1, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	switch {
	case after >= 0: // only looks: failures that are looked at in more tabs than there are debuggers would else take them from one another for ever
		s.watch(e, 1)
		s.await(r.Context(), after, func() (int64, <-chan struct{}) { return e.revision, e.changed })
		s.watch(e, -1)
	case q.Get("attach") != "no":
		s.mu.Lock()
		s.attach(e)
		s.mu.Unlock()
	}
	s.explainPlainly(e)
	s.mu.Lock()
	gone := e.gone
	d := s.failureDocument(e)
	s.mu.Unlock()
	if gone {
		return noFailure()
	}
	writeJSON(w, http.StatusOK, d)
	return nil
}

// explainPlainly explains a failure without its values, once.
func (s *Server) explainPlainly(e *entry) {
	s.mu.Lock()
	explained := e.explained || s.options.Tools.Explain == nil
	e.explained = true
	s.mu.Unlock()
	if explained {
		return
	}
	shown := s.shown(e)
	all := s.explanations(shown, topCall(shown), nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.explanations == nil && len(all) > 0 {
		e.explanations = all
		e.mark(e.byNumber(topCall(shown)), all)
		s.touch(e) // Others may have been answered meanwhile.
	}
}

// watch counts those who wait for something new of a failure.
func (s *Server) watch(e *entry, more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.watching += more
	s.noteUse(e)
}

// postChange pins, unpins or drops a failure, or attaches its debugger once more.
func (s *Server) postChange(w http.ResponseWriter, r *http.Request, e *entry, what string) error {
	var body struct{}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.gone {
		return noFailure()
	}
	switch what {
	case "attach":
		if e.state == Unavailable && !e.noCopy {
			e.state, e.why = Idle, nil
		}
		s.attach(e)
	case "pin":
		if !s.setPinned(e, true) {
			return &refusal{http.StatusConflict, "pins", fmt.Sprintf("%d failures are pinned already, so there would be no room for a new one.", s.pinnedMost()), "Unpin or drop another one."}
		}
	case "unpin":
		s.setPinned(e, false)
	case "drop":
		s.remove(e)
		s.listChanged()
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": e.id, "pinned": e.pinned, "state": e.state, "revision": s.revision})
	return nil
}
