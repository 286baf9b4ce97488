package e2e

import (
	"strings"
	"testing"
)

const goOn = "Go on with the last good version"

// devRunBuildError: what the compiler says is in every tab, open or new, until it is mended.
func devRunBuildError(t *testing.T, d *devRun) {
	const said = "undefined: mising"
	open := d.tab(t, look{})
	open.open("/login")
	open.mark()
	told := d.told()
	undo := d.edit(t, devRunFile, devRunTitle, devRunTitle+" + mising")

	open.sees(t, "h2", said)
	open.sees(t, "mark", "mising")
	open.stays(t)
	d.tells(t, told, `internal/web/login\.go:\d+:\d+`)
	open.picture("devrun-build-overlay")

	fresh, waiting := d.tab(t, look{}), d.tab(t, look{dark: true})
	for _, b := range []*tab{fresh, waiting} {
		if status := b.open("/explore?page=x"); status != 503 {
			t.Errorf("a new tab gets %d", status)
		}
		b.says(said)
		b.says("internal/web/login.go:")
		b.says(`const titleLogin = "Log in" + mising`)
	}
	fresh.picture("devrun-build-page")
	waiting.picture("devrun-build-page-dark")
	waiting.open("/register")

	if status := fresh.press("a[href*='last-good']"); status != 200 {
		t.Errorf("going on leads to %d", status)
	}
	fresh.at("/explore?page=x")
	fresh.sees(t, "p", "This is the last good version.")
	fresh.picture("devrun-build-last-good")
	fresh.open("/login")
	if title := eval[string](fresh, "document.title"); title != "Log in · Microblog" {
		t.Errorf("going on from there leads to %q: %s", title, fresh.describe())
	}
	fresh.mark()
	if status, body, err := d.probe("/login"); err != nil || status != 200 || !strings.Contains(body, "<title>Log in") {
		t.Errorf("a program gets %d, %v: %s", status, err, tail(body))
	}

	undo()
	for what, b := range map[string]*tab{"the tab that was open": open, "the tab that went on": fresh} {
		if title := b.reloaded(t, "document.title"); title != "Log in · Microblog" {
			t.Errorf("mended, %s has %q", what, title)
		}
		b.seesNo(t, "h2", said)
		b.seesNo(t, "p", "This is the last good version.")
	}
	soon(t, "the new tab goes on by itself", func() error {
		if _, title, err := waiting.marked("document.title"); err != nil || title != "Register · Microblog" {
			return errStill
		}
		return nil
	})
	waiting.at("/register")
}

// devRunBuildErrorSmall: on a narrow dark screen, what covers the page fits, and can be put aside with what was typed kept.
func devRunBuildErrorSmall(t *testing.T, d *devRun) {
	const said = "declared and not used: unused"
	b := d.tab(t, look{width: 375, height: 740, phone: true, dark: true})
	b.open("/login")
	b.mark()
	b.fill("username", "half a na")
	undo := d.edit(t, "internal/web/health.go", "\tnoStore(w)\n\treturn text(w, \"ok\\n\")", "\tunused := 1\n\tnoStore(w)\n\treturn text(w, \"ok\\n\")")
	b.sees(t, "h2", said)
	b.picture("devrun-build-overlay-phone-dark")
	b.clicks(t, "a", goOn)
	b.seesNo(t, "h2", said)
	b.sees(t, "p", "This is the last good version.")
	b.picture("devrun-build-aside-phone-dark")
	if typed := eval[string](b, `document.getElementById("username").value`); typed != "half a na" {
		t.Errorf("what was typed is %q now", typed)
	}
	b.stays(t)
	undo()
	b.sees(t, "p", "What you have typed here would be lost")
	b.seesNo(t, "p", "This is the last good version.")
	b.stays(t)
	b.clicks(t, "button", "Reload")
	b.reloaded(t, "document.title")

	page := d.tab(t, look{width: 375, height: 740, phone: true})
	undo = d.edit(t, devRunFile, devRunTitle, `const titleLogin = "Log in`)
	b.sees(t, "h2", "newline in string")
	if status := page.open("/login"); status != 503 {
		t.Errorf("a new tab gets %d", status)
	}
	page.says("newline in string")
	if wide := eval[int](page, "document.documentElement.scrollWidth"); wide > 375 {
		t.Errorf("the page is %d pixels wide on a screen of 375", wide)
	}
	page.picture("devrun-build-page-phone")
	undo()
	b.seesNo(t, "h2", "newline in string")
	soon(t, "the new tab goes on by itself", func() error {
		if _, title, err := page.marked("document.title"); err != nil || title != "Log in · Microblog" {
			return errStill
		}
		return nil
	})
}

// devRunBrokenTemplate: a template that does not load is shown with its place; the pages go on as they were.
func devRunBrokenTemplate(t *testing.T, d *devRun) {
	processes := d.processes()
	for _, test := range []struct{ name, new, says string }{
		{"does not parse", "<h1>{{if}}Log in</h1>", "missing value for if"},
		{"unknown field", "<h1>{{.Nonsense}}</h1>", "Nonsense"},
		{"no such file", `<h1>{{asset "none.css"}}</h1>`, "none.css"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := d.tab(t, look{})
			b.open("/login")
			b.mark()
			undo := d.edit(t, "internal/web/templates/login.html", "<h1>Log in</h1>", test.new)
			b.sees(t, "h2", test.says)
			b.stays(t)
			b.picture("devrun-template-overlay-" + strings.ReplaceAll(test.name, " ", "-"))
			fresh := d.tab(t, look{})
			if status := fresh.open("/login"); status != 503 {
				t.Errorf("a new tab gets %d", status)
			}
			fresh.says(test.says)
			fresh.says("internal/web/templates/login.html:2")
			fresh.says(test.new)
			if status, body, err := d.probe("/login"); err != nil || status != 200 || !strings.Contains(body, "<h1>Log in</h1>") {
				t.Errorf("a program gets %d, %v: %s", status, err, tail(body))
			}
			if status := fresh.press("a[href*='last-good']"); status != 200 || fresh.text("h1") != "Log in" {
				t.Errorf("going on leads to %d: %s", status, fresh.describe())
			}
			undo()
			if got := b.reloaded(t, `document.querySelector("h1").innerText`); got != "Log in" {
				t.Errorf("mended, the page says %q", got)
			}
			b.seesNo(t, "h2", test.says)
			fresh.seesNo(t, "p", "This is the last good version.")
		})
	}
	if n := d.processes(); n != processes {
		t.Errorf("%d processes were started for templates", n-processes)
	}
}
