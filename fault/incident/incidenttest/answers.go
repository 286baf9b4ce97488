package incidenttest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault"
)

// The answer to a commit is lost, the database is gone, and nobody knows whether it has counted.
func testLostAnswer(t *testing.T, e *env) {
	for _, committed := range []bool{true, false} {
		for _, restart := range []bool{true, false} {
			t.Run(fmt.Sprintf("committed=%v,restart=%v", committed, restart), func(t *testing.T) {
				e := newEnv(t, e.backend)
				e.faults.Up()
				testLostAnswerOnce(t, e, committed, restart)
			})
		}
	}
}

func testLostAnswerOnce(t *testing.T, e *env, committed, restart bool) {
	message := strings.Repeat("x", 3+rand.IntN(1000)) // so that the rounds do not meet
	p := e.start(impatient)
	before := p.totals().Captured
	storm := func(n int) (failures []*fault.Failure) {
		for _, f := range e.storm(n) {
			f.Stack[0].Function += message
			failures = append(failures, f)
		}
		return failures
	}
	stop := p.run()
	var gone, counted atomic.Bool
	e.faults.Set(func(call string) Outcome {
		if gone.Load() {
			return Closes
		}
		if strings.HasPrefix(call, "INSERT INTO fault_incidents") {
			counted.Store(true)
		}
		if call != "COMMIT" || !counted.Load() {
			return Works
		}
		gone.Store(true)
		if committed {
			return Loses
		}
		return Closes
	})
	p.source.Add(storm(250)...)
	source := p.source
	if restart {
		e.within(10*time.Second, "the answer is lost", gone.Load)
		stop()
		// The process before may have got it into the file. The next one gets what is not Done.
		source = NewSource()
		source.Inherit(p.source)
		p = e.open(source, impatient)
		stop = p.run()
	}
	e.within(10*time.Second, "counting in the file", func() bool { return source.Waiting() == 0 })
	told := len(p.mail())
	source.Add(storm(50)...)
	e.within(10*time.Second, "counting in the file", func() bool { return source.Waiting() == 0 })
	p.up()
	source.Add(storm(10)...)
	e.within(10*time.Second, "counting", func() bool { return source.Waiting() == 0 })
	stop()
	if got := p.totals().Captured - before; got != 310 {
		t.Errorf("%d are counted of 310", got)
	}
	told += len(p.mail())
	if told != 3 {
		t.Errorf("%d notices of 3 incidents", told)
	}
	p.tick(time.Hour)
	p.mail()
	if got := p.totals(); got.Waiting != 0 {
		t.Errorf("at the end: %v", got)
	}
}

// The answer to the commit of the takeover is lost.
func testImportLost(t *testing.T, e *env) {
	p := e.start(impatient)
	stop := p.run()
	p.down()
	p.source.Add(e.storm(40)...)
	e.within(10*time.Second, "counting in the file", func() bool { return p.source.Waiting() == 0 })
	var importing, lost atomic.Bool
	e.faults.Set(func(call string) Outcome {
		if lost.Load() {
			return Closes
		}
		if strings.HasPrefix(call, "INSERT INTO fault_imports") {
			importing.Store(true)
		}
		if call == "COMMIT" && importing.Load() {
			lost.Store(true)
			return Loses
		}
		return Works
	})
	e.within(10*time.Second, "the answer is lost", func() bool {
		_ = p.Tick(t.Context())
		return lost.Load()
	})
	// What comes now cannot be added to a file that may be gone the next moment.
	p.source.Add(e.storm(5)...)
	time.Sleep(20 * time.Millisecond)
	if p.source.Waiting() != 5 {
		t.Error("it was added to the file")
	}
	p.up()
	e.within(10*time.Second, "counting", func() bool { return p.source.Waiting() == 0 })
	stop()
	p.wantStorm(45)
	if n := len(p.mail()); n != 3 {
		t.Errorf("%d notices", n)
	}
}

// A neighbour with the same directory has no database, while here an answer is lost, the neighbour's
// file is taken over, and then the database is gone.
func testNeighbour(t *testing.T, e *env) {
	other := *e
	other.faults = new(Faults)
	q := other.start(impatient)
	defer q.run()()
	q.down()
	neighbour := func() {
		q.source.Add(Failure(e.clock.Now(), "neighbour", "it failed", 10, ByUser("john")))
		e.within(10*time.Second, "the neighbour counts in the file", func() bool { return q.source.Waiting() == 0 })
	}
	p := e.start(impatient)
	p.tick(0)
	neighbour()
	kind := "" // of the transaction under way
	lost, gone := false, false
	e.faults.Set(func(call string) Outcome {
		switch {
		case gone:
			return Closes
		case call == "BEGIN":
			kind = ""
		case strings.HasPrefix(call, "INSERT INTO fault_imports"):
			kind = "import"
		case strings.HasPrefix(call, "INSERT INTO fault_minutes") && kind == "":
			kind = "count"
		case call == "COMMIT" && kind == "count" && !lost:
			lost = true
			neighbour()
			return Loses
		case call == "COMMIT" && kind == "import" && lost:
			// This one works, and nothing after it.
			gone = true
		}
		return Works
	})
	p.source.Add(own(e.storm(6))...)
	stop := p.run()
	e.within(10*time.Second, "counting in the file", func() bool { return p.source.Waiting() == 0 })
	if !p.Status().Degraded {
		t.Fatal("the database was not gone")
	}
	stop()
	p.up()
	q.up()
	p.wantStorm(8)
	p.mail()
	p.tick(time.Hour)
	p.mail()
	if got := p.totals(); got.Waiting != 0 {
		t.Errorf("at the end: %v", got)
	}
}

// own makes failures those that this very process captures: nobody else can have counted them.
func own(failures []*fault.Failure) []*fault.Failure {
	host, _ := os.Hostname()
	for _, f := range failures {
		f.PID, f.Host, f.Time = os.Getpid(), host, time.Now().Add(time.Hour)
	}
	return failures
}

// The database is gone right after it has counted.
func testGoneAfterwards(t *testing.T, e *env) {
	var counting, lost, gone atomic.Bool
	e.faults.Set(func(call string) Outcome {
		switch {
		case gone.Load():
			return Closes
		case strings.HasPrefix(call, "INSERT INTO fault_minutes"):
			counting.Store(true)
		case call == "COMMIT" && lost.Load():
			gone.Store(true) // after it has said how far it has counted
		case call == "COMMIT" && counting.Load():
			lost.Store(true)
			return Loses
		}
		return Works
	})
	p := e.start(impatient)
	stop := p.run()
	p.source.Add(own(e.storm(6))...)
	e.within(10*time.Second, "counting", func() bool { return p.source.Waiting() == 0 && gone.Load() })
	p.source.Add(own(e.storm(6))...)
	e.within(10*time.Second, "counting in the file", func() bool { return p.source.Waiting() == 0 })
	stop()
	p.up()
	p.wantStorm(12)
	if n := len(p.mail()); n != 3 {
		t.Errorf("%d notices of 3 incidents", n)
	}
}
