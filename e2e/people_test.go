package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// posts are the texts of the posts on a page, from the top.
func (r *reply) posts() []string {
	r.t.Helper()
	var all []string
	for article := range elements(r.doc(), "article") {
		for p := range elements(article, "p") {
			if slices.Contains(strings.Fields(attr(p, "class")), "body") {
				all = append(all, text(p))
			}
		}
	}
	return all
}

// link returns where the link with this text leads, or "".
func (r *reply) link(said string) string {
	r.t.Helper()
	for a := range elements(r.doc(), "a") {
		if text(a) == said {
			return attr(a, "href")
		}
	}
	return ""
}

func TestRegisterPostFollowRead(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		stranger := s.client(t)
		susan, john := unique("susan"), unique("john")
		stranger.follow(stranger.register(susan)).want(http.StatusOK).says("Congratulations, you are now a registered user!")
		a, b := s.client(t), s.personNamed(t, john)
		a.follow(a.login(susan)).want(http.StatusOK).says("Hi, " + susan + "!")

		post := "Beautiful day in Portland! " + unique("post")
		home := b.follow(b.publish(post)).want(http.StatusOK)
		if got := home.posts(); len(got) == 0 || got[0] != post {
			t.Errorf("the home page of the author shows %q, want the post first", got)
		}
		if got := a.get("/").posts(); slices.Contains(got, post) {
			t.Error("a stranger's post is on the home page before following")
		}
		if got := a.get("/explore").want(http.StatusOK).posts(); !slices.Contains(got, post) {
			t.Errorf("the post is not on the explore page: %q", got)
		}
		a.follow(a.post("/follow/"+john, nil)).want(http.StatusOK).says("You are following " + john + "!")
		if got := a.get("/").posts(); !slices.Contains(got, post) {
			t.Errorf("the home page of the follower does not show the post: %q", got)
		}
		a.get("/user/" + john + "/followers").want(http.StatusOK).says(susan)
		a.get("/user/" + susan + "/following").want(http.StatusOK).says(john)
		a.get("/user/" + john).says("1 follower").says("1 post")
		a.follow(a.post("/unfollow/"+john, nil)).want(http.StatusOK)
		if got := a.get("/").posts(); slices.Contains(got, post) {
			t.Error("the post is still on the home page after unfollowing")
		}
		a.follow(a.post("/follow/"+susan, nil)).says("You cannot follow yourself!")

		// The author can delete the post; others cannot.
		id := postID(t, b.get("/user/"+john))
		a.get("/post/" + id).want(http.StatusOK).says(post)
		a.post("/post/"+id+"/delete", nil).want(http.StatusForbidden).inLayout()
		b.get("/post/" + id + "/delete").want(http.StatusOK).says("Delete this post?")
		b.follow(b.post("/post/"+id+"/delete", nil)).want(http.StatusOK)
		a.get("/post/" + id).want(http.StatusNotFound).inLayout()
		b.post("/post/"+id+"/delete", nil).want(http.StatusNotFound).inLayout()
	})
}

var postLink = regexp.MustCompile(`href="/post/(\d+)"`)

// postID returns the id of the first post on a page.
func postID(t testing.TB, r *reply) string {
	t.Helper()
	m := postLink.FindStringSubmatch(r.body)
	if m == nil {
		t.Fatalf("%s: there is no post on the page", r.what)
	}
	return m[1]
}

// The bug that this project began with: renaming to a taken name.
func TestRename(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		susan, john := s.person(t, "susan"), s.person(t, "john")
		edit := func(username, about string) *reply {
			t.Helper()
			return susan.post("/edit_profile", form("username", username, "about_me", about))
		}
		for _, taken := range []string{john.name, strings.ToUpper(john.name), " " + john.name + " ", "admin", "Login"} {
			r := edit(taken, "typed <b>already</b>").want(http.StatusUnprocessableEntity).inLayout()
			if got := r.fieldError("username"); got != usernameTaken {
				t.Errorf("renaming to %q: the page says %q beside the field, want %q", taken, got, usernameTaken)
			}
			if got := r.value("username"); got != taken {
				t.Errorf("renaming to %q: the field holds %q", taken, got)
			}
			if got := r.value("about_me"); !strings.Contains(got, "typed <b>already</b>") {
				t.Errorf("renaming to %q: what was typed in the other field is lost: %q", taken, got)
			}
			harmless(t, r.what, r.doc())
		}
		if !susan.signedIn(susan.name) {
			t.Error("a refused change has changed the name")
		}

		susan.follow(edit(susan.name, "one")).says("Your changes have been saved.")
		susan.follow(edit(strings.ToUpper(susan.name), "two")).says("Your changes have been saved.")
		if !susan.signedIn(strings.ToUpper(susan.name)) {
			t.Error("another case of one's own name was not taken over")
		}

		// Old links lead to the renamed person until somebody else takes the name.
		fresh := unique("fresh")
		edit(fresh, "three").want(http.StatusSeeOther)
		moved := s.client(t).get("/user/" + susan.name)
		if moved.status != http.StatusMovedPermanently && moved.status != http.StatusFound && moved.status != http.StatusPermanentRedirect && moved.status != http.StatusTemporaryRedirect {
			t.Fatalf("the old address of a renamed person: status %d, want a redirect", moved.status)
		}
		if got := moved.header.Get("Location"); got != "/user/"+fresh {
			t.Errorf("the old address leads to %q, want %q", got, "/user/"+fresh)
		}
		heir := s.personNamed(t, susan.name)
		heir.get("/user/" + heir.name).want(http.StatusOK)
		s.client(t).get("/user/" + fresh).want(http.StatusOK).says("three")
	})
}

// One form, sent twice, posts once: by a double click, by the back button, at the same moment.
func TestDoubleSubmit(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		c := s.person(t, "clicker")
		once := c.get("/").want(http.StatusOK).value("once")
		send := form("post", "only once", "once", once)
		c.post("/", send).want(http.StatusSeeOther)
		c.post("/", send).want(http.StatusSeeOther)

		again := form("post", "only once", "once", c.get("/").value("once"))
		var all sync.WaitGroup
		replies := make([]*reply, 6)
		for i := range replies {
			all.Go(func() {
				r, err := c.try("POST", "/", again, nil)
				if err != nil {
					t.Error(err)
					return
				}
				replies[i] = r
			})
		}
		all.Wait()
		for _, r := range replies {
			if r != nil {
				r.want(http.StatusSeeOther)
			}
		}
		// Two forms with the same text are two posts.
		if got := c.get("/user/" + c.name).posts(); !slices.Equal(got, []string{"only once", "only once"}) {
			t.Errorf("the profile shows %q, want the post twice", got)
		}
	})
}

// Reading on through the pages shows each post once, also while people post.
func TestPagesAreStable(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		c := s.person(t, "writer")
		const before = 45
		for i := range before {
			c.publish(fmt.Sprintf("post %d", i)).want(http.StatusSeeOther)
		}
		var read []string
		path := "/user/" + c.name
		for range 10 {
			page := c.get(path).want(http.StatusOK)
			read = append(read, page.posts()...)
			c.publish(fmt.Sprintf("meanwhile after %d", len(read))).want(http.StatusSeeOther)
			if path = page.link("Older"); path == "" {
				break
			}
		}
		if len(read) != before {
			t.Fatalf("reading on showed %d posts, want %d: %q", len(read), before, read)
		}
		for i, post := range read {
			if want := fmt.Sprintf("post %d", before-1-i); post != want {
				t.Fatalf("the %d. post is %q, want %q", i+1, post, want)
			}
		}
	})
}

func TestPostLimits(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "limits")
	family := "👨‍👩‍👧‍👦" // one character to people, 25 bytes
	tests := []struct {
		name, post string
		status     int
	}{
		{"empty", "", 422},
		{"only spaces", " \n\t ", 422},
		{"140 letters", strings.Repeat("x", 140), 303},
		{"141 letters", strings.Repeat("x", 141), 422},
		{"140 families", strings.Repeat(family, 140), 303},
		{"141 families", strings.Repeat(family, 141), 422},
		{"140 letters with accents of their own", strings.Repeat("e\u0301", 140), 303},
		{"one character of 5,000 bytes", "e" + strings.Repeat("\u0301", 2500), 422},
		{"line ends of a form", strings.Repeat("a\r\n", 69) + "a", 303},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := c.publish(test.post).want(test.status)
			if test.status == 303 {
				return
			}
			if r.fieldError("post") == "" {
				t.Error("the page does not say what is wrong beside the field")
			}
			if got := r.value("post"); strings.TrimSpace(got) != strings.TrimSpace(test.post) {
				t.Errorf("the field holds %q, want what was typed", got)
			}
		})
	}
}

// What people write is shown as they wrote it, and runs nowhere.
func TestMarkupIsText(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "prankster")
	for _, typed := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</textarea><svg onload=alert(1)>`,
		`javascript:alert(1)`, `{{.}} ${7*7}`, `https://example.com/"onmouseover="alert(1)`, `& &amp; &lt;b&gt;`,
	} {
		c.publish(typed).want(http.StatusSeeOther)
		c.post("/edit_profile", form("username", c.name, "about_me", typed)).want(http.StatusSeeOther)
		for _, path := range []string{"/", "/explore", "/user/" + c.name, "/edit_profile"} {
			r := c.get(path).want(http.StatusOK)
			harmless(t, path, r.doc())
			if path != "/edit_profile" && path != "/explore" && !slices.Contains(r.posts(), typed) {
				t.Errorf("%s: the post %q is not shown as it was written: %q", path, typed, r.posts()[:1])
			}
		}
		if got := c.get("/edit_profile").value("about_me"); strings.TrimSpace(got) != typed {
			t.Errorf("the form holds %q, want %q", got, typed)
		}
	}
}

// When people were last seen is written soon, and not with the request.
func TestLastSeen(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		c := s.person(t, "seen")
		soon(t, "waiting for it to be written", func() error {
			if said := c.get("/user/" + c.name).want(http.StatusOK).text(); !strings.Contains(said, "Last seen just now") {
				return errors.New(said)
			}
			return nil
		})
	})
}

// Names of any script work everywhere a name stands.
func TestNamesOfAnyScript(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		for _, base := range []string{"Žofie", "Дарья", "李明", "محمد", "हिन्दी", "O.Brien_1-a"} {
			c := s.personNamed(t, fmt.Sprintf("%s%07d", base, rand.IntN(1e7)))
			path := "/user/" + url.PathEscape(c.name)
			c.get(path).want(http.StatusOK).says(c.name)
			for _, list := range []string{"/followers", "/following"} {
				c.get(path + list).want(http.StatusOK)
			}
			b := s.person(t, "reader")
			b.follow(b.post("/follow/"+url.PathEscape(c.name), nil)).want(http.StatusOK).says(c.name)
			for a := range elements(b.get(path).doc(), "a") {
				if href := attr(a, "href"); strings.HasPrefix(href, "/user/") {
					if u, err := url.Parse(href); err != nil || strings.ContainsAny(u.Path, "%<>\"") {
						t.Errorf("a link that is no address: %q", href)
					}
				}
			}
		}
	})
}
