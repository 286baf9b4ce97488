package outbox

import (
	"context"
	"time"
)

// sent is what an attempt to send a mail came to.
type sent struct {
	begun   bool       // the conversation got as far as this mail
	each    []*trouble // how each recipient fared; nil if the mail did not get as far
	trouble *trouble   // of the whole mail, or of the server
	unknown bool       // the server may have taken it nevertheless
}

// recipient says how far the mail is with the nth recipient.
func (s *sent) recipient(n int) recipient {
	t := s.trouble
	if s.each != nil && s.each[n] != nil {
		t = s.each[n]
	}
	switch {
	case t == nil:
		return recipient{State: taken}
	case t.permanent():
		return recipient{State: refused, Said: t.Error()}
	}
	return recipient{Said: t.Error()}
}

// send sends a mail on the connection there is, or a new one.
func (c *courier) send(ctx context.Context, from string, to []string, message []byte) sent {
	if c.conn != nil && c.carried >= perConnection {
		c.leave()
	}
	for {
		if c.conn == nil {
			c.carried = 0
			conn, t := open(ctx, c.server, nil)
			if t != nil {
				return sent{trouble: t}
			}
			c.conn = conn
		} else {
			c.conn.guard.attempt(time.Now().Add(c.server.Timeouts.Attempt))
		}
		s := sent{begun: true}
		s.each, s.trouble, s.unknown = c.conn.mail(from, to, message)
		if t := s.trouble; c.carried > 0 && t != nil && t.step == StepSender && (t.kind == dropped || t.code == 421) {
			c.hangUp() // it has had enough of this connection
			continue
		}
		c.carried++
		c.clear(&s)
		return s
	}
}

// clear makes the connection ready for another mail, or ends it.
func (c *courier) clear(s *sent) {
	if t := s.trouble; t != nil && (t.ofServer() || t.err == errGone || s.unknown) {
		c.hangUp()
		return
	}
	whole := s.trouble == nil
	for _, t := range s.each {
		whole = whole && t == nil
	}
	if !whole && !c.conn.reset() {
		c.hangUp()
	}
}
