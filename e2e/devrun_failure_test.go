package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// devRunFailures: a request that fails shows why, with source; a visitor's own page is a click away.
func devRunFailures(t *testing.T, d *devRun) {
	for _, test := range []struct {
		kind string
		says []string
	}{
		{"panic", []string{"this panic was asked for by the drill", "drillPanic", `panic("this panic was asked for by the drill")`}},
		{"wrapped", []string{"answering the drill", "reading all of the drill’s files", "the drill's second file is missing as well", "drillWrapped", `return trace.Wrap(err, "answering the drill")`}},
		{"template", []string{"rendering the page", "can't evaluate field Missing", "drillTemplate"}},
		{"sql", []string{"FOREIGN KEY constraint failed", "internal/store/drill.go", "INSERT", "This post was asked for by the drill", "ROLLBACK"}},
	} {
		t.Run(test.kind, func(t *testing.T) {
			b := d.tab(t, look{})
			told := d.told()
			mark := unique("mark")
			if status := b.open("/drill/" + test.kind + "?mark=" + mark); status != 500 {
				t.Fatalf("status %d: %s", status, b.describe())
			}
			for _, want := range append(test.says, "internal/web/drill.go:", mark) {
				if said := b.text("body"); !strings.Contains(strings.ReplaceAll(said, "’", "'"), strings.ReplaceAll(want, "’", "'")) {
					t.Errorf("the page does not say %q: %s", want, said)
				}
			}
			b.picture("devrun-failure-" + test.kind)
			link := d.tells(t, told, `failed: GET /drill/`+test.kind+`\S*: .*\(internal/\w+/drill\.go:\d+\)  http://\S+/\.fault/failures/\S+`)
			link = link[strings.LastIndex(link, " ")+1:]
			for _, l := range []struct {
				name string
				look look
			}{{"phone", look{width: 375, height: 740, phone: true}}, {"dark", look{dark: true}}} {
				b.show(l.look)
				if wide := eval[int64](b, "document.documentElement.scrollWidth"); wide > b.look.width {
					t.Errorf("%s: the page is %d pixels wide on a screen of %d", l.name, wide, b.look.width)
				}
				b.picture("devrun-failure-" + test.kind + "-" + l.name)
			}
			b.show(look{})

			// The link of the terminal leads there, too.
			again := d.tab(t, look{})
			_ = again.goes(chromedp.Navigate(link))
			again.says(strings.ReplaceAll(test.says[0], "’", "'"))

			visitors := eval[string](b, `document.querySelector("a[href$='/answer']")?.pathname ?? ""`)
			if visitors == "" {
				t.Fatalf("no link leads to what a visitor gets: %s", b.describe())
			}
			if status := b.open(visitors); status != 500 && status != 200 {
				t.Errorf("a visitor's page has status %d", status)
			}
			b.says("An unexpected error has occurred")
			if said := b.text("body"); strings.Contains(said, "drill.go") || strings.Contains(said, test.says[0]) {
				t.Errorf("a visitor is told too much: %s", said)
			}
			if color := eval[string](b, `getComputedStyle(document.querySelector(".brand")).textDecorationLine`); color != "none" {
				t.Error("a visitor's page has no style")
			}
			b.picture("devrun-visitor-" + test.kind)
			b.mu.Lock()
			b.problems = slices.DeleteFunc(b.problems, func(p problem) bool { return strings.Contains(p.text, "frame is sandboxed") })
			b.mu.Unlock()
		})
	}

	t.Run("somebody else", func(t *testing.T) {
		// Who came by another name is no developer: no source code for a page that a name was rebound for.
		r := d.client(t)
		req := r.do("GET", "/drill/panic", nil, map[string][]string{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}})
		if req.want(500); strings.Contains(req.body, "drill.go") || strings.Contains(req.body, "asked for by the drill") {
			t.Errorf("another site gets %s", tail(req.body))
		}
	})
}

// devRunAfterHeaders: of a page that broke off, its tab tells why.
func devRunAfterHeaders(t *testing.T, d *devRun) {
	b := d.tab(t, look{})
	b.open("/login")
	b.do(chromedp.Evaluate[chromedp.Void](`setTimeout(() => location = "/drill/after-headers"), undefined`)) // to navigate would fail
	b.sees(t, "h1", "this failure was asked for by the drill")
	b.sees(t, "p", "The response had begun")
	b.picture("devrun-after-headers")
	b.mu.Lock()
	b.problems = nil // It was cut off, and the browser says so.
	b.mu.Unlock()
}

// devRunGoroutine: a request that ends the process is told why, and the next one is served by a new process.
func devRunGoroutine(t *testing.T, d *devRun) {
	const said = "this panic in a goroutine was asked for by the drill"
	open := d.tab(t, look{})
	open.open("/login")
	open.mark()
	processes := d.processes()
	told := d.told()
	b := d.tab(t, look{})
	if status := b.open("/drill/goroutine"); status < 500 {
		t.Errorf("status %d: %s", status, b.describe())
	}
	b.says(said)
	b.says("internal/web/drill.go:")
	b.says("panic(\"this panic in a goroutine")
	b.picture("devrun-goroutine")
	d.tells(t, told, said)
	if status, _, err := d.probe("/login"); err != nil || status != 200 {
		t.Errorf("the next request gets %d, %v", status, err)
	}
	if n := d.processes(); n != processes+1 {
		t.Errorf("%d processes were started", n-processes)
	}
	open.sees(t, "h2", said)
	open.picture("devrun-goroutine-overlay")
	open.clicks(t, "a", "Put this aside")
	open.seesNo(t, "h2", said)
	if status := b.open("/register"); status != 200 {
		t.Errorf("the next page load gets %d", status)
	}

	// The next version makes good for it.
	undo := d.edit(t, devRunFile, devRunTitle, devRunEdited)
	d.serves(t, "/login", "<title>Sign in")
	undo()
	d.serves(t, "/login", "<title>Log in")
	b.seesNo(t, "h2", said)
}
