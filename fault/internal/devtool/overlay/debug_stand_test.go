package overlay_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/overlay"
)

const (
	standPIN   = "123-456-789"
	standToken = "a-token-of-the-stand"
)

// variable is one as docs/debugger-api.md has it.
type variable struct {
	Name       string `json:"name"`
	Type       string `json:"type,omitempty"`
	Value      string `json:"value,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Ref        string `json:"ref,omitempty"`
	Dynamic    string `json:"dynamic,omitempty"`
	Nil        bool   `json:"nil,omitempty"`
	Cut        bool   `json:"cut,omitempty"`
	KeyRef     string `json:"key_ref,omitempty"`
	Len        int    `json:"len,omitempty"`
	Result     bool   `json:"result,omitempty"`
	Argument   bool   `json:"argument,omitempty"`
	Shadowed   bool   `json:"shadowed,omitempty"`
	Unreadable string `json:"unreadable,omitempty"`
	Expression string `json:"expression,omitempty"`
}

type object = map[string]any

// debugStand is the debugger's server as far as the page sees it: it speaks the interface of docs/debugger-api.md.
type debugStand struct {
	t       *testing.T
	url     string
	failure *overlay.Failure
	page    overlay.DebugPage

	mu       sync.Mutex
	changed  *sync.Cond
	revision int
	state    object // what GET /failures/{id} says beside the frames
	frames   []object
	loading  bool   // the variables are on their way
	removed  bool   // the binary is
	replayed object // the answer to a replay, where it is another one
	inside   map[string][]variable
	results  map[string]variable
	needs    map[string]bool // expressions that call
	kept     []object
	locked   bool
	wrong    int
	asked    []string // method and path of each call with a token
	bodies   []string
	calls    int
	closed   bool
}

func newDebugStand(t *testing.T, f *overlay.Failure) *debugStand {
	s := &debugStand{t: t, failure: f, revision: 1, inside: map[string][]variable{}, results: map[string]variable{}, needs: map[string]bool{}}
	s.changed = sync.NewCond(&s.mu)
	s.state = object{"state": "ready", "pid": 41233}
	s.fill()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.fault/{name}", func(w http.ResponseWriter, r *http.Request) {
		content, kind, ok := overlay.Asset(r.PathValue("name"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		_, _ = w.Write(content)
	})
	mux.HandleFunc("POST /session", s.session)
	front := func(w http.ResponseWriter, r *http.Request) { overlay.WriteDebugger(w, r, nil, s.page) }
	mux.HandleFunc("GET /{$}", front)
	mux.HandleFunc("GET /failures", s.list(front))
	mux.HandleFunc("GET /failures/{id}", s.one)
	api := func(pattern string, answer func(r *http.Request, body object) (int, any)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, answer) })
	}
	api("GET /failures/{id}/frames/{n}/variables", s.variablesOf)
	api("GET /failures/{id}/variables/{ref}", s.children)
	api("POST /failures/{id}/evaluate", s.evaluate)
	api("POST /failures/{id}/complete", s.complete)
	api("GET /failures/{id}/goroutines", func(*http.Request, object) (int, any) {
		return 200, object{"cut": 3, "goroutines": []object{
			{"id": 88, "state": "running", "name": "store.(*Store).UserByName", "file": "/home/susan/microblog/internal/store/users.go", "short": "internal/store/users.go", "line": 64, "app": true, "failing": true},
			{"id": 89, "state": "waiting", "wait": "sync.Mutex.Lock", "name": "web.(*Server).avatar", "file": "/home/susan/microblog/internal/web/avatar.go", "short": "internal/web/avatar.go", "line": 12, "app": true, "request": true, "creator": "web.(*Server).profile", "started": "web.(*Server).avatar.func1", "labels": object{"job": "avatar"}},
			{"id": 90, "state": "waiting", "wait": "chan receive", "name": "web.(*Server).preload", "file": "/home/susan/microblog/internal/web/preload.go", "short": "internal/web/preload.go", "line": 31, "app": true},
			{"id": 1, "state": "waiting", "wait": "IO wait", "name": "net/http.(*Server).Serve", "file": "/usr/lib/go/src/net/http/server.go", "short": "net/http/server.go", "line": 3424},
		}}
	})
	api("GET /failures/{id}/environment", func(*http.Request, object) (int, any) {
		d := object{
			"dir": "/home/susan/microblog", "program": "/tmp/fault-run/app-7", "arguments": []string{"serve", "--title=<b>\u202e"}, "cut": 2,
			"variables": []object{{"name": "DATABASE_URL", "value": "postgres://blog:[masked]@localhost/blog"}, {"name": "HOME", "value": "/home/susan"}},
		}
		if s.removed {
			d["why"] = "The binary of this version has been removed."
		} else {
			d["build"] = object{"go": "go1.26.0", "package": "example.org/microblog/cmd/microblog", "settings": []object{{"name": "-tags", "value": "faultdev"}, {"name": "vcs.time", "value": ""}}, "modules": []object{
				{"path": "example.org/microblog", "version": "(devel)", "main": true},
				{"path": "example.org/microblog/fault", "version": "v0.0.0", "replaced_by": object{"path": "./fault"}},
			}}
		}
		return 200, d
	})
	api("POST /failures/{id}/replay", func(*http.Request, object) (int, any) {
		if s.replayed != nil {
			return 200, object{"before": object{"status": 500, "generation": 7}, "after": s.replayed}
		}
		return 200, object{"before": object{"status": 500, "generation": 7}, "after": object{"status": 200, "generation": 9, "took_ms": 12.51,
			"header": object{"Content-Type": []string{"text/html; charset=utf-8"}, "X-Request-Id": []string{"8a1f"}}, "body": "<!DOCTYPE html>\n<title>susan</title>\n<h1>susan</h1>\n",
			"notes": []string{"The cookie session was masked, so the request went without it."}}}
	})
	api("POST /failures/{id}/attach", func(r *http.Request, _ object) (int, any) {
		s.state["state"] = "ready"
		s.revision++
		return 200, object{"id": r.PathValue("id"), "state": "attaching"}
	})
	for _, what := range []string{"pin", "unpin", "drop"} {
		api("POST /failures/{id}/"+what, func(r *http.Request, _ object) (int, any) {
			return 200, object{"id": r.PathValue("id"), "pinned": s.change(r.PathValue("id"), what)}
		})
	}
	for _, kind := range []string{"markdown", "curl", "test", "text"} {
		mux.HandleFunc("GET /failures/{id}/"+kind, func(w http.ResponseWriter, r *http.Request) {
			if !s.may(w, r) {
				return
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintf(w, "the failure as %s", kind)
		})
	}
	server := httptest.NewServer(mux)
	s.url = server.URL
	t.Cleanup(func() {
		s.set(func() { s.closed = true })
		server.Close()
	})
	return s
}

// set changes something, so that whoever waits looks again.
func (s *debugStand) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.revision++
	s.changed.Broadcast()
}

func (s *debugStand) address() string { return s.url + "/failures/" + s.failure.ID.Full() }

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever does not get it is gone
}

func refused(code, text, fix string) object {
	o := object{"error": text, "code": code}
	if fix != "" {
		o["fix"] = fix
	}
	return o
}

func (s *debugStand) session(w http.ResponseWriter, r *http.Request) {
	var body struct {
		PIN string `json:"pin"`
	}
	if r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(r.Body).Decode(&body) != nil {
		send(w, 415, refused("request", "This is not JSON.", ""))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.locked:
		w.Header().Set("Retry-After", "840")
		send(w, 429, refused("locked", "There were too many wrong PINs.", "The key d in the terminal of fault run forgives them."))
	case strings.ReplaceAll(body.PIN, "-", "") != strings.ReplaceAll(standPIN, "-", ""):
		s.wrong++
		o := refused("pin", "This is not the PIN.", "")
		o["left"] = 10 - s.wrong
		send(w, 403, o)
	default:
		send(w, 200, object{"token": standToken})
	}
}

func (s *debugStand) may(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") != "Bearer "+standToken {
		send(w, 401, refused("token", "This needs a token, which POST /session gives for the PIN.", ""))
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	return true
}

func (s *debugStand) answer(w http.ResponseWriter, r *http.Request, answer func(r *http.Request, body object) (int, any)) {
	if !s.may(w, r) {
		return
	}
	var body object
	if r.Method == http.MethodPost {
		if r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(r.Body).Decode(&body) != nil {
			send(w, 415, refused("request", "This is not JSON.", ""))
			return
		}
	}
	s.mu.Lock()
	if len(body) > 0 {
		text, err := json.Marshal(body)
		if err != nil {
			s.t.Error(err)
		}
		s.bodies = append(s.bodies, string(text))
	}
	status, v := answer(r, body)
	s.mu.Unlock()
	send(w, status, v)
}

// wait waits, with s.mu held, until there is something new.
func (s *debugStand) wait(r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		return
	}
	end := time.Now().Add(20 * time.Second)
	wake := time.AfterFunc(20*time.Second, s.changed.Broadcast)
	defer wake.Stop()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-r.Context().Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		case <-stop:
		}
	}()
	for s.revision <= after && !s.closed && r.Context().Err() == nil && time.Now().Before(end) {
		s.changed.Wait()
	}
}

func (s *debugStand) list(front http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
			front(w, r)
			return
		}
		s.answer(w, r, func(r *http.Request, _ object) (int, any) {
			s.wait(r)
			return 200, object{"revision": s.revision, "keep": 20, "memory": 41943040, "failures": slices.Clone(s.kept)}
		})
	}
}

func (s *debugStand) one(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		overlay.WriteDebugger(w, r, s.failure, s.page)
		return
	}
	s.answer(w, r, func(r *http.Request, _ object) (int, any) {
		s.wait(r)
		if !slices.ContainsFunc(s.kept, func(k object) bool { return k["id"] == r.PathValue("id") }) {
			return 404, refused("failure", "This failure is not kept.", "It was dropped, or has made room for newer ones.")
		}
		o := object{"id": s.failure.ID.Full(), "revision": s.revision, "calls": s.calls, "failure": object{"pid": s.failure.PID}}
		for k, v := range s.state {
			o[k] = v
		}
		var frames []object
		for _, f := range s.frames {
			frame := object{}
			for k, v := range f {
				frame[k] = v
			}
			if s.loading {
				frame["variables"] = object{"state": "loading"}
			} else if s.state["state"] != "ready" || frame["lazy"] == true {
				frame["variables"] = object{"state": "none"}
			}
			frames = append(frames, frame)
		}
		o["frames"] = frames
		return 200, o
	})
}

func (s *debugStand) variablesOf(r *http.Request, _ object) (int, any) {
	for _, f := range s.frames {
		if fmt.Sprint(f["frame"]) == r.PathValue("n") {
			return 200, f["variables"]
		}
	}
	return 404, refused("frame", "There is no such frame.", "")
}

func (s *debugStand) children(r *http.Request, _ object) (int, any) {
	all, ok := s.inside[r.PathValue("ref")]
	if !ok {
		return 410, refused("stale", "This is from before a call.", "Load the frame’s variables again.")
	}
	start, _ := strconv.Atoi(r.URL.Query().Get("start"))
	count, _ := strconv.Atoi(r.URL.Query().Get("count"))
	return 200, object{"variables": all[min(start, len(all)):min(start+count, len(all))], "start": start, "total": len(all)}
}

func (s *debugStand) evaluate(_ *http.Request, body object) (int, any) {
	expression := fmt.Sprint(body["expression"])
	result, ok := s.results[expression]
	status := 422
	if body["try"] == true {
		status = 200
	}
	switch {
	case strings.HasSuffix(expression, "("):
		return status, refused("unfinished", "It is not finished: a ) is missing.", "")
	case !ok:
		return status, refused("expression", "There is nothing called "+expression+" in this frame.", "The names in scope come up with the Tab key.")
	case s.needs[expression] && body["call"] != true:
		return status, refused("call", "This needs a call of a function.", "Allow calls for it if you want that.")
	}
	if s.needs[expression] {
		s.calls++
		s.revision++
		s.changed.Broadcast()
	}
	return 200, object{"result": result, "took_ms": 0.7, "called": body["call"]}
}

func (s *debugStand) complete(_ *http.Request, body object) (int, any) {
	text := fmt.Sprint(body["text"])
	from := strings.LastIndexAny(text, ". (") + 1
	all := []object{{"text": "user", "kind": "local", "type": "*microblog.User"}, {"text": "username", "kind": "argument", "type": "string"}, {"text": "len", "kind": "builtin"}}
	if strings.HasSuffix(text[:from], "user.") {
		all = []object{{"text": "Avatar", "kind": "method", "type": "func(size int) string"}, {"text": "Email", "kind": "field", "type": "string"}, {"text": "Followers", "kind": "field", "type": "[]int64"}, {"text": "ID", "kind": "field", "type": "int64"}, {"text": "Name", "kind": "field", "type": "string"}}
	}
	var some []object
	for _, c := range all {
		if strings.HasPrefix(c["text"].(string), text[from:]) {
			some = append(some, c)
		}
	}
	return 200, object{"from": from, "completions": some}
}

func (s *debugStand) change(id, what string) bool {
	for i, k := range s.kept {
		if k["id"] != id {
			continue
		}
		if what == "drop" {
			s.kept = slices.Delete(s.kept, i, i+1)
			return false
		}
		k["pinned"] = what == "pin"
	}
	s.revision++
	s.changed.Broadcast()
	return what == "pin"
}

func (s *debugStand) count(call string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.asked {
		if strings.HasPrefix(c, call) {
			n++
		}
	}
	return n
}

// fill gives the failure of failed something to be seen.
func (s *debugStand) fill() {
	id := s.failure.ID.Full()
	frame := func(n int, more object) object {
		call := s.failure.Stack[n]
		o := object{"frame": n, "function": call.Function, "name": call.Name(), "file": call.File, "line": call.Line, "app": call.App}
		for k, v := range more {
			o[k] = v
		}
		return o
	}
	user := variable{Name: "user", Type: "*microblog.User", Value: `{ID: 7, Name: "susan", Email: "susan@example.com", …}`, Kind: "ptr", Ref: "u", Expression: "user"}
	s.frames = []object{
		{"frame": 6, "function": "database/sql.(*Row).Scan", "name": "sql.(*Row).Scan", "file": "/usr/lib/go/src/database/sql/sql.go", "short": "database/sql/sql.go", "line": 3412,
			"source":    []object{{"number": 3411, "text": "func (r *Row) Scan(dest ...any) error {"}, {"number": 3412, "text": "\tif r.err != nil {", "hit": true}},
			"variables": object{"state": "ready", "arguments": []variable{{Name: "r", Type: "*sql.Row", Value: "{err: …, rows: nil}", Kind: "ptr", Ref: "row"}}}},
		{"frame": 7, "function": "database/sql.(*Row).Err", "name": "sql.(*Row).Err", "file": "/usr/lib/go/src/database/sql/sql.go", "short": "database/sql/sql.go", "line": 3400, "lazy": true, "variables": object{"state": "ready"}},
		frame(0, object{"stands": 65, "variables": object{"state": "ready", "arguments": []variable{
			{Name: "s", Type: "*store.Store", Value: "{db: *sql.DB, log: *slog.Logger}", Kind: "ptr", Ref: "s", Argument: true, Expression: "s"},
			{Name: "ctx", Type: "context.Context", Dynamic: "*context.cancelCtx", Value: "{…}", Kind: "interface", Ref: "ctx", Argument: true, Expression: "ctx"},
			{Name: "name", Type: "string", Value: `"susan"`, Kind: "string", Len: 5, Argument: true, Expression: "name"},
		}, "locals": []variable{
			{Name: "row", Type: "*sql.Row", Value: "{err: *sqlite.Error, rows: nil}", Kind: "ptr", Ref: "row", Expression: "row"},
			{Name: "u", Type: "microblog.User", Value: `{ID: 0, Name: "", Email: "", AboutMe: "", LastSeen: 0001-01-01 00:00:00 UTC, …}`, Kind: "struct", Ref: "u", Expression: "u"},
			{Name: "err", Type: "error", Dynamic: "*sqlite.Error", Value: "{msg: \"SQL logic error: no such column: abot_me\", code: 1}", Kind: "interface", Ref: "err", Expression: "err"},
			{Name: "err", Type: "error", Value: "nil", Nil: true, Kind: "interface", Shadowed: true},
			{Name: "fold", Type: "func(string) string", Value: "store.fold", Kind: "func", Expression: "fold"},
			{Name: "cache", Type: "map[string]int64", Value: `{"user000": 0, "user001": 1, …}`, Cut: true, Kind: "map", Len: 250, Ref: "map", Expression: "cache"},
			{Name: "waited", Type: "time.Duration", Value: "1.204ms", Kind: "int64", Expression: "waited"},
			{Name: "more", Type: "bool", Value: "false", Kind: "bool", Expression: "more"},
			{Name: "buf", Type: "[]byte", Unreadable: "it was never set: the optimiser has taken it away", Kind: "slice"},
			{Name: "~r0", Type: "microblog.User", Value: `{ID: 0, Name: "", …}`, Kind: "struct", Ref: "u", Result: true},
			{Name: "query", Type: "string", Value: `"SELECT id, username, email, abot_me\n  FROM users\n WHERE username = $1"`, Kind: "string", Len: 69, Expression: "query"},
		}}}),
		frame(1, object{"variables": object{"state": "ready", "arguments": []variable{
			{Name: "s", Type: "*web.Server", Value: "{store: *store.Store, pages: *web.Pages, …}", Kind: "ptr", Ref: "s", Argument: true},
			{Name: "w", Type: "http.ResponseWriter", Value: "*fault.recorder {…}", Kind: "interface", Ref: "ctx", Argument: true},
			{Name: "r", Type: "*http.Request", Value: `{Method: "GET", URL: /user/susan?page=2&sort=newest, …}`, Kind: "ptr", Ref: "ctx", Argument: true},
		}, "locals": []variable{user}}}),
		frame(2, object{"variables": object{"state": "ready"}}),
		frame(3, object{"lazy": true, "variables": object{"state": "ready", "arguments": []variable{{Name: "mux", Type: "*http.ServeMux", Value: "{…}", Kind: "ptr", Argument: true}}}}),
		frame(5, object{"variables": object{"state": "ready", "arguments": []variable{{Name: "next", Type: "http.Handler", Value: "*http.ServeMux {…}", Kind: "interface", Ref: "ctx", Argument: true}}}}),
	}
	s.inside["u"] = []variable{
		{Name: "ID", Type: "int64", Value: "7", Kind: "int64", Expression: "user.ID"}, {Name: "Name", Type: "string", Value: `"susan"`, Kind: "string", Expression: "user.Name"},
		{Name: "Email", Type: "string", Value: `"susan@example.com"`, Kind: "string", Expression: "user.Email"},
		{Name: "AboutMe", Type: "string", Value: `"I like long walks, ` + strings.Repeat("longer walks, ", 20) + `"`, Kind: "string", Expression: "user.AboutMe"},
		{Name: "LastSeen", Type: "time.Time", Value: "2026-11-22 11:58:03 UTC, 1m57s ago", Kind: "struct", Expression: "user.LastSeen"},
		{Name: "Followers", Type: "[]int64", Value: "{11, 12}", Kind: "slice", Len: 2, Ref: "few", Expression: "user.Followers"},
	}
	s.inside["few"] = []variable{{Name: "[0]", Type: "int64", Value: "11", Kind: "int64"}, {Name: "[1]", Type: "int64", Value: "12", Kind: "int64"}}
	s.inside["s"] = []variable{{Name: "db", Type: "*sql.DB", Value: "{…}", Kind: "ptr"}, {Name: "log", Type: "*slog.Logger", Value: "nil", Kind: "ptr"}}
	s.inside["err"] = []variable{{Name: "msg", Type: "string", Value: `"SQL logic error: no such column: abot_me"`, Kind: "string"}, {Name: "code", Type: "int", Value: "1", Kind: "int"}}
	for i := range 250 {
		s.inside["map"] = append(s.inside["map"], variable{Name: fmt.Sprintf("[%q]", fmt.Sprintf("user%03d", i)), Type: "int64", Value: strconv.Itoa(i), Kind: "int64"})
	}
	s.results = map[string]variable{
		"name":             {Type: "string", Value: `"susan"`, Kind: "string", Len: 5},
		"len(name) > 3":    {Type: "bool", Value: "true", Kind: "bool"},
		"user":             user,
		"user.Avatar(128)": {Type: "string", Value: `"https://gravatar.example/9c1f4b7e2d?s=128"`, Kind: "string"},
	}
	s.needs["user.Avatar(128)"] = true
	s.state["explanations"] = []object{{"title": "The table users has no column abot_me", "text": "The statement asks for abot_me. The table has about_me, which is spelled almost like that.",
		"try": []string{"Write about_me in internal/store/users.go:59.", "If the column is to be new, add it by a migration first."}}}
	s.kept = []object{
		{"id": id, "short": s.failure.ID.String(), "time": noon, "kind": "error", "status": 500, "title": "GET /user/susan: loading the profile: query: SQL logic error: no such column: abot_me (1)", "where": "internal/store/users.go:64", "generation": 7, "state": "ready", "memory": 2097152},
		{"id": "ANOTHER", "short": "ANOT-HER0", "time": noon.Add(-time.Minute), "kind": "panic", "status": 500, "title": "POST /edit_profile: runtime error: index out of range [3] with length 3", "where": "internal/web/profile.go:88", "generation": 6, "state": "idle", "memory": 1048576, "pinned": true},
		{"id": "OLDER", "short": "OLDE-R000", "time": noon.Add(-time.Hour), "kind": "panic", "status": 500, "title": "GET /explore: assignment to entry in nil map", "where": "internal/web/explore.go:31", "generation": 2, "state": "idle", "memory": 1048576},
	}
}

// strike presses a key as a keyboard does: with the text that it writes.
func (p *tab) strike(key string) {
	p.t.Helper()
	codes := map[string]int{"Escape": 27, "Enter": 13, "Tab": 9, "ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37, "ArrowRight": 39}
	texts := map[string]string{"Enter": "\r"}
	code, text := codes[key], texts[key]
	if len(key) == 1 {
		text, code = key, int(strings.ToUpper(key)[0])
	}
	p.do("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code})
	p.do("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": code})
}

// hostile is a failure whose every text tries everything.
func hostile(t testing.TB) *overlay.Failure {
	f := &overlay.Failure{}
	fill(reflect.ValueOf(f), evil)
	f.ID = failed(t).ID
	for len(f.Stack) < 6 {
		f.Stack = append(f.Stack, f.Stack[0])
	}
	return f
}
