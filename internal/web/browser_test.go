package web_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
)

// browser is a person's browser: it keeps cookies, does not follow redirects by itself, and says
// where its requests come from.
type browser struct {
	t    testing.TB
	site *site
	http *http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{t: s.t, site: s, http: &http.Client{
		Jar:           jar,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// on is the same browser in a subtest.
func (b *browser) on(t testing.TB) *browser { return &browser{t: t, site: b.site, http: b.http} }

// answer is what came back.
type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func (b *browser) do(r *http.Request) *answer {
	b.t.Helper()
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "text/html")
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return &answer{t: b.t, what: r.Method + " " + r.URL.RequestURI(), status: res.StatusCode, header: res.Header, body: string(body), err: err}
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequest(method, b.site.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *browser) get(path string) *answer {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

// post sends a form of name and value pairs.
func (b *browser) post(path string, pairs ...string) *answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(b.form(path, form.Encode()))
}

func (b *browser) form(path, encoded string) *http.Request {
	b.t.Helper()
	r := b.request(http.MethodPost, path, strings.NewReader(encoded))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.site.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

const password = "correct horse battery"

func email(name string) string { return strings.ToLower(name) + "@example.org" }

// join registers somebody.
func (b *browser) join(name string) *browser {
	b.t.Helper()
	b.post("/register", "username", name, "email", email(name), "password", password, "password2", password).wants(303).leads("/login")
	return b
}

// login signs in.
func (b *browser) login(name string, more ...string) *browser {
	b.t.Helper()
	b.post("/login", append([]string{"username", name, "password", password}, more...)...).wants(303)
	return b
}

// member is a browser in which somebody of this name has just registered and signed in.
func (s *site) member(name string) *browser {
	s.t.Helper()
	return s.browser().join(name).login(name)
}

func (s *site) user(name string) microblog.User {
	s.t.Helper()
	u, err := s.store.UserByLogin(s.t.Context(), name)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	return u
}

func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.site.URL)
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) setCookie(name, value string) {
	u, _ := url.Parse(b.site.URL)
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// signedIn reports whether the page shows somebody as signed in.
func (a *answer) signedIn() bool { return strings.Contains(a.body, `action="/logout"`) }

func (a *answer) wants(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d\n%s", a.what, a.status, status, a.text())
	}
	return a
}

func (a *answer) leads(to string) *answer {
	a.t.Helper()
	if got := a.header.Get("Location"); got != to {
		a.t.Fatalf("%s: leads to %q, want %q", a.what, got, to)
	}
	return a
}

func (a *answer) shows(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s: does not show %q\n%s", a.what, text, a.text())
		}
	}
	return a
}

func (a *answer) hides(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Errorf("%s: shows %q\n%s", a.what, text, a.text())
		}
	}
	return a
}

// text is the part of the page worth reading in a failed test.
func (a *answer) text() string {
	if _, main, ok := strings.Cut(a.body, "<main"); ok {
		return main
	}
	if len(a.body) > 2000 {
		return a.body[:2000]
	}
	return a.body
}

// setCookie returns the Set-Cookie of that name, nil when there is none.
func (a *answer) setCookie(name string) *http.Cookie {
	for _, line := range a.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == name {
			return c
		}
	}
	return nil
}

// eventually runs check until it returns true.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	for range 500 {
		if check() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within five seconds: %s", what)
}
