package source

import (
	"container/list"
	"slices"
	"sync"
	"time"
)

// maxCache bounds what a Finder keeps, in about as many bytes of memory.
const maxCache = 2 << 20

// cache keeps the excerpts that were used last.
type cache struct {
	mu    sync.Mutex
	kept  map[cacheKey]*list.Element
	order *list.List // of cached, the last used first
	bytes int
}

type cacheKey struct {
	dir, rel       string // dir is "" for embedded source
	number, around int
}

// fileState tells whether a file has changed.
type fileState struct {
	modified time.Time
	size     int64
}

type cached struct {
	key   cacheKey
	state fileState
	lines []Line
	bytes int
}

// get returns a copy of the lines, nil if they are not kept.
func (c *cache) get(key cacheKey, state fileState) []Line {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.kept[key]
	if e == nil {
		return nil
	}
	found := e.Value.(cached)
	if found.state.size != state.size || !found.state.modified.Equal(state.modified) {
		c.remove(e)
		return nil
	}
	c.order.MoveToFront(e)
	return slices.Clone(found.lines)
}

func (c *cache) put(key cacheKey, state fileState, lines []Line) {
	bytes := 256 + len(key.dir) + len(key.rel)
	for _, l := range lines {
		bytes += 32 + len(l.Text)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept, c.order = make(map[cacheKey]*list.Element), list.New()
	}
	c.remove(c.kept[key])
	c.kept[key] = c.order.PushFront(cached{key, state, slices.Clone(lines), bytes})
	c.bytes += bytes
	for c.bytes > maxCache {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(e *list.Element) {
	if e == nil {
		return
	}
	old := c.order.Remove(e).(cached)
	delete(c.kept, old.key)
	c.bytes -= old.bytes
}
