package incidenttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
)

// What differs in data only is one incident, from two places two.
func testGroup(t *testing.T, e *env) {
	p := e.start()
	now := e.clock.Now()
	p.count(
		Failure(now, "profile", "user 17 is missing", 10),
		Failure(now, "profile", "user 4711 is missing", 10),
		Failure(now, "index", "user 17 is missing", 10),
		Failure(now, "profile", "the disk is full", 10),
		Failure(now, "profile", "user 5 is missing", 20),
	)
	all := p.list(incident.Query{})
	if len(all) != 4 {
		t.Fatalf("%d incidents: %+v", len(all), all)
	}
	var total int64
	for _, inc := range all {
		total += inc.Count
		if len(inc.ID) != 13 || inc.Title == "" || inc.Culprit == "" || inc.ErrorType != "*errors.errorString" || inc.Kind != fault.KindError {
			t.Errorf("incomplete: %+v", inc)
		}
	}
	if total != 5 {
		t.Errorf("%d failures were counted", total)
	}
}

// Everything about an incident is there.
func testDetails(t *testing.T, e *env) {
	p := e.start()
	start := e.clock.Now()
	var failures []*fault.Failure
	for i := range 25 {
		f := Failure(start.Add(time.Duration(i)*20*time.Second), "profile", "it failed", 10, ByUser(fmt.Sprintf("user%d", i%4)))
		if i%5 == 0 {
			f.Request.Route = "POST /other"
		}
		failures = append(failures, f)
	}
	e.clock.Advance(10 * time.Minute)
	p.count(failures[:7]...)
	p.count(failures[7:]...)
	inc := p.only()
	if inc.Count != 25 || inc.Users != 4 || inc.Routes != 2 || !inc.First.Equal(start) || !inc.Last.Equal(failures[24].Time) ||
		inc.FirstID != failures[0].ID || inc.LastID != failures[24].ID || inc.FirstBuild.ID != "build1" || inc.State != incident.New {
		t.Errorf("%+v", inc)
	}
	history, err := p.History(t.Context(), strings.ToLower(inc.ID), start, start.Add(10*time.Minute), time.Minute)
	if want := []int64{3, 3, 3, 3, 3, 3, 3, 3, 1, 0}; err != nil || !slices.Equal(history, want) {
		t.Errorf("history %v, %v; want %v", history, err, want)
	}
	histories, err := p.Histories(t.Context(), []string{inc.ID, "0000000000000"}, start.Add(-30*time.Second), start.Add(time.Hour), 30*time.Minute)
	if err != nil || !slices.Equal(histories[inc.ID], []int64{0, 25, 0}) || !slices.Equal(histories["0000000000000"], []int64{0, 0, 0}) {
		t.Errorf("histories %v, %v", histories, err)
	}
	users, err := p.Users(t.Context(), inc.ID)
	if err != nil || len(users) != 4 || users[0].Name != "user0" || users[0].Count != 7 || users[1].Count != 6 ||
		!users[0].First.Equal(start) || !users[0].Last.Equal(failures[24].Time) {
		t.Errorf("users %+v, %v", users, err)
	}
	routes, err := p.Routes(t.Context(), inc.ID)
	if err != nil || len(routes) != 2 || routes[0].Name != "GET /profile" || routes[0].Count != 20 || routes[1].Count != 5 {
		t.Errorf("routes %+v, %v", routes, err)
	}
	samples, err := p.Samples(t.Context(), inc.ID, 0)
	if err != nil || len(samples) != 11 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	for i := range 10 {
		if samples[i].ID != failures[24-i].ID || samples[i].Message != "it failed" || samples[i].Stack[0].Line != 10 {
			t.Errorf("sample %d is %+v", i, samples[i])
		}
	}
	if samples[10].ID != failures[0].ID {
		t.Error("the last sample is not the first failure")
	}
	if two, err := p.Samples(t.Context(), inc.ID, 2); err != nil || len(two) != 3 || two[1].ID != failures[23].ID {
		t.Errorf("two samples: %v, %v", two, err)
	}
	counts, err := p.Counts(t.Context())
	if err != nil || len(counts) != 1 || counts[incident.New] != 1 {
		t.Errorf("counts %v, %v", counts, err)
	}
}

// An edit moves lines, and the incidents go on.
func testAdoption(t *testing.T, e *env) {
	p := e.start()
	at := func(line int, build string) *fault.Failure {
		return Failure(e.clock.Now(), "profile", "it failed", line, InBuild(build))
	}
	p.count(at(10, "b1"), at(30, "b1"))
	if n := len(p.list(incident.Query{})); n != 2 {
		t.Fatalf("two places in one function are %d incidents", n)
	}
	ids := map[int]string{}
	for _, inc := range p.list(incident.Query{}) {
		samples, err := p.Samples(t.Context(), inc.ID, 1)
		if err != nil || len(samples) != 1 {
			t.Fatal(samples, err)
		}
		ids[samples[0].Stack[0].Line] = inc.ID
	}
	// Both move by four lines; the second of them is seen first. The old build still runs somewhere.
	e.clock.Advance(time.Second)
	p.count(at(34, "b2"), at(30, "b1"), at(10, "b1"), at(14, "b2"), at(34, "b2"))
	// One more place in the new build is an incident of its own.
	e.clock.Advance(time.Second)
	p.count(at(50, "b2"))
	// And a third build moves them again.
	e.clock.Advance(time.Second)
	p.count(at(15, "b3"), at(35, "b3"), at(51, "b3"))
	want := map[string]int64{ids[10]: 4, ids[30]: 5}
	all := p.list(incident.Query{})
	if len(all) != 3 {
		t.Fatalf("%d incidents: %+v", len(all), all)
	}
	for _, inc := range all {
		n, known := want[inc.ID]
		if known && inc.Count != n || !known && inc.Count != 2 || inc.LastBuild.ID != "b3" {
			t.Errorf("%s has %d failures, last in %s; want %d", inc.ID, inc.Count, inc.LastBuild.ID, n)
		}
	}
}

// A place with very many different messages does not make very many incidents.
func testJoined(t *testing.T, e *env) {
	p := e.start()
	word := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 3+i/26) }
	for i := range 60 {
		p.source.Add(Failure(e.clock.Now(), "parse", "unexpected "+word(i), 10))
	}
	p.drain()
	p.count(Failure(e.clock.Now(), "parse", "unexpected "+word(59), 10), Failure(e.clock.Now(), "parse", "unexpected "+word(70), 10),
		Failure(e.clock.Now(), "parse", "unexpected "+word(0), 10))
	all := p.list(incident.Query{})
	if len(all) != 21 {
		t.Fatalf("%d incidents", len(all))
	}
	for _, inc := range all {
		if inc.Joined != (inc.Count > 2) || inc.Joined && inc.Count != 42 {
			t.Errorf("%+v", inc)
		}
	}
}

// Of a process that crashed is told twice, and it is counted once.
func testTwice(t *testing.T, e *env) {
	crash := func(f *fault.Failure) { f.Kind = fault.KindCrash }
	first := Failure(e.clock.Now(), "main", "crashed", 10, crash)
	p := e.start()
	p.count(first, first)
	p.count(first)
	q := e.start()
	q.count(first, Failure(e.clock.Now(), "main", "crashed", 10, crash))
	if inc := q.only(); inc.Count != 2 {
		t.Errorf("counted %d times", inc.Count)
	}
	// Others are not looked at by their IDs.
	usual := Failure(e.clock.Now(), "index", "it failed", 10)
	p.count(usual, usual)
	if got := p.totals().Captured; got != 4 {
		t.Errorf("captured %d", got)
	}
}

// Failures of which only the number was kept count as many.
func testCounted(t *testing.T, e *env) {
	p := e.start()
	start := e.clock.Now()
	e.clock.Advance(10 * time.Minute)
	p.source.AddCounted(Failure(start, "index", "it failed", 10), 1000, start.Add(4*time.Minute+time.Second))
	p.drain()
	inc := p.only()
	if inc.Count != 1000 || !inc.Last.Equal(start.Add(4*time.Minute+time.Second)) {
		t.Errorf("%+v", inc)
	}
	history, err := p.History(t.Context(), inc.ID, start, start.Add(5*time.Minute), time.Minute)
	if want := []int64{200, 200, 200, 200, 200}; err != nil || !slices.Equal(history, want) {
		t.Errorf("history %v, %v", history, err)
	}
	p.wantKinds("of all of them", incident.First)
	p.wantTotals("a mail about many", incident.Totals{Captured: 1000, Mailed: 1, Grouped: 999})
}

// No text is too odd to be kept.
func testOddTexts(t *testing.T, e *env) {
	p := e.start()
	odd := "nul \x00, bad \xff\xfe, quotes ' \" ; -- $1 %s \\ 🙂 \u2028 </script>"
	p.count(Failure(e.clock.Now(), "odd", odd, 10, ByUser(odd), func(f *fault.Failure) {
		f.Request.Route = odd
		f.Build.Version, f.Build.ID = odd, odd
		f.Causes.Type = odd
	}), Failure(time.Time{}, "", "", 0, func(f *fault.Failure) {
		*f = fault.Failure{ID: f.ID}
	}), Failure(e.clock.Now().Add(100*time.Hour), "future", "it failed", 1))
	if n := len(p.list(incident.Query{})); n != 3 {
		t.Fatalf("%d incidents", n)
	}
	for _, inc := range p.list(incident.Query{}) {
		if inc.Last.After(e.clock.Now()) {
			t.Errorf("%s was last seen in the future", inc.Title)
		}
		for _, call := range []func() error{
			func() error { _, err := p.Users(t.Context(), inc.ID); return err },
			func() error { _, err := p.Routes(t.Context(), inc.ID); return err },
			func() error { _, err := p.Samples(t.Context(), inc.ID, 0); return err },
			func() error { return p.Resolve(t.Context(), inc.ID, odd, false) },
		} {
			if err := call(); err != nil {
				t.Error(err)
			}
		}
	}
	if found := p.list(incident.Query{Search: odd}); len(found) > 1 {
		t.Errorf("an odd search found %d", len(found))
	}
	p.mail()
}
