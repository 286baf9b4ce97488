package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.org/microblog/internal/web"
)

const day = 24 * time.Hour

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		base     string
		remember string
		cookie   string
		secure   bool
		keep     time.Duration // 0: until the browser is closed
	}{
		"http":                     {"", "", "session", false, 0},
		"http, remembered":         {"", "y", "session", false, 30 * day},
		"http, remember_me is off": {"", "false", "session", false, 0},
		"http base":                {"http://blog.example", "", "session", false, 0},
		"https":                    {"https://blog.example", "", "__Host-session", true, 0},
		"https, remembered":        {"https://blog.example", "on", "__Host-session", true, 30 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var options []siteOption
			if test.base != "" {
				options = append(options, withBaseURL(test.base))
			}
			s := newSite(t, options...)
			b := s.browser().join("susan")
			a := b.post("/login", "username", "susan", "password", password, "remember_me", test.remember).wants(303)
			c := a.setCookie(test.cookie)
			if c == nil {
				t.Fatalf("no cookie %s in %q", test.cookie, a.header.Values("Set-Cookie"))
			}
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != test.secure {
				t.Errorf("the cookie is %s", c.Raw)
			}
			if got := time.Duration(c.MaxAge) * time.Second; got != test.keep {
				t.Errorf("it is kept for %v, want %v: %s", got, test.keep, c.Raw)
			}
		})
	}
}

// TestSessionEnds moves the clock.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		remember bool
		steps    []time.Duration // between visits
		over     bool            // after the last
	}{
		"not used for a day":           {false, []time.Duration{day + time.Minute}, true},
		"used in time":                 {false, []time.Duration{23 * time.Hour, 23 * time.Hour, 23 * time.Hour}, false},
		"used, then not":               {false, []time.Duration{23 * time.Hour, day + time.Minute}, true},
		"used all the time for a week": {false, []time.Duration{20 * time.Hour, 20 * time.Hour, 20 * time.Hour, 20 * time.Hour, 20 * time.Hour, 20 * time.Hour, 20 * time.Hour, 20 * time.Hour, 9 * time.Hour}, true},
		"remembered, not used":         {true, []time.Duration{29 * day}, false},
		"remembered, too long ago":     {true, []time.Duration{20 * day, 11 * day}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b := s.browser().join("susan")
			if test.remember {
				b.login("susan", "remember_me", "y")
			} else {
				b.login("susan")
			}
			for i, step := range test.steps {
				s.clock.advance(step)
				// The jar's clock is not ours: the cookie stays.
				over := !b.get("/explore").wants(200).signedIn()
				if want := test.over && i == len(test.steps)-1; over != want {
					t.Fatalf("after step %d the session is over: %t, want %t", i, over, want)
				}
				s.restart() // which writes how long the session is to last
			}
		})
	}
}

// TestTouchesSparingly: a session in use is not written for each request.
func TestTouchesSparingly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	end := func() time.Time {
		all, err := s.store.Sessions(t.Context(), s.user("susan").ID)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0].Expiry
	}
	first := end()
	for range 5 {
		s.clock.advance(10 * time.Minute)
		b.get("/explore")
	}
	s.restart()
	if got := end(); !got.Equal(first) {
		t.Errorf("within an hour the end moved from %v to %v", first, got)
	}
	s.clock.advance(20 * time.Minute)
	b.get("/explore")
	s.restart()
	if got, want := end(), s.clock.Now().Add(day); !got.Equal(want) {
		t.Errorf("after an hour the end is %v, want %v", got, want)
	}
}

// TestSessionFixation: a token that somebody planted before the log-in is worth nothing after it.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mallory, susan := s.member("mallory"), s.browser().join("susan")
	for name, planted := range map[string]string{"made up": strings.Repeat("A", 43), "mallory's own": mallory.cookie("session")} {
		susan.setCookie("session", planted)
		susan.login("susan")
		token := susan.cookie("session")
		if token == planted || len(token) != 43 {
			t.Errorf("%s: the token is %q after the log-in", name, token)
		}
		thief := s.browser()
		thief.setCookie("session", planted)
		thief.get("/explore").hides("/user/susan")
		susan.get("/explore").shows("/user/susan")
	}
	if mallory.get("/explore").signedIn() {
		t.Error("the session that was there before still exists")
	}
}

// TestTokenIsRenewed at each log-in and change of password, and the one before is over.
func TestTokenIsRenewed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	first := b.cookie("session")
	b.login("susan")
	second := b.cookie("session")
	b.post("/account", "current_password", password, "password", "another battery", "password2", "another battery").wants(303)
	third := b.cookie("session")
	if first == second || second == third {
		t.Error("a token stayed")
	}
	for name, token := range map[string]string{"first": first, "second": second} {
		old := s.browser()
		old.setCookie("session", token)
		if old.get("/explore").signedIn() {
			t.Errorf("the %s token still works", name)
		}
	}
	b.get("/").wants(200)
}

// TestChangePasswordKeepsRemembering: the session that stays is as long as it was.
func TestChangePasswordKeepsRemembering(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, remember := range []string{"", "y"} {
		name := "susan" + remember
		b := s.browser().join(name).login(name, "remember_me", remember)
		a := b.post("/account", "current_password", password, "password", "another battery", "password2", "another battery").wants(303)
		if c := a.setCookie("session"); c == nil || (c.MaxAge > 0) != (remember == "y") {
			t.Errorf("remember %q: the cookie is %v", remember, c)
		}
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	token := b.cookie("session")
	b.get("/logout").wants(200).shows("susan", `action="/logout"`)
	if !b.get("/explore").signedIn() {
		t.Fatal("asking ended the session")
	}
	a := b.post("/logout").wants(303).leads("/login")
	if c := a.setCookie("session"); c == nil || c.MaxAge >= 0 {
		t.Errorf("the cookie stays: %v", c)
	}
	b.get("/login").shows("You have been logged out.")
	thief := s.browser()
	thief.setCookie("session", token)
	if thief.get("/explore").signedIn() {
		t.Error("the token still works")
	}
	b.post("/logout").wants(303) // once more does no harm
}

// TestLogoutEverywhere ends the sessions of other browsers, also one that is in the middle of
// a request.
func TestLogoutEverywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	phone := s.member("susan")
	laptop, tablet := s.browser().login("susan"), s.browser().login("susan", "remember_me", "y")
	john := s.member("john")
	phone.post("/logout_everywhere").wants(303).leads("/login")
	phone.get("/login").shows("You have been logged out everywhere.")
	for name, b := range map[string]*browser{"phone": phone, "laptop": laptop, "tablet": tablet} {
		if b.get("/explore").signedIn() {
			t.Errorf("the %s is still signed in", name)
		}
	}
	if !john.get("/explore").signedIn() {
		t.Error("john was logged out as well")
	}
	laptop.login("susan")
	if !laptop.get("/explore").signedIn() {
		t.Error("susan cannot sign in again")
	}
}

// TestForgedCookies: what we did not make works nowhere.
func TestForgedCookies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member("susan")
	for _, value := range []string{"", "x", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("A", 43), strings.Repeat("%", 43), strings.Repeat("A", 4000)} {
		b := s.browser()
		r := b.request(http.MethodGet, "/explore", nil)
		r.Header.Set("Cookie", "session="+value+"; notice="+value+"; device="+value)
		if a := b.do(r).wants(200); a.signedIn() {
			t.Errorf("%q signs in", value)
		}
	}
	// A notice that somebody else made up, or that was taken from another cookie, is not shown.
	b := s.browser()
	a := b.get("/edit_profile")
	notice := a.setCookie("notice").Value
	shown := func(value string) bool {
		r := b.request(http.MethodGet, "/login", nil)
		r.Header.Set("Cookie", "notice="+value)
		return strings.Contains(s.browser().do(r).wants(200).body, `class="notice`)
	}
	if !shown(notice) {
		t.Error("the notice is not shown")
	}
	for name, value := range map[string]string{"changed": notice[:len(notice)-2] + "AA", "cut off": notice[:10], "plain": "Hello"} {
		if shown(value) {
			t.Errorf("a notice that was %s is shown", name)
		}
	}
	s.clock.advance(2 * time.Minute)
	if shown(notice) {
		t.Error("an old notice is shown")
	}
}

// TestRequestSecrets: the values of our cookies are named as secrets, also when they do not work.
func TestRequestSecrets(t *testing.T) {
	t.Parallel()
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "session=aaaaaaaa; __Host-session=bbbbbbbb; theme=cccccccc; device=dddddddd")
	got := strings.Join(web.RequestSecrets(r), " ")
	if got != "aaaaaaaa bbbbbbbb dddddddd" {
		t.Errorf("got %q", got)
	}
}
