package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"example.org/microblog/fault/internal/devtool/overlay"
)

// protect sets what all answers of ours have in common: nothing of another site may look at them, and nothing is kept.
func protect(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp") // or no page that has it could show ours in a frame
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "SAMEORIGIN")
}

// own answers a trusted request below overlay.Prefix. It returns false if it is none of ours, and the application's turn.
func (s *Server) own(w http.ResponseWriter, x *exchange, name string) bool {
	r := x.request
	protect(w.Header())
	if name == "dismiss" {
		s.dismiss(w, x)
		return true
	}
	if !isRead(r) {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "fault run: there is nothing that could be sent here.", http.StatusMethodNotAllowed)
		return true
	}
	switch name {
	case "":
		s.options.Pages.Overview(w, r, s.overview())
	case "events":
		if !sameOrigin(r) {
			refuse(w)
			return true
		}
		s.events(w, x)
	case "problem":
		s.ownProblem(w, r)
	case "last-good":
		s.lastGood(w, r)
	default:
		if id, ok := strings.CutPrefix(name, "failures/"); ok {
			s.ownFailure(w, r, id)
		} else if !s.asset(w, r, name) {
			http.Error(w, "fault run: there is nothing here. The overview is at "+overlay.Prefix+".", http.StatusNotFound)
		}
	}
	return true
}

func refuse(w http.ResponseWriter) {
	http.Error(w, "fault run: this request was sent from another site, so nothing was done.", http.StatusForbidden)
}

func (s *Server) asset(w http.ResponseWriter, r *http.Request, name string) bool {
	content, kind, ok := s.options.Pages.Asset(name)
	if !ok {
		return false
	}
	sum := sha256.Sum256(content)
	h := w.Header()
	h.Set("Cache-Control", "no-cache") // it is asked for again, and is there already
	h.Set("Content-Type", kind)
	h.Set("Etag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	return true
}

func (s *Server) overview() overlay.Overview {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := overlay.Overview{Package: s.options.Package, Mailbox: s.options.Mailbox, Doing: s.doing, Problem: s.problem}
	if s.current != nil {
		o.Generation = s.current.generation
	}
	if o.Problem != nil {
		o.Problem = served(o.Problem, s.current != nil)
	}
	for _, f := range s.failures {
		o.Failures = append(o.Failures, f.shown)
	}
	return o
}

// ownProblem shows the problem at its own address.
func (s *Server) ownProblem(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.problem
	if p != nil {
		p = served(p, s.current != nil)
	}
	s.mu.Unlock()
	query := r.URL.Query()
	s.options.Pages.Problem(w, r, p, localPath(query.Get("to")), query.Get("framed") == "1")
}

// lastGood lets the page loads of this browser go on with the last good version, until the problem is another one.
func (s *Server) lastGood(w http.ResponseWriter, r *http.Request) {
	if !sameOrigin(r) {
		refuse(w)
		return
	}
	if p := s.problemNow(); p != "" {
		setAside(w, p)
	}
	w.Header().Set("Location", localPath(r.URL.Query().Get("to")))
	w.WriteHeader(http.StatusSeeOther)
}

// problemNow is the problem's ID, "" if there is none.
func (s *Server) problemNow() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem == nil {
		return ""
	}
	return s.problem.ID
}

// dismiss puts the problem aside that the form names.
func (s *Server) dismiss(w http.ResponseWriter, x *exchange) {
	r := x.request
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		http.Error(w, "fault run: a problem is put aside by POST.", http.StatusMethodNotAllowed)
		return
	case !sameOrigin(r):
		refuse(w)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	id := r.PostFormValue("id")
	if id == "" {
		http.Error(w, "fault run: the form field id says which problem is meant; it is missing.", http.StatusBadRequest)
		return
	}
	if id == s.problemNow() {
		setAside(w, id)
	}
	w.WriteHeader(http.StatusNoContent)
}

// ownFailure shows a failure at its own address, or the answer that a visitor would have got.
func (s *Server) ownFailure(w http.ResponseWriter, r *http.Request, name string) {
	id, wantsAnswer := strings.CutSuffix(name, "/answer")
	f, answer := s.find(id)
	switch {
	case f == nil:
		http.Error(w, "fault run: there is no such failure, or it was too long ago: the newest ones are at "+overlay.Prefix+".", http.StatusNotFound)
	case !wantsAnswer:
		status := f.Status
		if status < 400 || status > 599 {
			status = http.StatusInternalServerError
		}
		s.options.Pages.Failure(w, r, f, status, true)
	case answer == nil:
		http.Error(w, "fault run: the application's own answer was not kept.", http.StatusNotFound)
	default:
		answer.write(w)
	}
}
