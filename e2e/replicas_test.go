package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var migratedLine = regexp.MustCompile(`Database migrated migration=(\S+)`)

// Four processes start at the same moment on a database that is empty: all become ready, and each
// migration is applied by one of them.
func TestReplicasStartTogether(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, databaseURL string) {
		const replicas = 4
		binary := program(t)
		servers := make([]*server, replicas)
		errs := make([]error, replicas)
		dirs := make([]string, replicas)
		for i := range dirs {
			dirs[i] = t.TempDir()
		}
		var all sync.WaitGroup
		for i := range replicas {
			all.Go(func() {
				servers[i], errs[i] = launch(binary, options{dir: dirs[i], settings: settings{"DATABASE_URL": databaseURL}})
				if errs[i] == nil {
					errs[i] = servers[i].waitReady(t.Context())
				}
			})
		}
		all.Wait()
		t.Cleanup(func() {
			for i, s := range servers {
				if s == nil {
					continue
				}
				if err := s.stop(); err != nil {
					t.Errorf("replica %d: %v", i, err)
				}
			}
		})
		applied := map[string][]string{}
		for i, err := range errs {
			if err != nil {
				t.Fatalf("replica %d: %v", i, err)
			}
			for _, m := range migratedLine.FindAllStringSubmatch(servers[i].logText(), -1) {
				applied[m[1]] = append(applied[m[1]], fmt.Sprint("replica ", i))
			}
		}
		if len(applied) == 0 {
			t.Error("no replica says that it has migrated the database")
		}
		for migration, by := range applied {
			if len(by) != 1 {
				t.Errorf("migration %s was applied by %s", migration, strings.Join(by, " and "))
			}
		}

		// They are one site: who registers at one logs in at another, and is known to a third.
		name := unique("everywhere")
		c := servers[0].client(t)
		told := c.register(name).want(http.StatusSeeOther)
		c.base = servers[1].url
		c.header.Set("Cookie", (&http.Cookie{Name: "notice", Value: told.setCookie("notice").Value}).String())
		c.get("/login").want(http.StatusOK).says("Congratulations, you are now a registered user!")
		c.header.Del("Cookie")
		c.login(name).want(http.StatusSeeOther)
		token := c.cookie("session")
		if token == "" {
			t.Fatal("logging in gave no session cookie")
		}
		third := servers[2].client(t)
		third.header.Set("Cookie", "session="+token)
		third.get("/").want(http.StatusOK).says("Hi, " + name)
	})
}
