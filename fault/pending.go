package fault

import (
	"context"
	"fmt"
	"sync"
)

// pending counts what is under way on goroutines of its own.
type pending struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n is 0 again; nil if nobody waits
}

func (p *pending) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
}

func (p *pending) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n--; p.n == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

// Wait returns when no call of the Recorder and no task of [Catcher.Go] is under way, or when ctx
// ends, with an error that tells how many are left. A program that stops calls it after its server
// has shut down and its tasks' contexts have ended, and before it closes what the Recorder and the
// Logger write to. It may be called several times, but not by a task.
func (c *Catcher) Wait(ctx context.Context) error {
	p := &c.pending
	p.mu.Lock()
	if p.n == 0 {
		p.mu.Unlock()
		return nil
	}
	if p.idle == nil {
		p.idle = make(chan struct{})
	}
	idle := p.idle
	p.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		return fmt.Errorf("waiting for %d recordings and tasks: %w", p.n, context.Cause(ctx))
	}
}
