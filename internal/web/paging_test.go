package web_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/internal/store"
)

var (
	postLink  = regexp.MustCompile(`class="at" href="/post/(\d+)"`)
	olderLink = regexp.MustCompile(`rel="next" href="([^"]+)"`)
	newerLink = regexp.MustCompile(`rel="prev" href="([^"]+)"`)
)

func posts(a *answer) []string {
	var ids []string
	for _, m := range postLink.FindAllStringSubmatch(a.body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func link(a *answer, kind *regexp.Regexp) string {
	if m := kind.FindStringSubmatch(a.body); m != nil {
		return strings.ReplaceAll(m[1], "&amp;", "&")
	}
	return ""
}

// TestPaging reads lists to their end and back, while somebody posts. Each post comes once.
func TestPaging(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan := s.member("susan")
	for i := range 45 {
		if _, _, err := s.store.CreatePost(t.Context(), s.user("susan").ID, fmt.Sprintf("Post %d", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/", "/explore", "/user/susan"} {
		first := susan.get(path).wants(200)
		if link(first, newerLink) != "" {
			t.Errorf("%s: the first part has something newer", path)
		}
		parts := [][]string{posts(first)}
		last := first
		for next := link(first, olderLink); next != ""; next = link(last, olderLink) {
			susan.post("/", "post", "Meanwhile, "+next).wants(303)
			last = susan.get(next).wants(200)
			parts = append(parts, posts(last))
			if len(parts) > 10 {
				t.Fatal("no end")
			}
		}
		seen := slices.Concat(parts...)
		if !slices.IsSortedFunc(seen, func(a, b string) int { return len(b)*1000 + num(b) - len(a)*1000 - num(a) }) {
			t.Errorf("%s: out of order: %v", path, seen)
		}
		if unique := slices.Compact(slices.Clone(seen)); len(unique) != len(seen) || seen[len(seen)-1] != "1" {
			t.Errorf("%s: %d posts, %d of them different, the last is %s", path, len(seen), len(unique), seen[len(seen)-1])
		}
		back := susan.get(link(last, newerLink)).wants(200)
		if got, want := posts(back), parts[len(parts)-2]; !slices.Equal(got, want) {
			t.Errorf("%s: the part before the last was %v, and is %v", path, want, got)
		}
	}
}

func num(s string) (n int) {
	_, _ = fmt.Sscan(s, &n)
	return n
}

func TestPagingOfPeople(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.browser().join("susan")
	for i := range 45 {
		name := fmt.Sprintf("person%02d", i)
		u, err := s.store.CreateUser(t.Context(), store.NewUser{Username: name, Email: email(name), PasswordHash: "none"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.Follow(t.Context(), u.ID, s.user("susan").ID); err != nil {
			t.Fatal(err)
		}
	}
	b := s.browser()
	people := regexp.MustCompile(`href="/user/(person\d\d)"`)
	found := map[string]bool{}
	pages := 0
	for next := "/user/susan/followers"; next != ""; pages++ {
		a := b.get(next).wants(200)
		for _, m := range people.FindAllStringSubmatch(a.body, -1) {
			found[m[1]] = true
		}
		next = link(a, olderLink)
	}
	if len(found) != 45 || pages != 3 {
		t.Errorf("%d people on %d pages", len(found), pages)
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan := s.member("susan")
	for query, want := range map[string]int{
		"before=1": 200, "after=1": 200, "before=9223372036854775807": 200, "utm_source=x": 200, "": 200, "before=5&utm=x": 200,
		"before=": 400, "before=0": 400, "before=-1": 400, "before=1.5": 400, "before=01": 400, "before=x": 400, "before=9223372036854775808": 400,
		"before=1&before=2": 400, "before=1&after=2": 400, "after=%00": 400, "after=1%20": 400, "before=%zz": 400, "after=+1": 400, "before=٣": 400,
	} {
		for _, path := range []string{"/", "/explore", "/user/susan", "/user/susan/followers", "/user/susan/following"} {
			a := susan.get(path + "?" + query).wants(want)
			if want == 400 {
				a.shows("The ", "address", "</html>")
			}
		}
	}
}

// TestEmptyPart: a cursor beyond the end gives an empty part, not a failure.
func TestEmptyPart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan := s.member("susan")
	susan.post("/", "post", "Alone").wants(303)
	u, _ := url.Parse("/explore?before=1")
	if got := posts(susan.get(u.String()).wants(200)); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// TestBeyondTheEnd: a part beyond the end is not taken for a list with nothing in it.
func TestBeyondTheEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan := s.member("susan")
	s.browser().join("john")
	susan.post("/", "post", "Alone").wants(303)
	susan.post("/follow/john").wants(303)
	john := s.browser().login("john")
	john.post("/follow/susan").wants(303)
	for path, never := range map[string]string{"/": "Write the first post", "/explore": "Nobody has posted", "/user/susan": "not posted yet"} {
		susan.get(path+"?before=1").wants(200).shows("There are no older posts.", `<a href="`+path+`">See the newest posts</a>`).hides(never)
		susan.get(path + "?after=7").wants(200).shows("Alone").hides("There are no")
	}
	for _, path := range []string{"/user/susan/followers", "/user/susan/following"} {
		susan.get(path+"?before=1").wants(200).shows("There is nobody else in this list.", `href="`+path+`"`).hides("yet", "Find people")
	}
	john.get("/user/john").wants(200).shows("You have not posted yet.").hides("There are no older")
}
