package proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/proxy"
)

// TestOverlayIsTheDefault looks at the pages of package overlay through the proxy.
func TestOverlayIsTheDefault(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{Package: "./cmd/x", Pages: proxy.Pages{Asset: overlay.Asset}}, app)
	p := &problem.Problem{
		Kind: problem.Build, Title: "1 mistake in ./cmd/x",
		Messages: []problem.Message{{File: "cmd/x/main.go", Line: 3, Column: 1, Text: "undefined: y"}},
	}
	p.Identify()
	f.SetProblem(p)
	for name, test := range map[string]struct {
		path, want string
		status     int
		header     map[string]string
	}{
		"a page":       {"/a?b", "undefined: y", 503, navigation},
		"its own":      {"/.fault/problem?framed=1&id=" + p.ID, "undefined: y", 503, navigation},
		"a terminal":   {"/.fault/problem", "\n  undefined: y", 503, map[string]string{"User-Agent": "curl/8"}},
		"a program":    {"/.fault/problem", `"undefined: y"`, 503, map[string]string{"Accept": "application/json"}},
		"the overview": {"/.fault/", "./cmd/x", 200, navigation},
		"the script":   {"/.fault/client.js?g=1", "events", 200, fetch},
		"the style":    {"/.fault/overlay.css", "{", 200, fetch},
	} {
		res, body := f.get(test.path, test.header)
		if res.StatusCode != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s: %s %q", name, res.Status, body)
		}
	}
	f.serve(failing(f))
	f.SetProblem(nil)
	res, body := f.get("/x", navigation)
	if res.StatusCode != http.StatusBadGateway || !strings.Contains(body, "it failed") || !strings.Contains(body, "/.fault/failures/"+failureID.Full()+"/answer") {
		t.Errorf("%s %q", res.Status, body)
	}
	f.Down()
	f.SetProblem(p)
	if res, body := f.get("/x", fetch); res.StatusCode != 503 || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json") || !strings.Contains(body, "undefined: y") {
		t.Errorf("%v %q", res, body)
	}
}
