package outbox

import (
	"context"
	"log/slog"
	"time"
)

// remindEvery is how often the log is reminded of a trouble that goes on.
const remindEvery = time.Hour

// news keeps the log short: it is told of a change, and then once in a while.
type news struct {
	// The server's trouble that was told.
	kind kind
	code int
	told time.Time

	withoutLocks bool // was told

	// The disk's.
	diskFails  bool // was told
	diskTold   time.Time
	diskFailed time.Time // last
}

func (n *news) serverFails(log *slog.Logger, now time.Time, s *Server, t *trouble, state serverState) {
	if n.kind == t.kind && n.code == t.code && now.Sub(n.told).Abs() < remindEvery {
		return
	}
	n.kind, n.code, n.told = t.kind, t.code, now
	log.Warn("Mails cannot be sent and wait", "server", s.address(), "error", t.Error(), "advice", t.advice(s),
		"since", state.Since, "tries", state.Failed, "next", state.Next)
}

func (n *news) serverWorks(log *slog.Logger, now time.Time, s *Server, state serverState) {
	n.kind, n.code = 0, 0
	log.Info("Mails can be sent again", "server", s.address(), "after", now.Sub(state.Since).Round(time.Second), "tries", state.Failed)
}

func (n *news) putOff(log *slog.Logger, e envelope, a attempts) {
	level := slog.LevelDebug
	if a.Failed == 1 {
		level = slog.LevelInfo
	}
	log.Log(context.Background(), level, "A mail was put off", "key", e.Key, "class", e.Class, "error", a.LastError, "next", a.Next)
}

func (n *news) settled(log *slog.Logger, o outcome, recipients int) {
	attrs := []any{"key", o.Key, "class", o.Class, "message_id", o.MessageID, "recipients", recipients, "attempts", o.Attempts}
	switch {
	case !o.Delivered:
		log.Error("A mail was given up", append(attrs, "reason", o.Reason)...)
	case o.Reason != "":
		log.Warn("A mail was delivered, but not to everybody", append(attrs, "refused", o.Reason)...)
	default:
		log.Info("A mail was delivered", attrs...)
	}
}

func (n *news) unlockable(log *slog.Logger, dir string) {
	if !n.withoutLocks {
		n.withoutLocks = true
		log.Warn("The outbox is on a file system without locks: only one process may deliver from it", "dir", dir)
	}
}

// disk tells of a disk in trouble, and of its end, once nothing has failed for a minute.
func (c *courier) disk(err error) {
	n, now := &c.news, c.now()
	quiet := now.Sub(n.diskFailed).Abs() > time.Minute
	if err == nil {
		if n.diskFails && quiet {
			n.diskFails = false
			c.logger.Info("The outbox can be used again", "dir", c.store.dir)
		}
		return
	}
	n.diskFailed = now
	if !n.diskFails || now.Sub(n.diskTold).Abs() > remindEvery {
		n.diskFails, n.diskTold = true, now
		c.logger.Error("The outbox cannot be read or written as it should; its mails wait", "dir", c.store.dir, "error", err)
	}
}
