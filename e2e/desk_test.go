package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// An administrator finds what failed by the ID that somebody quotes, resolves it, sees it come back and mutes it, in a
// browser, on a phone and in the dark too.
func TestDesk(t *testing.T) {
	t.Parallel()
	office := openPostOffice(t)
	set := mailSettings(office.addr, settings{"TRUSTED_PROXIES": "127.0.0.1"})
	s := start(t, options{args: []string{"--drill"}, settings: set})
	admin, member := s.person(t, "admin"), s.person(t, "member")
	if _, stderr, code := run(t, s.dir, set, "", "user", "admin", admin.name); code != 0 {
		t.Fatal(stderr)
	}
	evil := `<script>document.title="owned"</script>`
	r := member.post("/drill/wrapped", form("note", evil)).want(http.StatusInternalServerError)
	quoted := r.header.Get("Fault-Id")
	for range 3 {
		member.get("/drill/panic?q=" + evil[:8]).want(http.StatusInternalServerError)
	}
	soon(t, "both are counted", func() error {
		if text, _, _ := run(t, s.dir, set, "", "incidents"); !strings.Contains(text, "2 incidents") {
			return fmt.Errorf("listed is %s", text)
		}
		return nil
	})
	// It is for administrators: nobody else learns that it is there.
	if got := s.client(t).get("/admin/incidents").want(http.StatusSeeOther).header.Get("Location"); !strings.HasPrefix(got, "/login") {
		t.Errorf("a stranger is sent to %s", got)
	}
	member.get("/admin/incidents").want(http.StatusNotFound)
	member.post("/admin/incidents/0000000000000/resolve", form()).want(http.StatusNotFound)

	b := s.tab(t, look{})
	b.login(admin.name)
	b.press("a[href='/admin/incidents']")
	b.at("/admin/incidents")
	b.says("web.drillPanic")
	// By the keyboard alone, and as people type it.
	b.goes(chromedp.SendKeys(chromedp.ID("desk-q"), strings.ToLower(strings.ReplaceAll(quoted, "-", " "))+kb.Enter))
	b.says(quoted)
	page := b.find(t, quoted)
	b.says("internal/web/drill.go")
	// Some of it is folded away.
	for _, text := range []string{evil, "curl "} {
		if all := eval[string](b, "document.body.textContent"); !strings.Contains(all, text) {
			t.Errorf("%q is not on the page", text)
		}
	}
	for name, path := range map[string]string{"list": "/admin/incidents", "status": "/admin/incidents/status", "incident": page} {
		b.open(path)
		for _, l := range looks {
			b.show(l.look)
			if path != page {
				b.checkLook(path)
			} else if wide := eval[int](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				// Source and tables scroll within the page, and much is folded away, which checkLook knows nothing of.
				t.Errorf("%s is %d pixels too wide, %s", path, wide, l.name)
			}
			b.picture("desk-" + name + "-" + l.name)
		}
	}
	b.show(look{})
	b.open(page)
	b.press("form[action$='/resolve'] button")
	b.open(page)
	b.says("Resolved by " + admin.name)
	member.get("/drill/wrapped").want(http.StatusInternalServerError)
	soon(t, "it is back", func() error {
		b.open(page)
		if said := b.text("main"); !strings.Contains(strings.ToLower(said), "regressed") {
			return fmt.Errorf("the page says %s", said)
		}
		return nil
	})
	soon(t, "the mail that says so, in the same thread", func() error {
		all := office.all()
		if len(all) != 3 || all[2].references == "" || !strings.Contains(all[2].references, all[0].references) && !strings.Contains(all[2].references, all[1].references) {
			return fmt.Errorf("the mails are %q", subjects(all))
		}
		return nil
	})
	b.do(chromedp.Click(chromedp.CSS("details:has(button[name='for']) > summary")))
	b.press("button[name='for'][value='1h']")
	b.open(page)
	b.says("Muted")
}

// find opens the incident of a failure and returns its path.
func (b *tab) find(t testing.TB, quoted string) string {
	t.Helper()
	b.open("/admin/incidents?q=" + quoted)
	path := eval[string](b, "location.pathname")
	if path == "/admin/incidents" {
		path = eval[string](b, "document.querySelector(\"main a[href^='/admin/incidents/']:not([href$='status'])\")?.pathname ?? ''")
	}
	b.open(path)
	return path
}
