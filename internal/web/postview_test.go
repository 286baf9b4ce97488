package web

import (
	"html/template"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// referenceArticles is what articles writes, as html/template would: slower, and escaped by it.
const referenceArticles = `{{range .}}<article class="post{{if $.One}} own{{end}}">
{{if not $.One}}<img src="/avatar/{{.Author.ID}}.svg" alt="" width="44" height="44" loading="lazy">
{{end}}<p class="by">{{if not $.One}}<a class="who" href="/user/{{.Author.Username}}"><bdi>{{.Author.Username}}</bdi></a> {{end}}<a class="at" href="/post/{{.ID}}">{{when .CreatedAt}}</a>{{if .Own}} <a class="del" href="/post/{{.ID}}/delete">Delete</a>{{end}}</p>
<p class="body" dir="auto">{{body .Body}}</p>
</article>
{{end}}`

// FuzzArticles holds the articles written in Go against the same ones written by html/template.
func FuzzArticles(f *testing.F) {
	now := time.Date(2026, 11, 22, 14, 42, 52, 0, time.UTC)
	reference := template.Must(template.New("").Funcs(template.FuncMap{
		"body": postBody,
		"when": func(t time.Time) template.HTML { return relativeTime(t, now) },
	}).Parse(strings.ReplaceAll(referenceArticles, "{{range .}}", "{{range .Posts}}")))

	f.Add(int64(1), int64(2), "susan", "Hello, world.", int64(60), true, false)
	f.Add(int64(-1), int64(0), "Ångström_λ", "<b> https://example.org @x", int64(-60), false, true)
	f.Add(int64(1)<<62, int64(3), `"><script>`, "", int64(1e9), true, true)
	f.Add(int64(7), int64(7), "a/b?c#d%2e..", "'", int64(0), false, false)
	f.Fuzz(func(t *testing.T, id, author int64, name, body string, age int64, own, oneAuthor bool) {
		if len(name) > 256 || len(body) > 4096 {
			return
		}
		posts := []PostItem{{ID: id, Author: Person{ID: author, Username: name}, Body: body, CreatedAt: now.Add(-time.Duration(age) * time.Second), Own: own}}
		var want strings.Builder
		if err := reference.Execute(&want, struct {
			Posts []PostItem
			One   bool
		}{posts, oneAuthor}); err != nil {
			t.Fatal(err)
		}
		got := string(articles(posts, oneAuthor, now))
		if !oneAuthor {
			checkAuthorLink(t, got, name)
		}
		if strings.ContainsAny(name, "/?#%") {
			return // no username has these, and html/template lets them through
		}
		if g, w := outline(t, got), outline(t, want.String()); g != w {
			t.Fatalf("in Go:\n%s\nby html/template:\n%s", g, w)
		}
	})
}

// checkAuthorLink holds the address behind the author against the name, whatever is in it.
func checkAuthorLink(t *testing.T, page, name string) {
	t.Helper()
	_, rest, _ := strings.Cut(page, `class="who" href="`)
	address, _, ok := strings.Cut(rest, `"`)
	u, err := url.Parse(html.UnescapeString(address))
	if !ok || err != nil || u.Path != "/user/"+name || u.RawQuery != "" || u.Fragment != "" || u.Host != "" {
		t.Fatalf("%q leads to %q, %v", name, address, err)
	}
}

// outline writes the parsed HTML one token a line. An address inside the site stands as it would
// arrive at the server, because the two escape it by different letters (%C3, %c3).
func outline(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		b.WriteString(token.Type.String() + " " + token.Data)
		for _, a := range token.Attr {
			if a.Key == "href" && strings.HasPrefix(a.Val, "/user/") {
				path, err := url.PathUnescape(a.Val)
				if err != nil {
					t.Fatal(err)
				}
				a.Val = path
			}
			b.WriteString(" " + a.Key + "=" + a.Val)
		}
		b.WriteString("\n")
	}
	return b.String()
}
