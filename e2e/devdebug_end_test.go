//go:build linux && (amd64 || arm64)

package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDevDebugEnds: however `fault run` ends, no copy and no debugger outlive it.
func TestDevDebugEnds(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			d := startDebug(t, debugApp(t), nil)
			d.mayDebug(t, "/buy?n=1")
			d.fail(t, "/buy?n=81").bought(t, 81, "first")
			d.fail(t, "/buy?n=82")
			if n := d.named("fault-copy"); n != 3 {
				t.Errorf("there are %d copies: %v", n, d.processesLeft())
			}
			if n := d.named("dlv"); n == 0 {
				t.Errorf("there is no debugger: %v", d.processesLeft())
			}
			d.signal(t, sig)
			select {
			case <-d.ended:
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
			d.nothingIsLeft(t)
			if sig == syscall.SIGKILL {
				return
			}
			if left, err := os.ReadDir(d.temp); err != nil || len(left) > 0 {
				t.Errorf("it leaves %v, %v", left, err)
			}
		})
	}
}

// TestDevDebugMissing: without a debugger the page has everything else, and says what is missing.
func TestDevDebugMissing(t *testing.T) {
	t.Parallel()
	t.Run("not wanted", func(t *testing.T) {
		d := startDebug(t, debugApp(t), nil, "--no-debugger")
		if d.pin != "" || strings.Contains(d.stderr.String(), "PIN") {
			t.Errorf("there is a PIN: %s", d.stderr.String())
		}
		req := mustRequest(t, d.url+"/buy?n=91")
		req.Header.Set("Accept", "application/json")
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		r := readReply(t, "GET /buy?n=91", resp)
		if r.status != 500 || r.header.Get("Link") != "" || !strings.Contains(r.body, "index out of range [94]") || !strings.Contains(r.body, "shop.go") {
			t.Errorf("status %d, Link %q: %s", r.status, r.header.Get("Link"), tail(r.body))
		}
		if n := d.named("fault-copy"); n != 0 {
			t.Errorf("there are %d copies", n)
		}
		b := d.tab(t, look{})
		if status := b.open("/buy?n=92"); status != 500 {
			t.Errorf("status %d", status)
		}
		b.says("index out of range [95]")
		if eval[bool](b, `!!document.querySelector("iframe")`) {
			t.Error("it has a frame for the debugger")
		}
	})
	t.Run("no Delve", func(t *testing.T) {
		d := startDebug(t, debugApp(t), settings{"FAULT_DELVE": "/nonexistent"})
		f := d.fail(t, "/buy?n=93")
		s := f.until(t, "unavailable")
		for _, want := range []string{"/nonexistent", "FAULT_DELVE"} {
			if !strings.Contains(s.Error+" "+s.Fix, want) {
				t.Errorf("it does not say %s: %q, %q", want, s.Error, s.Fix)
			}
		}
		if s.Error == "" || s.Fix == "" || len(s.Frames) < 6 || s.Frames[0].Function != "example.test/app/shop.discount" {
			t.Errorf("%+v", s)
		}
		if _, err := f.evaluate(0, "n", false); refused(err) != "unavailable" {
			t.Errorf("an expression: %v", err)
		}
		b := d.debugged(t, look{}, "/buy?n=94")
		b.unlock(t, d.pin)
		b.until(t, `document.getElementById("notice").innerText.includes("There are no variables")`)
		b.until(t, `document.body.innerText.includes("FAULT_DELVE") && document.body.innerText.includes("rate := rates[at]")`)
		b.picture("devdebug-no-delve")
	})
}

// devRunDebugger opens Microblog's failures with the debugger on screens of several sizes, and leaves pictures where
// E2E_SCREENSHOTS says.
func devRunDebugger(t *testing.T, run *devRun) {
	d := &debugRun{devRun: *run, pin: strings.TrimPrefix(run.tells(t, 0, `debugger PIN: [0-9-]+`), "debugger PIN: ")}
	d.mayDebug(t, "/drill/nil")
	looks := []struct {
		name string
		look look
	}{
		{"desktop", look{width: 1280, height: 900}}, {"desktop-dark", look{width: 1280, height: 900, dark: true}},
		{"phone", look{width: 375, height: 740, phone: true}}, {"phone-dark", look{width: 375, height: 740, phone: true, dark: true}},
	}
	tabs := make([]*debugTab, len(looks))
	for i, l := range looks {
		tabs[i] = &debugTab{d.tab(t, l.look), d.api.base}
		tabs[i].tab.base = d.api.base
	}
	for n, path := range []string{"nil", "wrapped", "sql", "panic"} {
		f := d.fail(t, "/drill/"+path)
		for i, l := range looks {
			b := tabs[i]
			b.open("/failures/" + f.id)
			if n == 0 {
				b.until(t, `!!document.getElementById("pin")`)
				b.picture("microblog-locked-" + l.name)
				b.unlock(t, d.pin)
			}
			b.until(t, `document.getElementById("main").dataset.state === "ready" && !!document.querySelector("#where [role=treeitem]") && !document.querySelector(".busy-text")`)
			if wide := eval[int64](b.tab, "document.documentElement.scrollWidth"); wide > b.look.width {
				t.Errorf("%s: the page is %d pixels wide on a screen of %d", l.name, wide, b.look.width)
			}
			if path == "wrapped" {
				b.clickIn(t, "#where .console textarea")
				b.types("w", "\t")
				b.types("\x1b", "\x1b")
			}
			b.picture(fmt.Sprintf("microblog-%s-%s", path, l.name))
		}
	}
}
