package web_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	const here = "HERE" // stands for the server's own origin
	for name, test := range map[string]struct {
		base         string
		origin, site string // headers; "" is none
		host         string
		status       int // 303: the request was let through
		shows        string
	}{
		"a browser's own form":                {"", here, "same-origin", "", 303, ""},
		"an old browser's own form":           {"", here, "", "", 303, ""},
		"typed by the person":                 {"", "", "none", "", 303, ""},
		"no Origin, but Sec-Fetch-Site":       {"", "", "same-origin", "", 303, ""},
		"another site":                        {"", "https://evil.example", "cross-site", "", 403, "another site"},
		"another site, old browser":           {"", "https://evil.example", "", "", 403, "another site"},
		"a sibling site":                      {"", "https://sub.blog.example", "same-site", "", 403, "another site"},
		"an opaque origin":                    {"", "null", "", "", 403, "another site"},
		"our origin, yet cross-site":          {"", here, "cross-site", "", 403, "another site"},
		"nothing said":                        {"", "", "", "", 403, `Origin: http://127.0.0.1:`},
		"nothing said, with a base":           {"https://blog.example", "", "", "", 403, "Origin: https://blog.example&#34;"},
		"the base, host rewritten":            {"https://blog.example", "https://blog.example", "", "inner:5000", 303, ""},
		"the base, though cross-site":         {"https://blog.example", "https://blog.example", "cross-site", "", 303, ""},
		"the base with the usual port":        {"https://Blog.example:443/", "https://blog.example", "", "inner:5000", 303, ""},
		"the base with its port left out":     {"https://blog.example:8443", "https://blog.example", "", "inner:5000", 403, "another site"},
		"the base's name in another scheme":   {"https://blog.example", "http://blog.example", "", "inner:5000", 403, "another site"},
		"nothing said, a host that is no one": {"", "", "", "a!b", 403, "Origin: http://HOST"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var options []siteOption
			if test.base != "" {
				options = append(options, withBaseURL(test.base))
			}
			s := newSite(t, options...)
			b := s.browser()
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
				r := b.request(method, "/logout", nil)
				for header, value := range map[string]string{"Origin": test.origin, "Sec-Fetch-Site": test.site} {
					if value != "" {
						r.Header.Set(header, strings.ReplaceAll(value, here, s.URL))
					}
				}
				if test.host != "" {
					r.Host = test.host
				}
				want := test.status
				if want == 303 && method != http.MethodPost {
					want = 405
				}
				b.do(r).wants(want).shows(test.shows)
			}
			// Reading is always allowed.
			r := b.request(http.MethodGet, "/login", nil)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Origin", "https://evil.example")
			b.do(r).wants(200)
		})
	}
}

// TestCrossOriginChangesNothing: the refusal comes before the handler.
func TestCrossOriginChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	r := b.form("/", "post=Written+elsewhere")
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	b.do(r).wants(403)
	if n := s.user("susan").PostCount; n != 0 {
		t.Error("it was posted")
	}
	b.do(b.form("/", "post=Written+here")).wants(303)

	plain := b.request(http.MethodPost, "/logout", nil)
	plain.Header.Set("Accept", "text/plain")
	a := b.do(plain).wants(403).shows("Origin: " + s.URL)
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("curl gets %s", a.header.Get("Content-Type"))
	}
}
