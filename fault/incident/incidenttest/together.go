package incidenttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/incident"
)

// Any number of processes may migrate at the same time, and again.
func testMigrate(t *testing.T, e *env) {
	// The tables are there already; make them once more from nothing.
	db := e.db()
	for _, table := range []string{"incidents", "keys", "minutes", "tallies", "samples", "failures", "notices", "covers", "streams", "builds", "imports", "turns", "schema"} {
		if _, err := db.ExecContext(t.Context(), "DROP TABLE fault_"+table); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 6 {
		db := e.db()
		wg.Go(func() {
			for range 2 {
				if err := incident.Migrate(t.Context(), db, e.backend.Dialect); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	e.start().fail(1)
	if _, err := db.ExecContext(t.Context(), "UPDATE fault_schema SET version = 1000"); err != nil {
		t.Fatal(err)
	}
	var newer *incident.SchemaError
	if err := incident.Migrate(t.Context(), db, e.backend.Dialect); !errors.As(err, &newer) || newer.Database != 1000 {
		t.Errorf("a newer program's tables: %v", err)
	}
	if err := incident.Migrate(t.Context(), db, "oracle"); err == nil {
		t.Error("an unknown dialect was taken")
	}
}

// Two processes count a storm, exactly, and tell of each incident once.
func testTwoBooks(t *testing.T, e *env) {
	const each, groups = 3000, 5
	books := []*process{e.start(), e.start()}
	if e.backend.Connector != nil { // as on two machines
		books[1] = e.open(NewSource(), func(o *incident.Options) { o.Dir = t.TempDir() })
	}
	var stops []func()
	for _, p := range books {
		for i := range each {
			p.source.Add(Failure(e.clock.Now(), place(i%groups), "it failed", 10, ByUser(fmt.Sprint("user", i%7))))
		}
		stops = append(stops, p.run())
	}
	notices := make([][]incident.Notice, len(books))
	var wg sync.WaitGroup
	for i, p := range books {
		wg.Go(func() {
			for p.source.Waiting() > 0 {
				claimed, err := p.Claim(t.Context(), 10)
				if err != nil {
					t.Log(err) // The other one may keep the database for long on a busy machine.
				}
				notices[i] = append(notices[i], claimed...)
				time.Sleep(time.Millisecond)
			}
		})
	}
	for _, p := range books {
		e.within(time.Minute, "counting a storm", p.counted)
	}
	wg.Wait()
	for _, stop := range stops {
		stop()
	}
	all := append(append(notices[0], notices[1]...), books[0].claim()...)
	firsts, keys := map[string]int{}, map[string]bool{}
	for _, n := range all {
		// What another process of the same directory has claimed may be claimed once more as the next one
		// starts; they share an outbox, too, which knows the key.
		if keys[n.Key] && books[0].e.backend.Connector == nil {
			continue
		}
		keys[n.Key] = true
		if n.Kind != incident.First {
			t.Errorf("a notice too many: %+v", n)
		}
		firsts[n.IncidentID]++
		if err := books[1].Settle(t.Context(), n.Key, true); err != nil {
			t.Error(err)
		}
	}
	for id, n := range firsts {
		if n != 1 {
			t.Errorf("incident %s was told %d times", id, n)
		}
	}
	if len(firsts) != groups {
		t.Errorf("%d of %d incidents were told", len(firsts), groups)
	}
	for _, inc := range books[0].list(incident.Query{}) {
		history, err := books[1].History(t.Context(), inc.ID, e.clock.Now(), e.clock.Now().Add(time.Minute), time.Minute)
		if err != nil || inc.Count != 2*each/groups || inc.Users != 7 || history[0] != inc.Count {
			t.Errorf("%+v, history %v, %v", inc, history, err)
		}
	}
	books[0].wantTotals("after the storm", incident.Totals{Captured: 2 * each, Mailed: groups, Waiting: 2*each - groups})
}

// From being captured to being claimed it takes much less than a second.
func testLatency(t *testing.T, e *env) {
	p := e.start()
	defer p.run()()
	e.within(5*time.Second, "the first tick", func() bool { return p.Status().Err == "" })
	start := time.Now()
	p.source.Add(Failure(e.clock.Now(), "index", "it failed", 10))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for {
		select {
		case <-p.Changed():
		case <-ctx.Done():
			t.Fatal("nobody was told")
		}
		if claimed := p.claim(); len(claimed) == 1 {
			break
		}
	}
	t.Logf("%v from being captured to being claimed", time.Since(start))
}
