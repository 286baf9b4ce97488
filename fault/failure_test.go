package fault_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

func load() error { return trace.Wrap(fs.ErrNotExist, "loading the profile") }

func TestFailure(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{
		User:      func(*http.Request) string { return "susan" },
		RequestID: func(*http.Request) string { return "req-1" },
	})
	var caller int64
	srv := g.serve(t, map[string]fault.HandlerFunc{"POST /user/{username}": func(w http.ResponseWriter, r *http.Request) error {
		caller = goroutineID()
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			return err
		}
		trace.Note(r.Context(), trace.Step{Time: time.Now(), Kind: "sql", Text: "SELECT id FROM users WHERE name = $1", Args: []string{"susan"}, Duration: time.Millisecond})
		trace.Note(r.Context(), trace.Step{Kind: "sql", Text: "UPDATE users SET password_hash = $1 WHERE id = $2", Args: []string{"argon2id-hash", "7"}, Err: "locked"})
		return trace.Wrap(errors.Join(load(), io.EOF), "showing susan")
	}})
	body, contentType := upload(t, map[string]string{"about_me": "hi", "password": "hunter2"}, "avatar", "me.png", "0123456789")
	begin := time.Now()
	res := do(t, "POST", srv.URL+"/user/susan?page=2&token=abc", body, "Content-Type", contentType, "Authorization", "Bearer abc", "Cookie", "session=abc", "X-Odd", "a\xffb")
	res.wants(t, 500)
	f := g.kept.only(t)

	if f.ID.String() != res.Header.Get("Fault-Id") || f.Kind != fault.KindError || f.Status != 500 || f.Begun {
		t.Errorf("recorded %+v", f)
	}
	if f.Time.Before(begin.Add(-time.Second)) || f.Time.Location() != time.UTC {
		t.Errorf("Time is %v", f.Time)
	}
	if f.User != "susan" || f.RequestID != "req-1" || f.Goroutine != caller || f.PID != os.Getpid() {
		t.Errorf("user %q, request %q, goroutine %d of %d, process %d", f.User, f.RequestID, f.Goroutine, caller, f.PID)
	}
	if host, _ := os.Hostname(); f.Host != host {
		t.Errorf("Host is %q", f.Host)
	}
	if f.Build.Go != runtime.Version() || f.Build.Module != "example.org/microblog/fault" {
		t.Errorf("Build is %+v", f.Build)
	}
	q := f.Request
	if q.Method != "POST" || q.Route != "POST /user/{username}" || q.URL != "/user/susan?page=2&token=[masked]" || q.Proto != "HTTP/1.1" || q.Host != strings.TrimPrefix(srv.URL, "http://") || q.RemoteAddr == "" || q.ContentLength <= 0 || q.Cut {
		t.Errorf("Request is %+v", q)
	}
	if h := q.Header; h.Get("Authorization") != "Bearer [masked]" || h.Get("Cookie") != "session=[masked]" || h.Get("X-Odd") != "a\uFFFDb" {
		t.Errorf("Header is %v", h)
	}
	if want := (url.Values{"about_me": {"hi"}, "password": {"[masked]"}}); !reflect.DeepEqual(q.Form, want) {
		t.Errorf("Form is %v", q.Form)
	}
	if want := []fault.File{{Field: "avatar", Name: "me.png", Size: 10}}; !reflect.DeepEqual(q.Files, want) {
		t.Errorf("Files are %v", q.Files)
	}
	if len(f.Steps) != 2 || f.Steps[0].Args[0] != "susan" || f.Steps[1].Args[0] != "[masked]" || f.Steps[1].Args[1] != "[masked]" || f.Steps[1].Err != "locked" {
		t.Errorf("Steps are %+v", f.Steps)
	}
	if f.StackOf != fault.StackWrapped || f.Stack[0].Name() != "fault_test.load" || !strings.HasPrefix(f.Stack[1].Name(), "fault_test.TestFailure.func") || len(f.Stack) != 2 {
		t.Errorf("stack of %q: %v", f.StackOf, f.Stack)
	}
	wantCauses := fault.Cause{Type: "*trace.wrapped", Message: "showing susan: loading the profile: file does not exist\nEOF", Causes: []fault.Cause{
		{Type: "*errors.joinError", Message: "loading the profile: file does not exist\nEOF", Causes: []fault.Cause{
			{Type: "*trace.wrapped", Message: "loading the profile: file does not exist", Causes: []fault.Cause{
				{Type: "*errors.errorString", Message: "file does not exist"},
			}},
			{Type: "*errors.errorString", Message: "EOF"},
		}},
	}}
	if !reflect.DeepEqual(f.Causes, wantCauses) {
		t.Errorf("Causes are %+v", f.Causes)
	}

	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back fault.Failure
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	want := *f
	want.Stack = append(trace.Stack(nil), f.Stack...)
	for i := range want.Stack {
		want.Stack[i].PC = 0
	}
	if !reflect.DeepEqual(&back, &want) {
		t.Errorf("through JSON:\n got %+v\nwant %+v", back, want)
	}
}

func goroutineID() (id int64) {
	buf := make([]byte, 64)
	fmt.Sscanf(string(buf[:runtime.Stack(buf, false)]), "goroutine %d ", &id)
	return id
}

// A body that the handler did not parse is not read to make a record.
func TestUnparsedBodyStaysUnread(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	r := httptest.NewRequest("POST", "/", failingReader{t})
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	g.Handle(func(http.ResponseWriter, *http.Request) error { return io.EOF }).ServeHTTP(httptest.NewRecorder(), r)
	if f := g.kept.only(t); f.Request.Form != nil {
		t.Errorf("Form is %v", f.Request.Form)
	}
}

type failingReader struct{ t *testing.T }

func (r failingReader) Read([]byte) (int, error) {
	r.t.Error("the body was read")
	return 0, io.EOF
}

func TestBounds(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	long := strings.Repeat("é", 1<<20)
	r := httptest.NewRequest("GET", "/?q="+strings.Repeat("x", 100_000), nil)
	for i := range 500 {
		r.Header.Set(fmt.Sprintf("X-%03d", i), long)
	}
	r.Header["X-000"] = make([]string, 1000)
	r.PostForm = url.Values{long: {long}}
	w := httptest.NewRecorder()
	g.Handle(func(http.ResponseWriter, *http.Request) error {
		return &cyclic{[]error{errors.New(long), manyCauses(500), nil}}
	}).ServeHTTP(w, r)
	f := g.kept.only(t)
	b, jerr := json.Marshal(f)
	if jerr != nil {
		t.Fatal(jerr)
	}
	if len(b) > 1<<20 {
		t.Errorf("the record has %d bytes", len(b))
	}
	if q := f.Request; !q.Cut || len(q.Header) != 64 || len(q.Header["X-000"]) != 16 || !strings.HasSuffix(q.Header["X-001"][0], fmt.Sprintf("… [cut, %d bytes]", len(long))) {
		t.Errorf("Cut %v, %d headers", q.Cut, len(q.Header))
	}
	if f.Causes.Cut == 0 && f.Causes.Causes[1].Cut == 0 {
		t.Error("nothing says that causes were left out")
	}
}

// cyclic unwraps to itself, among others.
type cyclic struct{ errs []error }

func (c *cyclic) Error() string   { return "cyclic" }
func (c *cyclic) Unwrap() []error { return append(c.errs, c) }

// manyCauses is an error with so many causes, each with a cause.
func manyCauses(n int) error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = fmt.Errorf("%d: %w", i, io.EOF)
	}
	return errors.Join(errs...)
}

func TestFunctionsThatPanic(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{
		User:      func(*http.Request) string { panic("user") },
		Secrets:   func(*http.Request) []string { panic("secrets") },
		Translate: func(error) *fault.Error { panic("translate") },
		RequestID: func(*http.Request) string { panic("id") },
	})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(http.ResponseWriter, *http.Request) error { return io.EOF }})
	res := get(t, srv.URL+"/?q=1", "Cookie", "session=abc")
	res.wants(t, 500)
	f := g.kept.only(t)
	// Without knowing the secrets, what may hold them is left out.
	if f.User != "" || f.RequestID == "" || f.Request.Header != nil || f.Request.URL != "/" || !f.Request.Cut {
		t.Errorf("recorded %+v, %+v", f, f.Request)
	}
	if n := len(f.Causes.Causes); n != 1 || !strings.Contains(f.Causes.Causes[0].Message, "Options.Translate: panic: translate") {
		t.Errorf("Causes are %+v", f.Causes)
	}
}

func TestInvalidStatusIsExplained(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(http.ResponseWriter, *http.Request) error { return fault.With(42, "", io.EOF) }})
	get(t, srv.URL).wants(t, 500)
	if m := g.kept.only(t).Causes.Causes; len(m) != 2 || m[1].Message != "the status of a fault.Error must be 0 or 300 to 599, not 42" {
		t.Errorf("Causes are %+v", m)
	}
}

// canaries are secrets that are put wherever a request and its failure have a place for them.
const (
	canaryValue   = "CANARY-configured/value+1="
	canarySession = "CANARY_session_4242"
	canaryKeyed   = "CANARYkeyed"
)

func TestCanaries(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("susan:" + canaryValue))
	leak := strings.Join([]string{canaryValue, url.QueryEscape(canaryValue), basic, canarySession, fmt.Sprintf("%x", canarySession), "password=" + canaryKeyed}, " ")
	for name, fail := range map[string]fault.HandlerFunc{
		"error":   func(http.ResponseWriter, *http.Request) error { return trace.Wrap(errors.New(leak), leak) },
		"panic":   func(http.ResponseWriter, *http.Request) error { panic(leak) },
		"public":  func(http.ResponseWriter, *http.Request) error { return fault.With(500, leak, io.EOF) },
		"missing": func(http.ResponseWriter, *http.Request) error { return fault.NotFound(leak) },
		"joined":  func(http.ResponseWriter, *http.Request) error { return errors.Join(errors.New(leak), errors.New(leak)) },
	} {
		for format, accept := range map[string]string{"builtin": browser, "house": browser, "json": "application/json", "text": "text/plain"} {
			t.Run(name+"/"+format, func(t *testing.T) {
				k := &keeper{receipt: fault.Receipt{Err: errors.New(leak)}}
				o := fault.Options{
					Recorder: k,
					Redactor: redact.New(redact.Options{Values: []string{canaryValue}}),
					Secrets:  func(*http.Request) []string { return []string{canarySession} },
					User:     func(*http.Request) string { return "susan " + leak },
				}
				if format == "house" {
					o.Pages = &house{}
				}
				g := newRig(o)
				srv := g.serve(t, map[string]fault.HandlerFunc{"POST /{path...}": func(w http.ResponseWriter, r *http.Request) error {
					if err := r.ParseMultipartForm(1 << 20); err != nil {
						return err
					}
					trace.Note(r.Context(), trace.Step{Kind: "sql", Text: leak, Args: []string{leak}, Err: leak})
					return fail(w, r)
				}})
				body, contentType := upload(t, map[string]string{"note": leak, "password": canaryKeyed, "n" + canaryValue: "x"}, "file", "CANARY_session_4242.png", leak)
				res := do(t, "POST", srv.URL+"/reset/"+canarySession+"/"+url.PathEscape(canaryValue)+"?token="+canaryKeyed+"&x="+url.QueryEscape(leak), body,
					"Accept", accept, "Content-Type", contentType, "Authorization", "Basic "+basic, "Cookie", "session="+canarySession, "Referer", "/?token="+canaryKeyed, "X-Note", leak)
				record, err := json.MarshalIndent(k.all(), "", " ")
				if err != nil {
					t.Fatal(err)
				}
				for where, text := range map[string]string{"body": res.body, "header": fmt.Sprint(res.Header), "record": string(record), "log": g.log.text()} {
					for _, secret := range []string{"CANARY", "CANARY-", basic[8:], fmt.Sprintf("%x", canarySession), url.QueryEscape(canaryValue)} {
						if i := strings.Index(text, secret); i >= 0 {
							t.Errorf("the %s shows %q: …%s", where, secret, text[max(0, i-60):min(len(text), i+60)])
						}
					}
				}
				if name != "missing" && len(k.all()) != 1 {
					t.Errorf("%d records", len(k.all()))
				}
			})
		}
	}
}

func TestLogRecord(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{User: func(*http.Request) string { return "susan" }, RequestID: func(*http.Request) string { return "req-1" }})
	srv := g.serve(t, map[string]fault.HandlerFunc{
		"POST /edit_profile": func(http.ResponseWriter, *http.Request) error {
			return trace.Wrap(errors.Join(load(), io.EOF), "saving")
		},
		"GET /missing": func(http.ResponseWriter, *http.Request) error { return fault.NotFound("No such person.") },
		"GET /waiting": func(http.ResponseWriter, *http.Request) error { return &fault.Error{Status: 503, Expected: true} },
	})
	do(t, "POST", srv.URL+"/edit_profile", nil)
	logged := g.log.at(slog.LevelError)
	if len(logged) != 1 {
		t.Fatalf("%d records at ERROR", len(logged))
	}
	r, f := logged[0], g.kept.only(t)
	if want := "POST /edit_profile failed: saving: loading the profile: file does not exist; EOF"; r.Message != want {
		t.Errorf("message %q, want %q", r.Message, want)
	}
	for key, want := range map[string]string{
		"fault": f.ID.String(), "status": "500", "kind": "error", "request": "req-1", "user": "susan",
		"route": "POST /edit_profile", "causes": "file does not exist; EOF",
	} {
		if got := attr(r, key); got != want {
			t.Errorf("%s=%q, want %q", key, got, want)
		}
	}
	if p := place(r); !strings.HasSuffix(p.Function, "fault_test.load") || !strings.HasSuffix(p.File, "failure_test.go") {
		t.Errorf("the record names %s in %s", p.Function, p.File)
	}
	var stack any
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "stack" {
			stack = a.Value.Any()
		}
		return true
	})
	liner, ok := stack.(interface{ Lines() []string })
	if !ok {
		t.Fatalf("the stack is a %T", stack)
	}
	lines := liner.Lines()
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "> failure_test.go:") && !strings.HasPrefix(lines[0], "  failure_test.go:") || !strings.HasSuffix(lines[0], "  fault_test.load") {
		t.Errorf("lines %q", lines)
	}
	if b, err := json.Marshal(stack); err != nil || !strings.HasPrefix(string(b), `["`) {
		t.Errorf("as JSON %s, %v", b, err)
	}

	get(t, srv.URL+"/missing")
	get(t, srv.URL+"/waiting")
	debug := g.log.at(slog.LevelDebug)
	if len(debug) != 2 || debug[0].Message != "GET /missing answered 404: No such person." || attr(debug[0], "request") != "req-1" || attr(debug[0], "stack") != "" {
		t.Errorf("at DEBUG: %v", debug)
	}
	if n := len(g.log.at(slog.LevelError)); n != 1 {
		t.Errorf("%d records at ERROR, want still 1", n)
	}
}

// A method value has no place in a file: its record names where it was registered.
func TestPlaceOfHandlers(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /function": plainError, "GET /method": site{}.profile})
	for path, want := range map[string]string{"/function": "fault_test.plainError", "/method": "fault_test.site.profile"} {
		get(t, srv.URL+path)
		all := g.kept.all()
		f := all[len(all)-1]
		if len(f.Stack) != 1 || f.Stack[0].Name() != want || !strings.HasSuffix(f.Stack[0].File, "_test.go") || f.Stack[0].Line == 0 {
			t.Errorf("%s: %+v", path, f.Stack)
		}
		logged := g.log.at(slog.LevelError)
		if p := place(logged[len(logged)-1]); !strings.HasSuffix(p.File, "_test.go") {
			t.Errorf("%s: the record names %s", path, p.File)
		}
		if stack := attr(logged[len(logged)-1], "stack"); strings.HasSuffix(stack, ", which is registered here") != (path == "/method") {
			t.Errorf("%s: the stack is %s", path, stack)
		}
	}
}

func plainError(http.ResponseWriter, *http.Request) error { return errors.New("no") }

type site struct{}

func (site) profile(http.ResponseWriter, *http.Request) error { return errors.New("no") }

func TestPanickingLog(t *testing.T) {
	g := newRig(fault.Options{Logger: slog.New(panickingHandler{})})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(http.ResponseWriter, *http.Request) error { return io.EOF }})
	get(t, srv.URL, "Accept", browser).wants(t, 500, "</html>")
	g.kept.only(t)
}

type panickingHandler struct{ slog.Handler }

func (panickingHandler) Enabled(ctx context.Context, level slog.Level) bool { return true }
func (panickingHandler) Handle(context.Context, slog.Record) error          { panic("log") }
