package web

import (
	"net/url"
	"strings"
	"testing"
)

func TestSafeNext(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"/":                                "/",
		"/index":                           "/index",
		"/user/susan?before=12":            "/user/susan?before=12",
		"/user/susan#posts":                "/user/susan",
		"/user/m%C3%BCller":                "/user/m%C3%BCller",
		"/user/müller":                     "/user/m%C3%BCller",
		"/explore?q=//evil.example":        "/explore?q=//evil.example",
		"/explore?q=http://evil.test":      "/explore?q=http://evil.test",
		"":                                 "",
		"explore":                          "",
		"//?next":                          "",
		"//evil.example":                   "",
		"///evil.example":                  "",
		"/\\evil.example":                  "",
		"\\\\evil.example":                 "",
		"/explore\\..":                     "",
		"/%2Fevil.example":                 "",
		"/%2f%2fevil.example":              "",
		"/%5Cevil.example":                 "",
		"/.//evil.example":                 "",
		"/a/..//evil.example":              "",
		"http://evil.example/":             "",
		"https:/evil.example":              "",
		"javascript:alert(1)":              "",
		" /explore":                        "",
		"/\t/evil.example":                 "",
		"/\n/evil.example":                 "",
		"/\r\nSet-Cookie: a=b":             "",
		"/%0d%0aSet-Cookie:%20a=b":         "",
		"/%00":                             "",
		"/%09/evil.example":                "",
		"/\u2028":                          "",
		"/\x80":                            "",
		"/%zz":                             "",
		"/%ff":                             "",
		"@evil.example":                    "",
		"/" + strings.Repeat("a", maxNext): "",
	} {
		if got := safeNext(raw); got != want {
			t.Errorf("safeNext(%q) = %q, want %q", raw, got, want)
		}
	}
}

// FuzzSafeNext: no browser leaves the site for what safeNext lets pass, and it lets it pass again.
func FuzzSafeNext(f *testing.F) {
	for _, seed := range []string{"/", "//a", "/\\a", "/%2F/a", "/a?b#c", "/\t/a", "/..//a", "http://a", "//?0", "/a%0d%0ab", "/ä?ö=ü", "/;//a", "/:80/", "/a:b@c"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://blog.example/login?next=x")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := safeNext(raw)
		if got == "" {
			return
		}
		if got[0] != '/' || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t\x00") {
			t.Fatalf("safeNext(%q) = %q", raw, got)
		}
		// What browsers do before they read an address (WHATWG URL): leave out tabs and line ends, and
		// take a backslash for a slash.
		seen := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(strings.TrimSpace(got))
		u, err := base.Parse(seen)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil {
			t.Fatalf("safeNext(%q) = %q leads to %v (%v)", raw, got, u, err)
		}
		if again := safeNext(got); again != got && len(got) <= maxNext {
			t.Fatalf("safeNext(%q) = %q, but safeNext of that is %q", raw, got, again)
		}
	})
}
