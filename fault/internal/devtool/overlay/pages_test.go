package overlay_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

// evil is a text that tries everything at once.
const evil = "</title></pre></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{.}}\x1b[31m\u202e\u2028\u009b\x00\xff\r\n\tjavascript:alert(1)"

// fill sets every text below a value.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem(), text)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(noon))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[[]fault.Cause]() {
			v.Set(reflect.ValueOf([]fault.Cause{{Type: text, Message: text}})) // it holds itself
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), text)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text)
		fill(value, text)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(2)
	case reflect.Bool:
		v.SetBool(true)
	}
}

// answers are all answers about what is full of a text, by name.
func answers(t testing.TB, text string) map[string]*httptest.ResponseRecorder {
	p, f := &problem.Problem{}, &overlay.Failure{}
	fill(reflect.ValueOf(p), text)
	fill(reflect.ValueOf(f), text)
	library := *f.Failure
	library.Stack = append(trace.Stack{{Function: text, File: text, Line: 1}}, f.Stack...)
	mixed := &overlay.Failure{Failure: &library, Excerpts: f.Excerpts, Answer: overlay.Prefix + text}
	named := *p
	named.Messages = append([]problem.Message{{File: text + ".go", Path: "/" + text + ".go", Line: 1, Column: 3, Excerpt: p.Messages[0].Excerpt}}, p.Messages...)
	all := map[string]*httptest.ResponseRecorder{}
	for _, client := range []string{"browser", "curl", "program"} {
		for name, write := range map[string]func(w http.ResponseWriter, r *http.Request){
			"problem": func(w http.ResponseWriter, r *http.Request) { overlay.Problem(w, r, p, text, false) },
			"framed":  func(w http.ResponseWriter, r *http.Request) { overlay.Problem(w, r, &named, "/"+text, true) },
			"none":    func(w http.ResponseWriter, r *http.Request) { overlay.Problem(w, r, nil, text, false) },
			"wait": func(w http.ResponseWriter, r *http.Request) {
				overlay.Wait(w, r, overlay.Waiting{Doing: text, Since: noon})
			},
			"failure": func(w http.ResponseWriter, r *http.Request) { overlay.WriteFailure(w, r, f, 500, false) },
			"library": func(w http.ResponseWriter, r *http.Request) { overlay.WriteFailure(w, r, mixed, 500, true) },
			"overview": func(w http.ResponseWriter, r *http.Request) {
				overlay.WriteOverview(w, r, overlay.Overview{Package: text, Doing: text, Problem: p, Failures: []*overlay.Failure{f}, Mailbox: text})
			},
		} {
			r := asked("POST", "/x", client)
			w := httptest.NewRecorder()
			write(w, r)
			all[name+" for a "+client] = w
		}
	}
	return all
}

var (
	links   = regexp.MustCompile(`\s(?:href|src|action|data-to)="([^"]*)"`)
	values  = regexp.MustCompile(`="[^"]*"`)
	inline  = regexp.MustCompile(`(?i)<[a-z][^>]*\s(?:on[a-z]+|style|srcdoc)\s*=|<style|<script>|<script [^>]*>[^<]`)
	allowed = regexp.MustCompile(`^(?:#[a-z]+|/\.fault/[^"]*|/|icon\.svg|vscode://file/[A-Za-z0-9/._~%:+=@$&;-]*|/[^/\\][^"]*)$`)
)

// harmless checks what has to be so in every answer, whatever is in it.
func harmless(t testing.TB, name string, w *httptest.ResponseRecorder) {
	t.Helper()
	body := w.Body.String()
	if !utf8.ValidString(body) {
		t.Errorf("%s: not UTF-8", name)
	}
	for i, r := range body {
		if r != '\n' && r != '\t' && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028) {
			t.Errorf("%s: %U at %d: %q", name, r, i, body[max(0, i-80):min(len(body), i+20)])
			break
		}
	}
	switch kind := w.Header().Get("Content-Type"); {
	case strings.HasSuffix(kind, "json"):
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: not JSON:\n%s", name, body)
		}
	case strings.HasPrefix(kind, "text/html"):
		if strings.Contains(body, "<img") || strings.Contains(body, "<script>alert") {
			t.Errorf("%s: markup of others is in it", name)
		}
		if found := inline.FindString(values.ReplaceAllString(body, `=""`)); found != "" {
			t.Errorf("%s: not by the policy: %s", name, found)
		}
		if strings.Contains(body, "ZgotmplZ") {
			t.Errorf("%s: a template could not tell what it writes", name)
		}
		for _, m := range links.FindAllStringSubmatch(body, -1) {
			ours := strings.Contains("overview failure problem framed", strings.Fields(name)[0]) && m[1] == "https://evil.example" // the mailbox and the debugger, by our own hand
			if !allowed.MatchString(m[1]) && !ours {
				t.Errorf("%s: leads to %q", name, m[1])
			}
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no policy", name)
		}
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s: headers %v", name, w.Header())
	}
}

func TestNothingOfOthersIsObeyed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{evil, "//evil.example/", "javascript:alert(1)", "https://evil.example", `C:\x"y`, "/\\evil.example", ""} {
		for name, w := range answers(t, text) {
			harmless(t, fmt.Sprintf("%s with %.20q", name, text), w)
		}
	}
}

func FuzzPages(f *testing.F) {
	f.Add(evil, "\tx := `a\x00\u202eb\xff", 3)
	f.Add("undefined: x", "func (s *Server) x() { /* 界 */ }", 24)
	f.Add("", "\"unterminated", 14)
	f.Fuzz(func(t *testing.T, text, source string, column int) {
		p := &problem.Problem{Kind: problem.Build, Title: text, Output: text, Messages: []problem.Message{{
			File: text + ".go", Path: "/" + text, Line: 7, Column: column, Text: text, Excerpt: []problem.Line{{Number: 6, Text: text}, {Number: 7, Text: source, Hit: true}}}}}
		for _, client := range []string{"browser", "curl", "program"} {
			w := httptest.NewRecorder()
			overlay.Problem(w, asked("GET", "/", client), p, text, false)
			harmless(t, client, w)
		}
	})
}

func TestProblemPage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		p      *problem.Problem
		framed bool
		has    []string
		hasNot []string
	}{
		{"the last good version is served", build(), false,
			[]string{"It does not build", `<h2 class="says">undefined: usr</h2>`, `href="/.fault/last-good?to=%2Fuser%2Fsusan%3Fpage%3D2"`, "Go on with the last good version",
				`<mark>usr</mark>`, `<mark class="s">&#34;context&#34;</mark>`, `href="vscode://file/home/susan/microblog/internal/web/profile.go:47:45"`, `data-page="problem"`},
			[]string{"Put this aside", `data-to=`}},
		{"in a page of the application", build(), true, []string{`id="aside"`, `data-framed="1"`}, nil},
		{"the newest version is served", vetted(), true, []string{"Put this aside", "The newest version is being served."}, []string{"Go on with"}},
		{"nothing is served", func() *problem.Problem { p := panicked(); p.Served = false; return p }(), true,
			[]string{"Nothing is served meanwhile.", "app.(*Server).wire", "1 call in log/slog", "2 calls in runtime", "shown above"}, []string{"Go on with", "Put this aside"}},
		{"a template", templated(), false, []string{"A template does not load", "There is a function formattime."}, nil},
		{"none any more", nil, true, []string{"Nothing is wrong at the moment"}, []string{"class=\"kind\""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			overlay.Problem(w, asked("GET", "/user/susan?page=2", "browser"), test.p, "/user/susan?page=2", test.framed)
			want := http.StatusServiceUnavailable
			if test.p == nil {
				want = http.StatusOK
			}
			if w.Code != want {
				t.Errorf("status %d", w.Code)
			}
			harmless(t, test.name, w)
			has(t, w.Body.String(), test.has, test.hasNot)
		})
	}
}

func has(t *testing.T, body string, wanted, unwanted []string) {
	t.Helper()
	for _, text := range wanted {
		if !strings.Contains(body, text) {
			t.Errorf("no %q in\n%s", text, body)
		}
	}
	for _, text := range unwanted {
		if strings.Contains(body, text) {
			t.Errorf("%q is in\n%s", text, body)
		}
	}
}

// TestProblemElsewhere is about the page at its own address, which leads back to the one that was asked for.
func TestProblemElsewhere(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{"/user/susan?x=1": `data-to="/user/susan?x=1"`, "//evil.example": `data-to="/"`, "https://evil.example/": `data-to="/"`, "/\\evil.example": `data-to="/"`, "": `data-to="/"`} {
		w := httptest.NewRecorder()
		overlay.Problem(w, asked("GET", "/.fault/problem", "browser"), build(), to, false)
		has(t, w.Body.String(), []string{want}, []string{"evil"})
	}
}

func TestFailurePage(t *testing.T) {
	t.Parallel()
	f := failed(t)
	w := httptest.NewRecorder()
	for name, value := range map[string]string{
		"Set-Cookie": "session=x", "Content-Type": "application/json", "Content-Encoding": "gzip", "Content-Length": "3", "Etag": `"x"`, "Last-Modified": "x", "Content-Disposition": "attachment",
		"Content-Security-Policy": "sandbox", "X-Frame-Options": "DENY", "Link": "</x.css>; rel=stylesheet", "Trailer": "X", "Refresh": "1", "X-Request-Id": "c4cd", "Cache-Control": "public",
	} {
		w.Header().Set(name, value)
	}
	overlay.WriteFailure(w, asked("GET", "/user/susan", "browser"), f, 502, false)
	harmless(t, "failure", w)
	if w.Code != 502 {
		t.Errorf("status %d", w.Code)
	}
	for _, name := range []string{"Content-Encoding", "Etag", "Last-Modified", "Content-Disposition", "X-Frame-Options", "Link", "Trailer", "Refresh"} {
		if v := w.Header().Get(name); v != "" {
			t.Errorf("%s is %q", name, v)
		}
	}
	if w.Header().Get("Set-Cookie") != "session=x" || w.Header().Get("X-Request-Id") != "c4cd" || w.Header().Get("Fault-Id") != f.ID.String() {
		t.Errorf("headers %v", w.Header())
	}
	if w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Errorf("length %s of %d", w.Header().Get("Content-Length"), w.Body.Len())
	}
	has(t, w.Body.String(), []string{
		"no such column: abot_me", `src="/.fault/client.js?g=9&amp;r=first"`, "502 Bad Gateway", `<code class="in">store.(*Store).UserByName</code>`,
		`<span class="text">loading the profile: <span class="wrapped">query:`, "3 calls in example.org/microblog/fault and net/http", "No source: the file is not there any more.", ">This is the kit’s own.<",
		"<dt>sort</dt><dd><bdi>newest</bdi></dd>", "<dt>session</dt><dd><bdi>[masked]</bdi></dd>", "3 headers", "2 cookies", "curl -i", `href="` + f.Answer + `"`, `class="failed"`, "1.2 ms", "susan",
		`data-call="0"`, "go1.26.0",
		"Response so far", "<dt>Status</dt><dd><bdi>not set yet</bdi></dd>", "<dt>Body</dt><dd><bdi>nothing written yet</bdi></dd>", "<summary>1 header</summary>", "<dt>Cache-Control</dt><dd><bdi>private</bdi></dd>",
	}, nil)

	w = httptest.NewRecorder()
	overlay.WriteFailure(w, asked("GET", "/.fault/failures/x?framed=1", "browser"), many(t), 500, true)
	if w.Code != 200 {
		t.Errorf("at its own address: status %d", w.Code)
	}
	has(t, w.Body.String(), []string{"31 earlier steps", "12 earlier steps were not kept", "An unexpected error has occurred", "me.png, 47.1 KiB", `I like\nlong walks`, `id="aside"`, "Panic", "<dd><bdi>200 OK</bdi></dd>", "68.4 KiB written", "session=[masked]; Path=/"}, []string{"client.js"})
}

// TestUnknownFailure is one of which nothing is known.
// TestMark: what failed in a line is marked, in UTF-16 units as a failure's document has it.
func TestMark(t *testing.T) {
	t.Parallel()
	text := "\treturn \"é😀\" + user.Name"
	for _, test := range []struct {
		name     string
		from, to int
		has      string
		caret    string
		hasNot   string
	}{
		{name: "a name", from: 16, to: 25, has: `&#43; <mark>user.Name</mark></code>`, caret: "| " + strings.Repeat(" ", 18) + "^^^^^^^^^\n"},
		{name: "over a string", from: 9, to: 12, has: `<span class="s">&#34;</span><mark class="s">é😀</mark><span class="s">&#34;</span>`, caret: "^^\n"},
		{name: "none", has: "(this line)", hasNot: "<mark"},
		{name: "behind the end", from: 25, to: 90, has: "(this line)", hasNot: "<mark"},
		{name: "over the end", from: 21, to: 90, has: `<mark>Name</mark>`},
		{name: "the wrong way round", from: 12, to: 9, has: "(this line)", hasNot: "<mark"},
		{name: "before the beginning", from: -3, to: 9, has: "(this line)", hasNot: "<mark"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := failed(t)
			f.Excerpts = [][]problem.Line{{{Number: 63, Text: "\t// before"}, {Number: 64, Text: text, Hit: true, Mark: problem.Mark{From: test.from, To: test.to}}}}
			w := httptest.NewRecorder()
			overlay.WriteFailure(w, asked("GET", "/x", "browser"), f, 500, false)
			harmless(t, test.name, w)
			where, _, _ := strings.Cut(w.Body.String(), "</section>")
			has(t, where, []string{test.has}, nil)
			if test.hasNot != "" && strings.Contains(where, test.hasNot) {
				t.Errorf("%s is in it", test.hasNot)
			}
			w = httptest.NewRecorder()
			overlay.WriteFailure(w, asked("GET", "/x", "curl"), f, 500, false)
			if test.caret != "" && !strings.Contains(w.Body.String(), test.caret) || test.hasNot != "" && strings.Contains(w.Body.String(), "^") {
				t.Errorf("no %q, or too much, in\n%s", test.caret, w.Body.String())
			}
		})
	}
}

// A mark may stand in another line than the one that is hit, and is told there.
func TestMarkInAnotherLine(t *testing.T) {
	t.Parallel()
	f := failed(t)
	f.Excerpts = [][]problem.Line{{{Number: 63, Text: "\tn, err := strconv.Atoi(text)", Mark: problem.Mark{From: 24, To: 28}}, {Number: 64, Text: "\treturn trace.Wrap(err)", Hit: true}}}
	w := httptest.NewRecorder()
	overlay.WriteFailure(w, asked("GET", "/x", "browser"), f, 500, false)
	where, _, _ := strings.Cut(w.Body.String(), "</section>")
	has(t, where, []string{`63<span class="unseen"> (at text)</span>`, `<mark>text</mark>`, `64<span class="unseen"> (this line)</span>`}, nil)
	w = httptest.NewRecorder()
	overlay.WriteFailure(w, asked("GET", "/x", "curl"), f, 500, false)
	if want := "63 |     n, err := strconv.Atoi(text)\n      |                            ^^^^\n"; !strings.Contains(w.Body.String(), want) {
		t.Errorf("no %q in\n%s", want, w.Body.String())
	}
}

// TestCrash: a crash leads to its debugger, and its failure, which has no request and no status, has a page.
func TestCrash(t *testing.T) {
	t.Parallel()
	p := panicked()
	p.Kind, p.Debugger = problem.Crash, "http://127.0.0.1:7000/failures/X"
	for client, wanted := range map[string][]string{
		"browser": {`<a class="button" id="to-debugger" href="http://localhost:5000/failures/X">Open the debugger</a>`, `data-frame="http://localhost:5000/failures/X?framed=1"`},
		"framed":  {`id="to-debugger" href="http://localhost:5000/failures/X" target="_blank" rel="noopener">Open the debugger</a>`},
		"curl":    {"Debugger: http://localhost:5000/failures/X\n"},
		"program": {`"debugger": "http://localhost:5000/failures/X"`},
	} {
		t.Run(client, func(t *testing.T) {
			kind := client
			if client == "framed" {
				kind = "browser"
			}
			r, w := asked("GET", "/", kind), httptest.NewRecorder()
			r.Host = "localhost:5000"
			overlay.Problem(w, r, p, "/", client == "framed")
			for i := range wanted {
				wanted[i] = strings.ReplaceAll(wanted[i], "localhost:5000/failures", "localhost:7000/failures")
			}
			has(t, w.Body.String(), wanted, nil)
			if link := w.Header().Get("Link"); !strings.HasPrefix(link, "<http://localhost:7000/failures/X>") {
				t.Errorf("Link: %s", link)
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src 'self' http://localhost:7000;") {
				t.Errorf("policy %s", policy)
			}
			if p.Debugger != "http://127.0.0.1:7000/failures/X" {
				t.Error("the problem was changed")
			}
		})
	}
	f := failed(t)
	whole := *f.Failure
	whole.Kind, whole.StackOf, whole.Status, whole.Request, whole.Task, whole.Output = fault.KindCrash, fault.StackCrash, 0, nil, "", "fatal error: concurrent map writes"
	f.Failure = &whole
	w := httptest.NewRecorder()
	overlay.WriteDebugger(w, asked("GET", "/failures/X", "browser"), f, overlay.DebugPage{Applications: []string{"http://localhost:5000"}})
	has(t, w.Body.String(), []string{"The process crashed</p>", "Where the process ended", "concurrent map writes"}, []string{"data-method", "Answered with", "<span>0"})
	w = httptest.NewRecorder()
	overlay.WriteOverview(w, asked("GET", "/.fault/", "browser"), overlay.Overview{Package: "./app", Failures: []*overlay.Failure{f}})
	has(t, w.Body.String(), []string{whole.Message}, []string{"· 0 ·"})
	w = httptest.NewRecorder()
	overlay.WriteFailure(w, asked("GET", "/x", "curl"), f, 0, true)
	has(t, w.Body.String(), []string{"The process crashed\n"}, nil)
}

// ended is the end of a process by os.Exit, in a function that calls itself.
func ended(t testing.TB) *overlay.Failure {
	f := failed(t)
	whole := *f.Failure
	whole.Kind, whole.StackOf, whole.Status, whole.Request, whole.Response, whole.Steps, whole.Reported = fault.KindEnded, fault.StackCrash, 500, nil, nil, nil, true
	whole.Message, whole.Output, whole.Goroutine = "The application ended with exit code 1: the disk is full", "2026/11/22 12:00:00 the disk is full\n", 0
	whole.Causes = fault.Cause{Type: "exit", Message: "The application ended with exit code 1", Causes: []fault.Cause{{Message: "the disk is full"}}}
	whole.Stack = trace.Stack{{Function: "os.Exit", File: "/usr/lib/go/src/os/proc.go", Line: 79}}
	for range 8 {
		whole.Stack = append(whole.Stack, trace.Frame{Function: "example.org/microblog/cmd.deeper", File: "/home/susan/microblog/cmd/main.go", Line: 14, App: true})
	}
	whole.Stack = append(whole.Stack, trace.Frame{Function: "main.main", File: "/home/susan/microblog/cmd/main.go", Line: 9, App: true})
	return &overlay.Failure{Failure: &whole, Excerpts: [][]problem.Line{nil, excerpt("\tif n == 7 {\n\t\tlog.Fatal(\"the disk is full\")\n\t}\n", 13, 14)}}
}

// TestEndOfTheProcess: it tells what is known, says nothing twice, and folds calls that repeat.
func TestEndOfTheProcess(t *testing.T) {
	t.Parallel()
	const stacks = "fatal error: x\n\ngoroutine 7 [running]:\nmain.deeper(0x1)\n\t/main.go:14 +0x1\ncreated by main.main in goroutine 1\n\t/main.go:9 +0x1\n\ngoroutine 1 [sleep]:\nmain.main()\n\t/main.go:9 +0x1\n"
	for name, test := range map[string]struct {
		change        func(*fault.Failure)
		page, text    []string
		without       []string
		withoutInPage []string
	}{
		"os.Exit": {func(*fault.Failure) {},
			[]string{"The application ended itself</p>", "Which request led to it, if one did, is not known.", `<details class="group same"><summary>cmd.deeper: 6 more calls like this</summary>`, `class="lines"`, "shown above"},
			[]string{"The application ended itself\n", "\ncmd/main.go:14  cmd.deeper\n", "  … cmd.deeper: 6 more calls like this\n", "\n    the disk is full\n"},
			[]string{"without a word", "not the answer to a request", "created by"}, []string{`<code class="type"></code>`}},
		"two that call each other": {func(f *fault.Failure) {
			for i := 2; i < 9; i += 2 {
				f.Stack[i].Function = "example.org/microblog/cmd.other"
			}
		}, []string{"cmd.deeper, cmd.other: 4 more calls like these"}, []string{"cmd.deeper, cmd.other: 4 more calls like these"}, nil, nil},
		"few":         {func(f *fault.Failure) { f.Stack = f.Stack[4:] }, nil, nil, []string{"more calls like"}, nil},
		"by a signal": {func(f *fault.Failure) { f.Stack = nil }, []string{"The process ended</p>"}, []string{"The process ended\n"}, []string{"without a word"}, nil},
		"silent":      {func(f *fault.Failure) { f.Stack, f.Output = nil, "" }, []string{"The process ended without a word</p>"}, nil, nil, nil},
		"a stray goroutine": {func(f *fault.Failure) { f.Kind, f.Goroutine, f.Output = fault.KindCrash, 7, stacks },
			[]string{`<span class="creator">created by</span> <code>main.main</code>`}, []string{"  created by main.main\n"}, nil, nil},
		"the main goroutine": {func(f *fault.Failure) { f.Kind, f.Goroutine, f.Output = fault.KindCrash, 1, stacks }, nil, nil, []string{"created by</span>", "created by main.main\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := ended(t)
			test.change(f.Failure)
			page, text := httptest.NewRecorder(), httptest.NewRecorder()
			overlay.WriteDebugger(page, asked("GET", "/failures/X", "browser"), f, overlay.DebugPage{})
			overlay.WriteFailure(text, asked("GET", "/x", "curl"), f, 500, true)
			html, _, _ := strings.Cut(page.Body.String(), `<pre id="text"`)
			has(t, html, test.page, append(test.withoutInPage, test.without...))
			has(t, text.Body.String(), test.text, test.without)
		})
	}
}

func TestUnknownFailure(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"browser", "curl", "program"} {
		w := httptest.NewRecorder()
		overlay.WriteFailure(w, asked("GET", "/", client), &overlay.Failure{Failure: &fault.Failure{}}, 500, false)
		harmless(t, client, w)
	}
}

func TestWaitPage(t *testing.T) {
	t.Parallel()
	for method, again := range map[string]bool{"GET": true, "HEAD": true, "POST": false} {
		w := httptest.NewRecorder()
		overlay.Wait(w, asked(method, "/", "browser"), overlay.Waiting{Doing: "building cmd/microblog", Since: noon})
		if got := strings.Contains(w.Body.String(), `http-equiv="refresh"`); got != again || w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: loads itself again: %v, status %d", method, got, w.Code)
		}
		has(t, w.Body.String(), []string{"building cmd/microblog"}, nil)
	}
}

func TestOverview(t *testing.T) {
	t.Parallel()
	o := overlay.Overview{Package: "./cmd/microblog", Generation: 7, Built: 1204 * time.Millisecond, Problem: build(), Failures: []*overlay.Failure{failed(t)}, Mailbox: "http://127.0.0.1:8025/"}
	w := httptest.NewRecorder()
	overlay.WriteOverview(w, asked("GET", "/.fault/", "browser"), o)
	two := *o.Failures[0].Failure
	two.Message = "the first is wrong\r\nthe second is missing\n"
	two.Kind, two.Request, two.Reported = fault.KindCrash, nil, true
	o.Failures = append(o.Failures, &overlay.Failure{Failure: &two})
	w = httptest.NewRecorder()
	overlay.WriteOverview(w, asked("GET", "/.fault/", "browser"), o)
	has(t, w.Body.String(), []string{"the first is wrong; the second is missing<", "the application crashed", "Version 7", "1.2 s", "2 mistakes in internal/web", `href="/.fault/failures/` + o.Failures[0].ID.Full() + `"`, `href="http://127.0.0.1:8025/"`}, nil)
	w = httptest.NewRecorder()
	overlay.WriteOverview(w, asked("GET", "/.fault/", "program"), o)
	var got struct {
		Generation int
		Problem    problem.Problem
		Failures   []struct{ URL string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Generation != 7 || got.Problem.ID != build().ID || len(got.Failures) != 2 {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestAsset(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]string{"client.js": "text/javascript", "page.js": "text/javascript", "overlay.css": "text/css", "icon.svg": "image/svg+xml"} {
		content, got, ok := overlay.Asset(name)
		if !ok || len(content) == 0 || !strings.HasPrefix(got, kind) {
			t.Errorf("%s: %v, %q, %d bytes", name, ok, got, len(content))
		}
	}
	for _, name := range []string{"", ".", "../overlay.go", "problem.html", "static/client.js"} {
		if _, _, ok := overlay.Asset(name); ok {
			t.Errorf("%q is given away", name)
		}
	}
}
