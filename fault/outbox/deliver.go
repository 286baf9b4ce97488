package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault/internal/filelock"
)

// leastAttempts are made before a mail is given up, however old it is: the machine may have been off,
// or its clock wrong.
const leastAttempts = 8

// deliver tries a mail, if nobody else is at it. The trouble is one for which all mails have to wait.
func (c *courier) deliver(ctx context.Context, it *item) (tried bool, t *trouble) {
	f := c.lock(it)
	if f == nil {
		return false, nil
	}
	defer f.Close()
	file, err := io.ReadAll(f)
	if err != nil {
		c.disk(err)
		return false, nil
	}
	e, message, err := decodeMail(it.name, file)
	if err != nil {
		f.Close()
		c.setAside(dirWaiting, it.name+mailSuffix)
		return false, nil
	}
	a, err := c.state(it.name, e)
	if err != nil {
		c.disk(err)
		return false, nil
	}
	if until := a.Next.Sub(c.now()); until > 0 && until <= 2*c.opts.Retry.Max {
		return false, nil // another process was faster
	}
	var to []string
	var which []int
	for i, r := range a.To {
		if r.State == pending {
			to, which = append(to, e.To[i]), append(which, i)
		}
	}
	if len(to) == 0 {
		c.settle(it, f, e, a)
		return true, nil
	}
	s := c.send(ctx, e.From, to, message)
	if s.unknown {
		c.logger.Warn("It is not known whether the mail server has taken a mail; it will be sent again with the same Message-ID",
			"key", e.Key, "message_id", e.MessageID, "error", s.trouble.Error())
	}
	if !s.begun || s.trouble != nil && s.trouble.kind == cutShort {
		return true, s.trouble
	}
	progress := false
	for n, i := range which {
		a.To[i] = s.recipient(n)
		progress = progress || a.To[i].State != pending
	}
	return true, c.after(it, f, e, a, s.trouble, progress)
}

// state is what the attempts to send a mail came to so far.
func (c *courier) state(name string, e envelope) (attempts, error) {
	a, ok := c.index.state(name)
	if !ok {
		var err error
		a, err = c.store.readState(name, len(e.To))
		if err != nil && !errors.Is(err, errDamaged) {
			return a, err
		}
	}
	to := make([]recipient, len(e.To))
	copy(to, a.To)
	a.To = to
	return a, nil
}

// lock opens a mail's file and locks it; nil if there is nothing to do.
func (c *courier) lock(it *item) *os.File {
	path := c.store.path(dirWaiting, it.name+mailSuffix)
	f, err := os.Open(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.disk(err)
		}
		return nil
	}
	switch err := filelock.Try(f); {
	case errors.Is(err, filelock.ErrLocked):
		f.Close()
		return nil
	case err != nil:
		c.news.unlockable(c.logger, c.store.dir)
	}
	mine, err := f.Stat()
	if err == nil {
		var there fs.FileInfo
		if there, err = os.Lstat(path); err == nil && !os.SameFile(mine, there) {
			err = fs.ErrNotExist
		}
	}
	var settled bool
	if err == nil {
		settled, err = c.store.settled(it.name)
	}
	if err == nil && !settled {
		return f
	}
	f.Close()
	switch {
	case settled:
		c.finish(it.name)
	case !errors.Is(err, fs.ErrNotExist):
		c.disk(err)
	}
	return nil
}

// after writes down what an attempt came to, and returns a trouble if all mails have to wait.
func (c *courier) after(it *item, f *os.File, e envelope, a attempts, t *trouble, progress bool) *trouble {
	ofServer := t != nil && t.ofServer()
	waiting := 0
	a.LastError = ""
	for _, r := range a.To {
		if r.State == pending {
			waiting++
			a.LastError = r.Said
		}
	}
	if !ofServer {
		a.Made++
	}
	if progress && !ofServer {
		c.serverWorks()
		c.busy = 0
	}
	if waiting == 0 {
		c.settle(it, f, e, a)
		return nil
	}
	a.Failed++
	a.Next = c.now().Add(c.opts.Retry.after(a.Failed, c.opts.Retry.Max))
	if c.tooOld(e, a) && !ofServer { // else expire sees to it
		c.giveUp(&a)
		c.settle(it, f, e, a)
		return nil
	}
	c.save(it.name, a)
	c.news.putOff(c.logger, e, a)
	if ofServer {
		return t
	}
	if !progress {
		if c.busy++; c.busy >= busyInARow {
			return &trouble{step: stepMail, kind: busy, more: "several mails were put off one after another, the last by " + a.LastError}
		}
	}
	return nil
}

// save writes the state of a mail, or keeps it in mind if that fails.
func (c *courier) save(name string, a attempts) {
	content, err := encodeJSON(kindState, a)
	if err == nil {
		_, err = c.store.write(dirWaiting, name+stateSuffix, content, true, false)
	}
	c.index.mu.Lock()
	if err != nil {
		c.index.attempts[name] = a
	} else {
		delete(c.index.attempts, name)
	}
	c.index.mu.Unlock()
	if err != nil {
		c.disk(err)
	}
}

// attemptsOf is how many attempts were made, those that did not get as far as the mail included.
func (c *courier) attemptsOf(e envelope, a attempts) int {
	return totalAttempts(e, a, c.index.tries())
}

func totalAttempts(e envelope, a attempts, tries int64) int {
	return a.Made + int(max(0, tries-e.Tries))
}

func (c *courier) tooOld(e envelope, a attempts) bool {
	return c.now().Sub(e.Created) >= c.opts.MaxAge && c.attemptsOf(e, a) >= leastAttempts
}

// giveUp makes of what is pending what is refused.
func (c *courier) giveUp(a *attempts) {
	for i := range a.To {
		if r := &a.To[i]; r.State == pending {
			r.State = refused
			r.Said = fmt.Sprintf("given up after %v: %s", c.opts.MaxAge.Round(time.Minute), r.Said)
		}
	}
}

// settle writes the outcome of a mail and removes it. f is its locked file.
func (c *courier) settle(it *item, f *os.File, e envelope, a attempts) {
	delivered := slices.ContainsFunc(a.To, func(r recipient) bool { return r.State == taken })
	o := outcome{Key: e.Key, Class: e.Class, MessageID: e.MessageID, Subject: e.Subject, To: e.To, Created: e.Created,
		Delivered: delivered, At: c.now(), Attempts: c.attemptsOf(e, a)}
	var reasons []string
	for i, r := range a.To {
		if r.State == refused {
			o.Refused = append(o.Refused, e.To[i])
			if reason := e.To[i] + ": " + r.Said; len(reasons) < 10 {
				reasons = append(reasons, reason)
			}
		}
	}
	o.Reason = cut(strings.Join(reasons, "; "), 2000)
	c.news.settled(c.logger, o, len(e.To))
	err := c.store.settle(it.name, o)
	c.index.mu.Lock()
	delete(c.index.attempts, it.name)
	if err != nil {
		c.index.outcomes[it.name] = o // it must not be sent again for that
	}
	c.index.mu.Unlock()
	if err != nil {
		c.disk(err)
		return
	}
	f.Close() // some systems remove no open file; the outcome keeps others off
	if err := c.store.remove(it.name); err != nil {
		c.disk(err)
	}
	signal(c.changed)
}

// expire gives up the mails that are too old, when the server cannot be used.
func (c *courier) expire(ctx context.Context, t *trouble) {
	last, _ := c.index.get()
	for _, it := range last.items {
		if ctx.Err() != nil {
			return
		}
		if it.settled || c.now().Sub(it.envelope.Created) < c.opts.MaxAge {
			continue
		}
		f := c.lock(it)
		if f == nil {
			continue
		}
		if a, err := c.state(it.name, it.envelope); err == nil && c.tooOld(it.envelope, a) {
			for i := range a.To {
				if a.To[i].State == pending {
					a.To[i].Said = t.Error()
				}
			}
			c.giveUp(&a)
			c.settle(it, f, it.envelope, a)
		}
		f.Close()
	}
}
