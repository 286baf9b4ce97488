package web

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func newPages(t testing.TB) *Pages {
	t.Helper()
	p, err := NewPages(PagesOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func renderPage(t testing.TB, p *Pages, page any) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Render(&b, page); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEveryPageIsSoundHTML(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	pages := samplePages(time.Now())
	seen := map[reflect.Type]bool{}
	for _, page := range pages {
		seen[reflect.Indirect(reflect.ValueOf(page)).Type()] = true
	}
	for _, known := range pageTemplates() {
		kind := reflect.TypeOf(known.page)
		if !seen[kind] {
			t.Errorf("there is no sample of %s", kind)
		}
		pages["empty "+kind.Name()] = known.page
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		t.Run(name, func(t *testing.T) {
			checkHTML(t, renderPage(t, p, pages[name]))
		})
	}
}

// checkHTML reports what is wrong with a page: for the parser, for people who hear it, and for the
// content security policy.
func checkHTML(t *testing.T, page string) {
	t.Helper()
	checkNesting(t, page)
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	if doc.FirstChild == nil || doc.FirstChild.Type != html.DoctypeNode {
		t.Error("the page does not begin with a doctype")
	}
	ids, labels := map[string]int{}, map[string]bool{}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attribute(n, "id"); id != "" {
			ids[id]++
		}
		if n.DataAtom == atom.Label {
			labels[attribute(n, "for")] = elementText(n) != ""
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("the id %q is used %d times", id, n)
		}
	}
	count := map[atom.Atom]int{}
	focused := 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.DataAtom]++
		checkPolicy(t, n)
		for _, id := range strings.Fields(attribute(n, "aria-describedby") + " " + attribute(n, "aria-labelledby")) {
			if ids[id] == 0 {
				t.Errorf("<%s> refers to #%s, which is not there", n.Data, id)
			}
		}
		if ref, ok := strings.CutPrefix(attribute(n, "href"), "#"); ok && ids[ref] == 0 {
			t.Errorf("a link leads to #%s, which is not there", ref)
		}
		if hasAttribute(n, "autofocus") {
			focused++
			if !hasAttribute(n, "aria-describedby") {
				t.Errorf("the field %q has the focus and nothing that says why", attribute(n, "name"))
			}
		}
		switch n.DataAtom {
		case atom.Html:
			if attribute(n, "lang") != "en" {
				t.Error("the page has no language")
			}
		case atom.Title:
			if !strings.Contains(elementText(n), "Microblog") {
				t.Errorf("title %q", elementText(n))
			}
		case atom.H1, atom.Button, atom.A:
			if strings.TrimSpace(elementText(n)) == "" && !strings.HasPrefix(attribute(n, "href"), "/user/") && !strings.HasPrefix(attribute(n, "href"), "/post/") && n.DataAtom != atom.H1 {
				t.Errorf("<%s> has no text", n.Data)
			}
		case atom.Img:
			if !hasAttribute(n, "alt") || attribute(n, "width") == "" || attribute(n, "height") == "" {
				t.Errorf("the picture %s lacks alt, width or height", attribute(n, "src"))
			}
		case atom.Input, atom.Textarea:
			if attribute(n, "type") != "hidden" && !labels[attribute(n, "id")] && attribute(n, "aria-label") == "" {
				t.Errorf("the field %q has no label", attribute(n, "name"))
			}
			if attribute(n, "type") == "password" && hasAttribute(n, "value") {
				t.Error("a password is shown again")
			}
		case atom.Form:
			if attribute(n, "method") != "post" {
				t.Error("a form does not post")
			}
		}
	}
	if count[atom.H1] != 1 || count[atom.Title] != 1 || count[atom.Main] != 1 {
		t.Errorf("%d h1, %d title, %d main; want one of each", count[atom.H1], count[atom.Title], count[atom.Main])
	}
	if focused > 1 {
		t.Errorf("%d fields want the focus", focused)
	}
}

// checkPolicy reports what the content security policy would refuse, and addresses elsewhere.
func checkPolicy(t *testing.T, n *html.Node) {
	t.Helper()
	if n.DataAtom == atom.Style || n.DataAtom == atom.Script && n.FirstChild != nil {
		t.Errorf("<%s> has content of its own", n.Data)
	}
	for _, a := range n.Attr {
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
			t.Errorf("<%s> has the attribute %s", n.Data, a.Key)
		}
		if a.Key != "href" && a.Key != "src" && a.Key != "action" {
			continue
		}
		within := strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "//") || strings.HasPrefix(a.Val, "#")
		byPerson := n.DataAtom == atom.A && attribute(n, "rel") == "nofollow ugc noopener" && strings.HasPrefix(a.Val, "http")
		if !within && !byPerson {
			t.Errorf("<%s %s=%q> leads elsewhere", n.Data, a.Key, a.Val)
		}
	}
}

// checkNesting reports tags that the parser would have to move or close by itself.
func checkNesting(t *testing.T, page string) {
	t.Helper()
	var open []string
	paragraphs := 0
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		name, _ := z.TagName()
		tag := string(name)
		switch kind {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("never closed: %v", open)
			}
			doc, err := html.Parse(strings.NewReader(page))
			if err != nil {
				t.Fatal(err)
			}
			for n := range doc.Descendants() {
				if n.DataAtom == atom.P {
					paragraphs--
				}
			}
			if paragraphs != 0 {
				t.Error("a paragraph contains what a paragraph may not contain")
			}
			return
		case html.StartTagToken:
			if tag == "p" {
				paragraphs++
			}
			if !slices.Contains([]string{"meta", "link", "img", "input", "br"}, tag) {
				open = append(open, tag)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tag {
				t.Fatalf("</%s> does not close %v", tag, open)
			}
			open = open[:len(open)-1]
		}
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func elementText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func TestPagesSay(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	pages := samplePages(time.Now())
	susan := &Viewer{ID: 1, Username: "susan"}
	for name, test := range map[string]struct {
		page        any
		want, never []string
	}{
		"signed in":              {pages["home"], []string{`<a href="/" aria-current="page">`, `action="/logout"`, `href="/user/susan">Profile`, `name="once" value="c2FtcGxl"`}, []string{`href="/register"`}},
		"index is home":          {pages["home-empty"], []string{`<a href="/" aria-current="page">`, `find people to follow`}, nil},
		"follows silent people":  {pages["home-quiet"], []string{`have not posted so far`}, []string{`find people to follow`}},
		"signed out":             {pages["explore"], []string{`href="/register"`, `<a href="/explore" aria-current="page">`, `rel="prev" href="/explore?after=4300"`, `rel="next" href="/explore?before=4201"`}, []string{`/logout`, `Delete`}},
		"way back after log-in":  {&ExplorePage{Layout: Layout{Next: "/user/a b?x=1&y=2"}}, []string{`href="/login?next=%2fuser%2fa%20b%3fx%3d1%26y%3d2"`}, nil},
		"next in the form":       {pages["login-wrong"], []string{`name="next" value="/user/susan?x=1&amp;y=2"`, `value="su&#34;san"`, ` checked>`, `role="alert" id="form-error">Invalid username or password`}, nil},
		"wrong log-in":           {pages["login-wrong"], []string{`autocomplete="current-password" aria-describedby="form-error" autofocus`}, nil},
		"blank log-in":           {pages["login-blank"], []string{`aria-describedby="username-error" autofocus`, `class="notice info"`}, []string{` checked>`}},
		"own profile":            {pages["profile-self"], []string{`href="/edit_profile"`, `1,204 posts`, `17 followers`, `1 following`, `/post/4210/delete`}, []string{`action="/follow/`}},
		"follow":                 {pages["profile-follow"], []string{`method="post" action="/follow/susan"`, `href="/user/susan/followers"`, `href="/user/susan/following"`}, []string{`/unfollow/`, `Edit profile`, `/delete`}},
		"unfollow":               {pages["profile-unfollow"], []string{`action="/unfollow/%d7%93%d7%a0%d7%94"`, `1 post<`, `1 follower<`}, []string{`action="/follow/`}},
		"profile for a stranger": {pages["profile-stranger"], []string{`href="/login?next=/user/a.very.long`, `has not posted yet`}, []string{`action="/follow/`, `Last seen`}},
		"no post of one's own":   {pages["profile-new"], []string{`Write your first post`}, nil},
		"refused post":           {pages["home-wrong"], []string{`aria-describedby="post-hint post-error" aria-invalid="true" autofocus`, `Today I wanted`, `id="post-error">A post has at most`}, nil},
		"refused registration":   {pages["register-wrong"], []string{`<a href="#username">Username: Please use a different username.</a>`, `aria-describedby="username-hint username-error" aria-invalid="true" autofocus`}, nil},
		"which field": {&AccountPage{Current: Field{Error: "This field is required."}, Password: Field{Error: "This field is required."}, Password2: Field{Error: "This field is required."}}, []string{
			`<a href="#current_password">Current password: This field is required.</a>`, `<a href="#password">New password: This field is required.</a>`, `<a href="#password2">Repeat the new password: This field is required.</a>`,
			`aria-describedby="password-hint password-error"`, `At least 8 characters`,
		}, nil},
		"hint before a refusal": {pages["register"], []string{`aria-describedby="password-hint"`, `id="password-hint">At least 8 characters<`}, []string{`role="alert"`}},
		"one refused field":     {&RegisterPage{Email: Field{"x", "Please use a different email address."}}, []string{`id="email-error">Please use`}, []string{`role="alert"`, `href="#email"`}},
		"typed text kept":       {pages["edit-profile-wrong"], []string{">\n\n  &lt;x&gt;</textarea>"}, nil},
		"account":               {pages["account"], []string{`action="/logout_everywhere"`, `susan@example.org`, `autocomplete="new-password"`}, nil},
		"deletion asks":         {pages["delete-post"], []string{`method="post" action="/post/4209/delete"`, `href="/post/4209"`}, nil},
		"notice":                {&LoginPage{Layout: Layout{Notices: []Notice{{"good", "<b>"}}}}, []string{`<p class="notice good" role="status">&lt;b&gt;</p>`}, nil},
		"own entry in the menu": {&ProfilePage{Layout: Layout{Viewer: susan, Path: "/user/susan"}}, []string{`<a href="/user/susan" aria-current="page">`}, nil},
		"other in the menu":     {&ProfilePage{Layout: Layout{Viewer: susan, Path: "/user/susanna"}}, nil, []string{`aria-current`}},
		"hostile title":         {&PostPage{Layout: Layout{Title: "</title><script>"}}, []string{"<title>&lt;/title&gt;&lt;script&gt; · Microblog</title>"}, nil},
		"hostile pager":         {&ExplorePage{Pager: Pager{Older: "javascript:alert(1)"}}, nil, []string{"javascript:"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := renderPage(t, p, test.page)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("the page lacks %s\n%s", want, got)
				}
			}
			for _, never := range test.never {
				if strings.Contains(got, never) {
					t.Errorf("the page must not have %s\n%s", never, got)
				}
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for name, page := range map[string]any{
		"nothing":        nil,
		"a nil page":     (*HomePage)(nil),
		"no page at all": "home",
		"a part":         Layout{},
	} {
		if err := p.Render(&bytes.Buffer{}, page); err == nil {
			t.Errorf("%s was rendered", name)
		}
	}
	if err := p.Render(failingWriter{}, LoginPage{}); !errors.Is(err, errWrite) {
		t.Errorf("a failing writer: %v", err)
	}
}

var errWrite = errors.New("no room")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errWrite }

// The template files can come from a folder, and each mistake in them is an error at start.
func TestNewPagesFromFolder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(fstest.MapFS)
		want   string // in the error; "" for none
	}{
		"as built in": {func(fstest.MapFS) {}, ""},
		"another text": {func(m fstest.MapFS) {
			m["templates/logout.html"] = &fstest.MapFile{Data: []byte(`{{template "top" .Layout}}<h1>Bye?</h1>{{template "bottom" .Layout}}`)}
		}, ""},
		"template missing":  {func(m fstest.MapFS) { delete(m, "templates/login.html") }, "login.html"},
		"all missing":       {func(m fstest.MapFS) { clear(m) }, "static"},
		"does not parse":    {func(m fstest.MapFS) { m["templates/login.html"] = &fstest.MapFile{Data: []byte(`{{if}}`)} }, "login.html"},
		"unknown field":     {func(m fstest.MapFS) { m["templates/login.html"] = &fstest.MapFile{Data: []byte(`{{.Nonsense}}`)} }, "Nonsense"},
		"unsafe place":      {func(m fstest.MapFS) { m["templates/login.html"] = &fstest.MapFile{Data: []byte(`<a {{.Title}}={{.}}`)} }, "login.html"},
		"no such asset":     {func(m fstest.MapFS) { delete(m, "static/app.js") }, `template: layout.html:12:15: there is no static file "app.js"`},
		"unknown file kind": {func(m fstest.MapFS) { m["static/a.exe"] = &fstest.MapFile{} }, "a.exe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := copyOfFiles(t)
			test.change(files)
			p, err := NewPages(PagesOptions{FS: files})
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if name == "another text" && !strings.Contains(renderPage(t, p, LogoutPage{}), "Bye?") {
					t.Error("the folder's template was not used")
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one that names %q", err, test.want)
			}
		})
	}
}

// copyOfFiles returns the embedded files for a test to change.
func copyOfFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(embedded, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(embedded, path)
		files[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRenderConcurrently(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	want := renderPage(t, p, LoginPage{})
	done := make(chan string)
	for range 8 {
		go func() {
			var b bytes.Buffer
			if err := p.Render(&b, &LoginPage{}); err != nil {
				b.WriteString(err.Error())
			}
			done <- b.String()
		}()
	}
	for range 8 {
		if got := <-done; got != want {
			t.Errorf("got %s", got)
		}
	}
}
