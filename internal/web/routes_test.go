package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// TestRoutes goes to every address as a stranger and as a member.
func TestRoutes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan := s.member("susan")
	susan.post("/", "post", "The first post.").wants(303).leads("/")
	s.member("john").post("/edit_profile", "username", "johnny").wants(303)
	stranger := s.browser()

	first := "/post/1"
	for _, test := range []struct {
		path             string
		stranger, member int
		leads            string // the stranger, or the member where the stranger gets a page
	}{
		{"/", 303, 200, "/login?next=%2F"},
		{"/index", 303, 200, "/login?next=%2Findex"},
		{"/index?before=5", 303, 200, "/login?next=%2Findex%3Fbefore%3D5"},
		{"/explore", 200, 200, ""},
		{"/user/susan", 200, 200, ""},
		{"/user/SUSAN", 301, 301, "/user/susan"},
		{"/user/john", 301, 301, "/user/johnny"},
		{"/user/john?before=7", 301, 301, "/user/johnny?before=7"},
		{"/user/john/followers", 301, 301, "/user/johnny/followers"},
		{"/user/John/following", 301, 301, "/user/johnny/following"},
		{"/user/nobody", 404, 404, ""},
		{"/user/nobody/followers", 404, 404, ""},
		{"/user/nobody/following", 404, 404, ""},
		{"/user/a%2Fb", 404, 404, ""},
		{"/user/%00", 404, 404, ""},
		{"/user/%ff", 404, 404, ""},
		{"/user/susan/", 404, 404, ""},
		{"/user/susan/followers", 200, 200, ""},
		{"/user/susan/following", 200, 200, ""},
		{"/user/susan/posts", 404, 404, ""},
		{first, 200, 200, ""},
		{"/post/01", 404, 404, ""},
		{"/post/+1", 404, 404, ""},
		{"/post/0", 404, 404, ""},
		{"/post/-1", 404, 404, ""},
		{"/post/99", 404, 404, ""},
		{"/post/9223372036854775807", 404, 404, ""},
		{"/post/9223372036854775808", 404, 404, ""},
		{"/post/one", 404, 404, ""},
		{first + "/delete", 303, 200, "/login?next=%2Fpost%2F1%2Fdelete"},
		{"/post/99/delete", 303, 404, "/login?next=%2Fpost%2F99%2Fdelete"},
		{"/login", 200, 303, "/"},
		{"/login?next=%2Fexplore", 200, 303, "/explore"},
		{"/login?next=%2F%2Fevil.example", 200, 303, "/"},
		{"/logout", 200, 200, ""},
		{"/register", 200, 303, "/"},
		{"/edit_profile", 303, 200, "/login?next=%2Fedit_profile"},
		{"/account", 303, 200, "/login?next=%2Faccount"},
		{"/follow/susan", 405, 405, ""},
		{"/unfollow/susan", 405, 405, ""},
		{"/logout_everywhere", 405, 405, ""},
		{"/avatar/1.svg", 200, 200, ""},
		{"/avatar/1", 404, 404, ""},
		{"/avatar/one.svg", 404, 404, ""},
		{"/avatar/01.svg", 404, 404, ""},
		{"/favicon.ico", 200, 200, ""},
		{"/static/app.css", 200, 200, ""},
		{"/static/nothing.css", 404, 404, ""},
		{"/robots.txt", 200, 200, ""},
		{"/healthz", 200, 200, ""},
		{"/readyz", 200, 200, ""},
		{"/drill", 404, 404, ""},
		{"/drill/panic", 404, 404, ""},
		{"/nothing", 404, 404, ""},
	} {
		a := stranger.get(test.path).wants(test.stranger)
		b := susan.get(test.path).wants(test.member)
		switch {
		case test.leads == "":
		case test.stranger/100 == 3:
			a.leads(test.leads)
			if test.member/100 == 3 {
				b.leads(test.leads)
			}
		default:
			b.leads(test.leads)
		}
		if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && test.stranger/100 != 3 {
			a.shows("</html>", `href="/register"`)
			if test.member/100 != 3 {
				b.shows("</html>")
			}
		}
		if test.stranger >= 400 && !strings.HasPrefix(test.path, "/avatar/") && !strings.HasPrefix(test.path, "/static/") && !b.signedIn() {
			t.Errorf("%s: the page for a failure does not know the member", test.path)
		}
	}
	if failed := s.failed.take(); len(failed) != 0 {
		t.Errorf("%d failures were recorded, the first is %+v", len(failed), failed[0])
	}
}

// TestMethods: an address that exists answers a method it does not have with 405 and those it has.
func TestMethods(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for path, allow := range map[string]string{
		"/explore": "GET, HEAD", "/follow/susan": "POST", "/login": "GET, HEAD, POST", "/": "GET, HEAD, POST", "/healthz": "GET, HEAD",
	} {
		r := b.request(http.MethodDelete, path, nil)
		r.Header.Set("Origin", s.URL)
		a := b.do(r).wants(405)
		if got := a.header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow %q, want %q", path, got, allow)
		}
		a.shows("</html>")
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for _, path := range []string{"/login", "/explore", "/nothing", "/avatar/1.svg", "/healthz"} {
		full := b.get(path)
		head := b.do(b.request(http.MethodHead, path, nil)).wants(full.status)
		if head.body != "" || head.header.Get("Content-Type") != full.header.Get("Content-Type") {
			t.Errorf("%s: HEAD has body %q, type %q, want none, %q", path, head.body, head.header.Get("Content-Type"), full.header.Get("Content-Type"))
		}
		if got := head.header.Get("Content-Length"); full.status == 200 && got != strconv.Itoa(len(full.body)) {
			t.Errorf("%s: HEAD says %s bytes, GET has %d", path, got, len(full.body))
		}
	}
}

func TestLoginFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member("susan")
	b := s.browser()
	a := b.get("/edit_profile").wants(303)
	b.get(a.header.Get("Location")).wants(200).shows(`class="notice info" role="status">Please log in to access this page.`, `name="next" value="/edit_profile"`)
	b.get("/login").hides("Please log in to access this page.")
	b.post("/login", "username", "susan", "password", password, "next", "/edit_profile").wants(303).leads("/edit_profile")
	b.get("/edit_profile").wants(200).hides("Please log in to access this page.")

	// What cannot be opened is not where the log-in leads.
	b = s.browser()
	for path, next := range map[string]string{
		"/follow/susan": "/user/susan", "/unfollow/susan": "/user/susan", "/logout_everywhere": "/account",
		"/post/1/delete": "/post/1/delete", "/": "/", "/account": "/account", "/follow/a%20b": "/user/a%20b",
	} {
		b.post(path, "post", "Hello").wants(303).leads("/login?next=" + url.QueryEscape(next))
	}
}

func TestPublicPagesLeadBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member("susan")
	s.browser().get("/user/susan?before=9").wants(200).shows(`href="/login?next=%2fuser%2fsusan%3fbefore%3d9"`)
}

// TestStrangersLeaveNothing: whoever only reads gets no cookie.
func TestStrangersLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member("susan")
	b := s.browser()
	for _, path := range []string{"/explore", "/user/susan", "/login", "/register", "/nothing", "/robots.txt", "/avatar/1.svg", "/healthz"} {
		if cookies := b.get(path).header.Values("Set-Cookie"); len(cookies) != 0 {
			t.Errorf("%s sets %q", path, cookies)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	plain, https := newSite(t, withDrill), newSite(t, withBaseURL("https://blog.example"))
	for _, path := range []string{"/login", "/", "/nothing", "/healthz", "/avatar/1.svg", "/static/app.css", "/drill/panic", "/follow/susan"} {
		h := plain.browser().get(path).header
		for name, want := range map[string]string{
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Strict-Transport-Security":  "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", path, name, got, want)
			}
		}
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy %q lacks %s", path, csp, part)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: the policy %q is not strict", path, csp)
		}
		if h.Get("Permissions-Policy") == "" {
			t.Errorf("%s: no Permissions-Policy", path)
		}
	}
	if got := https.browser().get("/login").header.Get("Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("with https, Strict-Transport-Security is %q", got)
	}
}

func TestCaching(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan := s.member("susan")
	for path, want := range map[string]string{
		"/explore": "private, no-cache", "/user/susan": "private, no-cache", "/": "private, no-cache", "/user/SUSAN": "private, no-cache",
		"/account": "no-store", "/edit_profile": "no-store", "/login": "no-store", "/healthz": "no-store",
	} {
		a := susan.get(path)
		if got := a.header.Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control %q, want %q", path, got, want)
		}
	}
}

func TestAvatar(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	a := b.get("/avatar/7.svg").wants(200)
	tag := a.header.Get("ETag")
	if a.header.Get("Content-Type") != "image/svg+xml" || tag == "" || !strings.HasPrefix(a.header.Get("Cache-Control"), "public, max-age=") || !strings.HasPrefix(a.body, "<svg") {
		t.Errorf("%v\n%s", a.header, a.body)
	}
	if other := b.get("/avatar/8.svg"); other.header.Get("ETag") == tag || other.body == a.body {
		t.Error("two people have the same picture")
	}
	for match, status := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200} {
		r := b.request(http.MethodGet, "/avatar/7.svg", nil)
		r.Header.Set("If-None-Match", match)
		if again := b.do(r).wants(status); status == 304 && again.body != "" {
			t.Errorf("%s: 304 with a body", match)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if a := b.get(path).wants(200); a.body != want {
			t.Errorf("%s answers %q", path, a.body)
		}
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	b.get("/healthz").wants(200)
	r := b.request(http.MethodGet, "/readyz", nil)
	r.Header.Set("Accept", "text/plain")
	a := b.do(r).wants(503).shows("the database does not answer").hides(".db", "sql", "closed")
	if a.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if failed := s.failed.take(); len(failed) != 0 {
		t.Errorf("not being ready was recorded as a failure: %+v", failed[0])
	}
}

func TestRobots(t *testing.T) {
	t.Parallel()
	a := newSite(t).browser().get("/robots.txt").wants(200).shows("User-agent: *", "Disallow: /login").hides("Disallow: /user", "Disallow: /\n")
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Error(a.header)
	}
}
