package mailbox_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/fault/internal/devtool/browsertest"
	"example.org/microblog/fault/internal/devtool/mailbox"
)

// TestHostileHTML shows a mail that tries everything in a real browser: nothing of it runs, and nothing is loaded.
func TestHostileHTML(t *testing.T) {
	t.Parallel()
	browser := browsertest.Chromium(t)
	var (
		mu   sync.Mutex
		hits []string
	)
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		hits = append(hits, r.URL.Path)
	}))
	defer stranger.Close()
	hostile := strings.NewReplacer("EVIL", stranger.URL).Replace(`<!DOCTYPE html><html><head><title>hostile</title>
<base href="EVIL/base/"><meta http-equiv="refresh" content="0;url=EVIL/refresh"><link rel="stylesheet" href="EVIL/style">
<link rel="preload" as="image" href="EVIL/preload"><link rel="prefetch" href="EVIL/prefetch"><link rel="icon" href="EVIL/icon"><link rel="manifest" href="EVIL/manifest">
<style>@import "EVIL/import"; body { background: url(EVIL/background) } @font-face { font-family: x; src: url(EVIL/font) } p { font-family: x }</style>
<script src="EVIL/script"></script><script>document.documentElement.className = "PWNED"; new Image().src = "EVIL/image"; fetch("/api/mails", {method: "DELETE"})</script></head>
<body onload="document.body.className='PWNED'" background="EVIL/body"><p>The text of it<svg onload="document.body.id='PWNED'"><image href="EVIL/svg"/></svg>
<img src="EVIL/img" onerror="document.body.title='PWNED'"><img srcset="EVIL/srcset 1x"><iframe src="EVIL/frame"></iframe><iframe srcdoc="&lt;script>top.document.title='PWNED'&lt;/script>"></iframe>
<object data="EVIL/object"></object><embed src="EVIL/embed"><video src="EVIL/video" poster="EVIL/poster" autoplay></video><audio src="EVIL/audio" autoplay></audio>
<form action="EVIL/form" method="post"><input autofocus onfocus="this.form.submit()"></form><img src="cid:picture"><iframe src="/"></iframe>
<script>top.location = "EVIL/top"; window.open("EVIL/open"); document.title = "PWNED"</script>`)
	s := start(t, mailbox.Options{})
	s.Take([]byte("Subject: hostile </title><script>document.title='PWNED'</script>\r\nContent-Type: text/html\r\n\r\n" + hostile))
	for _, path := range []string{"/mails/1?view=html", "/mails/1/html"} {
		seen := browsertest.Document(t, browser, s.URL()+path)
		if path == "/mails/1/html" {
			if !strings.Contains(seen, "The text of it") {
				t.Errorf("%s: the mail is not shown:\n%s", path, seen)
			}
			for _, sign := range []string{`class="PWNED"`, `id="PWNED"`, `title="PWNED"`, "<title>PWNED"} {
				if strings.Contains(seen, sign) {
					t.Errorf("%s: something ran: %s", path, sign)
				}
			}
			continue
		}
		if !strings.Contains(seen, "fault mailbox</title>") || !strings.Contains(seen, "hostile &lt;/title") {
			t.Errorf("%s: the page is not what it was:\n%s", path, seen)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(hits) != 0 {
		t.Errorf("these were loaded: %q", hits)
	}
	s.one()
}
