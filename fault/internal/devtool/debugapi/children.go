package debugapi

import (
	"sync"
	"time"
)

// children are the copies that are children of this process. Nobody else waits for them. A number is in the set as long as it
// cannot be that of another process.
type children struct {
	mu  sync.Mutex
	set map[int]struct{}
}

// add takes charge of a copy. It tells whether that is a child of ours that lives.
func (c *children) add(pid int) bool {
	if pid <= 1 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set == nil {
		c.set = map[int]struct{}{}
	}
	c.set[pid] = struct{}{}
	return c.livesLocked(pid)
}

// lives tells whether a copy lives.
func (c *children) lives(pid int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.livesLocked(pid)
}

func (c *children) livesLocked(pid int) bool {
	if _, ok := c.set[pid]; !ok {
		return false
	}
	if !livesAsChild(pid) {
		delete(c.set, pid)
		return false
	}
	return true
}

// copyLives tells whether a copy is there, as far as that can be known.
func (s *Server) copyLives(c Copy) bool {
	if c.Release == nil && !s.children.lives(c.PID) {
		return false
	}
	return !hasEnded(c.PID)
}

// kill ends a copy and waits for its end, which takes longer where a debugger has not let go of it yet.
func (c *children) kill(pid int) {
	c.mu.Lock()
	lives := c.livesLocked(pid)
	if lives {
		kill(pid)
	}
	c.mu.Unlock()
	for wait := time.Millisecond; lives && wait < 4*time.Second; wait *= 2 {
		time.Sleep(wait)
		lives = c.lives(pid)
	}
}
