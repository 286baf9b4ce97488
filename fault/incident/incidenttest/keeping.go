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

func testRetention(t *testing.T, e *env) {
	p := e.start(func(o *incident.Options) {
		o.Retention = incident.Retention{
			Unseen: 24 * time.Hour, Incidents: 8, Minutes: time.Hour, Samples: 3, Users: 5, Routes: 2, IDs: 40, Notices: 12 * time.Hour,
		}
	})
	start := e.clock.Now()
	for i := range 50 {
		p.source.Add(Failure(start, "index", "it failed", 10, ByUser(fmt.Sprint("user", i)), func(f *fault.Failure) {
			f.Request.Route = fmt.Sprint("GET /", i)
		}))
	}
	p.drain()
	old := p.only()
	users, _ := p.Users(t.Context(), old.ID)
	routes, _ := p.Routes(t.Context(), old.ID)
	samples, _ := p.Samples(t.Context(), old.ID, 0)
	if len(users) != 5 || len(routes) != 2 || len(samples) != 4 || old.Users != 5 || old.Routes != 2 || old.Count != 50 {
		t.Errorf("%d users, %d routes, %d samples; %+v", len(users), len(routes), len(samples), old)
	}
	p.tick(time.Second)
	first := p.wantKinds("at first", incident.First)[0]
	p.tick(2 * time.Hour)
	p.mail()
	history, err := p.History(t.Context(), old.ID, start, start.Add(time.Minute), time.Minute)
	if err != nil || !slices.Equal(history, []int64{0}) {
		t.Errorf("history after its time: %v, %v", history, err)
	}
	if found, err := p.Find(t.Context(), first.Failure.ID.String()); err != nil || len(found) > 1 {
		t.Errorf("%v, %v", found, err)
	}
	p.tick(13 * time.Hour)
	if told, err := p.Notices(t.Context(), old.ID); err != nil || len(told) != 0 {
		t.Errorf("notices after their time: %v, %v", told, err)
	}
	// More incidents than are kept: the ones seen last stay, and the books balance.
	for i := range 30 {
		e.clock.Advance(time.Minute)
		p.count(Failure(e.clock.Now(), place(i), "it failed", 10), Failure(e.clock.Now(), place(i), "it failed", 10))
		p.mail()
	}
	p.tick(2 * time.Minute)
	all := p.list(incident.Query{})
	if len(all) > 8+2 || all[0].Culprit != "web."+place(29) {
		t.Errorf("%d incidents are kept: %+v", len(all), all)
	}
	if got := p.totals(); got.Captured != 110 {
		t.Errorf("%v", got)
	}
	// What is not seen for long goes.
	for range 30 {
		p.tick(time.Hour)
		p.mail()
	}
	if all := p.list(incident.Query{}); len(all) != 0 {
		t.Errorf("still there: %+v", all)
	}
	for range 30 {
		p.tick(time.Hour)
		p.mail()
	}
	got := p.totals()
	if got.Captured != 110 || got.Waiting != 0 {
		t.Errorf("%v", got)
	}
	if _, err := p.Incident(t.Context(), ""); err == nil {
		t.Error("the books of the others can be seen as an incident")
	}
	if counts, err := p.Counts(t.Context()); err != nil || len(counts) != 0 {
		t.Errorf("%v, %v", counts, err)
	}
	// It can begin again.
	p.count(Failure(e.clock.Now(), "index", "it failed", 10))
	if inc := p.only(); inc.ID != old.ID || inc.Count != 1 {
		t.Errorf("%+v", inc)
	}
}

func testList(t *testing.T, e *env) {
	p := e.start()
	for i := range 25 {
		e.clock.Advance(time.Second)
		p.source.Add(Failure(e.clock.Now(), place(i), "Disk FULL at 100% of_space", 10))
	}
	e.clock.Advance(time.Second)
	p.source.Add(Failure(e.clock.Now(), "other", "timeout", 10, func(f *fault.Failure) {
		f.Causes.Type, f.Request.Route = "*net.OpError", "DELETE /Posts/{id}"
	}))
	p.drain()
	var seen []string
	q := incident.Query{Limit: 10}
	for pages := 0; ; pages++ {
		page, err := p.List(t.Context(), q)
		if err != nil || pages > 3 {
			t.Fatal(err, pages)
		}
		for _, inc := range page.Items {
			seen = append(seen, inc.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if len(seen) != 26 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 26 {
		t.Errorf("%d listed", len(seen))
	}
	other := p.list(incident.Query{Limit: 1})[0]
	if other.Culprit != "web.other" {
		t.Errorf("the first is %s", other.Culprit)
	}
	for _, c := range []struct {
		search string
		n      int
	}{
		{"disk", 25}, {"DISK full", 25}, {"100%", 25}, {"of_space", 25}, {"ofxspace", 0}, {"%", 25}, {`\`, 0},
		{"timeout", 1}, {"operror", 1}, {"/posts", 1}, {"delete timeout", 1}, {"disk timeout", 0}, {other.ID, 1},
		{strings.ToLower(other.ID), 1}, {"web." + place(3), 1}, {"", 26}, {"' OR 1=1 --", 0},
	} {
		if got := p.list(incident.Query{Search: c.search, Limit: 200}); len(got) != c.n {
			t.Errorf("searching %q: %d, not %d", c.search, len(got), c.n)
		}
	}
	if err := p.Resolve(t.Context(), other.ID, "susan", false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		states []incident.State
		n      int
	}{{[]incident.State{incident.Resolved}, 1}, {[]incident.State{incident.New}, 25}, {[]incident.State{incident.New, incident.Resolved}, 26}, {[]incident.State{incident.Muted}, 0}} {
		if got := p.list(incident.Query{States: c.states, Limit: 200}); len(got) != c.n {
			t.Errorf("%v: %d, not %d", c.states, len(got), c.n)
		}
	}
	if _, err := p.List(t.Context(), incident.Query{Cursor: "no cursor"}); err == nil || !strings.Contains(err.Error(), "no cursor") {
		t.Errorf("with a cursor that is none: %v", err)
	}
}

func testFind(t *testing.T, e *env) {
	p := e.start()
	var failures []*fault.Failure
	for i := range 60 {
		e.clock.Advance(time.Second)
		failures = append(failures, Failure(e.clock.Now(), place(i%2), "it failed", 10))
	}
	twin := Failure(e.clock.Now(), "other", "it failed", 10)
	copy(twin.ID[:], failures[40].ID[:6])
	p.count(append(failures, twin)...)
	for _, c := range []struct {
		name, id string
		n        int
		sample   bool
	}{
		{"as people see it", failures[59].ID.String(), 1, true},
		{"in lower case", strings.ToLower(failures[58].ID.String()), 1, true},
		{"in full", failures[57].ID.Full(), 1, true},
		{"the first of all", failures[0].ID.String(), 1, true},
		{"no sample any more", failures[20].ID.String(), 1, false},
		{"two that look the same", failures[40].ID.String(), 2, false},
		{"one of them", failures[40].ID.Full(), 1, true},
		{"nobody's", "0000-0000", 0, false},
		{"no ID at all", "?!", 0, false},
		{"too short", failures[59].ID.Full()[:3], 0, false},
	} {
		found, err := p.Find(t.Context(), c.id)
		if err != nil || len(found) != c.n {
			t.Errorf("%s, %s: %d found, %v", c.name, c.id, len(found), err)
			continue
		}
		if c.n == 1 && (found[0].Failure != nil) != c.sample || c.sample && found[0].Failure.ID != found[0].ID {
			t.Errorf("%s: %+v", c.name, found[0])
		}
		for _, f := range found {
			if f.Incident.ID == "" || f.Incident.Count == 0 {
				t.Errorf("%s: without its incident: %+v", c.name, f)
			}
		}
	}
	inc := p.list(incident.Query{Search: "web." + place(1)})[0]
	for _, id := range []string{inc.ID, strings.ToLower(inc.ID[:6]), inc.ID[:4] + "-" + inc.ID[4:8]} {
		found, err := p.Find(t.Context(), id)
		if err != nil || len(found) != 1 || found[0].Incident.ID != inc.ID || found[0].Failure == nil || found[0].ID != failures[59].ID {
			t.Errorf("incident %s: %+v, %v", id, found, err)
		}
	}
}
