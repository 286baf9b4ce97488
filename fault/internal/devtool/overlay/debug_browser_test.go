package overlay_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/visible"
)

// unlocked opens the page of a failure as a browser that knows the PIN already.
func (s *debugStand) unlocked(p *tab) {
	s.t.Helper()
	p.open(s.url + "/.fault/icon.svg")
	p.eval(`localStorage.setItem("fault run debugger token", "` + standToken + `")`)
	p.open(s.address())
}

// ready waits for the variables of the frame at the top.
func (p *tab) ready() { p.t.Helper(); p.until(`!!document.querySelector("#where [role=treeitem]")`) }

// row is an expression for the first row of a tree, below a selector, whose name is this.
func row(below, name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].find(i => i.querySelector(":scope > .row > .name").textContent === %q)`, below+" [role=treeitem]", name)
}

// typed writes an expression into the console below a selector and presses Enter.
func (p *tab) typed(below, expression string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`document.querySelector(%q).focus()`, below+" textarea"))
	p.write(expression)
	p.strike("Enter")
}

func (s *debugStand) sent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.bodies, "\n")
}

// TestDebugger tries the debugger's page in a real browser, against a server that speaks its interface.
func TestDebugger(t *testing.T) {
	t.Parallel()
	b := chromium(t)
	begin := func(t *testing.T) (*debugStand, *tab) {
		s, p := newDebugStand(t, failed(t)), b.tab(t)
		s.page.Applications = []string{"http://127.0.0.1:5000"}
		t.Cleanup(func() {
			for _, text := range p.thrown() {
				t.Error("thrown: ", text)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, text := range p.errors {
				if strings.Contains(text, "Content Security Policy") {
					t.Error("against the policy: ", text)
				}
			}
		})
		return s, p
	}
	open := func(t *testing.T) (*debugStand, *tab) {
		s, p := begin(t)
		s.unlocked(p)
		p.ready()
		return s, p
	}
	pin := func(p *tab, text string) {
		p.t.Helper()
		p.until(`!!document.getElementById("pin") && !document.querySelector(".pin button").disabled`)
		p.eval(`document.getElementById("pin").value = ""; document.getElementById("pin").focus()`)
		p.write(text)
		p.strike("Enter")
	}

	t.Run("the PIN opens it, in all tabs, until another run", func(t *testing.T) {
		s, p := begin(t)
		other := b.tab(t)
		p.open(s.address())
		other.open(s.address())
		other.until(`!!document.getElementById("pin")`)
		p.until(`document.querySelector("h1").textContent.includes("abot_me") && document.querySelectorAll("[role=tree]").length === 0`)
		pin(p, "987654321")
		p.until(`document.querySelector(".pin [role=alert]").textContent.includes("9 tries are left")`)
		s.set(func() { s.locked = true })
		pin(p, "987654321")
		p.until(`document.querySelector(".pin [role=alert]").textContent.includes("In 14 min")`)
		s.set(func() { s.locked = false })
		if n := s.count(""); n != 0 {
			t.Errorf("%d calls without a token", n)
		}
		pin(p, "123456789")
		p.ready()
		other.ready()
		p.until(`document.getElementById("pin") === null`)
		if at := p.eval(`location.href`); at != s.address() {
			t.Errorf("the address is %v", at)
		}
		p.eval(`localStorage.setItem("fault run debugger token", "of an earlier run")`)
		p.open(s.address())
		p.until(`!!document.getElementById("pin") && localStorage.getItem("fault run debugger token") === null`)
	})

	t.Run("variables come in as the debugger attaches", func(t *testing.T) {
		s, p := begin(t)
		s.state["state"], s.state["progress"] = "attaching", "Building Delve"
		s.unlocked(p)
		p.until(`document.getElementById("state").textContent === "Building Delve…" && document.querySelector("#where .room").textContent.includes("Building Delve")`)
		s.set(func() { s.state["progress"] = "Attaching" })
		p.until(`document.getElementById("state").textContent === "Attaching…"`)
		s.set(func() { s.state["state"], s.loading = "ready", true })
		p.until(`document.querySelector("#where .room").textContent.includes("on their way")`)
		s.set(func() { s.loading = false })
		p.ready()
		p.until(`document.getElementById("state").textContent.includes("Frozen copy of process 41230, as it failed")`)
		p.until(`document.getElementById("explained").textContent.includes("has no column abot_me")`)
		n := s.count("GET /failures/" + s.failure.ID.Full())
		p.eval(`new Promise(done => setTimeout(done, 700))`)
		if now := s.count("GET /failures/" + s.failure.ID.Full()); now > n+1 {
			t.Errorf("it goes on asking: %d, then %d", n, now)
		}
	})
	t.Run("what comes after the variables is waited for", func(t *testing.T) {
		s, p := begin(t)
		with := s.state["explanations"]
		s.state["explanations"] = []object{{"title": "A column is missing"}}
		s.state["state"], s.state["explaining"], s.state["variables"] = "attaching", true, object{"ready": 0, "of": 6}
		s.unlocked(p)
		p.until(`document.getElementById("state").textContent.startsWith("Attaching")`)
		s.set(func() { s.state["state"] = "ready" }) // No frame is being read yet.
		p.ready()
		p.until(`document.getElementById("state").textContent.startsWith("Variables of 0 of 6")`)
		s.set(func() { s.state["variables"] = object{"ready": 6, "of": 6} })
		p.until(`document.getElementById("state").textContent.startsWith("Frozen copy") && document.getElementById("explained").textContent === "A column is missing"`)
		s.set(func() {
			s.state["explanations"] = with
			delete(s.state, "explaining")
			s.frames[2]["source"] = []object{{"number": 64, "text": s.failure.Excerpts[0][slices.IndexFunc(s.failure.Excerpts[0], func(l problem.Line) bool { return l.Hit })].Text, "hit": true, "mark": object{"from": 1, "to": 3}}}
		})
		p.until(`document.getElementById("explained").textContent.includes("has no column abot_me") && !!document.querySelector("#where .hit mark")`)
	})
	t.Run("without a debugger it says why", func(t *testing.T) {
		s, p := begin(t)
		s.state["state"], s.state["error"], s.state["fix"] = "unavailable", "This system forbids ptrace.", "Run it with --cap-add=SYS_PTRACE."
		s.unlocked(p)
		p.until(`document.getElementById("notice").textContent.includes("forbids ptrace. Run it with")`)
		if n := p.eval(`document.querySelectorAll(".console:not([hidden] *)").length`); n != 0.0 {
			t.Errorf("%v consoles", n)
		}
		p.click(p.see("button", "Try again"))
		p.ready()
	})
	t.Run("a debugger that made room for another", func(t *testing.T) {
		s, p := begin(t)
		s.state["state"] = "idle"
		s.unlocked(p)
		p.until(`document.querySelector("#where .room").textContent.includes("had to make room")`)
		s.set(func() { s.state["state"] = "ready" })
		p.click(p.see("button", "Attach it again"))
		p.ready()
		s.set(func() { s.state["state"] = "idle" })
		p.eval(`document.dispatchEvent(new Event("visibilitychange"))`)
		p.until(`document.getElementById("state").textContent === "Not attached at the moment"`)
		p.ready() // What was there stays, and the console attaches it again.
		p.typed("#where", "name")
		p.until(`document.querySelector("#where .log").textContent.includes("susan")`)
		// Whoever types while it is attached again goes on.
		s.set(func() { s.state["state"] = "attaching" })
		p.eval(`document.dispatchEvent(new Event("visibilitychange"))`)
		p.until(`document.getElementById("state").textContent.startsWith("Attaching")`)
		p.until(`document.activeElement === document.querySelector("#where textarea")`)
		s.set(func() { s.state["state"] = "ready" })
		p.until(`document.getElementById("state").textContent.startsWith("Frozen copy")`)
		p.until(`document.activeElement === document.querySelector("#where textarea")`)
		// Also while its frame is not known for a moment.
		s.set(func() { s.frames = nil })
		p.until(`(document.dispatchEvent(new Event("visibilitychange")), document.querySelector("#where .room").textContent.includes("does not know this frame"))`)
		p.until(`document.activeElement === document.querySelector("#where textarea")`)
	})
	t.Run("a failure that made room", func(t *testing.T) {
		s, p := begin(t)
		s.kept = s.kept[1:]
		s.unlocked(p)
		p.until(`document.getElementById("notice").textContent.includes("not kept any more")`)
	})

	t.Run("variables are shown as what they are", func(t *testing.T) {
		s, p := open(t)
		p.until(row("#where", "name") + `.textContent === "name\"susan\"string"`)
		p.until(`import("/.fault/debugger-dom.js").then(dom => dom.visible("a\u{e0067}\u3164\u202e\n🏴\u{e0067}\u{e0062}\u{e007f}") === "a\\U000e0067\\u3164\\u202e\\n🏴\u{e0067}\u{e0062}\u{e007f}")`)
		p.until(`[...document.querySelectorAll("#where .hides")].map(e => e.textContent).join() === "errshadowednilerror"`)
		p.until(row("#where", "buf") + `.textContent.includes("cannot be read: it was never set")`)
		p.until(`document.querySelector("#where .room").textContent.includes("stands in line 65")`)

		p.eval(row("#where", "u") + `.querySelector(".row").click()`)
		p.until(row("#where", "Followers") + `?.getAttribute("aria-level") === "2"`)
		p.eval(row("#where", "Followers") + `.querySelector(".row").click()`)
		p.until(row("#where", "[1]") + `?.textContent.includes("12")`)
		p.eval(row("#where", "AboutMe") + `.querySelector(".row").click()`)
		p.until(row("#where", "AboutMe") + `.textContent.match(/longer/g).length === 20`)

		p.eval(row("#where", "cache") + `.querySelector(".row").click()`)
		count := row("#where", "cache") + `.querySelectorAll("li[role=treeitem]").length`
		p.until(count + " === 100")
		p.click(p.see("button", "Show 100 more of 250"))
		p.until(count + " === 200")
		p.click(p.see("button", "Show 50 more of 250"))
		p.until(count + " === 250")
		p.until(`document.activeElement.textContent.includes("user200")`)

		// What was open is open again after a call.
		p.typed("#where", "user.Avatar(128)")
		p.until(`document.getElementById("state").textContent.includes("after a call")`)
		p.until(row("#where", "[1]") + `?.textContent.includes("12")`)
		s.set(func() { delete(s.inside, "row") })
		p.eval(row("#where", "row") + `.querySelector(".row").click()`)
		p.until(`document.querySelector("#where .values").textContent.includes("This is from before a call.")`)
		p.until(row("#where", "~r0") + `.textContent.includes("result") && ` + row("#where", "cache") + `.textContent.includes("250 elements") && ` + row("#where", "ctx") + `.textContent.includes("context.Context: *context.cancelCtx")`)
	})
	t.Run("frames that only the debugger knows, and those that nobody asked for", func(t *testing.T) {
		s, p := open(t)
		p.until(`document.querySelector(".calls > .group:first-child > summary").textContent === "2 calls in database/sql" && document.querySelectorAll(".calls > .group:first-child > details.call").length === 2 && document.querySelector(".calls [data-call='6'] a.place").href === "vscode://file/usr/lib/go/src/database/sql/sql.go:3412"`)
		p.until(`document.querySelectorAll("[data-call='0']").length === 2`)
		p.until(`[...document.querySelectorAll(".group > summary")].map(e => e.textContent).join() === "2 calls in database/sql,3 calls in example.org/microblog/fault and net/http"`)
		p.eval(`document.querySelector("details[data-call='3']").closest(".group").open = true; document.querySelector("details[data-call='3']").open = true`)
		p.until(`!!document.querySelector("details[data-call='3'] [role=treeitem]")`)
		if n := s.count("GET /failures/" + s.failure.ID.Full() + "/frames/3/variables"); n != 1 {
			t.Errorf("asked %d times", n)
		}
		p.eval(`document.querySelector("details[data-call='4']").open = true`)
		p.until(`document.querySelector("details[data-call='4']").textContent.includes("does not know this frame")`)
	})

	t.Run("what failed in the line is marked, and anew when the values say more", func(t *testing.T) {
		s, p := begin(t)
		text := "\tif err := row.Scan(&u.ID, &u.Name, &u.Email, &u.AboutMe); err != nil {"
		line := func(part string) []object {
			from := strings.Index(text, part)
			return []object{{"number": 63, "text": "\tvar u microblog.User"}, {"number": 64, "text": text, "hit": true, "mark": object{"from": from, "to": from + len(part)}}}
		}
		i := slices.IndexFunc(s.failure.Excerpts[0], func(l problem.Line) bool { return l.Hit })
		from := strings.Index(text, "row.Scan")
		s.failure.Excerpts[0][i].Text, s.failure.Excerpts[0][i].Mark = text, problem.Mark{From: from, To: from + len("row.Scan")}
		s.frames[2]["source"] = line("&u.AboutMe")
		s.frames[0]["source"] = []object{{"number": 3412, "text": "\tif é😀.err != nil {", "hit": true, "mark": object{"from": 4, "to": 7}}}
		is := func(marked string) {
			t.Helper()
			p.until(fmt.Sprintf(`[...document.querySelectorAll("#where .hit mark")].map(m => m.textContent).join("") === %q && document.querySelector("#where .hit .unseen").textContent === %q`, marked, " (this line, at "+marked+")"))
			p.until(fmt.Sprintf(`document.querySelector("#where .hit code").textContent === %q`, text))
		}
		s.state["state"] = "attaching"
		s.frames[2]["source"] = nil
		p.open(s.address())
		is("row.Scan")
		s.unlocked(p)
		is("row.Scan")
		s.set(func() { s.state["state"], s.frames[2]["source"] = "ready", line("&u.AboutMe") })
		p.ready()
		is("&u.AboutMe")
		p.until(`document.querySelector("[data-call='6'] .hit mark").textContent === "é😀"`)
		s.set(func() { s.frames[2]["source"] = line("if err := row.Scan(&u.ID") })
		p.eval(`document.dispatchEvent(new Event("visibilitychange"))`)
		is("if err := row.Scan(&u.ID")
		p.until(`document.querySelector("#where .hit .k")?.textContent === "if"`) // The colours stay.

		// However narrow the window, it is seen, and only the box of the code scrolls.
		p.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": true})
		s.set(func() { s.frames[2]["source"] = line("&u.AboutMe") })
		p.eval(`document.dispatchEvent(new Event("visibilitychange"))`)
		is("&u.AboutMe")
		p.until(`(() => { const m = document.querySelector("#where .hit mark").getBoundingClientRect(), box = document.querySelector("#where .lines").getBoundingClientRect(); return m.left >= box.left && m.right <= box.right && box.right <= innerWidth && document.documentElement.scrollWidth <= innerWidth })()`)

		// It may stand in another line.
		before := s.failure.Excerpts[0][i-1]
		word := strings.Fields(before.Text)[0]
		from = strings.Index(before.Text, word)
		s.set(func() {
			s.frames[2]["source"] = []object{{"number": before.Number, "text": before.Text, "mark": object{"from": from, "to": from + len(word)}}, {"number": 64, "text": text, "hit": true}}
		})
		p.eval(`document.dispatchEvent(new Event("visibilitychange"))`)
		p.until(fmt.Sprintf(`[...document.querySelectorAll("#where mark")].map(m => m.textContent).join("") === %q && document.querySelector("#where mark").closest("tr").querySelector("th").textContent === %q`, word, fmt.Sprintf("%d (at %s)", before.Number, word)))
		p.until(`document.querySelector("#where .hit .unseen").textContent === " (this line)" && document.querySelector("#where .hit .k")?.textContent === "if"`)
		s.set(func() { s.frames[2]["source"] = line("&u.AboutMe") })
		p.eval(`document.dispatchEvent(new Event("visibilitychange"))`)
		is("&u.AboutMe")
		p.until(`document.querySelectorAll("#where .unseen").length === 1`)
	})
	t.Run("what the copy is a copy of, and how far it is", func(t *testing.T) {
		s, p := begin(t)
		s.state["stack_of"], s.state["copy_of"] = "wrapped", "handled"
		s.state["variables"], s.loading = object{"ready": 2, "failed": 1, "of": 31}, true
		s.unlocked(p)
		// A screen reader does not read each number.
		p.until(`document.getElementById("state").textContent === "Variables of 3 of 31 calls…" && document.getElementById("state").ariaLive === "off"`)
		s.set(func() { s.loading, s.state["variables"] = false, object{"ready": 30, "failed": 1, "of": 31} })
		p.until(`document.getElementById("state").textContent.endsWith("after the handler had returned") && document.getElementById("state").ariaLive === "polite"`)
		p.until(`document.getElementById("copy-of").textContent.includes("where the error was first wrapped. The copy was made later, after the handler had returned") && document.getElementById("copy-of").nextElementSibling.matches(".calls")`)
		s.set(func() { s.state["copy_of"] = "wrapped" })
		p.eval(`document.dispatchEvent(new Event("visibilitychange"))`)
		p.until(`document.getElementById("copy-of") === null && document.getElementById("state").textContent.endsWith("where the error was first wrapped")`)
	})
	t.Run("goroutines are told apart", func(t *testing.T) {
		_, p := open(t)
		p.eval(`document.getElementById("goroutines").open = true`)
		p.until(`[...document.querySelectorAll("#goroutines h3, #goroutines .inner summary")].map(e => e.textContent).join() === "This request,The application,Libraries and the runtime (1)"`)
		p.until(`document.querySelector("#goroutines > summary").textContent === "Goroutines (7)"`)
		p.until(`[...document.querySelectorAll("#goroutines table")].map(t => [...t.querySelectorAll("tbody tr")].map(r => r.cells[0].textContent + " " + r.cells[1].textContent).join()).join("; ") === "88 failed,89 sync.Mutex.Lock; 90 chan receive; 1 IO wait"`)
		p.until(`document.querySelector("#goroutines").textContent.includes("began with web.(*Server).avatar.func1, started by web.(*Server).profile") && document.querySelector("#goroutines").textContent.includes("job=avatar")`)
		p.until(`!document.querySelector("#goroutines details").open && [...document.querySelectorAll("#goroutines td:first-child")].every(td => td.offsetHeight === 0 || td.scrollWidth <= td.clientWidth)`)
	})
	t.Run("the environment", func(t *testing.T) {
		s, p := begin(t)
		p.open(s.address())
		p.until(`!!document.getElementById("pin") && document.getElementById("environment").hidden`)
		s.unlocked(p)
		p.until(`!document.getElementById("environment").hidden && document.getElementById("environment").previousElementSibling.matches(".details")`)
		p.eval(`document.getElementById("environment").open = true`)
		shown := `[...document.querySelectorAll("#environment [data-part]:not([hidden])")].map(e => e.querySelector("h3").textContent + ": " + [...e.querySelectorAll(".facts > div")].filter(d => d.offsetHeight > 0).map(d => d.querySelector("dt").textContent + "=" + d.querySelector("dd").textContent).join(", ")).join("; ")`
		p.until(shown + ` === "Started with: Directory=/home/susan/microblog, Program=/tmp/fault-run/app-7, Argument 1=serve, Argument 2=--title=<b>\\u202e; ` +
			`Variables: DATABASE_URL=postgres://blog:[masked]@localhost/blog, HOME=/home/susan; Build: Go=go1.26.0, Package=example.org/microblog/cmd/microblog, -tags=faultdev; ` +
			`Modules: example.org/microblog=(devel), example.org/microblog/fault=v0.0.0 => ./fault"`)
		p.until(`document.querySelector("#environment").textContent.includes("2 further arguments and variables are left out.")`)
		p.eval(`document.querySelector("#environment .filter").focus()`)
		p.write("FAULT")
		p.until(shown + ` === "Started with: Program=/tmp/fault-run/app-7; Build: -tags=faultdev; Modules: example.org/microblog/fault=v0.0.0 => ./fault"`)
		s.set(func() { s.removed = true })
		p.eval(`location.reload()`)
		p.until(`document.querySelector("#environment:not([open]):not([hidden])") && document.querySelector("#environment dl") === null`)
		p.eval(`document.getElementById("environment").open = true`)
		p.until(`document.querySelector("#environment").textContent.includes("The binary of this version has been removed.") && document.querySelectorAll("#environment h3").length === 2`)
	})
	t.Run("the end of a process whose calls the debugger alone knows", func(t *testing.T) {
		f := ended(t)
		var frames []object
		for i, call := range f.Stack {
			frame := object{"frame": i, "function": call.Function, "name": call.Name(), "file": call.File, "short": "main.go", "line": call.Line, "app": call.App, "variables": object{"state": "ready"}}
			if i == 1 {
				frame["source"] = []object{{"number": 13, "text": "\tif n == 7 { // seven"}, {"number": 14, "text": "\t\tlog.Fatal(\"the disk\", `is", "hit": true, "mark": object{"from": 2, "to": 11}}, {"number": 15, "text": "\tfull`, 'x', 0x1f)"}}
				frame["variables"] = object{"state": "ready", "locals": []variable{{Name: "n", Type: "int", Value: "7", Kind: "int"}}}
			}
			frames = append(frames, frame)
		}
		s, p := newDebugStand(t, f), b.tab(t)
		f.Stack, f.Excerpts = nil, nil
		s.frames, s.state["state"] = nil, "attaching"
		s.unlocked(p)
		p.until(`document.getElementById("state").textContent.startsWith("Attaching") && !document.getElementById("where")`)
		s.set(func() { s.frames, s.state["state"] = frames, "ready" })
		p.ready()
		p.until(`document.querySelector("#where .in").textContent === "cmd.deeper" && document.querySelector("#where a.place").textContent === "main.go:14"`)
		p.until(`[...document.querySelectorAll("#where .lines span:not(.unseen), #where mark")].map(e => (e.className || e.localName) + " " + e.textContent.trim()).join("|") === "k if|n 7|c // seven|mark log.Fatal|s \"the disk\"|s ` + "`is|s full`" + `|s 'x'|n 0x1f"`)
		p.until(`[...document.querySelectorAll(".calls > *")].map(e => (e.querySelector("summary") ?? e).textContent).join("|") === "1 call in os|cmd.deeper main.go:14, shown above|cmd.deeper: 6 more calls like this|cmd.deeper main.go:14|main.main main.go:9"`)
		p.until(`[...document.querySelectorAll("[data-copies]")].map(e => e.dataset.copies).join() === "markdown" && !document.getElementById("replay-button")`)
	})
	t.Run("what is not finished stays to be finished, and nothing of it is an error of the browser's", func(t *testing.T) {
		s, p := open(t)
		p.mu.Lock()
		p.errors = nil // It has no favicon.ico.
		p.mu.Unlock()
		p.typed("#where", "len(")
		p.until(`document.querySelector("#where textarea").value === "len(" && document.querySelector("#where .peek").textContent === "It is not finished: a ) is missing." && document.querySelector("#where .peek [role=alert]") && document.querySelector("#where .log").hidden`)
		p.write("name) > 3")
		p.strike("Enter")
		p.until(`document.querySelector("#where .log").textContent.endsWith("truebool")`)
		p.typed("#where", "nothing")
		p.until(`document.querySelector("#where .log").textContent.includes("There is nothing called nothing")`)
		p.eval(`document.querySelector("#where textarea").focus()`)
		p.write("user.Avatar(128)")
		p.until(`document.querySelector("#where .peek").textContent.startsWith("call")`)
		p.strike("Enter")
		p.until(`document.querySelector("#where .log").textContent.includes("gravatar")`)
		if !strings.Contains(s.sent(), `"try":true`) || strings.Count(s.sent(), `"call":true`) != 1 {
			t.Errorf("sent:\n%s", s.sent())
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.errors) > 0 {
			t.Errorf("the browser's console has %q", p.errors)
		}
	})
	t.Run("over the page of a crash, which goes away only when nobody looks at the debugger", func(t *testing.T) {
		s, p := begin(t)
		app := newStand(t)
		s.page.Applications = []string{app.url}
		crash := panicked()
		crash.Kind, crash.Debugger = problem.Crash, s.address()
		app.problem, app.hold = crash, true
		s.unlocked(p)
		p.open(app.url + "/")
		p.until(`!!document.querySelector("iframe.over.here")`)
		p.see("h4", "Arguments")
		app.connected(1)
		p.mark()
		app.set(func() { app.hold = false })
		app.trouble(nil)
		p.eval(`new Promise(done => setTimeout(done, 300))`)
		p.stays()
		p.until(`!!document.querySelector("iframe.over.here")`)
		p.click(p.see("button", "Plain page"))
		p.until(`document.querySelector("h1")?.textContent === "Version 1"`)
	})
	t.Run("a page that broke off has a way back", func(t *testing.T) {
		s, p := begin(t)
		app := newStand(t)
		s.page.Applications = []string{app.url}
		app.failing = failed(t)
		app.failing.Debugger = s.address()
		s.unlocked(p)
		p.open(app.url + "/broken")
		p.see("h4", "Arguments")
		close := p.see("button", "Close")
		for end := time.Now().Add(patience); slices.Contains(close.Attributes, "hidden") && time.Now().Before(end); close = p.see("button", "Close") {
			time.Sleep(20 * time.Millisecond)
		}
		p.click(close)
		p.gone("h1", "abot_me")
		p.see("h1", "It began")
	})

	t.Run("keys and results with more in them", func(t *testing.T) {
		s, p := newDebugStand(t, failed(t)), b.tab(t)
		s.inside["entries"] = []variable{{Name: "[{X: 1}]", Type: "*T", Value: "{…}", Kind: "ptr", Ref: "few", KeyRef: "s"}}
		s.results["pair"] = variable{Kind: "tuple", Value: "(…)", Ref: "few"}
		s.results["m"] = variable{Kind: "map", Value: "{…}", Ref: "entries"}
		s.unlocked(p)
		p.ready()
		p.typed("#where", "pair")
		p.until(row("#where .log", "[1]") + `?.textContent.includes("12")`)
		p.typed("#where", "m")
		p.until(`document.querySelectorAll("#where .log > li").length === 2 && !!document.querySelector("#where .log > li:last-child [aria-expanded=false]")`)
		p.eval(`document.querySelector("#where .log > li:last-child [aria-expanded] .row").click()`)
		p.until("!!" + row("#where .log", "[{X: 1}]"))
		p.eval(row("#where .log", "[{X: 1}]") + `.querySelector(".row").click()`)
		p.until("!!" + row("#where .log", "key"))
		p.eval(row("#where .log", "key") + `.querySelector(".row").click()`)
		p.until(row("#where .log", "db") + `?.getAttribute("aria-level") === "4"`)
	})

	const sixth = "[data-call='5']"
	t.Run("expressions and calls in the sixth frame", func(t *testing.T) {
		s, p := open(t)
		p.eval(`document.querySelector("` + sixth + `").open = true`)
		p.until(`!!document.querySelector("` + sixth + ` [role=treeitem]")`)
		p.typed(sixth, "len(name) > 3")
		p.until(`document.querySelector("` + sixth + ` .log").textContent.endsWith("truebool")`)
		if strings.Contains(s.sent(), `"call":true`) {
			t.Errorf("it called:\n%s", s.sent())
		}
		p.typed(sixth, "user.Avatar(128)")
		p.until(`document.querySelector("` + sixth + ` .log").textContent.includes("gravatar") && document.querySelectorAll("` + sixth + ` .echo .call:not([hidden])").length === 1`)
		if !strings.Contains(s.sent(), `{"call":true,"expression":"user.Avatar(128)","frame":5}`) {
			t.Errorf("sent:\n%s", s.sent())
		}
		p.typed(sixth, "nothing")
		p.until(`document.querySelector("` + sixth + ` .log").textContent.includes("There is nothing called nothing in this frame. The names in scope")`)
		p.typed(sixth, "user")
		p.until(`document.querySelectorAll("` + sixth + ` .log > li").length === 4 && document.querySelectorAll("` + sixth + ` .log [aria-expanded]").length === 1`)
		p.eval(`document.querySelector("` + sixth + ` .log [aria-expanded] .row").click()`)
		p.until(row(sixth+" .log", "Name") + `?.textContent.includes("susan")`)
	})
	t.Run("what is typed is read, never called", func(t *testing.T) {
		s, p := open(t)
		p.eval(`document.querySelector("#where textarea").focus()`)
		p.write("name")
		p.until(`document.querySelector("#where .peek").textContent === "\"susan\" string" && !document.querySelector("#where .peek").hidden`)
		p.eval(`document.querySelector("#where textarea").select()`)
		p.write("user.Avatar(128)")
		p.until(`document.querySelector("#where .peek").textContent.includes("Enter calls it")`)
		if strings.Contains(s.sent(), `"call":true`) || s.calls != 0 {
			t.Errorf("it called:\n%s", s.sent())
		}
	})
	t.Run("history and completion", func(t *testing.T) {
		s, p := open(t)
		is := func(text string) {
			t.Helper()
			p.until(fmt.Sprintf(`document.querySelector("#where textarea").value === %q`, text))
		}
		p.typed("#where", "name")
		p.typed("#where", "len(name) > 3")
		p.write("draft")
		for _, step := range [][2]string{{"ArrowUp", "len(name) > 3"}, {"ArrowUp", "name"}, {"ArrowDown", "len(name) > 3"}, {"ArrowDown", "draft"}} {
			p.strike(step[0])
			is(step[1])
		}
		p.eval(`document.querySelector("#where textarea").select()`)
		p.write("us")
		p.strike("Tab") // both names begin with it
		is("user")
		p.until(`document.querySelectorAll("#where [role=option]").length === 2`)
		p.strike("ArrowDown")
		p.until(`document.getElementById(document.querySelector("#where textarea").getAttribute("aria-activedescendant")).textContent.startsWith("username")`)
		p.strike("Escape")
		p.until(`document.querySelector("#where .choices").hidden`)
		p.write(".") // which offers by itself
		p.until(`document.querySelectorAll("#where [role=option]").length === 5`)
		p.write("N")
		p.until(`document.querySelectorAll("#where [role=option]").length === 1`)
		p.strike("Tab")
		is("user.Name")
		p.until(`document.querySelector("#where .choices").hidden && document.activeElement.matches("#where textarea")`)
		p.strike("Escape")
		p.strike("Tab") // leaves
		p.until(`!document.activeElement.matches("textarea")`)
		p.open(s.address()) // The history outlives the page.
		p.ready()
		p.eval(`document.querySelector("#where textarea").focus()`)
		p.strike("ArrowUp")
		is("len(name) > 3")
	})

	t.Run("with the keyboard only", func(t *testing.T) {
		_, p := open(t)
		focus := func(is string) { t.Helper(); p.until(`document.activeElement.matches(` + fmt.Sprintf("%q", is) + `)`) }
		p.eval(`document.activeElement.blur()`)
		p.strike("j")
		focus("#where")
		p.strike("j")
		focus(".group > summary") // of libraries, which only the debugger knows
		p.strike("j")
		focus("[data-call='1'] > summary")
		p.strike("/")
		focus("[data-call='1'] textarea")
		for _, c := range "name" {
			p.strike(string(c))
		}
		p.strike("Enter")
		p.until(`document.querySelector("[data-call='1'] .log").textContent.includes("susan")`)
		p.strike("Escape")
		focus("[data-call='1'] > summary")
		p.strike("v")
		focus("[data-call='1'] [role=treeitem]")
		p.strike("ArrowDown")
		p.strike("ArrowDown")
		p.strike("ArrowUp")
		p.strike("ArrowUp")
		p.strike("ArrowRight")
		p.until(`document.activeElement.getAttribute("aria-expanded") === "true" && document.activeElement.querySelectorAll("[role=treeitem]").length === 2`)
		p.strike("ArrowRight")
		p.until(`document.activeElement.textContent.startsWith("db")`)
		p.strike("ArrowLeft")
		p.strike("ArrowLeft")
		p.until(`document.activeElement.getAttribute("aria-expanded") === "false"`)
		p.strike("j") // from within a frame to the next
		focus(".group > summary")
		p.strike("k")
		p.strike("k")
		p.strike("k")
		p.strike("v")
		p.strike("e")
		p.until(`document.querySelector("#where textarea").value === "s"`)
		p.strike("Escape")
		p.strike("Escape")
		p.strike("g")
		p.until(`document.querySelector("#goroutines").textContent.includes("chan receive")`)
		p.strike("?")
		p.until(`document.getElementById("help").open`)
		p.eval(`document.getElementById("keys-on").click()`)
		p.strike("Escape")
		p.until(`!document.getElementById("help").open`)
		p.strike("f")
		p.strike("?")
		p.until(`document.getElementById("help").open && document.querySelectorAll("dialog[open]").length === 1`)
		p.eval(`document.getElementById("keys-on").click()`)
	})

	t.Run("the failures that are kept", func(t *testing.T) {
		s, p := open(t)
		p.until(`document.getElementById("kept-button").textContent === "Failures (3)"`)
		p.click(p.see("button", "Failures (3)"))
		p.until(`document.querySelectorAll("dialog[open] .kept li").length === 3 && document.querySelector(".kept [aria-current]").textContent.includes("abot_me")`)
		p.eval(`document.querySelector(".kept li:nth-child(3) .quiet").click()`)
		p.until(`document.querySelector(".kept li:nth-child(3) .quiet").textContent === "Pinned"`)
		for range 2 { // It is pinned.
			p.eval(`document.querySelector(".kept li:nth-child(2) .quiet:last-child").click()`)
		}
		p.until(`document.querySelectorAll(".kept li").length === 2`)
		p.eval(`document.querySelector(".kept li .quiet:last-child").click()`) // the one that is shown
		p.until(`location.pathname === "/" && document.querySelectorAll("#front li").length === 1`)
		s.set(func() { // and a new one comes by itself
			s.kept = append([]object{{"id": s.failure.ID.Full(), "short": "NEW", "time": noon, "title": "GET /new: it failed", "state": "idle"}}, s.kept...)
		})
		p.until(`document.querySelectorAll("#front li").length === 2`)
		p.eval(`document.querySelector("#front a").click()`)
		p.ready()
	})

	t.Run("the same failure again, and a pinned one", func(t *testing.T) {
		s, p := begin(t)
		for i := range 2 {
			again := object{}
			for k, v := range s.kept[1] {
				again[k] = v
			}
			again["id"], again["pinned"] = fmt.Sprint("ANOTHER", i), false
			s.kept = slices.Insert(s.kept, 2, again)
		}
		s.unlocked(p)
		p.open(s.url + "/")
		p.until(`document.querySelectorAll("#front .kept > li").length === 3 && document.querySelector(".kept > li:nth-child(2) .tag").textContent === "3 times" && document.querySelector(".kept .earlier").textContent.startsWith("2 earlier ones")`)
		p.eval(`document.querySelector(".kept .earlier").open = true`)
		drop := `document.querySelector(".kept > li:nth-child(2) > .kept-do .quiet:last-child")`
		p.eval(drop + `.click()`)
		p.until(drop + `.textContent === "Drop the pinned one?"`)
		if n := s.count("POST"); n != 0 {
			t.Errorf("dropped at once: %d requests", n)
		}
		p.eval(drop + `.click()`)
		p.until(`document.querySelector(".kept > li:nth-child(2) .tag").textContent === "2 times" && document.querySelector(".kept .earlier").open`)
	})

	t.Run("copies and a replay", func(t *testing.T) {
		s, p := open(t)
		must(t, b.call("", "Browser.grantPermissions", map[string]any{"origin": s.url, "permissions": []string{"clipboardReadWrite", "clipboardSanitizedWrite"}}, nil))
		for _, kind := range []string{"markdown", "test", "curl"} {
			p.eval(`document.querySelector("[data-copies=` + kind + `]").click()`)
			p.until(`navigator.clipboard.readText().then(t => t === "the failure as ` + kind + `")`)
		}
		p.eval(`document.getElementById("replay-button").click()`)
		p.until(`document.getElementById("replay").textContent.includes("It does not fail any more.") && document.querySelector("#replay .passed").textContent.includes("200") && document.querySelector("#replay .failed").textContent.includes("500")`)
		p.until(`document.getElementById("replay").textContent.includes("<h1>susan</h1>") && !document.querySelector("#replay h1")`)
		for _, test := range []struct {
			status  int
			changed []string
			broke   bool
			want    string // the class of the answer, and the headline
		}{
			{500, []string{"the cookie a"}, false, "failed: It still fails."},
			{404, nil, false, "passed: It does not fail any more."},
			{400, []string{"the field csrf", "the cookie a"}, false, "unsure: It cannot be compared."},
			{303, []string{"the field csrf", "the cookie a"}, false, "unsure: It cannot be compared."},
			{200, []string{"the field csrf", "the cookie a"}, false, "unsure: It did not fail, but was not the same request."},
			{200, nil, true, "failed: The answer broke off."},
		} {
			s.set(func() { s.replayed = object{"status": test.status, "changed": test.changed, "broke": test.broke} })
			p.eval(`document.getElementById("replay").remove(), document.getElementById("replay-button").click()`)
			p.until(`!!document.getElementById("replay")`)
			if got := p.eval(`document.querySelector("#replay .answer:last-child").className.replace("answer ", "") + ": " + document.querySelector("#replay h2 small").textContent`); got != test.want {
				t.Errorf("%d without %q: %v, want %s", test.status, test.changed, got, test.want)
			}
			if named := p.eval(`document.querySelector("#replay .verdict")?.textContent.toLowerCase().includes("the field csrf and the cookie a were masked") ?? false`); named != strings.HasPrefix(test.want, "unsure") {
				t.Errorf("%d without %q: named: %v", test.status, test.changed, named)
			}
		}
		n := s.count("POST /failures/" + s.failure.ID.Full() + "/replay")
		if n != 7 {
			t.Errorf("%d replays", n)
		}
	})
	t.Run("what may change data is not sent again at once", func(t *testing.T) {
		s, p := newDebugStand(t, many(t)), b.tab(t)
		s.unlocked(p)
		p.ready()
		p.eval(`document.getElementById("replay-button").click()`)
		for _, leave := range []func(){func() { p.strike("Escape") }, func() { p.eval(`document.querySelector("h1").click()`) }} {
			p.see("button", "Send POST again?")
			leave()
			p.see("button", "Replay")
			p.eval(`document.getElementById("replay-button").click()`)
		}
		p.see("button", "Send POST again?")
		if n := s.count("POST"); n != 0 {
			t.Errorf("%d requests", n)
		}
		p.eval(`document.getElementById("replay-button").click()`)
		p.until(`!!document.getElementById("replay")`)
	})

	t.Run("nothing hides in a text", func(t *testing.T) {
		_, p := open(t)
		for _, r := range "A é\u0085\u00ad\u180e\u200b\u200c\u200d\u2028\ue000\ufdd0\ufff9\U0001d173\U000e0001\U000f0000😀🏴\U000e0067\U000e0062\U000e007f" {
			p.until(fmt.Sprintf(`import("/.fault/debugger-dom.js").then(m => m.visible(String.fromCodePoint(%d)) === %q)`, r, visible.Line(string(r))))
		}
	})
	t.Run("no text becomes markup", func(t *testing.T) {
		s, p := newDebugStand(t, hostile(t)), b.tab(t)
		bad := variable{Name: evil, Type: evil, Value: evil, Kind: evil, Dynamic: evil + "x", Expression: evil}
		deep := bad
		deep.Ref, deep.Name = "evil", "deep"
		gone := variable{Name: evil, Unreadable: evil}
		s.inside["evil"] = []variable{bad, gone, deep}
		s.results["x"] = deep
		s.frames = []object{{"frame": 0, "function": evil, "name": evil, "file": evil, "short": evil, "line": 3, "app": true, "source": []object{{"number": 1, "text": evil, "hit": true}}, "why": evil,
			"variables": object{"state": "ready", "arguments": []variable{deep, bad}, "locals": []variable{gone}}},
			{"frame": 99, "function": evil, "name": evil, "file": "/" + evil, "short": evil, "line": 3, "source": []object{{"number": 1, "text": evil, "hit": true}}, "variables": object{"state": "failed", "error": evil}},
			{"frame": 98, "function": evil, "name": evil, "file": "/ok.go", "line": 3, "why": evil, "variables": object{"state": "none", "error": evil}}}
		s.state["explanations"] = []object{{"title": evil, "text": evil, "try": []string{evil}}}
		s.kept = []object{{"id": s.failure.ID.Full(), "title": evil, "short": evil, "kind": evil, "where": evil, "time": evil, "state": evil, "status": 500}, {"id": evil, "title": evil}}
		s.unlocked(p)
		p.until(`!!document.querySelector("[role=treeitem]")`)
		p.eval(`for (const d of document.querySelectorAll("details")) d.open = true`)
		p.eval(`document.querySelector("[role=treeitem][aria-expanded]").toggle(true)`)
		p.until(`document.querySelectorAll("[role=treeitem] [role=treeitem]").length >= 3`)
		p.typed(".console:not([hidden])", "x")
		p.until(`document.querySelectorAll(".log [role=treeitem]").length === 1`)
		p.typed(".console:not([hidden])", evil)
		p.until(`document.querySelectorAll(".log > li").length === 2`)
		p.eval(`document.getElementById("kept-button").click()`)
		p.until(`document.querySelectorAll(".kept li").length === 2`)
		if found := p.eval(`document.querySelectorAll("img, svg, iframe, object, style, [onerror], script:not([src^='/.fault/'])").length`); found != 0.0 {
			t.Errorf("%v elements of others", found)
		}
		if where := p.eval(`[...document.querySelectorAll("a[href]")].map(a => new URL(a.href)).filter(a => !["http:", "vscode:"].includes(a.protocol) || a.protocol === "http:" && a.host !== location.host).map(String).join()`); where != "" {
			t.Errorf("it leads to %v", where)
		}
		if found := p.eval(`/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.exec(document.body.textContent)?.input.match(/.{0,60}[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069].{0,20}/s)[0] ?? ""`); found != "" {
			t.Errorf("something hides: %q", found)
		}
		if p.asked() != "" || len(p.thrown()) > 0 {
			t.Errorf("dialogs %q, thrown %q", p.asked(), p.thrown())
		}
		if err := p.eval(`(() => { try { document.body.innerHTML = "<b>x"; return "" } catch (e) { return e.name } })()`); err != "TypeError" {
			t.Errorf("markup can be made of text: %v", err)
		}
	})

	t.Run("over the page of the application", func(t *testing.T) {
		s, p := begin(t)
		app := newStand(t)
		s.page.Applications = []string{app.url}
		app.failing = failed(t)
		app.failing.Debugger = s.address()
		p.open(app.url + "/")
		p.until(`!!document.querySelector("iframe.over.here") && document.activeElement.matches("iframe")`)
		p.see("h2", "The debugger is locked")
		if text := p.eval(`document.getElementById("debugger").hidden`); text != true {
			t.Error("it says that the debugger did not come up")
		}
		p.click(p.see("button", "Plain page"))
		p.until(`!document.querySelector("iframe.here") && document.activeElement.id === "to-debugger"`)
		p.eval(`document.getElementById("to-debugger").click()`)
		p.until(`!!document.querySelector("iframe.here")`)
		p.eval(`postMessage("fault: aside", "*")`) // It is heeded from the frame only.
		p.eval(`new Promise(done => setTimeout(done, 100))`)
		p.until(`!!document.querySelector("iframe.here")`)
	})
	t.Run("a new version does not take away what was typed in it", func(t *testing.T) {
		s, p := begin(t)
		app := newStand(t)
		s.page.Applications = []string{app.url}
		app.failing = failed(t)
		app.failing.Debugger, app.failing.Script = s.address(), "g=1&r=first"
		s.unlocked(p)
		p.open(app.url + "/")
		app.connected(1)
		p.mark()
		input := p.see("textarea", "")
		p.do("DOM.focus", map[string]any{"backendNodeId": input.BackendNodeID})
		p.write("name")
		p.until(`!!document.querySelector("iframe[data-used]")`)
		app.next()
		p.see("p", "What you have typed here would be lost.")
		p.stays()
		p.click(p.see("button", "Reload"))
		p.until(`window.marked === undefined && !!document.querySelector("iframe.here")`)
	})
	t.Run("files lie elsewhere for the editor", func(t *testing.T) {
		s, p := open(t)
		link := func(want string) {
			t.Helper()
			p.until(fmt.Sprintf(`document.querySelector("#where a.place").href === %q && document.querySelector(".calls [data-call='6'] a.place").href.endsWith("/database/sql/sql.go:3412")`, want))
		}
		link("vscode://file/home/susan/microblog/internal/store/users.go:64")
		p.eval(`document.querySelector(".paths").open = true; document.getElementById("paths").focus()`)
		p.write("/home=/no; /home/susan/microblog/ = /my work/blog; /home/susan/micro=/never")
		link("vscode://file/my%20work/blog/internal/store/users.go:64")
		p.open(s.address())
		p.ready()
		link("vscode://file/my%20work/blog/internal/store/users.go:64")
		p.eval(`document.getElementById("editor").value = "Neovim"; document.getElementById("editor").dispatchEvent(new Event("change"))`)
		p.until(`document.querySelector("#where a.place").href === "nvim://open?url=file:///my%20work/blog/internal/store/users.go&line=64&column=1"`)
		p.eval(`localStorage.clear()`)
	})
	t.Run("a debugger that does not come up", func(t *testing.T) {
		_, p := begin(t)
		dead := httptest.NewServer(http.NotFoundHandler())
		app := newStand(t)
		app.failing = failed(t)
		app.failing.Debugger = dead.URL + "/failures/X"
		dead.Close()
		p.open(app.url + "/")
		p.until(`document.getElementById("debugger").textContent.includes("did not come up here") && !document.querySelector("iframe.here")`)
		p.until(`document.querySelector("h1").textContent.includes("abot_me")`)
	})
	t.Run("another page cannot frame it", func(t *testing.T) {
		s, p := begin(t)
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!DOCTYPE html><script>let heard = ""; addEventListener("message", e => heard += e.data)</script><iframe src="%s?framed=1" onload="document.title = 'loaded'"></iframe>`, s.address())
		}))
		t.Cleanup(other.Close)
		p.do("Page.navigate", map[string]any{"url": other.URL})
		p.until(`document.title === "loaded"`)
		p.eval(`new Promise(done => setTimeout(done, 300))`)
		if heard := p.eval(`heard`); heard != "" {
			t.Errorf("it is there and says %v", heard)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if !slices.ContainsFunc(p.errors, func(e string) bool { return strings.Contains(e, "frame-ancestors") }) {
			t.Errorf("nothing was refused: %q", p.errors)
		}
		p.errors = nil // what it was to bring
	})
}

// TestEveryFileIsThere: what the scripts import is given away, and nothing of them is forgotten.
func TestEveryFileIsThere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"debugger.js", "debugger-server.js", "debugger-dom.js", "debugger-values.js", "debugger-console.js", "debugger-room.js", "debugger-kept.js", "debugger-call.js", "debugger-tools.js", "debugger.css"} {
		content, kind, ok := overlay.Asset(name)
		if !ok || len(content) == 0 || !strings.Contains(kind, "charset=utf-8") {
			t.Errorf("%s: %v, %q", name, ok, kind)
			continue
		}
		if len(content) > 20<<10 {
			t.Errorf("%s has %d bytes", name, len(content))
		}
		for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "http://", "https://"} {
			if strings.Contains(string(content), bad) {
				t.Errorf("%s: %s", name, bad)
			}
		}
		for _, part := range strings.Split(string(content), `from "./`)[1:] {
			imported, _, _ := strings.Cut(part, `"`)
			if _, _, ok := overlay.Asset(imported); !ok {
				t.Errorf("%s imports %s, which is not there", name, imported)
			}
		}
	}
}
