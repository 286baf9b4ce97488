package debugapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/visible"
	"example.org/microblog/fault/trace"
)

const (
	maxExpression  = 4096
	maxChildren    = 1000
	maxGoroutines  = 500
	maxCompletions = 200
	maxCommand     = 64 << 10
	maxReplayed    = 1 << 20 // bytes of a body
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
		shown = e.Failure.Failure
	}
	s.mu.Unlock()
	if e == nil {
		http.Error(w, noFailure().text+"\n\nWhat is kept is at "+s.url, http.StatusNotFound)
		return
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
	"goroutines": "GET, HEAD", "markdown": "GET, HEAD", "text": "GET, HEAD", "curl": "GET, HEAD", "test": "GET, HEAD",
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

func (s *Server) postSession(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		PIN *string `json:"pin"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if body.PIN == nil {
		return badRequest(`The member "pin" is missing`)
	}
	c := s.clientOf(r)
	a := s.pin.try(c, *body.PIN)
	switch {
	case a.wait > 0:
		seconds := int(math.Ceil(a.wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		return &refusal{http.StatusTooManyRequests, "locked", "There were too many wrong PINs from here.",
			fmt.Sprintf("Press d in the terminal of fault run, or wait %s.", waitText(seconds))}
	case !a.ok:
		if a.locked {
			s.say("debugger: ten wrong PINs from %s; it has to wait. If that was you, press d.", visible.Line(c.address))
		}
		writeRefusal(w, &refusal{http.StatusForbidden, "pin", "That is not the PIN.", "fault run has printed it, and shows it again when d is pressed there."}, map[string]any{"left": a.left})
		return nil
	}
	if a.cookie != "" {
		http.SetCookie(w, &http.Cookie{Name: s.cookieName(), Value: a.cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	writeJSON(w, http.StatusOK, map[string]any{"token": a.token})
	return nil
}

func waitText(seconds int) string {
	if seconds < 120 {
		return fmt.Sprintf("%d seconds", seconds)
	}
	return fmt.Sprintf("%d minutes", (seconds+59)/60)
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
		s.await(r.Context(), after, func() (int64, <-chan struct{}) { return e.revision, e.changed })
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
	if e.explanations == nil {
		e.explanations = all
	}
}

// frameOf finds the frame that a request names, and its index for the debugger, which is attached. s.mu is not held.
func (s *Server) frameOf(e *entry, a *attachment, n int) (f *frame, index int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.attached != a {
		return nil, 0, madeRoom()
	}
	if f = e.byNumber(n); f == nil {
		return nil, 0, noFrame(n)
	}
	if f.engine < 0 {
		return nil, 0, &refusal{http.StatusConflict, "unavailable", "The frozen copy does not have this call, so its variables are not known.", "Choose another frame."}
	}
	return f, f.engine, nil
}

func madeRoom() *refusal {
	return &refusal{http.StatusConflict, "attaching", "The debugger had to make room for another failure's.", "Ask again."}
}

func noFrame(n int) *refusal {
	return &refusal{http.StatusNotFound, "frame", fmt.Sprintf("This failure has no frame %d.", n), ""}
}

func (s *Server) getVariables(w http.ResponseWriter, r *http.Request, e *entry, n string) error {
	number, err := strconv.Atoi(n)
	if err != nil || number < 0 {
		return badRequest("%q is no number of a frame", visible.Line(shorten(n, 40)))
	}
	var f *frame
	err = s.use(r.Context(), e, func(_ context.Context, a *attachment) (err error) {
		if f, _, err = s.frameOf(e, a, number); err != nil { // those that only the debugger knows are known now
			return err
		}
		_ = s.loadFrame(e, a, f) // what went wrong is with the variables
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	d := e.variablesDocument(f)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, d)
	return nil
}

func (s *Server) getChildren(w http.ResponseWriter, r *http.Request, e *entry, name string) error {
	epoch, ref, ok := parseRef(name)
	if !ok {
		return badRequest("%q is no reference of a variable", visible.Line(shorten(name, 40)))
	}
	start, err := number(r.URL.Query(), "start", 0, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	count, err := number(r.URL.Query(), "count", 100, 1, maxChildren)
	if err != nil {
		return err
	}
	stale := &refusal{http.StatusGone, "stale", "This reference is from before the debugger was attached anew.", "Load the frame's variables again."}
	s.mu.Lock()
	is := e.state == Ready && e.epoch == epoch
	s.mu.Unlock()
	if !is {
		return stale
	}
	var (
		children []Variable
		total    int
	)
	err = s.use(r.Context(), e, func(ctx context.Context, a *attachment) (err error) {
		s.mu.Lock()
		is := e.attached == a && e.epoch == epoch
		s.mu.Unlock()
		if !is {
			return stale
		}
		children, total, err = a.session.Children(ctx, ref, int(start), int(count))
		return err
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"variables": variablesOf(children, epoch), "start": start, "total": total})
	return nil
}

func (s *Server) postEvaluate(w http.ResponseWriter, r *http.Request, e *entry) error {
	var body struct {
		Frame      *int   `json:"frame"`
		Expression string `json:"expression"`
		Call       bool   `json:"call"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	expression := strings.TrimSpace(body.Expression)
	switch {
	case body.Frame == nil:
		return badRequest(`The member "frame" is missing`)
	case expression == "":
		return badRequest(`The member "expression" is empty`)
	case len(expression) > maxExpression:
		return &refusal{http.StatusRequestEntityTooLarge, "request", fmt.Sprintf("The expression has more than %d bytes.", maxExpression), ""}
	}
	var (
		v        Variable
		took     time.Duration
		epoch    int64
		revision int64
	)
	err := s.use(r.Context(), e, func(ctx context.Context, a *attachment) error {
		_, index, err := s.frameOf(e, a, *body.Frame)
		if err != nil {
			return err
		}
		began := time.Now()
		v, err = a.session.Evaluate(ctx, index, expression, body.Call)
		took = time.Since(began)
		s.mu.Lock()
		defer s.mu.Unlock()
		if body.Call && e.attached == a { // even one that failed may have changed something
			e.calls++
			s.forget(e)
			s.touch(e)
			select {
			case a.again <- struct{}{}:
			default:
			}
		}
		epoch, revision = e.epoch, e.revision
		return err
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"result": variableOf(v, epoch), "took_ms": milliseconds(took), "called": body.Call, "revision": revision,
	})
	return nil
}

func milliseconds(d time.Duration) float64 { return math.Round(float64(d.Microseconds())) / 1000 }

func (s *Server) postComplete(w http.ResponseWriter, r *http.Request, e *entry) error {
	var body struct {
		Frame  *int   `json:"frame"`
		Text   string `json:"text"`
		Offset *int   `json:"offset"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if body.Frame == nil {
		return badRequest(`The member "frame" is missing`)
	}
	if len(body.Text) > maxExpression {
		return &refusal{http.StatusRequestEntityTooLarge, "request", fmt.Sprintf("The text has more than %d bytes.", maxExpression), ""}
	}
	offset := len(body.Text)
	if body.Offset != nil {
		var ok bool
		if offset, ok = bytesAt(body.Text, *body.Offset); !ok {
			return badRequest("The offset %d is no place in the text, counted in UTF-16 units", *body.Offset)
		}
	}
	var (
		from int
		all  []Completion
	)
	err := s.use(r.Context(), e, func(ctx context.Context, a *attachment) error {
		_, index, err := s.frameOf(e, a, *body.Frame)
		if err != nil {
			return err
		}
		from, all, err = a.session.Complete(ctx, index, body.Text, offset)
		return err
	})
	if err != nil {
		return err
	}
	type completion struct {
		Text string `json:"text"`
		Kind string `json:"kind,omitempty"`
		Type string `json:"type,omitempty"`
	}
	list := []completion{}
	for _, c := range all[:min(len(all), maxCompletions)] {
		list = append(list, completion(c))
	}
	from = max(0, min(from, offset))
	writeJSON(w, http.StatusOK, map[string]any{"from": unitsOf(body.Text[:from]), "completions": list})
	return nil
}

// bytesAt turns an offset in UTF-16 units into one in bytes.
func bytesAt(s string, units int) (int, bool) {
	at := 0
	for units > 0 && at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		units -= utf16.RuneLen(r)
		at += size
	}
	return at, units == 0
}

// unitsOf counts the UTF-16 units of a text.
func unitsOf(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

func (s *Server) getGoroutines(w http.ResponseWriter, r *http.Request, e *entry) error {
	var all []Goroutine
	err := s.use(r.Context(), e, func(ctx context.Context, a *attachment) (err error) {
		all, err = a.session.Goroutines(ctx)
		return err
	})
	if err != nil {
		return err
	}
	module := s.shown(e).Build.Module
	for i := range all {
		if g := &all[i]; !g.App && module != "" {
			g.App = isOf(module, g.Function) || isOf(module, g.Started)
		}
	}
	sortGoroutines(all)
	type goroutine struct {
		ID         int64             `json:"id"`
		State      string            `json:"state,omitempty"`
		Wait       string            `json:"wait,omitempty"`
		Function   string            `json:"function,omitempty"`
		Name       string            `json:"name,omitempty"`
		File       string            `json:"file,omitempty"`
		Short      string            `json:"short,omitempty"`
		Line       int               `json:"line,omitempty"`
		Started    string            `json:"started,omitempty"`
		Creator    string            `json:"creator,omitempty"`
		App        bool              `json:"app"`
		Failing    bool              `json:"failing,omitempty"`
		System     bool              `json:"system,omitempty"`
		Labels     map[string]string `json:"labels,omitempty"`
		Unreadable string            `json:"unreadable,omitempty"`
	}
	list := []goroutine{}
	for _, g := range all[:min(len(all), maxGoroutines)] {
		d := goroutine{
			ID: g.ID, State: g.State, Wait: g.Wait, Function: g.Function, File: g.File, Line: g.Line, Started: g.Started, Creator: g.Creator, App: g.App,
			Failing: g.Failing, System: g.System, Labels: g.Labels, Unreadable: g.Unreadable,
		}
		if g.Function != "" {
			call := trace.Frame{Function: g.Function, File: g.File, Line: g.Line}
			d.Name, d.Short = call.Name(), short(call, module)
		}
		list = append(list, d)
	}
	writeJSON(w, http.StatusOK, map[string]any{"goroutines": list, "cut": len(all) - len(list)})
	return nil
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

func (s *Server) postReplay(w http.ResponseWriter, r *http.Request, e *entry) error {
	var body struct{}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if s.options.Tools.Replay == nil {
		return unsupported("replay requests")
	}
	shown := s.shown(e)
	if shown.Request == nil || shown.Reported {
		return &refusal{http.StatusConflict, "unavailable", "This failure was not the answer to a request, so there is none to send again.", ""}
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	cookies := slices.DeleteFunc(r.Cookies(), func(c *http.Cookie) bool { return strings.HasPrefix(c.Name, cookiePrefix) })
	got, err := s.options.Tools.Replay(ctx, shown, cookies)
	if err != nil {
		return &refusal{http.StatusConflict, "unavailable", sentence("The request could not be sent again: " + err.Error()), ""}
	}
	type before struct {
		Status     int `json:"status"`
		Generation int `json:"generation,omitempty"`
	}
	type after struct {
		Status     int         `json:"status"`
		Generation int         `json:"generation,omitempty"`
		Header     http.Header `json:"header,omitempty"`
		Body       string      `json:"body"`
		Cut        bool        `json:"cut,omitempty"`
		Took       float64     `json:"took_ms"`
		Notes      []string    `json:"notes,omitempty"`
	}
	text := got.Body
	if len(text) > maxReplayed {
		text, got.Cut = text[:maxReplayed], true
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"before": before{shown.Status, shown.Generation},
		"after":  after{got.Status, got.Generation, got.Header, strings.ToValidUTF8(string(text), "\uFFFD"), got.Cut, milliseconds(got.Took), got.Notes},
	})
	return nil
}

func unsupported(what string) *refusal {
	return &refusal{http.StatusNotImplemented, "unsupported", "This fault run cannot " + what + ".", ""}
}

// getCopy answers with a failure as a text for somewhere else.
func (s *Server) getCopy(w http.ResponseWriter, r *http.Request, e *entry, form string) error {
	var (
		text string
		err  error
		make func(*overlay.Failure) (string, error)
		kind = "text/plain; charset=utf-8"
	)
	shown := s.shown(e)
	switch form {
	case "text":
		plain := r.Clone(r.Context())
		plain.Header = http.Header{"Accept": {"text/plain"}}
		if app, err := url.Parse(s.options.App); err == nil && app.Host != "" {
			plain.Host = app.Host
		}
		s.options.Pages.Failure(w, plain, shown, shown.Status, true)
		return nil
	case "curl":
		if shown.Request == nil {
			return &refusal{http.StatusConflict, "unavailable", "This failure was not the answer to a request.", ""}
		}
		command, notes := shown.Request.Curl(s.options.App, maxCommand)
		if command == "" {
			return &refusal{http.StatusConflict, "unavailable", "Too little of the request is known to make a command of it.", ""}
		}
		for _, note := range notes {
			text += "# " + visible.Line(note) + "\n"
		}
		text += command
	case "markdown":
		make, kind = s.options.Tools.Markdown, "text/markdown; charset=utf-8"
		if make == nil {
			return unsupported("write failures as Markdown")
		}
	case "test":
		make = s.options.Tools.Test
		if make == nil {
			return unsupported("make tests of requests")
		}
	}
	if make != nil {
		if text, err = make(shown); err != nil {
			return &refusal{http.StatusConflict, "unavailable", sentence(err.Error()), ""}
		}
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write([]byte(text)) // whoever does not get it is gone
	return nil
}
