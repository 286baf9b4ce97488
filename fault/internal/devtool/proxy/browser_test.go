package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/browsertest"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/proxy"
)

// script does what ours does: it connects, and shows a page of ours in a frame.
const script = `(() => {
	const source = new URL(document.currentScript.src)
	const socket = new WebSocket("ws://" + source.host + "/.fault/events")
	socket.onmessage = () => {
		const frame = document.createElement("iframe")
		frame.src = "/.fault/problem?framed=1"
		document.documentElement.append(frame)
	}
})()`

// TestPoliciesInABrowser loads pages with strict policies in a real browser: our script runs, connects and shows its frame, and what the page
// forbids stays forbidden.
func TestPoliciesInABrowser(t *testing.T) {
	t.Parallel()
	browser := browsertest.Chromium(t)
	for name, test := range map[string]struct {
		policies []string
		inline   bool // the page's own inline script runs
	}{
		"scripts of its own only": {[]string{"default-src 'none'; script-src 'self'"}, false},
		"nothing at all":          {[]string{"default-src 'none'"}, false},
		"what is trusted loads":   {[]string{"default-src 'none'; script-src 'strict-dynamic' 'nonce-page' 'unsafe-inline' https:; base-uri 'none'"}, false},
		"inline scripts":          {[]string{"default-src 'none'; script-src 'unsafe-inline'"}, true},
		"two policies":            {[]string{"script-src 'none', connect-src 'none'", "default-src https://cdn.example; frame-src 'none'"}, false},
		"no policy":               {nil, true},
	} {
		framed := make(chan struct{}, 8)
		p := pages()
		p.Asset = func(string) ([]byte, string, bool) { return []byte(script), "text/javascript", true }
		p.Problem = func(w http.ResponseWriter, _ *http.Request, _ *problem.Problem, _ string, is bool) {
			if is {
				framed <- struct{}{}
			}
		}
		var seen atomic.Bool
		f := start(t, proxy.Options{Pages: p}, nil)
		f.serve(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.NotFound(w, r)
				return
			}
			h := w.Header()
			h.Set("Content-Type", "text/html; charset=utf-8")
			for _, policy := range test.policies {
				h.Add("Content-Security-Policy", policy)
			}
			// The page is not complete before our script has done its work.
			fmt.Fprint(w, "<!doctype html><html><head><title>the page</title>")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-framed:
				_, _, tabs := f.State()
				seen.Store(tabs > 0)
			case <-time.After(patience):
			}
			fmt.Fprint(w, "</head><body><script>document.body.className = 'INLINE'</script><p>its end</body></html>")
		})
		dom := browsertest.Document(t, browser, f.http.URL+"/")
		if !seen.Load() {
			t.Errorf("%s: our script did not connect, or not show its frame:\n%s", name, dom)
		}
		if !strings.Contains(dom, "its end") || strings.Contains(dom, `class="INLINE"`) != test.inline {
			t.Errorf("%s: inline scripts run: %t, want %t:\n%s", name, !test.inline, test.inline, dom)
		}
	}
}
