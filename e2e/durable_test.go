package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// Several people post at once, through two processes: everybody's posts are there, each once, and
// nobody is told that the database is busy.
func TestPostStorm(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, databaseURL string) {
		servers := twoProcesses(t, databaseURL)
		const people, each = 4, 25
		writers := make([]*client, people)
		for i := range writers {
			writers[i] = servers[i%2].person(t, "writer")
		}
		var all sync.WaitGroup
		for i, c := range writers {
			all.Go(func() {
				for n := range each {
					other := writers[(i+1)%people].name
					for _, send := range []struct {
						path string
						form []string
					}{
						{"/", []string{"post", fmt.Sprintf("post %d", n), "once", fmt.Sprintf("storm-%d-%d", i, n)}},
						{"/follow/" + other, nil},
						{"/unfollow/" + other, nil},
						{"/edit_profile", []string{"username", c.name, "about_me", fmt.Sprintf("about %d", n)}},
					} {
						r, err := c.try("POST", send.path, form(send.form...), nil)
						if err != nil {
							t.Error(err)
							return
						}
						if r.status != http.StatusSeeOther {
							t.Errorf("POST %s: status %d: %s", send.path, r.status, tail(r.body))
						}
					}
				}
			})
		}
		all.Wait()
		for _, c := range writers {
			page := servers[0].client(t).get("/user/" + c.name).want(http.StatusOK)
			page.says(fmt.Sprintf("%d posts", each)).says("0 followers").says(fmt.Sprintf("about %d", each-1))
			read := page.posts()
			read = append(read, servers[1].client(t).get(page.link("Older")).want(http.StatusOK).posts()...)
			for n := range each {
				if !slices.Contains(read, fmt.Sprintf("post %d", n)) {
					t.Errorf("post %d of %s is lost", n, c.name)
				}
			}
		}
	})
}

// What was answered is kept, even if the process is killed the next moment; and the next start needs
// no help.
func TestKilled(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, databaseURL string) {
		set := settings{"DATABASE_URL": databaseURL, "TRUSTED_PROXIES": "127.0.0.1"}
		s := start(t, options{settings: set, anyEnd: true})
		c := s.person(t, "survivor")
		var posted []string
		for round := range 3 {
			for n := range 5 {
				text := fmt.Sprintf("post %d of round %d", n, round)
				c.publish(text).want(http.StatusSeeOther)
				posted = append(posted, text)
			}
			s.signal(t, syscall.SIGKILL)
			s.waitEnd(t)
			s = start(t, options{dir: s.dir, settings: set, anyEnd: true})
			c.base = s.url
			if !c.signedIn(c.name) {
				t.Fatal("the session is gone")
			}
		}
		read := c.get("/user/" + c.name).want(http.StatusOK).posts()
		slices.Reverse(read)
		if !slices.Equal(read, posted) {
			t.Errorf("after three kills there is %q, want %q", read, posted)
		}
		parseLog(t, "the log", s.logText())
	})
}
