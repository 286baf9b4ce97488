package kit

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/incident"
	"example.org/microblog/internal/store/storetest"
)

// Killed at any moment, in a storm, again and again: every failure that was captured is counted once,
// and every incident is told of as new once.
func TestKill(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 3
	}
	for _, c := range []struct {
		name      string
		processes int // at the same time, with the same directory
		outages   bool
		open      func(t *testing.T) (dialect, dsn string)
	}{
		{"file", 1, false, func(*testing.T) (string, string) { return "", "" }},
		{"sqlite", 1, false, sqliteDSN},
		{"postgres", 1, false, postgresDSN},
		{"sqlite, coming and going", 1, true, sqliteDSN},
		{"postgres, coming and going", 1, true, postgresDSN},
		{"two on a file", 2, false, func(*testing.T) (string, string) { return "", "" }},
		{"two on sqlite, coming and going", 2, true, sqliteDSN},
		{"two on postgres, coming and going", 2, true, postgresDSN},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dialect, dsn := c.open(t)
			testKill(t, childConfig{Dir: t.TempDir(), Dialect: dialect, DSN: dsn, Outages: c.outages}, rounds, c.processes)
		})
	}
}

func testKill(t *testing.T, c childConfig, rounds, processes int) {
	migrate(t, c)
	durable := map[string]bool{}
	for c.Round = range rounds {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for process := range processes {
			c := c
			c.Process = process
			wg.Go(func() {
				users := runAndKill(t, c)
				mu.Lock()
				defer mu.Unlock()
				for _, user := range users {
					durable[user] = true
				}
			})
		}
		wg.Wait()
	}
	c.Drain = true
	cmd := command(t, c)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, tailOf(cmd.Stderr.(*bytes.Buffer).String()))
	}
	var r childReport
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	for user := range durable {
		if r.Users[user] != 1 {
			t.Errorf("the failure of %s is counted %d times", user, r.Users[user])
		}
	}
	for user, n := range r.Users {
		if n != 1 {
			t.Errorf("%s has %d failures", user, n)
		}
	}
	var count int64
	for _, inc := range r.Incidents {
		count += inc.Count
	}
	if all := int64(len(r.Users)); count != all || r.Totals.Captured != all || r.Minutes != all || len(durable) == 0 {
		t.Errorf("%d people, %d failures in %d incidents, %d in the history; %d were durable\n%v",
			all, count, len(r.Incidents), r.Minutes, len(durable), r.Totals)
	}
	if sum := r.Totals; sum.Captured != sum.Mailed+sum.Grouped+sum.Muted+sum.Waiting+sum.GivenUp+sum.NotForMail || sum.Mailed == 0 {
		t.Errorf("the books do not balance: %v", sum)
	}
	// While one of two has the database and the other has not, neither knows what the other one tells.
	checkSent(t, c, r, processes == 1 || c.Dialect == "")
	t.Logf("%d captured, %d of them surely, %d incidents: %v", len(r.Users), len(durable), len(r.Incidents), r.Totals)
}

// checkSent checks that each incident was told of as new: once, or at least once.
func checkSent(t *testing.T, c childConfig, r childReport, once bool) {
	t.Helper()
	m := mailer{dir: filepath.Join(c.Dir, "sent")}
	sent, err := m.sent()
	if err != nil {
		t.Fatal(err)
	}
	firsts := map[string]int{}
	for _, key := range sent {
		data, err := os.ReadFile(filepath.Join(m.dir, key))
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := strings.CutPrefix(string(data), string(incident.First)+" "); ok {
			firsts[id]++
		}
	}
	for _, inc := range r.Incidents {
		if n := firsts[inc.ID]; n == 0 || n > 1 && once {
			t.Errorf("incident %s was told of as new %d times", inc.ID, n)
		}
	}
	if len(firsts) != len(r.Incidents) {
		t.Errorf("%d incidents were told of as new, there are %d", len(firsts), len(r.Incidents))
	}
}

// runAndKill starts a child, kills it after a while, and returns whose failures were durable.
func runAndKill(t *testing.T, c childConfig) (users []string) {
	t.Helper()
	cmd := command(t, c)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var timer *time.Timer
	for lines.Scan() {
		if timer == nil {
			timer = time.AfterFunc(rand.N(250*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
		users = append(users, lines.Text())
	}
	if timer == nil {
		t.Errorf("nothing was captured: %s", tailOf(cmd.Stderr.(*bytes.Buffer).String()))
	}
	_ = cmd.Wait() // It was killed.
	return users
}

func command(t *testing.T, c childConfig) *exec.Cmd {
	t.Helper()
	config, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(config))
	cmd.Stderr = new(bytes.Buffer)
	return cmd
}

func tailOf(s string) string { return s[max(0, len(s)-2000):] }

func sqliteDSN(t *testing.T) (string, string) { return "sqlite", sqliteName(t) }

func postgresDSN(t *testing.T) (string, string) { return "postgres", storetest.NewPostgres(t) }

func migrate(t *testing.T, c childConfig) {
	t.Helper()
	if c.Dialect == "" {
		return
	}
	connector, err := c.connect()
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if err := incident.Migrate(t.Context(), db, c.Dialect); err != nil {
		t.Fatal(err)
	}
}
