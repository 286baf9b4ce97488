package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A books is the line in which the failures add up.
type books struct {
	line                                      string
	captured, mailed, grouped, muted, waiting int
}

var (
	booksLine = regexp.MustCompile(`captured (\d+) = [^\n\[]*`)
	booksItem = regexp.MustCompile(`[=+] ([a-z ]+?) (\d+)`)
)

// readBooks reads the last line of the books in a text, and checks that it adds up.
func readBooks(t testing.TB, text string) books {
	t.Helper()
	lines := booksLine.FindAllStringSubmatch(text, -1)
	if len(lines) == 0 {
		t.Fatalf("there is no line that begins with captured in:\n%s", tail(text))
	}
	last := lines[len(lines)-1]
	b := books{line: last[0]}
	b.captured, _ = strconv.Atoi(last[1])
	sum := 0
	for _, item := range booksItem.FindAllStringSubmatch(last[0], -1) {
		n, err := strconv.Atoi(item[2])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
		switch item[1] {
		case "mailed":
			b.mailed = n
		case "grouped into a sent mail":
			b.grouped = n
		case "muted":
			b.muted = n
		case "waiting":
			b.waiting = n
		}
	}
	if sum != b.captured {
		t.Errorf("the books do not balance: %s", last[0])
	}
	return b
}

// books asks the doctor, beside the running server or after its end.
func (s *server) books(t testing.TB) books {
	t.Helper()
	stdout, stderr, _ := run(t, s.dir, s.opts.settings, "", "doctor")
	return readBooks(t, stdout+stderr)
}

// A storm is clients that make a server fail, until it is stopped.
type storm struct {
	answered atomic.Int64 // failures whose answer came: captured without doubt
	unsure   atomic.Int64 // requests without an answer, which may have been captured
	wrong    atomic.Pointer[string]
	stop     context.CancelFunc
	all      sync.WaitGroup
}

// drills are ways to fail; each is an incident of its own.
var drills = []string{"/drill/panic", "/drill/error", "/drill/wrapped", "/drill/template", "/drill/status/500"}

// startStorm makes the server at base fail from several clients at once.
func startStorm(t testing.TB, base string, clients int) *storm {
	ctx, stop := context.WithCancel(t.Context())
	st := &storm{stop: stop}
	// Connections of its own: a killed server must not leave broken ones to others, and no request may be sent twice unseen.
	own := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: patience}
	for i := range clients {
		st.all.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				path := drills[n%len(drills)]
				// A POST is not sent again by net/http when its connection breaks.
				req, err := http.NewRequest(http.MethodPost, base+path, strings.NewReader(""))
				if err != nil {
					panic(err)
				}
				req.Header.Set("Origin", base)
				resp, err := own.Do(req)
				if err != nil {
					st.unsure.Add(1)
					time.Sleep(time.Millisecond)
					continue
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusInternalServerError || resp.Header.Get("Fault-Id") == "" {
					text := fmt.Sprintf("POST %s answered %d with the failure %q", path, resp.StatusCode, resp.Header.Get("Fault-Id"))
					st.wrong.Store(&text)
				}
				st.answered.Add(1)
			}
		})
	}
	return st
}

// end stops the clients.
func (st *storm) end(t testing.TB) {
	t.Helper()
	st.stop()
	st.all.Wait()
	if text := st.wrong.Load(); text != nil {
		t.Error(*text)
	}
}

// Killed at any moment of a storm and started again, Microblog has counted each failure that it answered, and none twice.
func TestStormWithKills(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, databaseURL string) {
		office := openPostOffice(t)
		set := mailSettings(office.addr, settings{"DATABASE_URL": databaseURL})
		o := options{args: []string{"--drill"}, settings: set, anyEnd: true, dir: t.TempDir()}
		const rounds = 8
		least, most := 0, 0
		for range rounds {
			s := start(t, o)
			st := startStorm(t, s.url, 8)
			time.Sleep(time.Duration(20+rand.IntN(400)) * time.Millisecond)
			s.signal(t, syscall.SIGKILL)
			s.waitEnd(t)
			st.end(t)
			least += int(st.answered.Load())
			most += int(st.answered.Load()) + int(st.unsure.Load())
		}
		// Each of the kills is a failure, too: the start after it finds the unclean end.
		least, most = least+rounds, most+rounds
		s := start(t, o)
		soon(t, "everything that was captured is counted", func() error {
			if text, _, _ := run(t, s.dir, set, "", "doctor"); strings.Contains(text, "captured") {
				if b := readBooks(t, text); b.captured < least {
					return fmt.Errorf("%s; at least %d failures were answered", b.line, least)
				}
				return nil
			}
			return fmt.Errorf("the doctor shows no books")
		})
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		b := s.books(t)
		if b.captured < least || b.captured > most {
			t.Errorf("%s; answered were %d, and at most %d may have been captured", b.line, least, most)
		}
		if atStop := readBooks(t, s.logText()); atStop.captured != b.captured {
			t.Errorf("at the stop the log says %q, the doctor afterwards %q", atStop.line, b.line)
		}
		if b.mailed == 0 {
			t.Errorf("%s: no mail was sent", b.line)
		}
		checkOneFirst(t, office.all())
	})
}

// checkOneFirst checks that no mail came twice, and that there is one thread per incident and one mail that begins it.
func checkOneFirst(t testing.TB, all []letter) {
	t.Helper()
	ids := map[string]string{}
	for _, l := range all {
		if l.id == "" || l.fault == "" && !strings.Contains(l.subject, "summary") {
			t.Errorf("the mail %q has the Message-ID %q and the Fault-Id %q", l.subject, l.id, l.fault)
		}
		// The same Message-ID again is how a mail that was cut off after DATA can be told.
		if before, ok := ids[l.id]; ok && before != l.source {
			t.Errorf("two different mails have the Message-ID %s", l.id)
		}
		ids[l.id] = l.source
	}
}

// Two replicas on one PostgreSQL in a storm: exact counts, and one first mail per incident.
func TestReplicasCountTogether(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	office := openPostOffice(t)
	set := mailSettings(office.addr, settings{"DATABASE_URL": db.url})
	var servers []*server
	var storms []*storm
	for range 2 {
		servers = append(servers, start(t, options{args: []string{"--drill"}, settings: set}))
	}
	for _, s := range servers {
		storms = append(storms, startStorm(t, s.url, 6))
	}
	time.Sleep(1500 * time.Millisecond)
	want := 0
	for _, st := range storms {
		st.end(t)
		want += int(st.answered.Load())
		if n := st.unsure.Load(); n != 0 {
			t.Errorf("%d requests got no answer", n)
		}
	}
	soon(t, "both have counted everything", func() error {
		if b := servers[0].books(t); b.captured != want {
			return fmt.Errorf("%s; %d requests failed", b.line, want)
		}
		return nil
	})
	soon(t, "the first mail of each incident", func() error {
		if n := len(firsts(office.all())); n != len(drills) {
			return fmt.Errorf("%d of %d came: %q", n, len(drills), subjects(office.all()))
		}
		return nil
	})
	for _, s := range servers {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}
	for thread, n := range firsts(office.all()) {
		if n != 1 {
			t.Errorf("the incident %s has %d first mails", thread, n)
		}
	}
	checkOneFirst(t, office.all())
	if b := servers[1].books(t); b.captured != want || b.mailed < len(drills) {
		t.Errorf("%s; %d requests failed", b.line, want)
	}
}

// firsts counts the mails of each thread. In the short time of a test no incident gets a second one: that takes ten minutes.
func firsts(all []letter) map[string]int {
	threads := map[string]int{}
	for _, l := range all {
		threads[l.references]++
	}
	return threads
}
