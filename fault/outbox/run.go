package outbox

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"
)

const (
	// pollEvery is how often the directory is looked at for what other processes put there.
	pollEvery  = 30 * time.Second
	sweepEvery = time.Hour

	// How long outcomes are kept.
	keepForgotten = 7 * 24 * time.Hour
	keepSettled   = 30 * 24 * time.Hour // if nobody asks for them
	keepTmp       = time.Hour

	perConnection = 100 // mails; some servers allow no more
	busyInARow    = 3   // mails put off one after another: then the server is left alone for a while
)

// Run delivers until ctx ends; then it returns nil, promptly: an attempt is cut, except that the
// answer to a mail that was sent completely is waited for, for a second at most. What was cut is
// tried again at once by the next Run, of this or another process. Several processes may run at
// once on one directory; within a process the error is ErrRunning.
func (o *Outbox) Run(ctx context.Context) error {
	if !o.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer o.running.Store(false)
	c := &courier{Outbox: o}
	c.begin()
	for ctx.Err() == nil {
		c.sweep()
		timer := time.NewTimer(c.pass(ctx))
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// courier is what Run keeps in mind.
type courier struct {
	*Outbox
	conn    *conversation
	carried int // mails on conn that the server had an answer to
	busy    int // mails put off in a row
	swept   time.Time
	news    news
}

// pass delivers what is due and returns how long there is nothing to do.
func (c *courier) pass(ctx context.Context) time.Duration {
	c.scanServer()
	if wait := c.untilServer(); wait > 0 {
		return wait
	}
	if err := c.scan(); err != nil {
		c.disk(err)
		return pollEvery
	}
	c.disk(nil)
	c.tidy()
	due, wait := c.due()
	if len(due) == 0 {
		return wait
	}
	defer c.leave()
	c.busy = 0
	tried := false
	for _, it := range due {
		if ctx.Err() != nil {
			return 0
		}
		did, t := c.deliver(ctx, it)
		tried = tried || did
		if t != nil && t.kind != cutShort {
			c.serverFailed(t)
			c.expire(ctx, t)
			return c.untilServer()
		}
	}
	if !tried {
		return time.Second // another process is at it, or the disk is in trouble
	}
	return 0 // look again: something may have been put meanwhile
}

// due returns the mails to be tried now, those first that failed least, or else how long to wait.
func (c *courier) due() ([]*item, time.Duration) {
	last, _ := c.index.get()
	now, wait := c.now(), pollEvery
	var due []*item
	for _, it := range last.items {
		if it.settled {
			continue
		}
		until := it.attempts.Next.Sub(now)
		if until > 2*c.opts.Retry.Max {
			until = 0 // the clock was wrong then
		}
		if until <= 0 {
			due = append(due, it)
		} else {
			wait = min(wait, until)
		}
	}
	slices.SortFunc(due, func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.attempts.Failed, b.attempts.Failed), a.envelope.Created.Compare(b.envelope.Created), cmp.Compare(a.name, b.name))
	})
	return due, wait
}

// untilServer is how long the server is to be left alone, but at most until the next look.
func (c *courier) untilServer() time.Duration {
	_, server := c.index.get()
	until := server.Next.Sub(c.now())
	if until > 2*serverRetry {
		return 0 // the clock was wrong then
	}
	return max(0, min(until, pollEvery))
}

// leave ends the connection.
func (c *courier) leave() {
	if c.conn != nil {
		c.conn.quit()
		c.conn = nil
	}
}

// hangUp ends it without a word.
func (c *courier) hangUp() {
	if c.conn != nil {
		c.conn.close()
		c.conn = nil
	}
}

// tidy moves foreign files out of the way, and completes what a killed process, or a full disk, left
// half done.
func (c *courier) tidy() {
	last, _ := c.index.get()
	for _, file := range last.foreign {
		c.setAside(dirWaiting, file)
	}
	for _, file := range last.orphans {
		info, err := os.Lstat(c.store.path(dirWaiting, file))
		if err == nil && time.Since(info.ModTime()) > time.Minute {
			os.Remove(c.store.path(dirWaiting, file))
		}
	}
	for name, it := range last.items {
		if it.settled {
			c.finish(name)
		}
	}
}

func (c *courier) setAside(dir, file string) {
	to, err := c.store.setAside(dir, file, c.now())
	switch {
	case err == nil:
		c.logger.Warn("A file in the outbox is damaged or foreign and was set aside", "file", file, "moved", to, "dir", c.store.dir)
	case !errors.Is(err, fs.ErrNotExist):
		c.disk(err)
	}
}

// finish writes down an outcome that could not be written before, and removes the mail.
func (c *courier) finish(name string) {
	c.index.mu.Lock()
	o, unsaved := c.index.outcomes[name]
	c.index.mu.Unlock()
	if unsaved {
		if err := c.store.settle(name, o); err != nil {
			c.disk(err)
			return
		}
		c.index.mu.Lock()
		delete(c.index.outcomes, name)
		c.index.mu.Unlock()
		signal(c.changed)
	}
	if err := c.store.remove(name); err != nil {
		c.disk(err)
	}
}

// sweep removes what is too old to be of use.
func (c *courier) sweep() {
	now := c.now()
	if now.Sub(c.swept).Abs() < sweepEvery {
		return
	}
	c.swept = now
	_, damaged, err := c.store.outcomes(dirSettled)
	if err != nil {
		c.disk(err)
	}
	for _, file := range damaged {
		c.setAside(dirSettled, file)
	}
	for dir, before := range map[string]time.Time{
		dirKept:    now.Add(-keepForgotten),
		dirSettled: now.Add(-keepSettled),
		dirTmp:     time.Now().Add(-keepTmp), // by the clock of the file system
	} {
		if err := c.store.sweep(dir, before); err != nil {
			c.disk(err)
		}
	}
}
