package debugapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.org/microblog/fault/internal/devtool/overlay"
)

// page answers a browser. It shows what the application's address shows, too, and nothing that needs the PIN.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	d := overlay.DebugPage{Applications: s.applications(r)}
	id, one := strings.CutPrefix(r.URL.Path, "/failures/")
	if !one {
		s.options.Pages.Debugger(w, r, nil, d)
		return
	}
	s.mu.Lock()
	e := s.find(id)
	if e != nil && s.sameOriginOrApp(r) && s.pin.isKnown(s.cookie(r)) {
		s.attach(e) // somebody is about to look
	}
	var shown *overlay.Failure
	if e != nil {
		shown = e.shownNow()
	}
	s.mu.Unlock()
	if e == nil {
		http.Error(w, noFailure().text+"\n\nWhat is kept is at "+s.url, http.StatusNotFound)
		return
	}
	if s.options.Tools.Explain != nil {
		for _, x := range s.explanations(shown, topCall(shown), nil) { // It says no more than the page: no values.
			d.Explanations = append(d.Explanations, overlay.Explanation{Title: x.Title, Text: x.Text, Try: x.Try})
		}
	}
	s.options.Pages.Debugger(w, r, shown, d)
}

// sameOriginOrApp tells whether a page load was begun by the developer, or by a page of this machine's.
func (s *Server) sameOriginOrApp(r *http.Request) bool {
	return one(r.Header["Sec-Fetch-Site"]) != "cross-site"
}

// api answers a program, the page's script among them.
func (s *Server) api(w http.ResponseWriter, r *http.Request) error {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "session" && len(parts) == 1 && r.Method == http.MethodPost {
		return s.postSession(w, r)
	}
	if !known(parts) {
		return noPath(r)
	}
	if r.Method == http.MethodOptions || !isRead(r) && r.Method != http.MethodPost {
		return wrongMethod(w, r, methods(parts))
	}
	if allowed := methods(parts); isRead(r) != strings.HasPrefix(allowed, "GET") && parts[0] != "session" {
		return wrongMethod(w, r, allowed)
	}
	if !s.pin.valid(bearer(r)) {
		w.Header().Set("Www-Authenticate", `Bearer realm="fault run debugger"`)
		return &refusal{http.StatusUnauthorized, "token", "This needs a token, and no valid one was sent.", "POST the PIN to /session: fault run has printed it, and shows it again when d is pressed there."}
	}
	switch {
	case parts[0] == "session":
		s.mu.Lock()
		attached := s.attachedNow()
		s.mu.Unlock()
		writeJSON(w, http.StatusOK, map[string]any{"keep": s.options.Keep, "attached": attached, "app": s.options.App})
		return nil
	case len(parts) == 1:
		return s.getFailures(w, r)
	}
	s.mu.Lock()
	e := s.find(parts[1])
	s.mu.Unlock()
	if e == nil {
		return noFailure()
	}
	if len(parts) == 2 {
		return s.getFailure(w, r, e)
	}
	switch parts[2] {
	case "frames":
		return s.getVariables(w, r, e, parts[3])
	case "variables":
		return s.getChildren(w, r, e, parts[3])
	case "evaluate":
		return s.postEvaluate(w, r, e)
	case "complete":
		return s.postComplete(w, r, e)
	case "goroutines":
		return s.getGoroutines(w, r, e)
	case "environment":
		return s.getEnvironment(w, r, e)
	case "attach", "pin", "unpin", "drop":
		return s.postChange(w, r, e, parts[2])
	case "replay":
		return s.postReplay(w, r, e)
	}
	return s.getCopy(w, r, e, parts[2])
}

// actions are what can be had of a failure, and how.
var actions = map[string]string{
	"evaluate": "POST", "complete": "POST", "attach": "POST", "pin": "POST", "unpin": "POST", "drop": "POST", "replay": "POST",
	"goroutines": "GET, HEAD", "environment": "GET, HEAD", "markdown": "GET, HEAD", "text": "GET, HEAD", "curl": "GET, HEAD", "test": "GET, HEAD",
}

// known tells whether there is something at a path.
func known(parts []string) bool {
	switch len(parts) {
	case 1:
		return parts[0] == "session" || parts[0] == "failures"
	case 2:
		return parts[0] == "failures"
	case 3:
		return parts[0] == "failures" && actions[parts[2]] != ""
	case 4:
		return parts[0] == "failures" && parts[2] == "variables"
	case 5:
		return parts[0] == "failures" && parts[2] == "frames" && parts[4] == "variables"
	}
	return false
}

// methods are those that a path allows.
func methods(parts []string) string {
	switch {
	case parts[0] == "session":
		return "GET, HEAD, POST"
	case len(parts) == 3:
		return actions[parts[2]]
	}
	return "GET, HEAD"
}

func bearer(r *http.Request) string {
	kind, token, ok := strings.Cut(one(r.Header["Authorization"]), " ")
	if !ok || !strings.EqualFold(kind, "Bearer") || len(token) > 200 {
		return ""
	}
	return token
}

// number reads a parameter that is a whole number.
func number(q url.Values, name string, otherwise, least, most int64) (int64, error) {
	given, ok := q[name]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(given[0], 10, 64)
	if err != nil || len(given) > 1 || n < least || n > most {
		return 0, badRequest("The parameter %s must be one whole number from %d to %d", name, least, most)
	}
	return n, nil
}
