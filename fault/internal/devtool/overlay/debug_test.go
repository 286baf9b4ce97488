package overlay_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/overlay"
)

func TestDebuggerPage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		target     string
		front      bool
		page       overlay.DebugPage
		has        []string
		hasNot     []string
		policy     string
		header     string
		headerIs   string
		headerNone string
	}{
		{name: "a failure", target: "/failures/x", page: overlay.DebugPage{Applications: []string{"http://localhost:5000", "http://127.0.0.1:5000/path"}},
			has: []string{"no such column: abot_me", `data-failure="` + failed(t).ID.Full() + `"`, `src="/.fault/debugger.js" type="module"`, `href="http://localhost:5000/.fault/failures/`, "curl -i", "&#39;http://localhost:5000/user/susan",
				`data-call="3"`, `data-method="GET"`, `<a class="brand" href="/">`, "There is no source to show."},
			hasNot: []string{"client.js", "example.com", "data-framed", `id="debugger"`}, policy: "frame-ancestors http://localhost:5000 http://127.0.0.1:5000;", headerNone: "X-Frame-Options"},
		{name: "in a frame", target: "/failures/x?framed=1", page: overlay.DebugPage{Applications: []string{"http://localhost:5000"}}, has: []string{`data-framed="1"`, `href="/?framed=1"`},
			hasNot: []string{`id="aside"`}, policy: "frame-ancestors http://localhost:5000;", header: "Cross-Origin-Resource-Policy", headerIs: "cross-origin"},
		{name: "without an application", target: "/failures/x?framed=1", page: overlay.DebugPage{Applications: []string{"", "javascript:x", "http://a b", "http://x;y", "http://u@x", "http://*", "http://x'y"}},
			hasNot: []string{"See what a visitor gets"}, policy: "frame-ancestors 'none';", header: "X-Frame-Options", headerIs: "DENY"},
		{name: "the list", target: "/", front: true, page: overlay.DebugPage{Applications: []string{"http://localhost:5000"}}, has: []string{`id="front"`, `href="http://localhost:5000/"`},
			hasNot: []string{"abot_me", "data-failure"}, policy: "frame-ancestors http://localhost:5000;", header: "Cross-Origin-Resource-Policy", headerIs: "same-origin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := failed(t)
			f.Debugger = "http://127.0.0.1:7000/failures/x"
			if test.front {
				f = nil
			}
			w := httptest.NewRecorder()
			w.Header().Set("X-Frame-Options", "SAMEORIGIN")
			w.Header().Set("Access-Control-Allow-Origin", "*")
			r := asked("GET", test.target, "browser")
			r.Host = "127.0.0.1:7000"
			overlay.WriteDebugger(w, r, f, test.page)
			if w.Code != 200 {
				t.Errorf("status %d", w.Code)
			}
			body := strings.ReplaceAll(strings.ReplaceAll(w.Body.String(), "http://localhost:5000", ""), "http://127.0.0.1:5000", "")
			seen := httptest.NewRecorder() // harmless knows no address of an application
			for name, values := range w.Header() {
				seen.Header()[name] = values
			}
			seen.WriteString(strings.ReplaceAll(body, `href="/?framed=1"`, `href="/"`))
			harmless(t, test.name, seen)
			has(t, w.Body.String(), test.has, test.hasNot)
			policy := w.Header().Get("Content-Security-Policy") + ";"
			for _, part := range []string{test.policy, "default-src 'none';", "script-src 'self';", "connect-src 'self';", "form-action 'none';", "require-trusted-types-for 'script';", "trusted-types 'none';"} {
				if !strings.Contains(policy, part) {
					t.Errorf("policy %q without %q", policy, part)
				}
			}
			if test.header != "" && w.Header().Get(test.header) != test.headerIs {
				t.Errorf("%s: %q", test.header, w.Header().Get(test.header))
			}
			if test.headerNone == "X-Frame-Options" && w.Header().Get("X-Frame-Options") != "" {
				t.Errorf("X-Frame-Options: %q", w.Header().Get("X-Frame-Options"))
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("another origin may read it")
			}
		})
	}
}

// TestDebuggerPageOfAnything: it is as harmless as the other pages, whatever it is about.
func TestDebuggerPageOfAnything(t *testing.T) {
	t.Parallel()
	for _, f := range []*overlay.Failure{many(t), hostile(t)} {
		w := httptest.NewRecorder()
		overlay.WriteDebugger(w, asked("GET", "/failures/x", "browser"), f, overlay.DebugPage{Explanations: []overlay.Explanation{
			{Title: evil, Text: "`" + evil + "` and " + evil, Try: []string{evil + "`"}},
			{Title: "`a` and `b`", Text: "one ` alone", Try: []string{"``"}},
		}})
		harmless(t, "debugger", w)
		has(t, w.Body.String(), []string{"<h2><code>a</code> and <code>b</code></h2><p>one ` alone</p><ul><li><code></code></li></ul>"}, nil)
	}
}

// TestFailureNamesTheDebugger: a failure's page leads to it, by the name by which its reader has come.
func TestFailureNamesTheDebugger(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ host, address, want string }{
		{"localhost:5000", "http://127.0.0.1:7000/failures/X", "http://localhost:7000/failures/X"},
		{"127.0.0.1:5000", "http://localhost:7000/failures/X", "http://127.0.0.1:7000/failures/X"},
		{"192.168.1.4:5000", "http://127.0.0.1:7000/failures/X", "http://127.0.0.1:7000/failures/X"},
		{"localhost:5000", "http://box.lan:7000/failures/X", "http://box.lan:7000/failures/X"},
		{"localhost:5000", "", ""},
		{"localhost:5000", "javascript:alert(1)", ""},
		{"localhost:5000", "//evil.example", ""},
		{"localhost:5000", "http://x;script-src *", ""},
	} {
		for _, client := range []string{"browser", "program", "curl"} {
			f := failed(t)
			f.Debugger = test.address
			w := httptest.NewRecorder()
			r := asked("GET", "/user/susan", client)
			r.Host = test.host
			overlay.WriteFailure(w, r, f, 500, false)
			link := ""
			if test.want != "" {
				link = "<" + test.want + `>; rel="describedby"; type="application/json"; title="debugger"`
			}
			if got := w.Header().Get("Link"); got != link {
				t.Errorf("%s from %s for a %s: Link %q", test.address, test.host, client, got)
			}
			body, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
			switch {
			case test.want == "":
				has(t, body, nil, []string{"data-frame=", "to-debugger"})
				has(t, policy, []string{"frame-src 'self';"}, nil)
			case client == "browser":
				origin := strings.TrimSuffix(test.want, "/failures/X")
				has(t, body, []string{`data-frame="` + test.want + `?framed=1"`, `id="to-debugger" href="` + test.want + `"`}, nil)
				has(t, policy, []string{"frame-src 'self' " + origin + ";"}, nil)
			default:
				has(t, body, []string{test.want}, nil)
			}
		}
	}
}
