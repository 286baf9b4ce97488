package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// setCookie returns the cookie that the reply sets, or nil.
func (r *reply) setCookie(name string) *http.Cookie {
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// withSession returns a client whose only cookie is this session, as a thief would use it.
func (s *server) withSession(t testing.TB, token string) *client {
	c := s.client(t)
	c.header.Set("Cookie", "session="+token)
	return c
}

// signedIn reports whether the client's home page greets name; a stranger is sent to log in.
func (c *client) signedIn(name string) bool {
	c.t.Helper()
	r := c.get("/").want(http.StatusOK, http.StatusSeeOther)
	return r.status == http.StatusOK && strings.Contains(r.text(), "Hi, "+name+"!")
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	s := shared(t)
	name := unique("cookie")
	s.client(t).register(name).want(http.StatusSeeOther)

	tests := []struct {
		name   string
		more   []string
		maxAge int
	}{
		{"for as long as the browser is open", nil, 0},
		{"remembered for 30 days", []string{"remember_me", "y"}, 30 * 24 * 60 * 60},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := s.client(t).login(name, test.more...).want(http.StatusSeeOther).setCookie("session")
			if c == nil {
				t.Fatal("no session cookie was set")
			}
			if c.MaxAge != test.maxAge && (test.maxAge == 0 || c.MaxAge < test.maxAge-60 || c.MaxAge > test.maxAge) {
				t.Errorf("Max-Age %d, want %d", c.MaxAge, test.maxAge)
			}
			if !c.Expires.IsZero() && test.maxAge == 0 {
				t.Errorf("Expires %v, want none", c.Expires)
			}
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure {
				t.Errorf("cookie %v: want HttpOnly, SameSite=Lax, Path=/, no Domain and, over http, not Secure", c)
			}
		})
	}
}

// Behind a proxy that speaks https, the cookies are for https and for this host only.
func TestSecureCookie(t *testing.T) {
	t.Parallel()
	s := start(t, options{settings: settings{"BASE_URL": "https://blog.example", "TRUSTED_PROXIES": "127.0.0.1"}})
	c := s.client(t)
	c.header.Set("Origin", "https://blog.example")
	c.header.Set("X-Forwarded-Proto", "https")
	send := func(path string, f url.Values) *reply {
		t.Helper()
		return c.do("POST", path, f, http.Header{"Origin": {"https://blog.example"}})
	}
	send("/register", form("username", "susan", "email", "susan@example.com", "password", password, "password2", password)).want(http.StatusSeeOther)
	r := send("/login", form("username", "susan", "password", password)).want(http.StatusSeeOther)
	session := r.setCookie("__Host-session")
	if session == nil || !session.Secure || !session.HttpOnly || session.Domain != "" || session.Path != "/" {
		t.Errorf("Set-Cookie %q: want __Host-session with Secure, HttpOnly, Path=/ and no Domain", r.header["Set-Cookie"])
	}
	if hsts := r.header.Get("Strict-Transport-Security"); !strings.Contains(hsts, "max-age=") {
		t.Errorf("Strict-Transport-Security %q, want a max-age", hsts)
	}
}

// Whatever session a browser brings to the log-in, it leaves with another, and the old one is dead.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		victim := s.person(t, "victim")
		tests := map[string]string{
			"a token somebody made up": strings.Repeat("A", 43),
			"a session of an attacker": s.person(t, "attacker").cookie("session"),
			"one's own old session":    victim.cookie("session"),
			"no token at all":          "x",
		}
		for name, planted := range tests {
			t.Run(name, func(t *testing.T) {
				c := s.withSession(t, planted)
				given := c.login(victim.name).want(http.StatusSeeOther).setCookie("session")
				if given == nil || given.Value == planted {
					t.Fatalf("the log-in kept the session it was brought: %v", given)
				}
				if !s.withSession(t, given.Value).signedIn(victim.name) {
					t.Error("the new session does not work")
				}
				if s.withSession(t, planted).signedIn(victim.name) {
					t.Error("the planted session is logged in")
				}
			})
		}
	})
}

func TestLogout(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		c := s.person(t, "leaver")
		token := c.cookie("session")
		c.get("/logout").want(http.StatusOK).says("Log out?")
		if !c.signedIn(c.name) {
			t.Fatal("opening a link logged the person out")
		}
		c.follow(c.post("/logout", nil)).want(http.StatusOK).says("You have been logged out.")
		if c.cookie("session") != "" {
			t.Error("the browser keeps the session cookie")
		}
		if s.withSession(t, token).signedIn(c.name) {
			t.Error("a copy of the session still works")
		}
	})
}

func TestLogoutEverywhere(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		desktop := s.person(t, "everywhere")
		phone := s.client(t)
		phone.login(desktop.name, "remember_me", "y").want(http.StatusSeeOther)
		other := s.person(t, "other")
		if !desktop.signedIn(desktop.name) || !phone.signedIn(desktop.name) {
			t.Fatal("the two browsers are not both logged in")
		}
		phone.follow(phone.post("/logout_everywhere", nil)).says("You have been logged out everywhere.")
		for where, c := range map[string]*client{"the other browser": desktop, "this browser": phone} {
			if c.signedIn(desktop.name) {
				t.Errorf("%s is still logged in", where)
			}
		}
		if !other.signedIn(other.name) {
			t.Error("somebody else was logged out, too")
		}
		desktop.login(desktop.name).want(http.StatusSeeOther)
		if !desktop.signedIn(desktop.name) {
			t.Error("logging in again does not work")
		}
	})
}

// Changing the password ends all other sessions, and only the new password works.
func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := shared(t)
	here, there := s.person(t, "changer"), s.client(t)
	there.login(here.name).want(http.StatusSeeOther)
	before := here.cookie("session")

	wrong := here.post("/account", form("current_password", "not my password", "password", "nine grey geese", "password2", "nine grey geese")).
		want(http.StatusUnprocessableEntity)
	if wrong.fieldError("current_password") == "" {
		t.Error("a wrong current password is not told beside its field")
	}
	here.follow(here.post("/account", form("current_password", password, "password", "nine grey geese", "password2", "nine grey geese"))).
		want(http.StatusOK).says("Your password has been changed")
	if !here.signedIn(here.name) {
		t.Error("this browser was logged out")
	}
	if here.cookie("session") == before {
		t.Error("the session kept its token")
	}
	if there.signedIn(here.name) {
		t.Error("the other browser is still logged in")
	}
	there.login(here.name).want(http.StatusUnprocessableEntity).says("Invalid username or password")
	there.post("/login", form("username", here.name, "password", "nine grey geese")).want(http.StatusSeeOther)
}

// Logging in leads back to where one wanted to go, and never to another site.
func TestNext(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "traveller")
	tests := []struct{ name, next, want string }{
		{"none", "", "/"},
		{"a page", "/explore", "/explore"},
		{"a page with a query", "/explore?before=5", "/explore?before=5"},
		{"another site", "https://evil.example/", "/"},
		{"without a scheme", "//evil.example/", "/"},
		{"backslashes", `\\evil.example`, "/"},
		{"slash and backslash", `/\evil.example`, "/"},
		{"encoded slash", "/%2fevil.example", "/"},
		{"tab", "/\t/evil.example", "/"},
		{"line break", "/\r\nSet-Cookie: x=y", "/"},
		{"script", "javascript:alert(1)", "/"},
		{"not from the root", "evil.example", "/"},
		{"user of a URL", "/@evil.example", "/@evil.example"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := s.client(t)
			page := b.get("/login?next=" + url.QueryEscape(test.next)).want(http.StatusOK)
			harmless(t, page.what, page.doc())
			f := form("username", c.name, "password", password, "next", test.next)
			r := b.post("/login", f).want(http.StatusSeeOther)
			if got := r.header.Get("Location"); got != test.want {
				t.Errorf("logging in leads to %q, want %q", got, test.want)
			}
		})
	}
	t.Run("a page for members", func(t *testing.T) {
		b := s.client(t)
		asked := b.get("/edit_profile").want(http.StatusSeeOther)
		login := b.get(asked.header.Get("Location")).want(http.StatusOK).says("Please log in to access this page.")
		r := b.post("/login", form("username", c.name, "password", password, "next", login.value("next"))).want(http.StatusSeeOther)
		if got := r.header.Get("Location"); got != "/edit_profile" {
			t.Errorf("logging in leads to %q, want /edit_profile", got)
		}
	})
}

// A form of another site changes nothing.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "target")
	for name, header := range map[string]http.Header{
		"another origin":            {"Origin": {"https://evil.example"}},
		"an opaque origin":          {"Origin": {"null"}},
		"another port":              {"Origin": {"http://127.0.0.1:1"}},
		"the browser says so":       {"Origin": nil, "Sec-Fetch-Site": {"cross-site"}},
		"another host of this site": {"Origin": nil, "Sec-Fetch-Site": {"same-site"}},
		"nobody says anything":      {"Origin": nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/logout", "/edit_profile", "/", "/follow/" + c.name, "/login"} {
				c.do("POST", path, form("username", "stolen", "about_me", "", "post", "hacked"), header).
					want(http.StatusForbidden).inLayout()
			}
			if !c.signedIn(c.name) {
				t.Error("the form did something")
			}
		})
	}
	if got := c.get("/user/" + c.name).want(http.StatusOK).text(); strings.Contains(got, "hacked") {
		t.Error("a form of another site has posted")
	}
	t.Run("this site", func(t *testing.T) {
		for _, header := range []http.Header{{"Origin": nil, "Sec-Fetch-Site": {"same-origin"}}, {"Origin": {s.url}}} {
			c.do("POST", "/edit_profile", form("username", c.name, "about_me", "mine"), header).want(http.StatusSeeOther)
		}
	})
}
