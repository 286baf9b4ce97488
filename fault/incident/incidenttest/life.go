package incidenttest

import (
	"errors"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
)

func (p *process) fail(n int, change ...func(*fault.Failure)) {
	p.e.t.Helper()
	for range n {
		p.source.Add(Failure(p.e.clock.Now(), "index", "it failed", 10, change...))
	}
	p.drain()
}

func testLifecycle(t *testing.T, e *env) {
	p := e.start()
	p.fail(1)
	p.wantState("at first", incident.New)
	p.wantKinds("at first", incident.First)
	p.tick(29 * time.Minute)
	p.wantState("a while later", incident.New)
	p.tick(time.Minute)
	p.wantState("when nothing happens", incident.Quiet)
	p.wantKinds("after a single failure", []incident.NoticeKind{}...)
	p.fail(1)
	p.wantState("when it happens again", incident.Ongoing)
	p.wantKinds("doubled", incident.More)
	p.fail(3)
	p.tick(31 * time.Minute)
	p.wantState("quiet again", incident.Quiet)
	stopped := p.wantKinds("quiet again", incident.Stopped)[0]
	if stopped.Covers != 3 || stopped.Spell.Count != 4 || stopped.Count != 5 {
		t.Errorf("%+v", stopped)
	}
	p.wantTotals("afterwards", incident.Totals{Captured: 5, Mailed: 3, Grouped: 2})

	// One that goes on is no longer new after a day.
	q := Failure(e.clock.Now(), "other", "it failed", 10)
	p.count(q)
	for range 80 {
		p.tick(20 * time.Minute)
		p.count(Failure(e.clock.Now(), "other", "it failed", 10))
	}
	if got := p.list(incident.Query{})[0]; got.State != incident.Ongoing || got.Count != 81 {
		t.Errorf("after a day: %+v", got)
	}
}

func testResolve(t *testing.T, e *env) {
	p := e.start()
	ctx := t.Context()
	if err := p.Resolve(ctx, "0000000000000", "susan", false); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("resolving what is not there: %v", err)
	}
	if _, err := p.Incident(ctx, ""); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("no ID: %v", err)
	}
	p.fail(3)
	id := p.only().ID
	p.wantKinds("at first", incident.First)
	early := Failure(e.clock.Now(), "index", "it failed", 10)
	e.clock.Advance(time.Minute)
	if err := p.Resolve(ctx, id, "susan", false); err != nil {
		t.Fatal(err)
	}
	inc := p.wantState("resolved", incident.Resolved)
	if inc.ChangedBy != "susan" || !inc.ResolvedAt.Equal(e.clock.Now()) {
		t.Errorf("%+v", inc)
	}
	p.count(early) // which happened before
	p.wantState("what came late", incident.Resolved)
	p.tick(time.Hour)
	p.wantState("an hour later", incident.Resolved)
	p.wantKinds("while it is resolved")
	p.fail(1)
	if inc := p.wantState("it came back", incident.Regressed); inc.Regressions != 1 {
		t.Errorf("%+v", inc)
	}
	back := p.wantKinds("it came back", incident.Back)[0]
	if back.Covers != 1 || back.Seq != 2 || back.IncidentID != id || back.Incident.State != incident.Regressed || back.Failure == nil {
		t.Errorf("%+v", back)
	}
	p.fail(1)
	p.tick(10 * time.Minute)
	p.wantKinds("twice since", incident.More)
	p.tick(time.Hour)
	p.wantState("it ended again", incident.Quiet)
	p.wantKinds("it ended again", incident.Stopped)
	p.wantTotals("afterwards", incident.Totals{Captured: 6, Mailed: 3, Muted: 3})
	if err := p.Resolve(ctx, id, "", false); err != nil {
		t.Fatal(err)
	}
	if err := p.Reopen(ctx, id, "john"); err != nil {
		t.Fatal(err)
	}
	if inc := p.wantState("reopened", incident.Quiet); inc.ChangedBy != "john" {
		t.Errorf("%+v", inc)
	}
	p.fail(1)
	p.wantState("goes on", incident.Ongoing)
	p.wantKinds("goes on", incident.More)
}

func testNextBuild(t *testing.T, e *env) {
	p := e.start()
	p.tick(0) // which notes the Book's own build
	p.fail(1, InBuild("b1"))
	e.clock.Advance(time.Minute)
	p.fail(1, InBuild("b2"))
	p.mail()
	e.clock.Advance(time.Minute)
	if err := p.Resolve(t.Context(), p.only().ID, "susan", true); err != nil {
		t.Fatal(err)
	}
	e.clock.Advance(time.Minute)
	p.fail(2, InBuild("b2"))
	p.fail(2, InBuild("b1"))
	p.fail(1, InBuild("build1")) // which the Book itself is
	p.wantState("builds that are known to have it", incident.Resolved)
	p.wantKinds("builds that are known to have it")
	if got := p.totals(); got.Muted != 6 {
		t.Errorf("%v", got)
	}
	p.fail(1, InBuild("b3"))
	p.wantState("a newer build", incident.Regressed)
	p.wantKinds("a newer build", incident.Back)
}

func testMute(t *testing.T, e *env) {
	p := e.start()
	ctx := t.Context()
	p.fail(2)
	p.wantKinds("at first", incident.First)
	id := p.only().ID
	if err := p.Mute(ctx, id, "susan", e.clock.Now().Add(time.Hour), 0); err != nil {
		t.Fatal(err)
	}
	p.wantTotals("muted", incident.Totals{Captured: 2, Mailed: 1, Muted: 1})
	p.fail(10)
	p.tick(59 * time.Minute)
	p.fail(10)
	p.wantState("still muted", incident.Muted)
	p.wantKinds("still muted")
	p.tick(time.Minute)
	p.wantState("the time is over", incident.Ongoing)
	p.wantKinds("nothing happened since")
	p.fail(1)
	p.wantKinds("it happens again", incident.More)
	p.wantTotals("the time is over", incident.Totals{Captured: 23, Mailed: 2, Muted: 21})

	if err := p.Mute(ctx, id, "susan", time.Time{}, 5); err != nil {
		t.Fatal(err)
	}
	p.fail(4)
	if inc := p.wantState("muted for one more", incident.Muted); inc.MuteLeft != 1 {
		t.Errorf("%+v", inc)
	}
	p.fail(1)
	p.wantState("the number is reached", incident.Ongoing)
	p.fail(1)
	p.wantKinds("one too many", incident.More)

	if err := p.Mute(ctx, id, "susan", time.Time{}, 0); err != nil {
		t.Fatal(err)
	}
	p.fail(100)
	p.tick(48 * time.Hour)
	p.fail(100)
	p.wantState("muted for good", incident.Muted)
	p.wantKinds("muted for good")
	if err := p.Reopen(ctx, id, "susan"); err != nil {
		t.Fatal(err)
	}
	p.fail(1)
	p.wantState("reopened", incident.Ongoing)
	p.wantKinds("reopened", incident.More)
	p.wantTotals("at the end", incident.Totals{Captured: 230, Mailed: 4, Muted: 226})
}
