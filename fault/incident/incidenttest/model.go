package incidenttest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
)

// Whatever happens, the Book says what a simple model says, and what a Book on a state file says.
func testModel(t *testing.T, e *env) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			testModelOnce(t, e.backend, seed)
		})
		if e.backend.Connector != nil {
			break // It is the same database.
		}
	}
}

func testModelOnce(t *testing.T, backend Backend, seed uint64) {
	e, file := newEnv(t, backend), newEnv(t, Backend{})
	file.clock = e.clock
	small := func(o *incident.Options) {
		o.Retention = incident.Retention{Incidents: 12, Samples: 3, Users: 4}
		o.Policy.PerHour = 5
	}
	p, q := e.start(small), file.start(small)
	rng := rand.New(rand.NewPCG(seed, seed))
	m := model{counts: map[string]int64{}, claimed: map[string]incident.Notice{}}
	for step := range 120 {
		what := ""
		switch rng.IntN(10) {
		case 0, 1, 2, 3:
			what = "failures"
			failures := m.failures(e.clock.Now(), rng)
			for _, b := range []*process{p, q} {
				b.tick(0) // Run does so as well, but before or after.
				b.count(failures...)
				b.tick(0)
			}
		case 4, 5:
			d := time.Duration(rng.ExpFloat64() * float64(20*time.Minute))
			what = fmt.Sprint("time passes: ", d)
			p.tick(d)
			q.tick(0)
		case 6, 7:
			what = "mails"
			m.claim(t, p, q)
			m.settle(t, p, q, rng)
		case 8:
			what = "a person"
			m.act(t, p, q, rng)
		case 9:
			what = "a restart"
			// What the one before had claimed is not claimed again.
			p, q = e.open(p.source, small), file.open(q.source, small)
		}
		if t.Failed() {
			t.Fatalf("step %d: %s", step, what)
		}
		if step%5 == 0 {
			m.compare(t, p, q)
		}
		if t.Failed() {
			t.Fatalf("step %d: %s", step, what)
		}
	}
}

// model is what must be so.
type model struct {
	total   int64
	counts  map[string]int64 // by culprit
	claimed map[string]incident.Notice
	settled incident.Totals // Mailed, Grouped and GivenUp
}

func (m *model) failures(now time.Time, rng *rand.Rand) (failures []*fault.Failure) {
	for range 1 + rng.IntN(6) {
		f := Failure(now.Add(-time.Duration(rng.IntN(120))*time.Second), place(rng.IntN(6)*rng.IntN(4)), "it failed", 10,
			ByUser(fmt.Sprint("user", rng.IntN(6))), InBuild(fmt.Sprint("b", rng.IntN(3))))
		failures = append(failures, f)
		m.total++
		m.counts["web."+f.Request.Route[5:]]++
	}
	return failures
}

// claim claims at both, and checks that it is the same.
func (m *model) claim(t *testing.T, p, q *process) {
	a, b := p.claim(), q.claim()
	if len(a) != len(b) {
		t.Fatalf("%d notices and %d", len(a), len(b))
	}
	for i := range a {
		if _, again := m.claimed[a[i].Key]; again {
			continue
		}
		if a[i].Kind != b[i].Kind || a[i].IncidentID != b[i].IncidentID || a[i].Covers != b[i].Covers || a[i].Count != b[i].Count ||
			a[i].Spell != b[i].Spell || len(a[i].Items) != len(b[i].Items) || !a[i].At.Equal(b[i].At) {
			t.Errorf("notice %+v\nand %+v", a[i], b[i])
		}
		var covers int64
		for _, it := range a[i].Items {
			covers += it.Covers
		}
		if len(a[i].Items) > 0 && covers != a[i].Covers {
			t.Errorf("%+v covers %d", a[i], covers)
		}
		m.claimed[a[i].Key] = a[i]
		m.claimed["file "+a[i].Key] = b[i]
	}
}

// settle settles some of what is claimed.
func (m *model) settle(t *testing.T, p, q *process, rng *rand.Rand) {
	for key, a := range m.claimed {
		b, ok := m.claimed["file "+key]
		if !ok || rng.IntN(3) == 0 {
			continue
		}
		delivered := rng.IntN(4) > 0
		p.deliver(a.Key, delivered)
		q.deliver(b.Key, delivered)
		switch {
		case !delivered:
			m.settled.GivenUp += a.Covers
		case a.IncidentID != "" && a.Covers > 0:
			m.settled.Mailed++
			m.settled.Grouped += a.Covers - 1
		default:
			m.settled.Grouped += a.Covers
		}
		delete(m.claimed, key)
		delete(m.claimed, "file "+key)
	}
}

func (m *model) act(t *testing.T, p, q *process, rng *rand.Rand) {
	all := p.list(incident.Query{})
	if len(all) == 0 {
		return
	}
	inc := all[rng.IntN(len(all))]
	kind, nextBuild, count := rng.IntN(3), rng.IntN(2) == 0, rng.Int64N(4)
	until := p.e.clock.Now().Add(time.Duration(rng.IntN(100)) * time.Minute)
	for _, b := range []*process{p, q} {
		var err error
		switch kind {
		case 0:
			err = b.Resolve(t.Context(), inc.ID, "susan", nextBuild)
		case 1:
			err = b.Mute(t.Context(), inc.ID, "susan", until, count)
		case 2:
			err = b.Reopen(t.Context(), inc.ID, "susan")
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// compare compares everything.
func (m *model) compare(t *testing.T, p, q *process) {
	a, b := p.list(incident.Query{Limit: 200}), q.list(incident.Query{Limit: 200})
	if len(a) != len(b) {
		t.Fatalf("%d incidents and %d", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("incidents\n%+v\nand\n%+v", a[i], b[i])
		}
	}
	for _, inc := range a {
		if inc.Count > m.counts[inc.Culprit] {
			t.Errorf("%+v has more than %d failures", inc, m.counts[inc.Culprit])
		}
		for name, call := range map[string]func(*process) (any, error){
			"users":   func(p *process) (any, error) { return p.Users(t.Context(), inc.ID) },
			"routes":  func(p *process) (any, error) { return p.Routes(t.Context(), inc.ID) },
			"samples": func(p *process) (any, error) { return p.Samples(t.Context(), inc.ID, 0) },
			"history": func(p *process) (any, error) {
				return p.History(t.Context(), inc.ID, p.e.clock.Now().Add(-6*time.Hour), p.e.clock.Now(), 10*time.Minute)
			},
		} {
			x, err := call(p)
			if err != nil {
				t.Error(err)
			}
			y, err := call(q)
			if err != nil || !reflect.DeepEqual(x, y) {
				t.Errorf("%s of %s: %+v\nand\n%+v, %v", name, inc.ID, x, y, err)
			}
		}
	}
	x, y := p.totals(), q.totals()
	if x != y {
		t.Errorf("totals\n%v\nand\n%v", x, y)
	}
	if x.Captured != m.total || x.Mailed != m.settled.Mailed || x.Grouped != m.settled.Grouped || x.GivenUp != m.settled.GivenUp {
		t.Errorf("totals\n%v\nare not %d, and %v", x, m.total, m.settled)
	}
}
