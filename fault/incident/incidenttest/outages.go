package incidenttest

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
)

// impatient lets the state file take over soon.
func impatient(o *incident.Options) { o.Policy.WithoutSQL = 50 * time.Millisecond }

// down waits until the state file has taken over.
func (p *process) down() {
	p.e.t.Helper()
	p.e.faults.Down()
	p.e.within(10*time.Second, "the state file takes over", func() bool {
		_ = p.Tick(p.e.t.Context()) // Run does so every second.
		return p.Status().Degraded
	})
}

// up waits until the database has taken over.
func (p *process) up() {
	p.e.t.Helper()
	p.e.faults.Up()
	p.e.within(10*time.Second, "the database takes over", func() bool {
		_ = p.Tick(p.e.t.Context())
		st := p.Status()
		return !st.Degraded && !st.Unreconciled
	})
}

// storm is failures of a few groups.
func (e *env) storm(n int) (failures []*fault.Failure) {
	for i := range n {
		failures = append(failures, Failure(e.clock.Now(), place(i%3), "it failed", 10, ByUser(fmt.Sprint("user", i%4))))
	}
	return failures
}

// wantStorm checks that so many failures of a storm were counted, in every way.
func (p *process) wantStorm(n int64) {
	p.e.t.Helper()
	t, total := p.e.t, int64(0)
	for _, inc := range p.list(incident.Query{}) {
		total += inc.Count
		history, err := p.History(t.Context(), inc.ID, p.e.clock.Now().Add(-24*time.Hour), p.e.clock.Now().Add(time.Minute), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, n := range history {
			sum += n
		}
		routes, err := p.Routes(t.Context(), inc.ID)
		if err != nil || len(routes) != 1 || routes[0].Count != inc.Count || sum != inc.Count {
			t.Errorf("incident with %d failures has %d in its history and the routes %+v, %v", inc.Count, sum, routes, err)
		}
		users, err := p.Users(t.Context(), inc.ID)
		for _, u := range users {
			sum -= u.Count
		}
		if err != nil || sum != 0 && len(users) > 0 || int64(len(users)) != inc.Users {
			t.Errorf("incident with %d failures of %d people has %+v, %v", inc.Count, inc.Users, users, err)
		}
	}
	if total != n {
		t.Errorf("%d failures are counted, not %d", total, n)
	}
	if got := p.totals(); got.Captured != n {
		t.Errorf("%v; want %d", got, n)
	}
}

// Whatever statement fails, and however, each failure is counted once and each first notice decided
// once.
func testFaults(t *testing.T, e *env) {
	var calls, failed atomic.Int64
	var armed atomic.Bool
	rng := rand.New(rand.NewPCG(1, 2))
	outcomes := []Outcome{Fails, Loses, Closes}
	var due atomic.Int64
	due.Store(1)
	e.faults.Set(func(call string) Outcome {
		if !armed.Load() || calls.Add(1) < due.Load() {
			return Works
		}
		failed.Add(1)
		calls.Store(0)
		due.Add(1) // Next time one call later.
		if due.Load() > 40 {
			due.Store(1)
		}
		if call == "COMMIT" {
			return outcomes[1+rng.IntN(2)]
		}
		return outcomes[2*rng.IntN(2)]
	})
	p := e.start()
	armed.Store(true)
	n := 0
	for round := 0; failed.Load() < 120 && round < 400; round++ {
		failures := e.storm(1 + round%7)
		n += len(failures)
		p.source.Add(failures...)
		p.drain()
		e.clock.Advance(time.Minute)
		if round%10 == 0 {
			_ = p.Tick(t.Context())
		}
	}
	armed.Store(false)
	stop := p.run()
	e.within(20*time.Second, "the database takes over", p.counted)
	stop()
	if failed.Load() < 120 {
		t.Fatalf("only %d calls failed", failed.Load())
	}
	p.wantStorm(int64(n))
	firsts := map[string]int{}
	for _, notice := range p.mail() {
		if notice.Kind == incident.First {
			firsts[notice.IncidentID]++
		}
	}
	if len(firsts) != 3 {
		t.Errorf("%d incidents were told first", len(firsts))
	}
	for id, n := range firsts {
		if n != 1 {
			t.Errorf("incident %s was told first %d times", id, n)
		}
	}
	got := p.totals()
	p.tick(time.Hour)
	p.mail()
	if after := p.totals(); after.Waiting != 0 || after.Captured != got.Captured {
		t.Errorf("at the end: %v", after)
	}
}

// The database is gone for a while in the middle of a storm.
func testOutage(t *testing.T, e *env) {
	p := e.start(impatient)
	defer p.run()()
	p.source.Add(e.storm(300)...)
	e.within(10*time.Second, "counting", func() bool { return p.source.Waiting() == 0 })
	first := p.mail()
	if len(first) != 3 {
		t.Fatalf("%d notices", len(first))
	}
	before := p.totals()
	p.down()
	e.clock.Advance(11 * time.Minute)
	p.source.Add(e.storm(900)...)
	fresh := Failure(e.clock.Now(), "dial", "connection refused", 10)
	p.source.Add(fresh)
	e.within(10*time.Second, "counting in the file", func() bool { return p.source.Waiting() == 0 })
	// The incidents are recognised, and what is new is told at once.
	kinds := map[incident.NoticeKind]int{}
	var later []incident.Notice
	for i, n := range p.claim() {
		kinds[n.Kind]++
		if n.Kind == incident.More && (n.Count <= 100 || n.Incident.ID == "" || n.Failure == nil) {
			t.Errorf("%+v", n)
		}
		if i%2 == 0 {
			p.deliver(n.Key, true)
		} else {
			later = append(later, n)
		}
	}
	if kinds[incident.First] != 1 || kinds[incident.More] != 3 {
		t.Errorf("notices while the database is gone: %v", kinds)
	}
	if got := p.totals(); got.Captured != 1201 || got.Mailed != before.Mailed+2 {
		t.Errorf("while the database is gone: %v", got)
	}
	if err := p.Resolve(t.Context(), first[0].IncidentID, "susan", false); err == nil {
		t.Error("resolved without the database")
	}
	p.up()
	for _, n := range later {
		p.deliver(n.Key, true)
	}
	if more := p.claim(); len(more) != 0 {
		t.Errorf("told again: %+v", more)
	}
	got := p.totals()
	if got.Mailed != 7 || got.Captured != 1201 {
		t.Errorf("afterwards: %v", got)
	}
	dial := p.list(incident.Query{Search: "refused"})
	if len(dial) != 1 || dial[0].Count != 1 || dial[0].Mailed != 1 {
		t.Errorf("%+v", dial)
	}
	samples, err := p.Samples(t.Context(), dial[0].ID, 0)
	if err != nil || len(samples) != 1 || samples[0].ID != fresh.ID {
		t.Errorf("%v, %v", samples, err)
	}
	if found, err := p.Find(t.Context(), fresh.ID.String()); err != nil || len(found) != 1 || found[0].Failure == nil {
		t.Errorf("%v, %v", found, err)
	}
	p.wantStorm(1201)
	// And life goes on as if nothing had been.
	e.clock.Advance(31 * time.Minute)
	_ = p.Tick(t.Context())
	kinds = map[incident.NoticeKind]int{}
	for _, n := range p.mail() {
		kinds[n.Kind]++
	}
	if kinds[incident.Stopped] != 3 || len(kinds) != 1 {
		t.Errorf("when it stopped: %v", kinds)
	}
	if got := p.totals(); got.Waiting != 0 {
		t.Errorf("at the end: %v", got)
	}
}

// The process ends in the outage, once suddenly, and the next one goes on.
func testOutageRestart(t *testing.T, e *env) {
	p := e.start(impatient)
	stop := p.run()
	p.source.Add(e.storm(100)...)
	e.within(10*time.Second, "counting", func() bool { return p.source.Waiting() == 0 })
	firsts := len(p.mail())
	p.down()
	p.source.Add(e.storm(700)...)
	e.within(10*time.Second, "counting in the file", func() bool { return p.source.Waiting() == 0 })
	stop()
	p.source.Add(e.storm(50)...) // which nobody has counted
	source := NewSource()
	source.Inherit(p.source)
	q := e.open(source, impatient)
	stop = q.run()
	source.Add(e.storm(70)...)
	source.Add(Failure(e.clock.Now(), "dial", "connection refused", 10, func(f *fault.Failure) {}))
	e.within(10*time.Second, "counting in the file", func() bool { return source.Waiting() == 0 })
	stop()
	// And a third one finds the database again.
	e.faults.Up()
	r := e.start(impatient)
	stop = r.run()
	r.source.Add(e.storm(30)...)
	e.within(10*time.Second, "counting", func() bool { return r.source.Waiting() == 0 && !r.Status().Unreconciled })
	stop()
	r.wantStorm(951)
	for _, n := range r.mail() {
		if n.Kind == incident.First {
			firsts++
		}
	}
	if firsts != 4 {
		t.Errorf("%d incidents were told first, of 4", firsts)
	}
	r.tick(time.Hour)
	r.mail()
	if got := r.totals(); got.Waiting != 0 || got.Captured != 951 {
		t.Errorf("at the end: %v", got)
	}
}

// A process that starts without the database knows which incidents are muted and which were resolved.
func testOutageKnown(t *testing.T, e *env) {
	p := e.start(impatient)
	p.count(e.storm(3)...)
	p.mail()
	all := p.list(incident.Query{})
	if err := p.Mute(t.Context(), all[0].ID, "susan", time.Time{}, 0); err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(t.Context(), all[1].ID, "susan", false); err != nil {
		t.Fatal(err)
	}
	p.tick(11 * time.Second)
	e.faults.Down()
	q := e.start(impatient)
	stop := q.run()
	e.clock.Advance(time.Minute)
	q.source.Add(e.storm(3)...)
	q.source.Add(e.storm(3)...)
	e.within(10*time.Second, "counting in the file", func() bool { return q.source.Waiting() == 0 })
	if back := q.mail(); len(back) != 1 || back[0].Kind != incident.Back || back[0].IncidentID != all[1].ID {
		t.Errorf("told: %+v", back)
	}
	q.up()
	stop()
	states := map[incident.State]int64{}
	for _, inc := range q.list(incident.Query{}) {
		states[inc.State] += inc.Count
	}
	if len(states) != 3 || states[incident.Muted] != 3 || states[incident.Regressed] != 3 || states[incident.New] != 3 {
		t.Errorf("%v", states)
	}
	q.wantStorm(9)
	if got := q.totals(); got.Muted != 2 || got.Mailed != 4 {
		t.Errorf("%v", got)
	}
}

// Who takes over a dead process's stream takes over its state file first.
func testHeir(t *testing.T, e *env) {
	var gone atomic.Bool
	p := e.start(impatient)
	stop := p.run()
	e.faults.Set(func(string) Outcome {
		if gone.Load() {
			return Closes
		}
		return Works
	})
	gone.Store(true)
	p.source.Add(e.storm(20)...)
	e.within(10*time.Second, "counting in the file", func() bool { return p.source.Waiting() == 0 })
	stop()
	gone.Store(false)
	// As if the journal had not heard of what was Done.
	q := e.start(impatient)
	for _, st := range p.source.streams {
		st.done = 0
	}
	q.source.Inherit(p.source)
	q.drain()
	q.wantStorm(20)
	if n := len(q.mail()); n != 3 {
		t.Errorf("%d notices", n)
	}
}

// The database comes and goes all the time.
func testFlapping(t *testing.T, e *env) {
	var rng = rand.New(rand.NewPCG(3, 4))
	p := e.start(impatient)
	stop := p.run()
	n := int64(0)
	var told atomic.Int64
	for round := range 12 {
		failures := e.storm(40 + rng.IntN(200))
		n += int64(len(failures))
		p.source.Add(failures...)
		switch round % 3 {
		case 0:
			every := int64(2 + rng.IntN(12))
			var calls atomic.Int64
			e.faults.Set(func(call string) Outcome {
				switch {
				case calls.Add(1)%every != 0:
					return Works
				case call == "COMMIT":
					return Loses
				}
				return Closes
			})
		case 1:
			e.faults.Down()
		case 2:
			e.faults.Up()
		}
		time.Sleep(time.Duration(rng.IntN(120)) * time.Millisecond)
		if claimed, err := p.Claim(t.Context(), 10); err == nil {
			for _, notice := range claimed {
				if notice.Kind == incident.First {
					told.Add(1)
				}
				// As errormail does: it is said until it is heard.
				for p.Settle(t.Context(), notice.Key, true) != nil {
					e.faults.Up()
					time.Sleep(5 * time.Millisecond)
				}
			}
		}
	}
	e.faults.Up()
	e.within(20*time.Second, "counting", p.counted)
	stop()
	p.wantStorm(n)
	for _, notice := range p.mail() {
		if notice.Kind == incident.First {
			told.Add(1)
		}
	}
	if told.Load() != 3 {
		t.Errorf("%d first notices of 3 incidents", told.Load())
	}
	p.tick(time.Hour)
	p.mail()
	if got := p.totals(); got.Waiting != 0 {
		t.Errorf("at the end: %v", got)
	}
}
