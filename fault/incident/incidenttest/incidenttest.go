// Package incidenttest is the conformance suite that a Book must pass wherever it keeps its incidents,
// and what tests of its users need: a source of failures, a clock, and a database that fails on demand.
package incidenttest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"log/slog"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
)

// Backend is where a Book keeps its incidents.
type Backend struct {
	Dialect string // "sqlite" or "postgres"; "" for the state file alone
	// Connector connects to an empty database.
	Connector driver.Connector
	// MaxConns is how many connections a database handle may have; 0: any number.
	MaxConns int
}

// Run runs the suite. fresh makes an empty Backend for one test.
func Run(t *testing.T, fresh func(t *testing.T) Backend) {
	hasSQL := fresh(t).Connector != nil
	for _, c := range []struct {
		name string
		sql  bool // about the database
		test func(t *testing.T, e *env)
	}{
		{"Group", false, testGroup},
		{"Details", false, testDetails},
		{"Adoption", false, testAdoption},
		{"Joined", false, testJoined},
		{"Lifecycle", false, testLifecycle},
		{"Resolve", false, testResolve},
		{"NextBuild", false, testNextBuild},
		{"Mute", false, testMute},
		{"Notices", false, testNotices},
		{"PerHour", false, testPerHour},
		{"Digest", false, testDigest},
		{"WithoutMail", false, testWithoutMail},
		{"Claim", false, testClaim},
		{"Settle", false, testSettle},
		{"Lost", false, testLost},
		{"Retention", false, testRetention},
		{"List", false, testList},
		{"Find", false, testFind},
		{"Twice", false, testTwice},
		{"Counted", false, testCounted},
		{"OddTexts", false, testOddTexts},
		{"TwoBooks", false, testTwoBooks},
		{"Latency", false, testLatency},
		{"Model", false, testModel},
		{"Migrate", true, testMigrate},
		{"Faults", true, testFaults},
		{"Outage", true, testOutage},
		{"OutageRestart", true, testOutageRestart},
		{"OutageKnown", true, testOutageKnown},
		{"LostAnswer", true, testLostAnswer},
		{"Heir", true, testHeir},
		{"ImportLost", true, testImportLost},
		{"Neighbour", true, testNeighbour},
		{"GoneAfterwards", true, testGoneAfterwards},
		{"Flapping", true, testFlapping},
	} {
		if c.sql && !hasSQL {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, newEnv(t, fresh(t)))
		})
	}
}

// env is what one test works with.
type env struct {
	t       testing.TB
	backend Backend
	faults  *Faults // of every database handle
	dir     string
	clock   *Clock
}

func newEnv(t testing.TB, b Backend) *env {
	e := &env{t: t, backend: b, dir: t.TempDir(), clock: NewClock(), faults: new(Faults)}
	if b.Connector != nil {
		if err := incident.Migrate(t.Context(), e.db(), b.Dialect); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// db returns a database handle of its own, as another process has.
func (e *env) db() *sql.DB {
	if e.backend.Connector == nil {
		return nil
	}
	db := sql.OpenDB(e.faults.Connector(e.backend.Connector))
	db.SetMaxOpenConns(e.backend.MaxConns)
	e.t.Cleanup(func() { _ = db.Close() })
	return db
}

// process is a Book with its Source, as in a process of its own.
type process struct {
	*incident.Book
	e      *env
	source *Source
}

// open opens a Book. The source may be one that another process had.
func (e *env) open(source *Source, change ...func(*incident.Options)) *process {
	e.t.Helper()
	o := incident.Options{
		DB: e.db(), Dialect: e.backend.Dialect, Dir: e.dir, Source: source, Mail: true, Now: e.clock.Now,
		Logger: slog.New(slog.DiscardHandler), Build: fault.Build{ID: "build1", Go: "go"},
	}
	for _, fn := range change {
		fn(&o)
	}
	b, err := incident.Open(o)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = b.Close() })
	return &process{b, e, source}
}

// start is open with a source of its own.
func (e *env) start(change ...func(*incident.Options)) *process {
	e.t.Helper()
	return e.open(NewSource(), change...)
}

// run runs the Book until stop is called.
func (p *process) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != nil {
			p.e.t.Error(err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// count captures failures and runs the Book until they are counted.
func (p *process) count(failures ...*fault.Failure) {
	p.e.t.Helper()
	p.source.Add(failures...)
	p.drain()
}

func (p *process) drain() {
	p.e.t.Helper()
	stop := p.run()
	defer stop()
	p.e.within(20*time.Second, "counting what was captured", func() bool { return p.source.Waiting() == 0 })
}

// counted tells whether everything is counted where it is to be in the end.
func (p *process) counted() bool {
	st := p.Status()
	return p.source.Waiting() == 0 && !st.Degraded && !st.Unreconciled
}

// within waits until something is so.
func (e *env) within(d time.Duration, what string, so func() bool) {
	e.t.Helper()
	for deadline := time.Now().Add(d); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf("%s: not within %v", what, d)
		}
	}
}

// tick lets time pass and the Book notice.
func (p *process) tick(d time.Duration) {
	p.e.t.Helper()
	p.e.clock.Advance(d)
	if err := p.Tick(p.e.t.Context()); err != nil {
		p.e.t.Fatal(err)
	}
}

// only returns the one incident that there is.
func (p *process) only() incident.Incident {
	p.e.t.Helper()
	all := p.list(incident.Query{})
	if len(all) != 1 {
		p.e.t.Fatalf("%d incidents: %+v", len(all), all)
	}
	return all[0]
}

func (p *process) list(q incident.Query) []incident.Incident {
	p.e.t.Helper()
	page, err := p.List(p.e.t.Context(), q)
	if err != nil {
		p.e.t.Fatal(err)
	}
	return page.Items
}

// claim claims all notices that there are.
func (p *process) claim() []incident.Notice {
	p.e.t.Helper()
	notices, err := p.Claim(p.e.t.Context(), 100)
	if err != nil {
		p.e.t.Fatal(err)
	}
	return notices
}

// mail claims all notices, and delivers them.
func (p *process) mail() []incident.Notice {
	p.e.t.Helper()
	notices := p.claim()
	for _, n := range notices {
		p.deliver(n.Key, true)
	}
	return notices
}

func (p *process) deliver(key string, delivered bool) {
	p.e.t.Helper()
	if err := p.Queued(p.e.t.Context(), key); err != nil {
		p.e.t.Fatal(err)
	}
	if err := p.Settle(p.e.t.Context(), key, delivered); err != nil {
		p.e.t.Fatal(err)
	}
}

// wantKinds checks what notices there are to be claimed, delivers them, and returns them.
func (p *process) wantKinds(what string, kinds ...incident.NoticeKind) []incident.Notice {
	p.e.t.Helper()
	notices := p.mail()
	got := make([]incident.NoticeKind, len(notices))
	for i, n := range notices {
		got[i] = n.Kind
	}
	if len(got) != len(kinds) {
		p.e.t.Fatalf("%s: notices %v, not %v", what, got, kinds)
	}
	for i := range kinds {
		if got[i] != kinds[i] {
			p.e.t.Fatalf("%s: notices %v, not %v", what, got, kinds)
		}
	}
	return notices
}

func (p *process) wantState(what string, state incident.State) incident.Incident {
	p.e.t.Helper()
	inc := p.only()
	if inc.State != state {
		p.e.t.Fatalf("%s: the incident is %s, not %s", what, inc.State, state)
	}
	return inc
}

// wantTotals checks the balance.
func (p *process) wantTotals(what string, want incident.Totals) {
	p.e.t.Helper()
	got := p.totals()
	if got != want {
		p.e.t.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func (p *process) totals() incident.Totals {
	p.e.t.Helper()
	t, err := p.Totals(p.e.t.Context())
	if err != nil {
		p.e.t.Fatal(err)
	}
	if t.Captured != t.Mailed+t.Grouped+t.Muted+t.Waiting+t.GivenUp+t.NotForMail {
		p.e.t.Fatalf("the books do not balance: %v", t)
	}
	return t
}
