//go:build linux && (amd64 || arm64)

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// debugTab is a tab with the debugger in a frame over a page of the application.
type debugTab struct {
	*tab
	base string // of the debugger
}

// js evaluates an expression in the debugger's frame, beside its own scripts.
func (b *debugTab) js(expression string) (string, error) {
	ctx, cancel := b.limited()
	defer cancel()
	var said string
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		tree, err := cdp.Call(ctx, t, page.GetFrameTree, cdp.Empty{})
		if err != nil {
			return err
		}
		all := []*page.FrameTree{tree.FrameTree}
		for i := 0; i < len(all); i++ {
			all = append(all, all[i].ChildFrames...)
			f := all[i].Frame
			if !strings.HasPrefix(f.URL, b.base+"/") {
				continue
			}
			world, err := cdp.Call(ctx, t, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: f.ID, WorldName: "test"})
			if err != nil {
				return err
			}
			yes := true
			r, err := cdp.Call(ctx, t, cdpruntime.Evaluate, cdpruntime.EvaluateParams{Expression: "String(" + expression + ")", ContextID: world.ExecutionContextID, ReturnByValue: &yes})
			if err != nil {
				return err
			}
			if r.ExceptionDetails != nil {
				return fmt.Errorf("%s %+v", r.ExceptionDetails.Text, r.ExceptionDetails.Exception)
			}
			said = strings.Trim(string(r.Result.Value), `"`)
			return nil
		}
		return errors.New("the debugger has no frame")
	}))
	return said, err
}

// until waits until an expression is true in the debugger's frame.
func (b *debugTab) until(t *testing.T, expression string) {
	t.Helper()
	soon(t, "waiting for "+expression, func() error {
		said, err := b.js(expression)
		if err == nil && said != "true" {
			whole, _ := b.js("document.body.innerText")
			active, _ := b.js("document.activeElement.localName + ' ' + document.activeElement.className + ' ' + document.activeElement.value")
			err = fmt.Errorf("it is %s, the focus is on %q: %s", said, active, tail(whole))
		}
		return err
	})
}

// types presses keys, which go to what has the focus. Of a key that a page takes nothing is left to be typed, as with a
// keyboard, so chromedp's way of two events for it does not do.
func (b *debugTab) types(keys ...string) {
	b.t.Helper()
	for _, text := range keys {
		for _, r := range text {
			k, ok := kb.Keys[r]
			if !ok {
				b.t.Fatalf("there is no key for %q", r)
			}
			down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: k.Key, Code: k.Code, WindowsVirtualKeyCode: k.Windows, NativeVirtualKeyCode: k.Native}
			if k.Print || r == '\r' {
				down.Type, down.Text, down.UnmodifiedText = input.DispatchKeyEventTypeKeyDown, k.Text, k.Unmodified
			}
			if k.Shift {
				down.Modifiers = 8 // Shift
			}
			up := down
			up.Type, up.Text, up.UnmodifiedText = input.DispatchKeyEventTypeKeyUp, "", ""
			b.do(call(input.DispatchKeyEvent, down), call(input.DispatchKeyEvent, up))
		}
	}
}

// unlock types the PIN on the keyboard. The field can lose the focus meanwhile, to another tab or since the page is shown anew:
// then it is typed again.
func (b *debugTab) unlock(t *testing.T, pin string) {
	t.Helper()
	soon(t, "the debugger unlocked by its PIN", func() error {
		const field = `document.getElementById("pin")`
		if said, err := b.js("(" + field + "?.focus(), " + field + "?.select(), document.activeElement.id)"); err != nil || said != "pin" {
			return fmt.Errorf("the focus is on %q: %w", said, errors.Join(err, errStill))
		}
		b.types(pin)
		if said, err := b.js(field + `?.value`); err != nil || said != pin {
			return fmt.Errorf("it has %q: %w", said, errors.Join(err, errStill))
		}
		b.types(kb.Enter)
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if said, err := b.js(`!document.querySelector(".pin")`); err == nil && said == "true" {
				return nil
			}
		}
		return errStill
	})
}

// inConsole types an expression into the console that has the focus, and waits for its result.
func (b *debugTab) inConsole(t *testing.T, expression string) string {
	t.Helper()
	b.until(t, `document.activeElement.matches(".console textarea")`)
	if _, err := b.js(`(document.querySelector("[data-typed]")?.removeAttribute("data-typed"), document.activeElement.setAttribute("data-typed", ""))`); err != nil {
		t.Fatal(err)
	}
	const entries = `document.activeElement.closest(".console").querySelectorAll(".log > li").length`
	before, err := b.js(entries)
	if err != nil {
		t.Fatal(err)
	}
	soon(t, expression+" in the console", func() error {
		// As the PIN: see unlock.
		const field = `document.querySelector("[data-typed]")`
		if said, err := b.js("(" + field + ".focus(), " + field + ".select(), document.activeElement === " + field + ")"); err != nil || said != "true" {
			return fmt.Errorf("the focus is elsewhere: %w", errors.Join(err, errStill))
		}
		b.types(expression)
		if said, err := b.js(fmt.Sprintf("document.activeElement.value === %q", expression)); err != nil || said != "true" {
			return fmt.Errorf("it has something else: %w", errors.Join(err, errStill))
		}
		b.until(t, field+`.getAttribute("aria-expanded") === "false"`)
		b.types(kb.Enter)
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if said, err := b.js(field + ".value === ''"); err == nil && said == "true" {
				return nil
			}
		}
		return errStill // Enter went elsewhere, since what was sent is not in the field any more
	})
	b.until(t, fmt.Sprintf(`%s > %s && !document.activeElement.closest(".console").hasAttribute("aria-busy")`, entries, before))
	said, err := b.js(`document.activeElement.closest(".console").querySelector(".log > li:last-child").innerText`)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(said, `\n`, " ")), " ")
}

// room is the frame of a call in the page, as a selector.
func room(call int) string { return fmt.Sprintf("[data-call='%d']", call) }

// debugged fails in a new tab, and unlocks the debugger there if that has not been done.
func (d *debugRun) debugged(t *testing.T, l look, path string) *debugTab {
	t.Helper()
	d.fail(t, "/buy?n=1") // so that its address is known
	b := &debugTab{d.tab(t, l), d.api.base}
	t.Cleanup(func() { b.heardOf("/evaluate)") }) // what is typed is tried, and the browser tells of what is refused
	if status := b.open(path); status != 500 {
		t.Fatalf("status %d: %s", status, b.describe())
	}
	soon(t, "the debugger over the page", func() error {
		if !eval[bool](b.tab, `!!document.querySelector("iframe.over.here")`) {
			return errors.New("there is none: " + b.describe())
		}
		return nil
	})
	b.until(t, `!!document.querySelector(".pin #pin")`)
	// A tab that is not in front is not given the focus by itself.
	b.until(t, `(document.getElementById("pin").focus(), document.activeElement.id === "pin")`)
	return b
}

// debugPage is what a person does in the debugger with the mouse.
func debugPage(t *testing.T, d *debugRun) {
	b := d.debugged(t, look{}, "/buy?n=31")
	b.picture("devdebug-locked")
	b.until(t, `document.activeElement.id === "pin"`)
	b.types("000-000-000", kb.Enter)
	b.until(t, `document.querySelector(".pin [role=alert]").innerText.includes("left")`)
	b.heardOf("403") // the browser tells of each refusal
	b.unlock(t, d.pin)
	b.until(t, `!document.querySelector(".pin")`)
	b.until(t, `!!document.querySelector("#where [role=treeitem]")`)
	for name, want := range map[string]string{"text": "discount 31", "at": "34", "words": "label of book 31 2"} {
		b.until(t, fmt.Sprintf(`[...document.querySelectorAll("#where [role=treeitem]")].some(i => i.querySelector(".name").textContent === %q && i.querySelector(".value").textContent.includes(%q))`, name, want))
	}
	b.until(t, `document.body.innerText.includes("Index 34 is out of range")`)
	b.picture("devdebug-page")

	// The sixth call, and a struct in it.
	sixth := room(5)
	b.clickIn(t, "details"+sixth+" > summary")
	b.until(t, `document.querySelector("details`+sixth+`").open`)
	tree := func(name string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("details%s [role=treeitem]")].find(i => i.querySelector(".name").textContent === %q)`, sixth, name)
	}
	b.until(t, `!!`+tree("customer"))
	b.clickOn(t, tree("customer")+`.querySelector(".row")`)
	b.until(t, tree("Name")+`?.innerText.includes("customer 31")`)
	b.clickOn(t, tree("Address")+`.querySelector(".row")`)
	b.until(t, tree("Street")+`?.innerText.includes("31 Long Street")`)

	// Expressions and a call there.
	b.clickIn(t, "details"+sixth+" .console textarea")
	for expression, want := range map[string]string{
		"len(customer.Tags)*n": "62", "customer.Address.City": `City 3`, "total > 3000 && paid": "false", "rates[1]": "5", "shopOpen": "monday", "float64(n) / 2": "15.5",
	} {
		if said := b.inConsole(t, expression); !strings.Contains(said, want) || strings.Contains(strings.TrimPrefix(said, expression), "call ") {
			t.Errorf("%s gives %q, want %s", expression, said, want)
		}
	}
	if said := b.inConsole(t, "nothingLikeThat"); !strings.Contains(said, "nothingLikeThat") || !strings.Contains(said, ".") {
		t.Errorf("of an unknown name it says %q", said)
	}
	// Before Enter a call is told, and not made.
	b.types("customer.Greeting()")
	b.until(t, `document.activeElement.closest(".console").querySelector(".peek").innerText.includes("call")`)
	calls := func() int {
		f := &debugFailure{debugClient: d.api}
		var list struct {
			Failures []struct{ ID, Title string }
		}
		if err := d.api.ask("/failures", nil, &list); err != nil {
			t.Fatal(err)
		}
		for _, one := range list.Failures {
			if strings.Contains(one.Title, "[34]") {
				f.id = one.ID
				break
			}
		}
		return f.until(t, "ready").Calls
	}
	if n := calls(); n != 0 {
		t.Errorf("%d calls were made without Enter", n)
	}
	b.types(kb.Enter)
	b.until(t, `document.activeElement.closest(".console").innerText.includes("Dear customer 31")`)
	b.until(t, `!!document.activeElement.closest(".console").querySelector(".log > li:last-child .tag.call:not([hidden])")`)
	if n := calls(); n != 1 {
		t.Errorf("%d calls are counted", n)
	}
	b.picture("devdebug-sixth")

	// Without permission, a call is refused.
	f := d.fail(t, "/buy?n=32")
	f.until(t, "ready")
	if _, err := f.evaluate(5, "customer.Greeting()", false); refused(err) != "call" {
		t.Errorf("without permission: %v", err)
	}

	// The plain page lies beneath.
	b.clickOn(t, `[...document.querySelectorAll("button")].find(e => e.textContent === "Plain page")`)
	soon(t, "the plain page", func() error {
		if eval[bool](b.tab, `!!document.querySelector("iframe.here")`) {
			return errors.New("the debugger is still over it")
		}
		return nil
	})
	b.says("index out of range [34]")
	b.picture("devdebug-plain")
}

// heardOf forgets what the browser has said of an answer that the test has asked for.
func (b *debugTab) heardOf(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.problems[:0]
	for _, p := range b.problems {
		if !strings.Contains(p.text, text) {
			kept = append(kept, p)
		}
	}
	b.problems = kept
}

// clickIn clicks an element of the debugger's frame with the mouse.
func (b *debugTab) clickIn(t *testing.T, selector string) {
	t.Helper()
	b.clickOn(t, fmt.Sprintf("document.querySelector(%q)", selector))
}

// clickOn clicks on an element where it is, however the page moves meanwhile.
func (b *debugTab) clickOn(t *testing.T, element string) {
	t.Helper()
	b.until(t, "!!("+element+")")
	if _, err := b.js(`(() => { const e = ` + element + `; e.scrollIntoView({ block: "center" }); e.focus(); e.click(); return "" })()`); err != nil {
		t.Fatal(err)
	}
}

// debugKeyboard does without a mouse.
func debugKeyboard(t *testing.T, d *debugRun) {
	b := d.debugged(t, look{dark: true}, "/buy?n=33")
	b.unlock(t, d.pin)
	b.until(t, `!!document.querySelector("#where [role=treeitem]")`)
	b.types("j")
	b.until(t, `!!document.querySelector(".current")`)
	for i := 0; ; i++ {
		is, err := b.js(`document.querySelector(".current").dataset.call === "5"`)
		if err != nil || i > 20 {
			t.Fatalf("the sixth call is not reached by j: %v", err)
		}
		if is == "true" {
			break
		}
		b.types("j")
	}
	b.until(t, `document.activeElement.closest("details").dataset.call === "5"`)
	if open, _ := b.js(`document.querySelector(".current").open`); open != "true" {
		b.types(kb.Enter)
	}
	b.until(t, `document.querySelector(".current").open && !!document.querySelector(".current [role=treeitem]")`)
	b.types("v")
	b.until(t, `document.activeElement.matches("[role=treeitem]")`)
	for range 20 {
		name, err := b.js(`document.activeElement.querySelector(".name").textContent`)
		if err != nil {
			t.Fatal(err)
		}
		if name == "w" || name == "r" {
			b.types(kb.ArrowDown)
			continue
		}
		break
	}
	b.types("/")
	b.until(t, `document.activeElement.matches(".current .console textarea")`)
	// Completion by Tab.
	b.types("custo", kb.Tab) // offers the variable before the type Customer
	b.until(t, `document.activeElement.getAttribute("aria-expanded") === "true" || document.activeElement.value === "customer"`)
	if said, _ := b.js(`document.activeElement.value`); said != "customer" {
		b.types(kb.Tab)
	}
	b.until(t, `document.activeElement.value === "customer"`)
	b.types(".Na", kb.Tab)
	b.until(t, `document.activeElement.value === "customer.Name"`)
	b.types(kb.Enter)
	b.until(t, `document.activeElement.closest(".console").innerText.includes("customer 33")`)
	if said := b.inConsole(t, "n + 1"); !strings.Contains(said, "34") {
		t.Errorf("n + 1 gives %q", said)
	}
	b.types(kb.ArrowUp, kb.ArrowUp)
	b.until(t, `document.activeElement.value === "customer.Name"`)
	b.types(kb.ArrowDown, kb.ArrowDown)
	b.until(t, `document.activeElement.value === ""`)
	b.types(kb.Escape)
	b.until(t, `!document.activeElement.matches("textarea")`)
	b.types("k")
	b.until(t, `document.querySelector(".current").dataset.call === "4"`)
	b.types("?")
	b.until(t, `document.querySelector("dialog[open]")?.id === "help"`)
	b.types(kb.Escape)
	b.until(t, `!document.querySelector("dialog[open]")`)
	b.types("f")
	b.until(t, `document.querySelectorAll("dialog[open] .kept li").length > 1`)
	b.picture("devdebug-kept")
	b.types(kb.Escape)
	b.until(t, `!document.querySelector("dialog[open]")`)
	b.types("g")
	b.until(t, `document.querySelectorAll(".goroutines tbody tr").length > 0`)
	b.types("r")
	b.until(t, `document.querySelector("#replay")?.innerText.includes("It still fails")`)
	b.picture("devdebug-keyboard")
}
