package web_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// atOnce runs f n times at the same moment.
func atOnce(n int, f func(i int)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}

// TestRegisterRace: of those who want the same name at the same moment one gets it, and the others
// are told beside the field.
func TestRegisterRace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for round := range 5 {
		name := fmt.Sprintf("wanted%d", round)
		var won atomic.Int32
		atOnce(8, func(i int) {
			b := s.browser()
			a := b.post("/register", "username", strings.ToUpper(name[:1+i%3])+name[1+i%3:], "email", fmt.Sprintf("p%d-%d@example.org", round, i), "password", password, "password2", password)
			switch a.status {
			case 303:
				won.Add(1)
			case 422:
				a.shows(`id="username-error">Please use a different username.`)
			default:
				t.Errorf("status %d: %s", a.status, a.text())
			}
		})
		if n := won.Load(); n != 1 {
			t.Errorf("round %d: %d people have the name", round, n)
		}
	}
	if failed := s.failed.take(); len(failed) != 0 {
		t.Errorf("%d failures, the first is %s", len(failed), failed[0].Message)
	}
}

// TestEmailRace is the same for an email address.
func TestEmailRace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var won atomic.Int32
	atOnce(8, func(i int) {
		a := s.browser().post("/register", "username", fmt.Sprintf("person%d", i), "email", "wanted@example.org", "password", password, "password2", password)
		switch a.status {
		case 303:
			won.Add(1)
		case 422:
			a.shows(`id="email-error">Please use a different email address.`)
		default:
			t.Errorf("status %d: %s", a.status, a.text())
		}
	})
	if n := won.Load(); n != 1 {
		t.Errorf("%d people have the address", n)
	}
}

// TestRenameRace: the origin answers this with 500.
func TestRenameRace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	people := make([]*browser, 6)
	for i := range people {
		people[i] = s.member(fmt.Sprintf("person%d", i))
	}
	for round := range 5 {
		name := fmt.Sprintf("wanted%d", round)
		var won atomic.Int32
		atOnce(len(people), func(i int) {
			a := people[i].post("/edit_profile", "username", name, "about_me", fmt.Sprintf("typed by %d", i))
			switch a.status {
			case 303:
				won.Add(1)
			case 422:
				a.shows(`id="username-error">Please use a different username.`, fmt.Sprintf("typed by %d", i))
			default:
				t.Errorf("status %d: %s", a.status, a.text())
			}
		})
		if n := won.Load(); n != 1 {
			t.Errorf("round %d: %d people have the name", round, n)
		}
	}
	if failed := s.failed.take(); len(failed) != 0 {
		t.Errorf("%d failures, the first is %s", len(failed), failed[0].Message)
	}
}

// TestOwnRenameTwice: two tabs of one person that take the same new name both succeed.
func TestOwnRenameTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	atOnce(4, func(int) { b.post("/edit_profile", "username", "sue").wants(303) })
	if name := s.user("sue").Username; name != "sue" {
		t.Errorf("the name is %q", name)
	}
}
