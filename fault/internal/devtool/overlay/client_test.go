package overlay_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/overlay"
)

// thrown are the exceptions in the page.
func (p *tab) thrown() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, text := range p.errors {
		if strings.Contains(text, "exceptionDetails") {
			all = append(all, text)
		}
	}
	return all
}

// mark makes the page known again: as long as it has the mark it was not loaded anew.
func (p *tab) mark() { p.t.Helper(); p.eval(`void (window.marked = true)`) }

func (p *tab) stays() {
	p.t.Helper()
	if p.eval(`window.marked === true`) != true {
		p.t.Error("the page was loaded anew")
	}
}

// TestClient tries the script of the application's pages in a real browser.
func TestClient(t *testing.T) {
	t.Parallel()
	b := chromium(t)
	begin := func(t *testing.T) (*stand, *tab) {
		s, p := newStand(t), b.tab(t)
		p.open(s.url + "/")
		s.connected(1)
		p.mark()
		t.Cleanup(func() {
			for _, text := range p.thrown() {
				t.Error("thrown: ", text)
			}
		})
		return s, p
	}

	t.Run("a new version is loaded, at the same place", func(t *testing.T) {
		s, p := begin(t)
		p.eval(`scrollTo(0, 1200)`)
		s.next()
		p.until(`document.querySelector("h1").textContent === "Version 2"`)
		p.until(`scrollY === 1200`)
	})
	t.Run("a tab that slept finds out", func(t *testing.T) {
		s, p := begin(t)
		s.set(func() { s.version = 5 })
		s.drop()
		p.until(`document.querySelector("h1").textContent === "Version 5"`)
	})
	t.Run("another fault run has taken over", func(t *testing.T) {
		s, p := begin(t)
		s.set(func() { s.run = "second" })
		s.drop()
		p.until(`document.readyState === "complete" && window.marked === undefined`)
	})
	t.Run("a page that stays old is not loaded for ever", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.old, s.version = true, 5 // as a service worker would have it
		p.open(s.url + "/")
		p.see("p", "This page is an old one")
		s.set(func() {
			if s.loads != 2 {
				t.Errorf("%d loads", s.loads)
			}
		})
		s.set(func() { s.old = false })
		p.click(p.see("button", "Reload"))
		p.until(`document.querySelector("h1").textContent === "Version 5"`)
		p.until(`sessionStorage.length === 0`)
	})
	t.Run("a lost connection alone loads nothing", func(t *testing.T) {
		s, p := begin(t)
		s.drop()
		s.connected(1)
		s.tell(overlay.Event{Type: overlay.FailureNoted, ID: "X", Title: "to be sure that hello has been read"})
		p.see("p", "to be sure")
		p.stays()
	})
	t.Run("the page that the back button brings back is up to date", func(t *testing.T) {
		s, p := begin(t)
		p.open(s.url + "/elsewhere")
		s.connected(0)
		s.set(func() { s.version = 2 })
		p.eval(`history.back()`)
		p.until(`document.querySelector("h1")?.textContent === "Version 2"`)
	})

	for name, fill := range map[string]func(p *tab){
		"a field":            func(p *tab) { p.eval(`document.getElementById("name").focus()`); p.write("typed") },
		"a text":             func(p *tab) { p.eval(`document.getElementById("text").focus()`); p.write("typed") },
		"something editable": func(p *tab) { p.eval(`document.getElementById("rich").focus()`); p.write("typed") },
		"what scripts mirror": func(p *tab) { // as frameworks do, that keep the attribute like the value
			p.eval(`document.getElementById("name").oninput = e => e.target.setAttribute("value", e.target.value)`)
			p.eval(`document.getElementById("name").focus()`)
			p.write("typed")
		},
	} {
		t.Run("input is not lost without asking: "+name, func(t *testing.T) {
			s, p := begin(t)
			fill(p)
			s.next()
			p.see("p", "What you have typed here would be lost.")
			p.stays()
			p.click(p.see("button", "Keep this page"))
			p.gone("p", "would be lost")
			s.next()
			p.click(p.see("button", "Reload"))
			p.until(`document.querySelector("h1").textContent === "Version 3"`)
		})
	}
	t.Run("input that is gone again, or was a script's, does not ask", func(t *testing.T) {
		s, p := begin(t)
		p.eval(`document.getElementById("text").focus()`)
		p.write("typed")
		p.eval(`document.querySelector("form").reset(); document.getElementById("name").value = "by a script"; document.getElementById("box").checked = true`)
		s.next()
		p.until(`document.querySelector("h1").textContent === "Version 2"`)
	})
	t.Run("what would send a form a second time asks", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.method = "&amp;m=POST"
		p.open(s.url + "/")
		s.connected(1)
		p.mark()
		s.next()
		p.see("p", "to send the form a second time")
		p.stays()
	})
	t.Run("the application may ask before its page goes", func(t *testing.T) {
		s, p := begin(t)
		p.eval(`addEventListener("beforeunload", e => e.preventDefault()); document.body.click()`)
		p.mu.Lock()
		p.stay = true
		p.mu.Unlock()
		s.next()
		p.see("button", "Reload")
		p.stays()
		if p.asked() != "beforeunload" {
			t.Errorf("dialogs: %q", p.asked())
		}
	})

	color := func(p *tab, want string) {
		p.t.Helper()
		p.until(`getComputedStyle(document.querySelector("h1")).color === "` + want + `"`)
	}
	t.Run("a stylesheet is exchanged in place", func(t *testing.T) {
		s, p := begin(t)
		color(p, "rgb(1, 1, 1)")
		p.eval(`scrollTo(0, 1200)`)
		for i, want := range []string{"rgb(2, 2, 2)", "rgb(3, 3, 3)"} {
			s.set(func() { s.styles["/style.css"] = "h1 { color: " + want + " }" })
			s.tell(overlay.Event{Type: overlay.Style, Files: []string{[]string{"/home/x/static/style.css", `C:\x\style.css`}[i]}})
			color(p, want)
		}
		p.until(`document.querySelectorAll("link").length === 1 && scrollY === 1200`)
		p.stays()
	})
	t.Run("a stylesheet whose name has a hash", func(t *testing.T) {
		s, p := begin(t)
		s.set(func() { s.styles["/style.3fa29c.css"] = "h1 { color: rgb(1, 1, 2) }" })
		p.eval(`document.querySelector("link").href = "/style.3fa29c.css"`)
		color(p, "rgb(1, 1, 2)")
		p.eval(`document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/other.css", id: "other" }))`)
		s.set(func() { s.styles["/style.3fa29c.css"] = "h1 { color: rgb(2, 2, 2) }" })
		s.tell(overlay.Event{Type: overlay.Style, Files: []string{"style.css"}})
		color(p, "rgb(2, 2, 2)")
		p.until(`document.getElementById("other").getAttribute("href") === "/other.css"`)
		p.stays()
	})
	t.Run("a stylesheet that another one imports", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.styles["/style.css"], s.styles["/theme.css"] = `@import "theme.css";`, "h1 { color: rgb(1, 1, 1) }"
		p.open(s.url + "/")
		s.connected(1)
		p.mark()
		color(p, "rgb(1, 1, 1)")
		s.set(func() { s.styles["/theme.css"] = "h1 { color: rgb(2, 2, 2) }" })
		s.tell(overlay.Event{Type: overlay.Style, Files: []string{"static/theme.css"}})
		color(p, "rgb(2, 2, 2)")
		p.stays()
	})
	t.Run("a stylesheet that does not load any more loads the page", func(t *testing.T) {
		s, p := begin(t)
		color(p, "rgb(1, 1, 1)")
		s.set(func() { delete(s.styles, "/style.css") })
		s.tell(overlay.Event{Type: overlay.Style, Files: []string{"style.css"}})
		p.until(`document.readyState === "complete" && window.marked === undefined`)
	})

	t.Run("a problem lies over the page and goes when it is mended", func(t *testing.T) {
		s, p := begin(t)
		before := p.eval(`Object.getOwnPropertyNames(window).sort().join()`)
		body := p.eval(`document.body.outerHTML`)
		s.trouble(build())
		p.see("h2", "undefined: usr")
		s.trouble(templated())
		p.see("h2", "formatTime")
		p.gone("h2", "undefined: usr")
		if after := p.eval(`Object.getOwnPropertyNames(window).sort().join()`); after != before {
			t.Errorf("globals: %v, before: %v", after, before)
		}
		if after := p.eval(`document.body.outerHTML`); after != body {
			t.Errorf("the page was changed: %v", after)
		}
		s.next() // It has to wait: the page would be the problem's.
		s.tell(overlay.Event{Type: overlay.Doing, Doing: "building"})
		p.see("p", "Building…")
		p.stays()
		s.trouble(nil)
		p.until(`document.querySelector("h1").textContent === "Version 2"`)
		p.gone("h2", "formatTime")
	})
	t.Run("mended without a new version", func(t *testing.T) {
		s, p := begin(t)
		s.trouble(build())
		p.see("h2", "undefined: usr")
		s.trouble(nil)
		p.gone("h2", "undefined: usr")
		p.gone("dialog", "")
		p.stays()
	})
	for name, act := range map[string]func(p *tab){
		"by a click":        func(p *tab) { p.click(p.see("a", "Go on with the last good version")) },
		"by the Escape key": func(p *tab) { p.press("Escape") },
	} {
		t.Run("a problem is put aside "+name, func(t *testing.T) {
			s, p := begin(t)
			s.trouble(build())
			p.see("h2", "undefined: usr")
			s.connected(2) // the page in the frame, whose scripts have then run
			act(p)
			p.gone("h2", "undefined: usr")
			s.wait("the server is told", func() bool { return slices.Equal(s.put, []string{build().ID}) })
			p.see("p", "2 mistakes in internal/web. This is the last good version.")
			s.drop() // Not even a new connection brings it back.
			s.connected(1)
			p.stays()
			if len(p.find("h2", "undefined: usr")) > 0 {
				t.Error("it is back")
			}
			p.click(p.see("button", "Show"))
			p.see("h2", "undefined: usr")
			s.trouble(templated())
			p.see("h2", "formatTime")
		})
	}
	t.Run("what the browser has put aside comes as a note", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.problem, s.aside = build(), true
		p.open(s.url + "/")
		p.see("p", "This is the last good version.")
		if len(p.find("dialog", "")) > 0 {
			t.Error("an overlay")
		}
	})
	t.Run("without anything that is served it cannot be put aside", func(t *testing.T) {
		s, p := begin(t)
		dead := panicked()
		dead.Served = false
		s.trouble(dead)
		p.see("h2", "invalid memory address")
		s.connected(2)
		p.press("Escape")
		p.press("Escape")
		s.tell(overlay.Event{Type: overlay.Doing, Doing: "building"})
		p.see("p", "Building…")
		p.see("dialog", "")
		s.set(func() {
			if len(s.put) > 0 {
				t.Error("it was put aside")
			}
		})
	})
	t.Run("a finding beside the newest version lets pages load", func(t *testing.T) {
		s, p := begin(t)
		s.trouble(vetted())
		p.see("h2", "wrong type string")
		s.next()
		p.until(`document.querySelector("h1").textContent === "Version 2"`)
		p.see("h2", "wrong type string")
	})
	t.Run("a page in a page leaves it to the outer one", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		p.open(s.url + "/outer")
		s.connected(2)
		s.trouble(build())
		p.see("h2", "undefined: usr")
		if n := len(p.find("dialog", "")); n != 1 {
			t.Errorf("%d overlays", n)
		}
	})

	t.Run("failures elsewhere are notes", func(t *testing.T) {
		s, p := begin(t)
		s.tell(overlay.Event{Type: overlay.FailureNoted, ID: "A/B", Title: "GET /api: <b>no such table</b>"})
		p.see("p", "A request has failed: GET /api: <b>no such table</b>")
		if found := p.see("a", "Show"); !slices.ContainsFunc(found.Attributes, func(v string) bool { return strings.HasSuffix(v, "/.fault/failures/A%2FB") }) {
			t.Errorf("%q", found.Attributes)
		}
		s.tell(overlay.Event{Type: overlay.FailureNoted, ID: "C", Title: "GET /other"})
		p.see("p", "2 requests have failed, the last: GET /other")
		p.click(p.see("button", "Dismiss"))
		p.gone("p", "requests have failed")
		p.stays()
	})
	t.Run("a page that broke off shows its failure", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		p.open(s.url + "/broken")
		p.see("h1", "no such column: abot_me")
		p.see("h1", "It began")
		p.click(p.see("a", "Close"))
		p.gone("dialog", "")
	})
	t.Run("the page of a failure loads itself again", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		f := failed(t)
		f.Script = "g=1&r=first"
		s.failing = f
		p.open(s.url + "/")
		p.see("h1", "no such column: abot_me")
		s.connected(1)
		s.set(func() { s.failing = nil })
		s.next()
		p.until(`document.querySelector("h1").textContent === "Version 2"`)
	})

	t.Run("a policy that forbids it is obeyed in silence", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.policy = "default-src 'self'; connect-src 'none'"
		p.open(s.url + "/")
		p.until(`new Promise(done => setTimeout(() => done(true), 1500))`) // some tries long
		s.set(func() {
			if s.begun > 0 {
				t.Errorf("%d connections", s.begun)
			}
		})
		p.mu.Lock()
		tries := 0
		for _, text := range p.errors {
			if strings.Contains(text, "connect-src") {
				tries++
			}
		}
		p.mu.Unlock()
		if tries > 1 || len(p.thrown()) > 0 {
			t.Errorf("%d tries, %q", tries, p.thrown())
		}
	})
	t.Run("a policy without frames gets a note", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.policy = "default-src 'self'; frame-src 'none'; require-trusted-types-for 'script'"
		p.open(s.url + "/")
		s.connected(1)
		s.trouble(build())
		p.see("p", "2 mistakes in internal/web")
		p.gone("dialog", "")
	})
}

// TestPagesGoAway is about the pages of `fault run` in the place of the application's.
func TestPagesGoAway(t *testing.T) {
	t.Parallel()
	b := chromium(t)
	t.Run("a problem that is mended", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.problem, s.hold = build(), true
		p.open(s.url + "/?page=2")
		p.see("h2", "undefined: usr")
		s.connected(1)
		s.tell(overlay.Event{Type: overlay.Doing, Doing: "building cmd/x"})
		p.until(`document.getElementById("status").textContent === "Building cmd/x…"`)
		s.trouble(templated())
		p.see("h2", "formatTime")
		s.connected(1)
		s.set(func() { s.hold = false })
		s.trouble(nil)
		p.until(`document.querySelector("h1").textContent === "Version 1" && location.search === "?page=2"`)
	})
	t.Run("a problem at its own address", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.problem = build()
		p.open(s.url + "/.fault/problem?to=/%3Fx%3D1")
		p.see("h2", "undefined: usr")
		s.connected(1)
		s.trouble(nil)
		p.until(`location.pathname + location.search === "/?x=1"`)
	})
	t.Run("mended while the connection was away", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.problem, s.hold = build(), true
		p.open(s.url + "/")
		s.connected(1)
		s.set(func() { s.problem, s.hold = nil, false })
		s.drop()
		p.until(`document.querySelector("h1").textContent === "Version 1"`)
	})
	t.Run("the comfort of the page", func(t *testing.T) {
		s, p := newStand(t), b.tab(t)
		s.problem, s.hold = build(), true
		p.open(s.url + "/")
		const place = `document.querySelector("a.place").getAttribute("href")`
		p.until(`document.getElementById("editor").options.length > 5`)
		p.until(place + ` === "vscode://file/home/susan/microblog/internal/web/profile.go:47:45"`)
		p.eval(`{ const e = document.getElementById("editor"); e.value = "GoLand"; e.dispatchEvent(new Event("change")) }`)
		want := `"goland://open?file=%2Fhome%2Fsusan%2Fmicroblog%2Finternal%2Fweb%2Fprofile.go&line=47&column=45"`
		p.until(place + " === " + want)
		p.eval(`location.reload()`)
		p.until(`document.readyState === "complete" && ` + place + " === " + want)
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, text := range p.errors {
			var e struct{ Entry struct{ Text string } }
			if json.Unmarshal([]byte(text), &e) != nil || !strings.Contains(e.Entry.Text, "status of 503") {
				t.Error(text) // Its policy lets everything pass that the page needs.
			}
		}
	})
}
