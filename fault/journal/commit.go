package journal

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"
)

const (
	firstRetry = 100 * time.Millisecond // after the disk has failed; then twice that, and so on
	lastRetry  = 2 * time.Second
	lookAgain  = time.Second // how often a full journal looks for room that others have made
)

// outage is a time in which the disk cannot be written.
type outage struct {
	err   error
	since time.Time
	kept  int64 // failures that could not be written at once
}

// committer is the one goroutine that writes.
type committer struct {
	j *Journal
	appender
	retryAt time.Time
	delay   time.Duration
	lookAt  time.Time
	lines   []func(*slog.Logger) // for the log, when nobody waits for the disk any more
}

// run writes what is in the queue, batch by batch, until the journal is closed.
func (c *committer) run() {
	defer close(c.j.ended)
	retry := time.NewTimer(0) // An outage may have begun already.
	defer retry.Stop()
	for {
		select {
		case <-c.j.kick:
			runtime.Gosched() // Whoever was woken by the last batch may have the next failure at hand.
		case <-retry.C:
		}
		failing, last := c.round()
		for _, line := range c.lines {
			line(c.j.logger)
		}
		c.lines = nil
		if last {
			c.finish()
			return
		}
		if failing {
			retry.Reset(time.Until(c.retryAt))
		}
	}
}

// round writes what there is. It tells whether the disk is failing, and whether this was the last of it.
func (c *committer) round() (failing, last bool) {
	j := c.j
	j.mu.Lock()
	entries, gathered, overflow := j.queue, j.gathering, j.overflow
	j.queue, j.gathering, j.overflow, j.queued = nil, nil, nil, 0
	j.flying = int64(len(entries)) + overflow.total()
	failing, closing := j.outage != nil, j.closed
	j.mu.Unlock()

	keep := c.plan(entries, failing)
	held, counts := c.place(entries[:keep], entries[keep:], overflow)
	tried := !failing || closing || !time.Now().Before(c.retryAt)
	var err error
	if tried {
		err = c.write(held, counts, failing)
	}
	failing = c.settle(entries[:keep], entries[keep:], tried, err)
	if gathered != nil {
		close(gathered.done)
	}
	return failing, closing
}

// plan tells how many of the entries are to be kept in full. The others are to be counted, because
// there is no room, or because counting has begun and is not at an end: what was captured later comes
// later.
func (c *committer) plan(entries []*entry, failing bool) int {
	if len(entries) == 0 || !c.roomy() {
		return 0
	}
	j := c.j
	j.mu.Lock()
	sealed, heldBytes := j.seal(), j.heldBytes
	j.mu.Unlock()
	if !sealed {
		return 0
	}
	at, room := c.size, c.room
	if c.file == nil || heldBytes > 0 {
		at, room = 0, 0
	}
	added := heldBytes
	used := int64(-1)
	for i, e := range entries {
		if e.payload == nil { // It came when there was no room.
			j.encode(e)
		}
		need := e.frameBytes()
		if heldBytes += need; failing && heldBytes > j.memory {
			return i
		}
		if at+need <= room {
			at += need
			continue
		}
		if used < 0 {
			u, err := use(j.dir)
			if err != nil {
				return len(entries) // Writing will tell.
			}
			used = u.segmentBytes
		}
		room = c.newRoom(need)
		if used+added+room > j.segmentLimit {
			c.fills(used)
			return i
		}
		added += room
		at = headerSize + need
	}
	return len(entries)
}

// roomy tells whether there is room for failures in full, as far as that is known.
func (c *committer) roomy() bool {
	j := c.j
	if !j.counting.Load() {
		return true
	}
	if !j.freed.Swap(false) && time.Now().Before(c.lookAt) {
		return false
	}
	c.lookAt = time.Now().Add(lookAgain)
	if u, err := use(j.dir); err != nil || u.segmentBytes+c.segmentBytes > j.segmentLimit {
		return false
	}
	j.counting.Store(false)
	c.say(func(l *slog.Logger) { l.Info("Journal has room again: failures are kept in full", "dir", j.dir) })
	return true
}

// fills begins the time in which failures are only counted.
func (c *committer) fills(used int64) {
	j := c.j
	j.freed.Store(false)
	j.counting.Store(true)
	c.lookAt = time.Now().Add(lookAgain)
	c.say(func(l *slog.Logger) {
		l.Warn("Journal is full: further failures are counted, with the first of each kind only",
			"dir", j.dir, "segment_bytes", used, "max_bytes", j.maxBytes, "waiting", j.Waiting())
	})
}

// place gives entries their numbers, or counts them. It returns what is to be written.
func (c *committer) place(keep, count []*entry, overflow *tallies) (held []*entry, counts *tallies) {
	j := c.j
	for _, e := range count {
		if e.key == "" {
			e.key = j.keyOf(e.failure)
		}
	}
	limit := int64(0)
	if len(count) > 0 || overflow != nil {
		limit = c.tableRoom()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range keep {
		e.seq = j.number()
		j.held = append(j.held, e)
		j.heldBytes += e.frameBytes()
	}
	j.tail.push(keep...)
	if len(count) > 0 || overflow != nil {
		if j.counts == nil {
			j.counts = newTallies(limit)
		}
		for _, e := range count {
			j.counts.add(e.key, e.failure, j.number)
			j.buffers.put(e.payload)
			e.payload = nil
		}
		if overflow != nil {
			j.counts.merge(overflow, j.number)
		}
	}
	j.flying = 0
	for len(j.held) > 0 && j.held[0].seq <= j.own.done { // Given from memory and done.
		j.drop(j.held[0])
		j.held = j.held[1:]
	}
	return j.held, j.counts
}

// tableRoom returns how large a new table of counts may become. Where the files of counts, also those of
// processes that have ended, have used their room up, all failures of a table are counted together.
func (c *committer) tableRoom() int64 {
	j := c.j
	j.mu.Lock()
	open := j.counts != nil
	j.mu.Unlock()
	if open { // If Next closes it now, the next one may be large once more.
		return j.tableLimit
	}
	u, err := use(j.dir)
	if err != nil {
		return j.tableLimit // Writing will tell.
	}
	return max(0, min(j.tableLimit, j.countsLimit-u.countingBytes))
}

// number returns the next number. j.mu is held.
func (j *Journal) number() int64 {
	j.seq++
	return j.seq
}

// drop lets go of the payload of an entry that needs it no more. j.mu is held.
func (j *Journal) drop(e *entry) {
	j.heldBytes -= e.frameBytes()
	j.buffers.put(e.payload)
	e.payload = nil
}

// write writes entries to segments and then the table of counts to its file. With nothing to write in
// an outage, it finds out whether the disk works again.
func (c *committer) write(held []*entry, counts *tallies, failing bool) error {
	j := c.j
	durable, n, err := c.append(held)
	j.mu.Lock()
	j.own.grow(durable)
	for _, e := range held[:n] {
		e.durable = true
		j.drop(e)
	}
	j.held = j.held[n:]
	if len(j.held) == 0 {
		j.held = nil
	}
	busy := counts != nil && counts.busy
	j.mu.Unlock()
	switch {
	case err != nil:
	case busy:
		if err = c.count(counts); err == nil {
			j.mu.Lock()
			counts.wrote()
			j.mu.Unlock()
		}
	case failing && n == 0 && c.file == nil && !j.counting.Load():
		err = c.begin(c.segmentBytes)
	}
	return err
}

// settle notes how writing went.
func (c *committer) settle(kept, counted []*entry, tried bool, err error) (failing bool) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	if tried {
		c.tell(err)
	}
	if j.outage != nil {
		why := fmt.Errorf("the journal cannot be written; the failure is kept in memory: %w", j.outage.err)
		for _, e := range kept {
			if !e.durable {
				e.err = why
				j.outage.kept++
			}
		}
		if j.counts != nil && j.counts.busy {
			for _, e := range counted {
				e.err = why
				j.outage.kept++
			}
		}
	}
	if !j.counting.Load() {
		j.seal()
	}
	j.tail.shrink()
	j.rouse()
	return j.outage != nil
}

// tell begins, goes on with or ends an outage. j.mu is held.
func (c *committer) tell(err error) {
	j := c.j
	now := time.Now()
	switch {
	case err == nil && j.outage == nil:
	case err == nil:
		over := j.outage
		j.outage, c.delay = nil, 0
		c.say(func(l *slog.Logger) {
			l.Info("Journal is written again", "dir", j.dir, "after", now.Sub(over.since).Round(time.Millisecond),
				"written_late", over.kept)
		})
	default:
		c.delay = min(max(2*c.delay, firstRetry), lastRetry)
		c.retryAt = now.Add(c.delay)
		if j.outage != nil {
			j.outage.err = err
			return
		}
		j.outage = &outage{err: err, since: now}
		c.say(func(l *slog.Logger) {
			l.Warn("Journal cannot be written: failures are kept in memory until it can", "dir", j.dir, "err", err)
		})
	}
}

// say keeps a line for the log.
func (c *committer) say(line func(*slog.Logger)) { c.lines = append(c.lines, line) }

// seal closes the table of counts, if there is one, so that what it has counted can be given: what
// comes later is counted anew. It returns false if the table is not durable yet. j.mu is held.
func (j *Journal) seal() bool {
	switch {
	case j.counts == nil:
		return true
	case j.counts.busy || len(j.held) > 0:
		return false
	}
	j.counts.close()
	j.tail.push(j.counts.entries()...)
	j.own.grow([]extent{j.counts.extent()})
	j.counts = nil
	return true
}
