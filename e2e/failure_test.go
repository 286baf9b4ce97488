package e2e

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// visitors are the kinds of clients, by what they send, and what each gets.
var visitors = []struct {
	name    string
	header  http.Header
	content string
}{
	{"browser", http.Header{"Accept": {browserAccept}, "User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
		"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"same-origin"}}, pageType},
	{"old browser", http.Header{"Accept": {"text/html, */*;q=0.1"}, "User-Agent": {"Mozilla/4.0"}}, pageType},
	{"curl", http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.5.0"}}, textType},
	{"wget", http.Header{"Accept": {"*/*"}, "User-Agent": {"Wget/1.21.3"}}, textType},
	{"HTTPie", http.Header{"Accept": {"*/*"}, "User-Agent": {"HTTPie/3.2.2"}}, textType},
	{"HTTPie that sends JSON", http.Header{"Accept": {"application/json, */*;q=0.5"}, "User-Agent": {"HTTPie/3.2.2"}}, problemType},
	{"curl that wants JSON", http.Header{"Accept": {"application/json"}, "User-Agent": {"curl/8.5.0"}}, problemType},
	{"curl that wants HTML", http.Header{"Accept": {"text/html"}, "User-Agent": {"curl/8.5.0"}}, pageType},
	{"fetch", http.Header{"Accept": {"*/*"}, "User-Agent": {"Mozilla/5.0"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"}}, problemType},
	{"Go program", http.Header{"Accept": nil, "User-Agent": {"Go-http-client/1.1"}}, problemType},
}

const (
	pageType    = "text/html; charset=utf-8"
	textType    = "text/plain; charset=utf-8"
	problemType = "application/problem+json"
)

// failures are requests that are answered with an error page.
var failures = []struct {
	name, method, path string
	status             int
	recorded           bool   // there is a failure ID
	says               string // in the page and in the text
}{
	{"not found", "GET", "/nothing/here", 404, false, ""},
	{"nobody", "GET", "/user/nobody-has-this-name", 404, false, "There is no such person here."},
	{"wrong method", "DELETE", "/explore", 405, false, ""},
	{"no origin", "POST", "/login", 403, false, ""},
	{"conflict", "GET", "/drill/status/409", 409, false, ""},
	{"teapot", "GET", "/drill/status/418", 418, false, ""},
	{"error", "GET", "/drill/error", 500, true, "An unexpected error has occurred"},
	{"panic", "GET", "/drill/panic", 500, true, "An unexpected error has occurred"},
	{"bad gateway", "GET", "/drill/status/502", 502, true, ""},
	{"unavailable", "GET", "/drill/status/503", 503, true, ""},
	{"some other", "GET", "/drill/status/599", 599, true, ""},
}

// internals are what a stranger must never read.
var internals = regexp.MustCompile(`(?i)\.go\b|goroutine|runtime|internal/|example\.org/|/tmp/|/root|sqlite|postgres|\bpgx\b|select |insert |update .* set|foreign key|constraint|nil pointer|asked for by the drill|stack|panic`)

// The answer to a failure, for every kind of client.
func TestFailureByClient(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for _, f := range failures {
		for _, v := range visitors {
			t.Run(f.name+"/"+v.name, func(t *testing.T) {
				c := s.client(t)
				header := v.header.Clone()
				if f.name == "no origin" {
					header.Del("Sec-Fetch-Site")
				} else {
					header.Set("Origin", s.url)
				}
				r := c.do(f.method, f.path, nil, header).want(f.status)
				checkFailure(t, r, v.content, f.recorded)
				if v.content != problemType && f.says != "" && !strings.Contains(r.body, f.says) {
					t.Errorf("the answer does not say %q: %s", f.says, r.body)
				}
				if f.status == 405 && r.header.Get("Allow") != "GET, HEAD" {
					t.Errorf("Allow %q, want %q", r.header.Get("Allow"), "GET, HEAD")
				}
				if f.method != "GET" {
					return
				}
				head := c.do("HEAD", f.path, nil, header).want(f.status)
				if head.body != "" {
					t.Errorf("HEAD has a body: %q", head.body)
				}
				for _, name := range []string{"Content-Type", "Content-Length", "Cache-Control", "Vary"} {
					if got, want := head.header.Get(name), r.header.Get(name); got != want {
						t.Errorf("HEAD has %s %q, GET has %q", name, got, want)
					}
				}
			})
		}
	}
}

// checkFailure checks what is true of every answer to a failure.
func checkFailure(t *testing.T, r *reply, content string, recorded bool) {
	t.Helper()
	h := r.header
	if got := h.Get("Content-Type"); got != content {
		t.Fatalf("Content-Type %q, want %q: %s", got, content, tail(r.body))
	}
	if got := h.Get("Content-Length"); got != strconv.Itoa(len(r.body)) {
		t.Errorf("Content-Length %q, and the body has %d bytes", got, len(r.body))
	}
	if got := h.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", got)
	}
	if !strings.Contains(h.Get("Vary"), "Accept") {
		t.Errorf("Vary %q, want Accept in it", h.Get("Vary"))
	}
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
		if h.Get(name) == "" {
			t.Errorf("the header %s is missing", name)
		}
	}
	path := strings.SplitN(r.what, " ", 2)[1] // which the stranger knows
	if leak := internals.FindString(strings.ReplaceAll(r.body, path, "")); leak != "" {
		t.Errorf("the answer tells a stranger %q: %s", leak, r.body)
	}
	for name, values := range h {
		if leak := internals.FindString(strings.Join(values, "\n")); leak != "" {
			t.Errorf("the header %s tells a stranger %q: %q", name, leak, values)
		}
	}
	id := h.Get("Fault-Id")
	if recorded != (id != "") || recorded && !faultID.MatchString(id) {
		t.Errorf("Fault-Id %q, want one: %v", id, recorded)
	}
	if id != "" && !strings.Contains(r.body, id) {
		t.Errorf("the answer does not show the failure ID %s: %s", id, r.body)
	}
	if strings.Contains(r.body, "notified") {
		t.Errorf("the answer says that somebody was notified, and nobody was: %s", r.body)
	}
	switch content {
	case pageType:
		r.inLayout()
		harmless(t, r.what, r.doc())
	case textType:
		if !strings.HasSuffix(r.body, "\n") || !utf8.ValidString(r.body) || strings.Contains(r.body, "<") {
			t.Errorf("the text is not for a terminal: %q", r.body)
		}
		if want := strconv.Itoa(r.status) + " "; !strings.HasPrefix(r.body, want) {
			t.Errorf("the text begins %q, want the status", r.body)
		}
	case problemType:
		checkProblem(t, r, id)
	}
}

// checkProblem checks a problem document (RFC 9457).
func checkProblem(t *testing.T, r *reply, id string) {
	t.Helper()
	var doc struct {
		Type, Title, Detail, Instance, Fault, Request string
		Status                                        int
	}
	if err := json.Unmarshal([]byte(r.body), &doc); err != nil {
		t.Fatalf("the problem document is not JSON: %v\n%s", err, r.body)
	}
	if doc.Type == "" || doc.Title == "" || doc.Status != r.status || doc.Fault != id || doc.Request == "" {
		t.Errorf("problem document %+v: want type, title, request, status %d and fault %q", doc, r.status, id)
	}
	if path := strings.SplitN(r.what, " ", 2)[1]; doc.Instance != path {
		t.Errorf("instance %q, want %q", doc.Instance, path)
	}
}

// Methods that an address does not know are told which it knows.
func TestMethodNotAllowed(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for path, allow := range map[string]string{
		"/":                  "GET, HEAD, POST",
		"/login":             "GET, HEAD, POST",
		"/user/susan":        "GET, HEAD",
		"/follow/susan":      "POST",
		"/unfollow/susan":    "POST",
		"/logout_everywhere": "POST",
		"/healthz":           "GET, HEAD",
	} {
		for _, method := range []string{"PUT", "DELETE", "PATCH", "PURGE", "GET"} {
			if strings.Contains(allow, method) {
				continue
			}
			r := s.client(t).do(method, path, nil, http.Header{"Origin": {s.url}}).want(405).inLayout()
			if got := r.header.Get("Allow"); got != allow {
				t.Errorf("%s %s: Allow %q, want %q", method, path, got, allow)
			}
		}
	}
}

// The page knows who is logged in, and looks like every other.
func TestFailurePageOfAMember(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "member")
	for _, path := range []string{"/nothing/here", "/drill/error", "/drill/template", "/drill/nil"} {
		r := c.get(path).inLayout()
		if r.link("Profile") != "/user/"+c.name {
			t.Errorf("%s: the navigation does not know who is logged in", path)
		}
	}
}

// The programs themselves, where they are installed.
func TestFailureInRealClients(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for _, test := range []struct {
		program string
		args    []string
		want    string
	}{
		{"curl", []string{"-sS", s.url + "/drill/error"}, "500 Internal Server Error\n"},
		{"curl", []string{"-sS", "-H", "Accept: application/json", s.url + "/nothing"}, `"status":404`},
		{"curl", []string{"-sS", "-F", "username=x", s.url + "/login"}, "403 Forbidden\n"},
		{"wget", []string{"-q", "-O", "-", "--content-on-error", s.url + "/nothing"}, "404 Not Found\n"},
		{"http", []string{"--ignore-stdin", "--body", s.url + "/nothing"}, "404 Not Found\n"},
	} {
		t.Run(test.program, func(t *testing.T) {
			path, err := exec.LookPath(test.program)
			if err != nil {
				t.Skipf("NOT TESTED WITH %s: it is not installed", test.program)
			}
			cmd := exec.CommandContext(t.Context(), path, test.args...)
			cmd.Env = environment(settings{"NO_PROXY": "*", "no_proxy": "*"})
			out, err := cmd.Output()
			if !strings.Contains(string(out), test.want) || strings.Contains(string(out), "<html") {
				t.Errorf("%v printed %q (%v), want %q in it", cmd.Args, out, err, test.want)
			}
		})
	}
}
