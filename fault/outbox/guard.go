package outbox

import (
	"errors"
	"net"
	"sync"
	"time"
)

// maxAnswer is how much a server may send during one step. A chain of certificates is the longest.
const maxAnswer = 256 << 10

// grace is how long the answer to a mail that is sent completely is waited for after the attempt was
// cut: without it the mail would be sent twice.
const grace = time.Second

var errEndless = errors.New("more than it may send at once")

// guard is a connection on which each step has an end, by time and by bytes, whatever the server does.
type guard struct {
	net.Conn
	budget int // bytes left to read in this step

	mu        sync.Mutex
	until     time.Time // end of the attempt
	accepting bool      // the mail is sent, its answer is waited for
	ended     bool      // the attempt was cut
}

// attempt begins an attempt, which ends at that time at the latest.
func (g *guard) attempt(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until = until
}

// step begins a step that may take that long.
func (g *guard) step(d time.Duration, accepting bool) {
	g.budget = maxAnswer
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accepting = accepting
	end := time.Now().Add(d)
	if end.After(g.until) {
		end = g.until
	}
	if !g.ended {
		g.Conn.SetDeadline(end)
	}
}

// overdue says whether the attempt's time is over.
func (g *guard) overdue() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !time.Now().Before(g.until)
}

// cut ends the attempt.
func (g *guard) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	if g.accepting {
		g.Conn.SetDeadline(time.Now().Add(grace))
		return
	}
	g.Conn.Close()
}

// wasCut says whether cut was called.
func (g *guard) wasCut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended
}

// Read reads what the step may still have.
func (g *guard) Read(p []byte) (n int, err error) {
	if g.budget <= 0 {
		return 0, errEndless
	}
	n, err = g.Conn.Read(p[:min(len(p), g.budget)])
	g.budget -= n
	return n, err
}
