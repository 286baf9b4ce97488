package process

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// amounts count what comes through a pipe, in bytes.
type amounts struct {
	mu    sync.Mutex // held while something is taken, and never while that is waited for
	taken int64
	told  atomic.Int64 // of it, what everybody has been told of
}

// hearLook is how often it is looked whether everything has been told.
const hearLook = 2 * time.Millisecond

// Heard waits until what the process has written before the call has been passed on, and told of. It returns false where that is not
// known.
func (p *Process) Heard(ctx context.Context) bool {
	look := time.NewTicker(hearLook)
	defer look.Stop()
	for _, pipe := range p.streams.pipes {
		written, known := pipe.written()
		if !known {
			return false
		}
		for pipe.told.Load() < written {
			select {
			case <-look.C:
			case <-p.done:
				return true
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}
