package incidenttest

import (
	"fmt"
	"testing"
	"time"

	"example.org/microblog/fault/incident"
)

func testNotices(t *testing.T, e *env) {
	p := e.start()
	p.source.Add(Failure(e.clock.Now(), "index", "it failed", 10, ByUser("susan")))
	p.drain()
	first := p.wantKinds("the first", incident.First)[0]
	inc := p.only()
	if first.IncidentID != inc.ID || first.Covers != 1 || first.Seq != 1 || first.Count != 1 || first.Spell.Users != 1 ||
		first.Incident.Title != inc.Title || first.Failure == nil || first.Failure.User != "susan" || !first.At.Equal(e.clock.Now()) {
		t.Errorf("%+v", first)
	}
	e.clock.Advance(9 * time.Minute)
	p.fail(2)
	p.wantKinds("too early")
	p.wantTotals("too early", incident.Totals{Captured: 3, Mailed: 1, Waiting: 2})
	p.tick(time.Minute)
	if more := p.wantKinds("time has passed", incident.More)[0]; more.Covers != 2 || more.Count != 3 || more.Failure == nil || more.Seq != 2 {
		t.Errorf("%+v", more)
	}
	p.wantTotals("a mail about two", incident.Totals{Captured: 3, Mailed: 2, Grouped: 1})
	p.tick(20 * time.Minute)
	p.fail(2)
	p.tick(20 * time.Minute)
	p.wantKinds("not doubled")
	p.fail(1)
	p.wantKinds("doubled", incident.More)
	e.clock.Advance(time.Minute)
	p.fail(3)
	p.tick(40 * time.Minute)
	stopped := p.wantKinds("quiet", incident.Stopped)[0]
	if stopped.Covers != 3 || stopped.Spell.Count != 9 || !stopped.Spell.First.Equal(inc.First) || stopped.Spell.Users != 1 {
		t.Errorf("%+v", stopped)
	}
	p.wantTotals("quiet", incident.Totals{Captured: 9, Mailed: 4, Grouped: 5})
	// After a long time the first one is told at once.
	p.tick(25 * time.Hour)
	p.fail(1)
	p.wantKinds("after a long time", incident.More)
	told, err := p.Notices(t.Context(), inc.ID)
	if err != nil || len(told) != 5 || told[0].Kind != incident.More || told[4].Kind != incident.First ||
		told[4].State != incident.Delivered || told[1].Covers != 3 || told[4].SettledAt.IsZero() {
		t.Errorf("%+v, %v", told, err)
	}
}

// place names one of many places.
func place(i int) string { return fmt.Sprintf("place%c%c", 'a'+i/26, 'a'+i%26) }

func testPerHour(t *testing.T, e *env) {
	p := e.start()
	for i := range 30 {
		for range 1 + i%3 {
			p.source.Add(Failure(e.clock.Now(), place(i), "it failed", 10))
		}
	}
	p.drain()
	if n := len(p.mail()); n != 20 {
		t.Fatalf("%d mails in an hour", n)
	}
	p.tick(30 * time.Minute)
	p.wantKinds("later in the hour")
	p.tick(30 * time.Minute)
	var summary incident.Notice
	for _, n := range p.mail() {
		if n.Kind == incident.Summary && summary.Key == "" {
			summary = n
		} else {
			t.Errorf("one more: %+v", n)
		}
	}
	// The 10 without a mail, and those of the others that could not be told that they stopped.
	var covers int64
	for _, it := range summary.Items {
		covers += it.Covers
		if it.Incident.ID == "" || it.Incident.Title == "" || it.Covers == 0 {
			t.Errorf("item %+v", it)
		}
	}
	if covers != summary.Covers || len(summary.Items) < 10 || summary.IncidentID != "" || summary.Incident.ID != "" {
		t.Errorf("%+v", summary)
	}
	p.wantTotals("all", incident.Totals{Captured: 60, Mailed: 20, Grouped: 40})
	// Another hour has mails again.
	p.count(Failure(e.clock.Now(), "another", "it failed", 10))
	p.wantKinds("in the next hour", incident.First)
	told, err := p.Notices(t.Context(), summary.Items[0].Incident.ID)
	if err != nil || len(told) == 0 || told[0].Kind != incident.Summary || told[0].Covers != summary.Items[0].Covers {
		t.Errorf("%+v, %v", told, err)
	}
}

func testDigest(t *testing.T, e *env) {
	p := e.start()
	p.fail(3)
	p.wantKinds("at first", incident.First)
	p.tick(5 * time.Minute)
	p.fail(1)
	for range 30 {
		// Spells of one failure each, neither enough for another mail nor for the word that it stopped.
		p.tick(40 * time.Minute)
		p.mail()
	}
	p.fail(1)
	p.count(Failure(e.clock.Now(), "fresh", "it failed", 1))
	p.mail()
	p.tick(5 * time.Hour)
	p.mail()
	p.tick(20 * time.Hour)
	digests := 0
	for _, n := range p.mail() {
		if n.Kind == incident.Digest {
			digests++
			if n.Covers != 1 || len(n.Items) != 1 {
				t.Errorf("%+v", n)
			}
		}
	}
	if digests != 1 {
		t.Errorf("%d digests", digests)
	}
	if got := p.totals(); got.Waiting != 0 {
		t.Errorf("%v", got)
	}
}

func testWithoutMail(t *testing.T, e *env) {
	quiet := func(o *incident.Options) { o.Mail = false }
	p := e.start(quiet)
	p.fail(100)
	p.tick(time.Hour)
	p.wantKinds("without mail")
	p.wantState("without mail", incident.Quiet)
	p.wantTotals("without mail", incident.Totals{Captured: 100, NotForMail: 100})
	q := e.start()
	q.fail(1)
	q.wantKinds("with mail", incident.First)
	q.wantTotals("with mail", incident.Totals{Captured: 101, Mailed: 1, NotForMail: 100})
}

func testClaim(t *testing.T, e *env) {
	p := e.start()
	p.fail(1)
	claimed := p.claim()
	if len(claimed) != 1 {
		t.Fatalf("%+v", claimed)
	}
	if again := p.claim(); len(again) != 0 {
		t.Errorf("claimed again: %+v", again)
	}
	// The next process of this directory need not wait.
	q := e.start()
	if again := q.claim(); len(again) != 1 || again[0].Key != claimed[0].Key {
		t.Errorf("by the next process: %+v", again)
	}
	if again := q.claim(); len(again) != 0 {
		t.Errorf("by the next process, again: %+v", again)
	}
	e.clock.Advance(59 * time.Second)
	if again := p.claim(); len(again) != 0 {
		t.Errorf("before the end of the lease: %+v", again)
	}
	e.clock.Advance(2 * time.Second)
	if again := p.claim(); len(again) != 1 {
		t.Errorf("after the end of the lease: %+v", again)
	}
	for range 2 {
		if err := p.Queued(t.Context(), claimed[0].Key); err != nil {
			t.Error(err)
		}
	}
	e.clock.Advance(time.Hour)
	if again := e.start().claim(); len(again) != 0 {
		t.Errorf("what is on its way: %+v", again)
	}
	if none, err := p.Claim(t.Context(), 0); err != nil || len(none) != 0 {
		t.Errorf("none: %v, %v", none, err)
	}
	// In pieces, oldest first.
	for i := range 5 {
		e.clock.Advance(time.Millisecond)
		p.count(Failure(e.clock.Now(), place(i), "it failed", 10))
	}
	for _, n := range []int{2, 2, 1, 0} {
		part, err := p.Claim(t.Context(), 2)
		if err != nil || len(part) != n || n == 2 && part[1].At.Before(part[0].At) {
			t.Errorf("%d of %d, %v", len(part), n, err)
		}
	}
}

func testSettle(t *testing.T, e *env) {
	p := e.start()
	p.fail(1)
	for range 3 {
		p.fail(4)
		e.clock.Advance(10 * time.Minute)
	}
	if err := p.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	notices := p.claim()
	if len(notices) < 3 {
		t.Fatalf("%+v", notices)
	}
	want := incident.Totals{Captured: 13, Waiting: 13}
	p.wantTotals("nothing is settled", want)
	for i, n := range notices {
		for range 2 { // the second time changes nothing, whatever it says
			if err := p.Settle(t.Context(), n.Key, i != 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Settle(t.Context(), n.Key, i == 1); err != nil {
			t.Fatal(err)
		}
		want.Waiting -= n.Covers
		if i == 1 {
			want.GivenUp += n.Covers
		} else {
			want.Mailed++
			want.Grouped += n.Covers - 1
		}
		p.wantTotals(fmt.Sprint("settled ", i+1), want)
	}
	if err := p.Settle(t.Context(), "no-such-notice.1", true); err != nil {
		t.Errorf("what is no longer known: %v", err)
	}
	if err := p.Queued(t.Context(), "no-such-notice.1"); err != nil {
		t.Errorf("what is no longer known: %v", err)
	}
	p.wantTotals("at the end", want)
}

// What was handed over and is never heard of again does not wait for ever.
func testLost(t *testing.T, e *env) {
	p := e.start()
	p.fail(1)
	for _, n := range p.claim() {
		if err := p.Queued(t.Context(), n.Key); err != nil {
			t.Fatal(err)
		}
	}
	p.tick(13 * 24 * time.Hour)
	p.wantTotals("in the outbox", incident.Totals{Captured: 1, Waiting: 1})
	p.tick(2 * 24 * time.Hour)
	p.wantTotals("lost", incident.Totals{Captured: 1, GivenUp: 1})
}
