package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

const (
	usernameTaken = "Please use a different username."
	emailTaken    = "Please use a different email address."
)

// twoProcesses starts two servers on one database, in directories of their own.
func twoProcesses(t *testing.T, databaseURL string) []*server {
	t.Helper()
	var servers []*server
	for range 2 {
		servers = append(servers, start(t, options{settings: settings{
			"DATABASE_URL": databaseURL, "TRUSTED_PROXIES": "127.0.0.1",
		}}))
	}
	return servers
}

// atOnce sends one POST from each client, all at the same moment.
func atOnce(t *testing.T, clients []*client, request func(i int) (path string, form url.Values)) []*reply {
	t.Helper()
	replies := make([]*reply, len(clients))
	errs := make([]error, len(clients))
	gun := make(chan struct{})
	var all sync.WaitGroup
	for i, c := range clients {
		path, form := request(i)
		all.Go(func() {
			<-gun
			replies[i], errs[i] = c.try("POST", path, form, nil)
		})
	}
	close(gun)
	all.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
	}
	return replies
}

// oneWinner checks that one of the replies redirects and that the others are the form again, with
// message beside field and with what was typed. It returns who won.
func oneWinner(t *testing.T, replies []*reply, field, message string, typed func(i int) string) int {
	t.Helper()
	winner := -1
	for i, r := range replies {
		switch r.status {
		case http.StatusSeeOther:
			if winner >= 0 {
				t.Fatalf("two winners: %d and %d", winner, i)
			}
			winner = i
		case http.StatusUnprocessableEntity:
			if got := r.fieldError(field); got != message {
				t.Errorf("client %d: the page says %q beside %s, want %q", i, got, field, message)
			}
			if got := r.value(field); got != typed(i) {
				t.Errorf("client %d: %s holds %q, want what was typed: %q", i, field, got, typed(i))
			}
		default:
			t.Fatalf("client %d: status %d: %s", i, r.status, tail(r.body))
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	return winner
}

// spellings are one username to the database and different texts to a program that compares bytes.
func spellings(name string) []string {
	return []string{
		"é" + name,
		"É" + name,
		"e\u0301" + name,
		"é" + strings.ToUpper(name),
	}
}

// checkOwners lists the people of the database and checks that no name and no address is there twice.
func checkOwners(t *testing.T, s *server, databaseURL string) {
	t.Helper()
	stdout, stderr, code := run(t, s.dir, settings{"DATABASE_URL": databaseURL}, "", "user", "list")
	if code != 0 {
		t.Fatalf("microblog user list: exit code %d: %s", code, stderr)
	}
	seen := map[string]string{}
	for line := range strings.Lines(stdout) {
		columns := strings.Fields(line)
		if len(columns) < 3 || columns[0] == "ID" {
			continue
		}
		for _, key := range columns[1:3] {
			key = strings.ToLower(key)
			if other, twice := seen[key]; twice {
				t.Errorf("%q has two owners:\n%s%s", key, other, line)
			}
			seen[key] = line
		}
	}
	if len(seen) == 0 {
		t.Errorf("microblog user list shows nobody:\n%s", stdout)
	}
}

// Several people, in two processes, change their names to the same one at the same moment.
func TestRenameContest(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, databaseURL string) {
		servers := twoProcesses(t, databaseURL)
		var people []*client
		for i := range 4 {
			people = append(people, servers[i%len(servers)].person(t, "runner"))
		}
		const rounds = 30
		for round := range rounds {
			prize := fmt.Sprintf("prize%d", round)
			typed := spellings(prize)
			replies := atOnce(t, people, func(i int) (string, url.Values) {
				return "/edit_profile", form("username", typed[i], "about_me", fmt.Sprintf("runner %d", i))
			})
			winner := oneWinner(t, replies, "username", usernameTaken, func(i int) string { return typed[i] })
			people[winner].name = typed[winner]

			// Whoever asks, in whichever process, the name is the winner's.
			for _, s := range servers {
				page := s.client(t).get("/user/" + url.PathEscape("é"+prize))
				if page.status == http.StatusMovedPermanently || page.status == http.StatusFound || page.status == http.StatusPermanentRedirect || page.status == http.StatusTemporaryRedirect {
					page = s.client(t).get(page.header.Get("Location"))
				}
				page.want(http.StatusOK).says(fmt.Sprintf("runner %d", winner))
			}
		}
		checkOwners(t, servers[0], databaseURL)
	})
}

// While one person leaves a name, others reach for it: somebody gets it or nobody, and nothing fails.
func TestRenameHandover(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, databaseURL string) {
		servers := twoProcesses(t, databaseURL)
		var people []*client
		for i := range 4 {
			people = append(people, servers[i%len(servers)].person(t, "walker"))
		}
		holder := 0
		people[holder].post("/edit_profile", form("username", "relay", "about_me", "")).want(http.StatusSeeOther)
		handed := 0
		for round := range 20 {
			left := fmt.Sprintf("left%d", round)
			replies := atOnce(t, people, func(i int) (string, url.Values) {
				if i == holder {
					return "/edit_profile", form("username", left, "about_me", "")
				}
				return "/edit_profile", form("username", "relay", "about_me", "")
			})
			next := -1
			for i, r := range replies {
				r.want(http.StatusSeeOther, http.StatusUnprocessableEntity)
				switch {
				case i == holder && r.status != http.StatusSeeOther:
					t.Fatalf("leaving a name was refused: %s", r.text())
				case i != holder && r.status == http.StatusSeeOther && next >= 0:
					t.Fatalf("two people got the name: %d and %d", next, i)
				case i != holder && r.status == http.StatusSeeOther:
					next = i
				}
			}
			if next < 0 { // all came too early; the name is free now
				next = (holder + 1) % len(people)
				people[next].post("/edit_profile", form("username", "relay", "about_me", "")).want(http.StatusSeeOther)
			} else {
				handed++
			}
			holder = next
		}
		t.Logf("handed over within the race in %d of 20 rounds", handed)
		checkOwners(t, servers[0], databaseURL)
	})
}

// Several people, in two processes, register the same name, or the same address, at the same moment.
func TestRegisterContest(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, databaseURL string) {
		servers := twoProcesses(t, databaseURL)
		strangers := func() (all []*client) {
			for i := range 4 {
				all = append(all, servers[i%len(servers)].client(t))
			}
			return all
		}
		for round := range 6 {
			typed := spellings(fmt.Sprintf("name%d", round))
			replies := atOnce(t, strangers(), func(i int) (string, url.Values) {
				return "/register", form("username", typed[i], "email", fmt.Sprintf("name%d-%d@example.com", round, i),
					"password", password, "password2", password)
			})
			oneWinner(t, replies, "username", usernameTaken, func(i int) string { return typed[i] })

			mail := []string{"one%d@example.com", "ONE%d@example.com", "one%d@EXAMPLE.com", "One%d@Example.Com"}
			address := func(i int) string { return fmt.Sprintf(mail[i], round) }
			replies = atOnce(t, strangers(), func(i int) (string, url.Values) {
				return "/register", form("username", fmt.Sprintf("mail%d-%d", round, i), "email", address(i),
					"password", password, "password2", password)
			})
			oneWinner(t, replies, "email", emailTaken, address)
		}
		checkOwners(t, servers[0], databaseURL)
	})
}
