package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The title of the log-in page is a constant of the program.
const (
	devRunFile   = "internal/web/login.go"
	devRunTitle  = `const titleLogin = "Log in"`
	devRunEdited = `const titleLogin = "Sign in"`
	// slowStart is appended: a version that is not ready for a while.
	devRunSlowStart = "\n\nfunc init() { time.Sleep(time.Second) }"
)

// devRunScript: a page gets the script, and its policy allows that script and no other.
func devRunScript(t *testing.T, d *devRun) {
	c := d.client(t)
	direct := start(t, options{}).client(t)
	// Who is said to be elsewhere, behind a proxy, gets the pages as they are.
	if r := c.get("/login"); strings.Contains(r.body, ".fault") {
		t.Errorf("somebody elsewhere gets %s", tail(r.body))
	}
	c.header.Del("X-Forwarded-For")
	for _, path := range []string{"/login", "/nothing"} {
		through, own := c.get(path), direct.get(path)
		if want := `<head><script src="/.fault/client.js?g=`; !strings.Contains(through.body, want) || strings.Count(through.body, "/.fault/") != 1 {
			t.Errorf("%s does not begin its head with %s once:\n%s", path, want, through.body)
		}
		policy := through.header.Get("Content-Security-Policy")
		ws := "ws" + strings.TrimPrefix(d.url, "http")
		for _, directive := range strings.Split(policy, "; ") {
			switch name, values, _ := strings.Cut(directive, " "); name {
			case "connect-src":
				if values != ws+"/.fault/events" {
					t.Errorf("%s may connect to %s", path, values)
				}
			case "frame-src":
				for value := range strings.FieldsSeq(values) {
					if !strings.HasPrefix(value, d.url+"/.fault/") {
						t.Errorf("%s may show %s in a frame", path, value)
					}
				}
			default:
				if !strings.Contains(own.header.Get("Content-Security-Policy"), directive) {
					t.Errorf("%s has %q in its policy, which is not Microblog's: %s", path, directive, own.header.Get("Content-Security-Policy"))
				}
			}
		}
	}
	for _, path := range []string{"/healthz", stylesheetAddress.FindString(c.get("/login").body)} {
		if a := c.get(path).want(200); strings.Contains(a.body, ".fault") {
			t.Errorf("%s is not as Microblog sent it:\n%s", path, tail(a.body))
		}
	}
	b := d.tab(t, look{})
	b.open("/login")
	if !eval[bool](b, `document[Symbol.for("fault run")] === true && window.faultRun === undefined`) {
		t.Error("the script does not run in the browser")
	}
}

// devRunGoEdit: a tab is loaded again when, and not before, the new version answers.
func devRunGoEdit(t *testing.T, d *devRun) {
	b := d.tab(t, look{})
	b.open("/login")
	b.mark()
	told := d.told()
	undo := d.edit(t, devRunFile, devRunTitle, devRunEdited+devRunSlowStart)
	if title := b.reloaded(t, "document.title"); title != "Sign in · Microblog" {
		t.Errorf("after the first reload the page is %q: it came too early", title)
	}
	d.serves(t, "/login", "<title>Sign in")
	d.tells(t, told, `internal/web/login\.go: built in .*ready in`)
	b.mark()
	undo()
	if title := b.reloaded(t, "document.title"); title != "Log in · Microblog" {
		t.Errorf("after the edit was taken back the page is %q", title)
	}
}

// devRunStylesheet: a stylesheet is exchanged in the page as it stands.
func devRunStylesheet(t *testing.T, d *devRun) {
	b := d.tab(t, look{})
	b.open("/login")
	b.mark()
	b.fill("username", "half a na")
	processes := d.processes()
	const color = `getComputedStyle(document.querySelector(".brand")).color`
	before := eval[string](b, color)
	looks := func(want string) {
		t.Helper()
		soon(t, "waiting for the color "+want, func() error {
			marked, got, err := b.marked(color)
			if err == nil && !marked {
				t.Fatal("the page was loaded again")
			}
			if err == nil && got != want {
				err = fmt.Errorf("it is %s", got)
			}
			return err
		})
	}
	undo := d.edit(t, "internal/web/static/app.css", ".brand:hover {", ".brand { color: rgb(1, 2, 3); }\n.brand:hover {")
	looks("rgb(1, 2, 3)")
	if n := eval[int](b, `document.querySelectorAll("link[rel=stylesheet]").length`); n != 1 {
		t.Errorf("the page has %d stylesheets", n)
	}
	other := d.tab(t, look{})
	other.open("/register")
	if got := eval[string](other, color); got != "rgb(1, 2, 3)" {
		t.Errorf("a new page has the color %s", got)
	}
	undo()
	looks(before)
	if typed := eval[string](b, `document.getElementById("username").value`); typed != "half a na" {
		t.Errorf("what was typed is %q now", typed)
	}
	if n := d.processes(); n != processes {
		t.Errorf("%d processes were started for a stylesheet", n-processes)
	}
}

// devRunTemplate: a template is read again by the same process, then the tab is loaded again.
func devRunTemplate(t *testing.T, d *devRun) {
	b := d.tab(t, look{})
	b.open("/login")
	processes := d.processes()
	b.mark()
	undo := d.edit(t, "internal/web/templates/login.html", "<h1>Log in</h1>", "<h1>Come in</h1>")
	const heading = `document.querySelector("h1").innerText`
	if got := b.reloaded(t, heading); got != "Come in" {
		t.Errorf("after the reload the heading is %q", got)
	}
	b.mark()
	undo()
	if got := b.reloaded(t, heading); got != "Log in" {
		t.Errorf("after the edit was taken back the heading is %q", got)
	}
	if n := d.processes(); n != processes {
		t.Errorf("%d processes were started for a template", n-processes)
	}
}

// devRunTypedText: what was typed into a form is not lost without asking.
func devRunTypedText(t *testing.T, d *devRun) {
	const question = "What you have typed here would be lost"
	b := d.tab(t, look{})
	b.login(d.person(t, "typist").name)
	b.open("/")
	b.mark()
	b.fill("post", "half a thought")
	still := func() {
		t.Helper()
		b.stays(t)
		if typed := eval[string](b, `document.getElementById("post").value`); typed != "half a thought" {
			t.Fatalf("what was typed is %q now", typed)
		}
	}
	undo := d.edit(t, "internal/web/templates/home.html", `<label for="post">Say something</label>`, `<label for="post">Say anything</label>`)
	b.sees(t, "p", question)
	still()
	b.picture("devrun-typed")
	b.clicks(t, "button", "Keep this page")
	b.seesNo(t, "p", question)
	still()

	// A new version of the program asks as well.
	undoGo := d.edit(t, devRunFile, devRunTitle, devRunEdited)
	d.serves(t, "/login", "<title>Sign in")
	b.sees(t, "p", question)
	still()
	b.clicks(t, "button", "Reload")
	if label := b.reloaded(t, `document.querySelector("label").innerText`); label != "Say anything" {
		t.Errorf("the page after the reload says %q", label)
	}

	// What was typed and taken back is not asked about.
	b.open("/")
	b.fill("post", "x")
	b.empty("post")
	b.mark()
	undo()
	if label := b.reloaded(t, `document.querySelector("label").innerText`); label != "Say something" {
		t.Errorf("the page after the reload says %q", label)
	}
	undoGo()
	d.serves(t, "/login", "<title>Log in")
}

// errStill is for what has not come about yet.
var errStill = errors.New("not yet")
