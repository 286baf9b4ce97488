package web_test

import (
	"html/template"
	"net/http"
	"strings"
	"testing"

	"example.org/microblog/internal/web"
)

// aDesk stands in for the real one: it tells what it was asked for within the site's layout, and
// where a POST reached it.
type aDesk struct {
	site  *site
	posts int
}

func (d *aDesk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := web.AdministratorsOnly(r); err != nil {
		panic(err)
	}
	if r.Method == http.MethodPost {
		d.posts++
	}
	if r.URL.Path == "/admin/incidents/style.css" {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write([]byte(".desk {}"))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	status := http.StatusOK
	if r.URL.Path == "/admin/incidents/gone" {
		status = http.StatusNotFound
	}
	err := d.site.web.Load().Frame(w, r, web.Frame{
		Title:      "Desk & co",
		Body:       template.HTML("<h1>Here is " + template.HTMLEscapeString(r.URL.Path) + "</h1>"),
		Stylesheet: "/admin/incidents/style.css",
		Status:     status,
	})
	if err != nil {
		panic(err)
	}
}

func newDeskSite(t *testing.T) (*site, *aDesk) {
	desk := new(aDesk)
	s := newSite(t, func(o *web.Options) { o.Desk = desk })
	desk.site = s
	return s, desk
}

// administrator is a browser in which an administrator is signed in.
func (s *site) administrator(name string) *browser {
	s.t.Helper()
	b := s.browser().join(name)
	if err := s.store.SetAdmin(s.t.Context(), s.user(name).ID, true); err != nil {
		s.t.Fatal(err)
	}
	return b.login(name)
}

func TestDeskIsForAdministrators(t *testing.T) {
	t.Parallel()
	s, desk := newDeskSite(t)
	stranger, susan, root := s.browser(), s.member("susan"), s.administrator("grace")
	for path, back := range map[string]string{
		"/admin/incidents":                       "/login?next=%2Fadmin%2Fincidents",
		"/admin/incidents/":                      "/login?next=%2Fadmin%2Fincidents%2F",
		"/admin/incidents?state=muted&q=a%26b":   "/login?next=%2Fadmin%2Fincidents%3Fstate%3Dmuted%26q%3Da%2526b",
		"/admin/incidents/0123456789ABC":         "/login?next=%2Fadmin%2Fincidents%2F0123456789ABC",
		"/admin/incidents/style.css":             "/login?next=%2Fadmin%2Fincidents%2Fstyle.css",
		"/admin/incidents/0123456789ABC/resolve": "/login?next=%2Fadmin%2Fincidents%2F0123456789ABC%2Fresolve",
	} {
		stranger.get(path).wants(303).leads(back)
		// There is nothing that tells a member that the address exists.
		nothing, here := susan.get("/admin/nothing").wants(404), susan.get(path).wants(404)
		if here.body != nothing.body {
			t.Errorf("%s: a member sees another page than for an address that does not exist:\n%s", path, here.text())
		}
		for _, header := range []string{"Allow", "Cache-Control", "Content-Type", "Content-Length"} {
			if here.header.Get(header) != nothing.header.Get(header) {
				t.Errorf("%s: a member gets %s %q, elsewhere %q", path, header, here.header.Get(header), nothing.header.Get(header))
			}
		}
		root.get(path).wants(200)
	}
	for _, b := range []*browser{stranger, susan} {
		a := b.post("/admin/incidents/0123456789ABC/resolve")
		if b == stranger {
			a.wants(303).leads("/login?next=%2Fadmin%2Fincidents%2F0123456789ABC")
		} else {
			a.wants(404)
		}
	}
	r := root.form("/admin/incidents/0123456789ABC/resolve", "")
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	root.do(r).wants(403)
	if desk.posts != 0 {
		t.Errorf("%d posts reached the desk that must not", desk.posts)
	}
	root.post("/admin/incidents/0123456789ABC/resolve").wants(200)
	if desk.posts != 1 {
		t.Errorf("%d posts reached the desk, want 1", desk.posts)
	}

	// Who is no administrator any more is out at once.
	if err := s.store.SetAdmin(t.Context(), s.user("grace").ID, false); err != nil {
		t.Fatal(err)
	}
	root.get("/admin/incidents").wants(404).hides("/admin/incidents")
}

func TestDeskInTheLayout(t *testing.T) {
	t.Parallel()
	s, _ := newDeskSite(t)
	root := s.administrator("grace")
	a := root.get("/admin/incidents/x<y").wants(200).shows(
		"<title>Desk &amp; co · Microblog</title>",
		`<link rel="stylesheet" href="/admin/incidents/style.css">`,
		`<a href="/admin/incidents" aria-current="page">Incidents</a>`,
		"<h1>Here is /admin/incidents/x&lt;y</h1>", "</html>",
	)
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	root.get("/admin/incidents/gone").wants(404).shows("Here is /admin/incidents/gone")
	root.get("/explore").wants(200).shows(`<a href="/admin/incidents">Incidents</a>`).hides("style.css")
	s.member("susan").get("/explore").wants(200).hides("/admin/incidents")
	s.browser().get("/explore").wants(200).hides("/admin/incidents")
	if !strings.Contains(root.get("/nothing").wants(404).body, `<a href="/admin/incidents">`) {
		t.Error("the page for a failure does not lead an administrator to the incidents")
	}
}

// TestNoDesk: without one there is no address and no link.
func TestNoDesk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.browser().get("/admin/incidents").wants(404)
	s.administrator("grace").get("/admin/incidents").wants(404).hides("/admin/incidents")
}
