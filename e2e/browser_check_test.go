package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The tabs are trusted to notice what is wrong with a page. This shows that they do.
func TestTabNotices(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, page, want string
	}{
		{"inline script against the policy", `<script>document.title = "x"</script>`, "Content Security Policy"},
		{"inline style against the policy", `<p style="color: red">x</p>`, "Content Security Policy"},
		{"exception", `<script src="/throw.js"></script>`, "uncaught"},
		{"console.error", `<script src="/console.js"></script>`, "console.error"},
		{"missing picture", `<img src="/missing.svg" alt="">`, "404"},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, test := range tests {
			if r.URL.Path == "/"+strings.ReplaceAll(test.name, " ", "-") {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Header().Set("Content-Security-Policy", "default-src 'self'")
				w.WriteHeader(http.StatusTeapot) // a page with an error status is no problem in itself
				fmt.Fprintf(w, "<!DOCTYPE html><html lang=en><title>x</title><link rel=icon href=/icon.svg>%s", test.page)
				return
			}
		}
		switch r.URL.Path {
		case "/throw.js":
			fmt.Fprint(w, "throw new Error('on purpose')")
		case "/console.js":
			fmt.Fprint(w, "console.error('on purpose')")
		case "/icon.svg":
			w.Header().Set("Content-Type", "image/svg+xml")
			fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg"/>`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := openTab(t, look{})
			b.base = srv.URL
			b.open("/" + strings.ReplaceAll(test.name, " ", "-"))
			soon(t, "noticing", func() error {
				// Something must be asked of the tab, so that what came before has been heard.
				b.do(chromedp.Evaluate[chromedp.Void]("undefined"))
				if all := b.found(); !strings.Contains(strings.Join(all, "\n"), test.want) {
					return fmt.Errorf("the tab noticed %q, want something with %q", all, test.want)
				}
				return nil
			})
			b.mu.Lock()
			b.problems = nil // they were meant to be there
			b.mu.Unlock()
		})
	}
}
