package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// One person's first day, in a browser.
func TestJourney(t *testing.T) {
	t.Parallel()
	s := shared(t)
	susan, john := unique("susan"), s.person(t, "john")
	john.publish("The hens are awake.").want(303)
	b := s.tab(t, look{})

	b.open("/")
	b.at("/login?next=%2F")
	b.says("Please log in to access this page.")
	b.press("main a[href='/register']")
	b.fill("username", susan)
	b.fill("email", susan+"@example.com")
	b.fill("password", password)
	b.fill("password2", password)
	b.press("form[action='/register'] button")
	b.at("/login")
	b.says("Congratulations, you are now a registered user!")

	b.fill("username", susan)
	b.fill("password", "not my password")
	if status := b.press("form[action='/login'] button"); status != 422 {
		t.Errorf("a wrong password: status %d, want 422", status)
	}
	b.says("Invalid username or password")
	if got := value(b, chromedp.Value(chromedp.ID("username"))); got != susan {
		t.Errorf("the form keeps the username %q, want %q", got, susan)
	}
	b.fill("password", password)
	b.press("form[action='/login'] button")
	b.at("/")
	b.says("Hi, " + susan + "!")

	// A post, with the counter.
	typed := "Good morning! 👨‍👩‍👧‍👦"
	b.fill("post", strings.Repeat("x", 135))
	b.counts("5 left")
	b.do(chromedp.SendKeys(chromedp.ID("post"), "yyyyyyyy"))
	b.counts("3 too many")
	if status := b.press(".composer button"); status != 422 {
		t.Errorf("a post of 143 characters: status %d, want 422", status)
	}
	if said := b.text("#post-error"); said == "" {
		t.Error("nothing is said beside the field")
	}
	b.counts("3 too many")
	b.empty("post")
	b.do(chromedp.Focus(chromedp.ID("post")), call(insertText, insertTextParams{Text: typed}))
	b.counts("125 left")
	b.press(".composer button")
	b.at("/")
	if got := b.text("article .body"); got != typed {
		t.Errorf("the first post on the page is %q, want %q", got, typed)
	}
	if got := b.text("article time"); got != "just now" {
		t.Errorf("the post was written %q, want just now", got)
	}
	if exact := eval[string](b, `document.querySelector("article time").title`); !strings.Contains(exact, "GMT+13") && !strings.Contains(exact, "GMT+12") {
		t.Errorf("the exact time is %q, want it in the reader's zone", exact)
	}

	// Following.
	b.open("/user/" + john.name)
	b.press("form[action^='/follow/'] button")
	b.says("You are following " + john.name + "!")
	b.says("1 follower")
	b.open("/")
	b.says("The hens are awake.")
	b.open("/user/" + john.name)
	b.press("form[action^='/unfollow/'] button")
	b.says("0 followers")

	// The name of somebody else.
	b.press("nav a[href^='/user/']")
	b.press("a[href='/edit_profile']")
	b.fill("username", john.name)
	b.fill("about_me", "I keep hens.")
	if status := b.press("form[action='/edit_profile'] button"); status != 422 {
		t.Errorf("renaming to a taken name: status %d, want 422", status)
	}
	b.beside("username", "Please use a different username.")
	if got := value(b, chromedp.Value(chromedp.ID("username"))); got != john.name {
		t.Errorf("the field holds %q, want what was typed", got)
	}
	if got := value(b, chromedp.Value(chromedp.ID("about_me"))); got != "I keep hens." {
		t.Errorf("the other field holds %q, want what was typed", got)
	}
	b.fill("username", susan+"-2")
	b.press("form[action='/edit_profile'] button")
	b.says("Your changes have been saved.")
	b.open("/user/" + susan)
	b.at("/user/" + susan + "-2")
	b.says("I keep hens.")

	// What goes wrong.
	if status := b.open("/user/nobody-has-this-name"); status != 404 {
		t.Errorf("somebody who is not there: status %d, want 404", status)
	}
	b.says("There is no such person here.")
	if status := b.open("/drill/error"); status != 500 {
		t.Errorf("/drill/error: status %d, want 500", status)
	}
	b.says("An unexpected error has occurred")
	id := b.text("code")
	if !faultID.MatchString(id) {
		t.Errorf("the page shows the failure ID %q", id)
	}
	s.failureRecord(t, id)
	b.press("main a[href='/']")

	// Deleting the post.
	b.press("article a[href$='/delete']")
	b.says("Delete this post?")
	b.press("form[action$='/delete'] button")
	b.says("You have not posted yet.")

	b.press("form[action='/logout'] button")
	b.says("You have been logged out.")
	b.open("/edit_profile")
	b.at("/login?next=%2Fedit_profile")
}

// After logging out, the back button shows nothing that was for the person alone.
func TestBackButton(t *testing.T) {
	t.Parallel()
	s := shared(t)
	b := s.tab(t, look{})
	b.login(s.person(t, "leaver").name)
	b.open("/account")
	b.says("@example.com")
	b.press("nav form[action='/logout'] button")
	b.says("You have been logged out.")
	b.do(chromedp.Evaluate[chromedp.Void]("history.back()"))
	soon(t, "going back", func() error {
		said, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.readyState + " " + location.pathname + " " + document.body.innerText`))
		switch {
		case err != nil:
			return err
		case strings.Contains(said, "@example.com"):
			return fmt.Errorf("the page still shows the address: %s", said)
		case !strings.HasPrefix(said, "complete ") || strings.Contains(said, "You have been logged out."):
			return fmt.Errorf("nothing has happened yet: %s", said)
		}
		return nil
	})
	b.says("Please log in to access this page.")
}

// counts waits until the counter beside the post says so.
func (b *tab) counts(want string) {
	b.t.Helper()
	soon(b.t, "waiting for the counter", func() error {
		if got := b.text("#post-hint"); got != want {
			return fmt.Errorf("it says %q, want %q", got, want)
		}
		return nil
	})
}

// beside checks that the message is shown, and stands right below its field.
func (b *tab) beside(field, message string) {
	b.t.Helper()
	if got := b.text("#" + field + "-error"); got != message {
		b.t.Errorf("beside %s the page says %q, want %q", field, got, message)
	}
	distance := eval[float64](b, fmt.Sprintf(`document.getElementById("%s-error").getBoundingClientRect().top - document.getElementById(%q).getBoundingClientRect().bottom`, field, field))
	if distance < 0 || distance > 40 {
		b.t.Errorf("the message is %v pixels below its field", distance)
	}
	if focused := eval[string](b, "document.activeElement.id"); focused != field {
		b.t.Errorf("the keyboard is at %q, want at the field that was refused", focused)
	}
}

// A double click on the button posts once.
func TestDoubleClick(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "clicker")
	b := s.tab(t, look{})
	b.login(c.name)
	b.fill("post", "one post")
	b.goes(chromedp.DoubleClick(chromedp.CSS(".composer button")))
	b.open("/user/" + c.name)
	b.says("1 post")
}

// Without JavaScript everything works as well.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	s := shared(t)
	john := s.person(t, "john")
	susan := s.person(t, "susan")
	b := s.tab(t, look{noScript: true})
	b.login(susan.name)
	b.says("Hi, " + susan.name + "!")
	b.fill("post", "No script was needed.")
	b.press(".composer button")
	if got := b.text("article .body"); got != "No script was needed." {
		t.Errorf("the first post on the page is %q", got)
	}
	if got := b.text("#post-hint"); got != "Up to 140 characters" {
		t.Errorf("the hint below the field is %q: is the script running?", got)
	}
	b.open("/user/" + john.name)
	b.press("form[action^='/follow/'] button")
	b.says("You are following " + john.name + "!")
	b.open("/edit_profile")
	b.fill("username", john.name)
	b.press("form[action='/edit_profile'] button")
	b.beside("username", "Please use a different username.")
	b.open("/")
	b.press("article a[href$='/delete']")
	b.press("form[action$='/delete'] button")
	b.press("form[action='/logout'] button")
	b.says("You have been logged out.")
	b.open("/")
	b.at("/login?next=%2F")
}

// The keyboard is enough, and it can be seen where one is.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "typist")
	b := s.tab(t, look{})
	b.open("/login")

	b.key(kb.Tab)
	if got := b.focused(); got != "Skip to the content" {
		t.Fatalf("the first tab leads to %q, want the skip link", got)
	}
	if visible := eval[bool](b, `(r => r.left >= 0 && r.top >= 0 && r.width > 0)(document.activeElement.getBoundingClientRect())`); !visible {
		t.Error("the skip link cannot be seen while it has the focus")
	}
	b.key(kb.Enter)
	soon(t, "waiting for the skip", func() error {
		if got := eval[string](b, "document.activeElement.id"); got != "main" {
			return fmt.Errorf("the focus is at %q, want the content", got)
		}
		return nil
	})
	for _, step := range []struct{ id, keys string }{
		{"username", c.name}, {"password", password}, {"remember_me", " "},
	} {
		b.key(kb.Tab)
		if got := eval[string](b, "document.activeElement.id"); got != step.id {
			t.Fatalf("the next tab leads to %q, want %s", got, step.id)
		}
		if outline := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle + " " + getComputedStyle(document.activeElement).outlineWidth`); strings.HasPrefix(outline, "none") || strings.HasSuffix(outline, " 0px") {
			t.Errorf("at %s the focus cannot be seen: outline %s", step.id, outline)
		}
		b.key(step.keys)
	}
	if !eval[bool](b, "document.getElementById('remember_me').checked") {
		t.Error("space does not tick the box")
	}
	b.key(kb.Tab)
	if got := b.focused(); got != "Log in" {
		t.Fatalf("after the box comes %q, want the button", got)
	}
	if status := b.goes(chromedp.KeyEvent(kb.Enter)); status != 200 {
		t.Fatalf("logging in by the keyboard: status %d", status)
	}
	b.says("Hi, " + c.name + "!")

	// Every control of a page can be reached, in the order in which they stand.
	want := eval[int](b, `document.querySelectorAll("a[href], button, input:not([type=hidden]), textarea").length`)
	seen := map[string]bool{}
	last := -1.0
	for range want {
		b.key(kb.Tab)
		seen[eval[string](b, `document.activeElement.outerHTML`)] = true
		if at := eval[float64](b, `[...document.querySelectorAll("*")].indexOf(document.activeElement)`); at <= last {
			t.Errorf("%q comes out of its order", b.focused())
		} else {
			last = at
		}
	}
	if len(seen) != want {
		t.Errorf("the keyboard reaches %d of %d controls", len(seen), want)
	}
}

// key presses keys one after the other.
func (b *tab) key(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// focused is the text of what has the focus.
func (b *tab) focused() string {
	b.t.Helper()
	return eval[string](b, "document.activeElement.innerText")
}

// Two tabs of one browser: who has logged out in one is not surprised in the other.
func TestStaleTab(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "twotabs")
	b := s.tab(t, look{})
	b.login(c.name)
	b.fill("post", "written before the session ended")
	c.post("/logout_everywhere", nil).want(303)
	value(b, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(".composer button"))))
	b.at("/login?next=%2F")
	b.says("Please log in to access this page.")
}
