package web

import (
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	nethtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// links gives what a post links, as "text → address" or, where both are the same, the address.
func links(t testing.TB, body string) []string {
	t.Helper()
	var found []string
	for n := range parseBody(t, body).Descendants() {
		if n.DataAtom != atom.A {
			continue
		}
		if link := elementText(n); link == attribute(n, "href") {
			found = append(found, link)
		} else {
			found = append(found, link+" → "+attribute(n, "href"))
		}
	}
	return found
}

func parseBody(t testing.TB, body string) *nethtml.Node {
	t.Helper()
	p := &nethtml.Node{Type: nethtml.ElementNode, Data: "p", DataAtom: atom.P}
	nodes, err := nethtml.ParseFragment(strings.NewReader(string(postBody(body))), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		p.AppendChild(n)
	}
	return p
}

func TestPostLinks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ body, want string }{
		"no link":                     {"Just words: a/b, 1:2, x@y", ""},
		"alone":                       {"https://example.org/", "https://example.org/"},
		"http":                        {"see http://example.org", "http://example.org"},
		"any case":                    {"HTTPS://Example.ORG/A", "HTTPS://Example.ORG/A"},
		"end of a sentence":           {"See https://example.org/a.", "https://example.org/a"},
		"question":                    {"https://example.org/a?b=c&d=e#f?!", "https://example.org/a?b=c&d=e#f"},
		"in brackets":                 {"(https://example.org/a)", "https://example.org/a"},
		"brackets of its own":         {"https://example.org/Bread_(food)", "https://example.org/Bread_(food)"},
		"both":                        {"(https://example.org/Bread_(food)).", "https://example.org/Bread_(food)"},
		"in quotation marks":          {`"https://example.org/a"`, "https://example.org/a"},
		"in curly quotation marks":    {"“https://example.org/a”", "https://example.org/a"},
		"angle brackets":              {"<https://example.org/a>", "https://example.org/a"},
		"two":                         {"http://a.example,http://b.example\nhttp://c.example", "http://a.example,http://b.example http://c.example"},
		"two with a space":            {"http://a.example, http://b.example", "http://a.example http://b.example"},
		"ideographic full stop":       {"https://example.org/a。次", "https://example.org/a"},
		"other script":                {"https://bücher.example/straße", "https://bücher.example/straße"},
		"port":                        {"http://127.0.0.1:5000/x", "http://127.0.0.1:5000/x"},
		"IPv6":                        {"http://[::1]:5000/x", "http://[::1]:5000/x"},
		"within a word":               {"xhttps://example.org", ""},
		"scheme only":                 {"https:// and http://", ""},
		"no host":                     {"https:///etc/passwd http://.", ""},
		"script":                      {"javascript:alert(1) data:text/html,x ftp://example.org", ""},
		"script after a scheme":       {"javascript:http://example.org/%0aalert(1)", "http://example.org/%0aalert(1)"},
		"name before the host":        {"https://bank.example@evil.example/", ""},
		"name and password":           {"https://me:secret@example.org/", ""},
		"bad escape":                  {"https://%zz.example/", ""},
		"right-to-left override":      {"https://example.org/\u202egpj.exe", "https://example.org/"},
		"backslash":                   {`https://example.org\@evil.example`, "https://example.org"},
		"mention":                     {"@susan hello", "@susan → /user/susan"},
		"mention at the end":          {"hello @susan.", "@susan → /user/susan"},
		"mention in brackets":         {"(@susan)", "@susan → /user/susan"},
		"mention with punctuation":    {"@a.b-c_d, hi", "@a.b-c_d → /user/a.b-c_d"},
		"possessive":                  {"@susan's", "@susan → /user/susan"},
		"mention of another script":   {"@דנה ו@x", "@דנה → /user/%D7%93%D7%A0%D7%94"},
		"mention with combining mark": {"@नमिता hi", "@नमिता → /user/" + url.PathEscape("नमिता")},
		"two mentions":                {"@a @b", "@a → /user/a @b → /user/b"},
		"e-mail address":              {"write to susan@example.org", ""},
		"address on another server":   {"@susan@example.org", ""},
		"at sign alone":               {"@ @. @@susan", ""},
		"longest name":                {"@" + strings.Repeat("x", 64), "@" + strings.Repeat("x", 64) + " → /user/" + strings.Repeat("x", 64)},
		"too long for a name":         {"@" + strings.Repeat("x", 65), ""},
		"mention within a link":       {"https://example.org/@susan", "https://example.org/@susan"},
		"not UTF-8":                   {"https://example.org/\xff @\xff @a\xff", "https://example.org/ @a → /user/a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(links(t, test.body), " "); got != test.want {
				t.Errorf("%q links\n%q, want\n%q", test.body, got, test.want)
			}
		})
	}
}

func TestPostBodyEscapes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                           "",
		"a\nb":                       "a\nb",
		`<b>&amp;"'`:                 "&lt;b&gt;&amp;amp;&#34;&#39;",
		"a\x00b":                     "a\uFFFDb",
		"http://a.example/?x=1&y='z": `<a href="http://a.example/?x=1&amp;y=&#39;z" rel="nofollow ugc noopener">http://a.example/?x=1&amp;y=&#39;z</a>`,
		"@o'hara":                    `<a href="/user/o">@o</a>&#39;hara`,
	} {
		if got := string(postBody(body)); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

// Whatever somebody posts, readers see exactly that text, and every element in it is one of ours.
func FuzzPostBody(f *testing.F) {
	for _, seed := range []string{
		"", "plain", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "https://example.org/\"onmouseover=alert(1)",
		"https://a.example/(b)[c]). @susan, @a.b. x@y.example", "http://[::1]/", "http://\x00", "@\u202e", "https://é.example/ü?q=<", "&#106;avascript:",
		"http://a@b", "@" + strings.Repeat("ä", 70), "hhttp://x http:/ https//", "日本https://例え.テスト/道。", "\xff\xfe@a\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > 4096 {
			return
		}
		p := parseBody(t, body)
		want := strings.ReplaceAll(body, "\x00", "\uFFFD")
		want = strings.ReplaceAll(strings.ReplaceAll(want, "\r\n", "\n"), "\r", "\n") // as every parser reads it
		if got := elementText(p); got != want {
			t.Fatalf("shows %q, want %q", got, want)
		}
		for n := range p.Descendants() {
			if n.Type == nethtml.TextNode {
				continue
			}
			if n.DataAtom != atom.A {
				t.Fatalf("<%s> in %q", n.Data, body)
			}
			checkLink(t, n)
		}
	})
}

func checkLink(t *testing.T, n *nethtml.Node) {
	t.Helper()
	href := attribute(n, "href")
	if name, ok := strings.CutPrefix(elementText(n), "@"); ok && len(n.Attr) == 1 {
		if got, err := url.PathUnescape(href); err != nil || got != "/user/"+name {
			t.Fatalf("%q leads to %q", elementText(n), href)
		}
		if utf8.RuneCountInString(name) > 64 || strings.ContainsAny(href[len("/user/"):], "/?#") {
			t.Fatalf("no name: %q", href)
		}
		return
	}
	u, err := url.Parse(href)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		t.Fatalf("unsafe address %q", href)
	}
	if len(n.Attr) != 2 || attribute(n, "rel") != "nofollow ugc noopener" || elementText(n) != href {
		t.Fatalf("link %v with the text %q", n.Attr, elementText(n))
	}
}

func TestEscapeAsTheStandardLibrary(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for r := rune(1); r < 0x300; r++ {
		all.WriteRune(r)
	}
	var got strings.Builder
	escape(&got, all.String())
	if want := html.EscapeString(all.String()); got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}
