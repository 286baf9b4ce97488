package outbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"
)

// conversation is a connection to a mail server that has been greeted, and logged in to where that is
// asked for.
type conversation struct {
	server  Server
	guard   *guard
	text    *textproto.Conn
	secure  bool
	ext     map[string]string // what EHLO told, in upper case
	secrets mask
	uncut   func() bool // ends the watch over the context
	said    string      // the last reply
	begun   bool        // some of the reply being read has come
}

// newConversation takes over conn. It ends with ctx.
func newConversation(ctx context.Context, s Server, conn net.Conn) *conversation {
	c := &conversation{server: s, guard: &guard{Conn: conn, until: time.Now().Add(s.Timeouts.Attempt)}}
	c.text = textproto.NewConn(c.guard)
	c.uncut = context.AfterFunc(ctx, c.guard.cut)
	c.secrets = newMask(s.Username, s.Password)
	return c
}

// close ends the connection at once.
func (c *conversation) close() {
	c.uncut()
	c.guard.Conn.Close()
}

// quit takes leave, for which it takes 2 s at most.
func (c *conversation) quit() {
	c.guard.attempt(time.Now().Add(2 * time.Second))
	c.command(2*time.Second, "QUIT")
	c.close()
}

// words makes what the server sent fit for people: one line without secrets.
func (c *conversation) words(s string) string { return line(c.secrets.of(s), 300) }

// read reads a reply. The trouble has no step yet.
func (c *conversation) read() (reply, *trouble) {
	code, text, err := c.readReply()
	if err != nil {
		return reply{}, c.broken(err)
	}
	r := reply{code, c.words(text), text}
	if code < 200 || code > 599 {
		return reply{}, &trouble{kind: garbled, said: r.String()}
	}
	c.said = r.String()
	return r, nil
}

// command sends a line and reads the reply.
func (c *conversation) command(timeout time.Duration, format string, args ...any) (reply, *trouble) {
	c.guard.step(timeout, false)
	if c.text.R.Buffered() > 0 {
		// Nobody asked. It may say that it ends the connection; anything else would be taken for the
		// answer to what we ask now.
		r, t := c.read()
		if t == nil && r.code < 400 {
			t = &trouble{kind: garbled, said: r.String()}
		}
		return r, t
	}
	if err := c.text.PrintfLine(format, args...); err != nil {
		if r := c.lastWords(); r.code >= 400 {
			return r, nil
		}
		return reply{}, c.broken(err)
	}
	return c.read()
}

// lastWords reads what the server said before it stopped listening.
func (c *conversation) lastWords() reply {
	if c.guard.wasCut() {
		return reply{}
	}
	c.guard.step(time.Second, false)
	r, t := c.read()
	if t != nil {
		return reply{}
	}
	return r
}

// broken says why the connection is of no use any more.
func (c *conversation) broken(err error) *trouble {
	var netErr net.Error
	var garbage noReply
	switch {
	case c.guard.wasCut():
		return &trouble{kind: cutShort, err: err}
	case errors.Is(err, errEndless):
		return &trouble{kind: endless, err: err}
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout():
		t := &trouble{kind: silent}
		switch {
		case c.guard.overdue():
			t.more = fmt.Sprintf("the whole attempt took longer than %v", c.server.Timeouts.Attempt)
		case c.begun:
			t.more = "only the beginning of its answer came"
		}
		return t
	case errors.As(err, &garbage):
		return &trouble{kind: garbled, said: c.words(string(garbage))}
	}
	return &trouble{kind: dropped, err: err}
}

// greet reads the greeting and says EHLO.
func (c *conversation) greet() *trouble {
	c.guard.step(c.server.Timeouts.Step, false)
	r, t := c.read()
	switch {
	case t == nil && r.code == 220:
		if t := c.ehlo(); t != nil {
			return t
		}
		c.said = r.String() // which tells more than the answer to EHLO
		return nil
	case t == nil:
		return &trouble{kind: turnedAway, code: r.code, said: r.String()}
	case t.kind == garbled:
		t.kind = notSMTP
	case c.begun: // It greets, but not to the end.
	case t.kind == silent:
		t.kind = silentGreeting
	case t.kind == dropped:
		t.kind = closedEarly
	}
	return t
}

// ehlo introduces us, in the old way if the server does not know the new one.
func (c *conversation) ehlo() *trouble {
	name := c.server.HELO
	if name == "" {
		name = c.name()
	}
	c.ext = nil
	r, t := c.command(c.server.Timeouts.Step, "EHLO %s", name)
	if t != nil {
		return t
	}
	if r.code >= 500 && r.code != 521 && r.code != 554 {
		if r, t = c.command(c.server.Timeouts.Step, "HELO %s", name); t != nil {
			return t
		}
	}
	if r.code != 250 {
		return &trouble{kind: turnedAway, code: r.code, said: r.String()}
	}
	c.ext = extensions(r.raw)
	return nil
}

// name is how we introduce ourselves: a full host name, or else an address (RFC 5321 4.1.4).
func (c *conversation) name() string {
	if host, err := os.Hostname(); err == nil && strings.Contains(host, ".") && line(host, maxAddress) == host && !strings.Contains(host, " ") {
		return host
	}
	if addr, ok := c.guard.LocalAddr().(*net.TCPAddr); ok {
		if addr.IP.To4() != nil {
			return "[" + addr.IP.String() + "]"
		}
		return "[IPv6:" + addr.IP.String() + "]"
	}
	return "localhost"
}

// extensions reads the lines of EHLO's answer after the first. Some servers write "AUTH=LOGIN", as
// it was before the standard.
func extensions(answer string) map[string]string {
	ext := map[string]string{}
	for i, l := range strings.Split(answer, "\n") {
		if i == 0 {
			continue
		}
		name, value, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(l)), " ")
		if mechanisms, old := strings.CutPrefix(name, "AUTH="); old {
			name, value = "AUTH", mechanisms+" "+value
		}
		if before := ext[name]; before != "" {
			value = before + " " + value
		}
		ext[name] = value
	}
	return ext
}

// mail sends a mail to those of the recipients that are wanted. It returns how each fared: nil if the
// server has taken the mail for it. The trouble is that of the whole mail, and unknown is true if the
// server may have taken it nevertheless.
func (c *conversation) mail(from string, to []string, message []byte) (each []*trouble, t *trouble, unknown bool) {
	if t := c.begin(from, to, len(message)); t != nil {
		return nil, t, false
	}
	each = make([]*trouble, len(to))
	accepted := 0
	for i, address := range to {
		t := c.recipient(address)
		if t != nil && t.ofServer() {
			return nil, t, false
		}
		if each[i] = t; t == nil {
			accepted++
		}
	}
	if accepted == 0 {
		return each, nil, false
	}
	t, unknown = c.data(message, 0)
	return each, t, unknown
}

// begin says MAIL.
func (c *conversation) begin(from string, to []string, size int) *trouble {
	if limit, err := strconv.ParseInt(strings.TrimSpace(c.ext["SIZE"]), 10, 64); err == nil && limit > 0 && int64(size) > limit {
		return &trouble{step: StepSender, kind: tooBig, more: fmt.Sprintf("the mail has %d bytes, the server takes at most %d", size, limit)}
	}
	params := ""
	if _, ok := c.ext["SIZE"]; ok {
		params = fmt.Sprintf(" SIZE=%d", size)
	}
	if !isASCII(from + strings.Join(to, "")) {
		if _, ok := c.ext["SMTPUTF8"]; ok {
			params += " BODY=8BITMIME SMTPUTF8" // the addresses are in the header, too
		} else if !isASCII(from) {
			return &trouble{step: StepSender, kind: needsUTF8, more: from}
		}
	}
	address, err := path(from)
	if err != nil {
		return &trouble{step: StepSender, kind: senderRefused, err: err}
	}
	r, t := c.command(c.server.Timeouts.Step, "MAIL FROM:%s%s", address, params)
	if t == nil && r.code/100 != 2 {
		t = refusal(StepSender, r)
	}
	if t != nil {
		t.step = StepSender
	}
	return t
}

// recipient says RCPT.
func (c *conversation) recipient(address string) *trouble {
	if _, ok := c.ext["SMTPUTF8"]; !ok && !isASCII(address) {
		return &trouble{step: StepRecipient, kind: needsUTF8, more: address}
	}
	to, err := path(address)
	if err != nil {
		return &trouble{step: StepRecipient, kind: recipientRefused, err: err}
	}
	r, t := c.command(c.server.Timeouts.Step, "RCPT TO:%s", to)
	if t == nil && r.code/100 != 2 {
		t = refusal(StepRecipient, r)
	}
	if t != nil {
		t.step = StepRecipient
	}
	return t
}

// data says DATA and sends the mail. Before its last line it waits that long for a server that leaves in
// the middle: it cannot be told later from one that has taken the mail.
func (c *conversation) data(message []byte, wait time.Duration) (t *trouble, unknown bool) {
	defer func() {
		if t != nil {
			t.step = StepData
		}
	}()
	r, t := c.command(c.server.Timeouts.Step, "DATA")
	if t != nil {
		return t, false
	}
	if r.code != 354 {
		if r.code < 400 {
			return &trouble{kind: garbled, said: r.String()}, false
		}
		return refusal(StepData, r), false
	}
	w := c.text.DotWriter()
	const chunk = 32 << 10
	for rest := message; len(rest) > 0; {
		c.guard.step(c.server.Timeouts.Step, false)
		n := min(chunk, len(rest))
		if _, err := w.Write(rest[:n]); err != nil {
			// Without the last line the server does not take it. Closing w would send that line.
			if r := c.lastWords(); r.code >= 400 {
				t := refusal(StepData, r)
				t.err = errGone
				return t, false
			}
			return c.broken(err), false
		}
		rest = rest[n:]
	}
	if wait > 0 {
		if t := c.left(wait); t != nil {
			return t, false
		}
	}
	c.guard.step(c.server.Timeouts.Accept, true)
	if err := w.Close(); err != nil {
		if r := c.lastWords(); r.code >= 400 {
			t := refusal(StepData, r)
			t.err = errGone
			return t, false
		}
		return c.broken(err), true
	}
	r, t = c.read()
	c.guard.step(c.server.Timeouts.Step, false)
	switch {
	case t != nil:
		return t, true
	case r.code/100 == 2:
		return nil, false
	case r.code < 400:
		return &trouble{kind: garbled, said: r.String()}, true
	}
	return refusal(StepData, r), false
}

// left sends what is not sent yet of a mail's text, and tells if the server leaves within that time.
func (c *conversation) left(wait time.Duration) *trouble {
	err := c.text.W.Flush()
	if err == nil {
		c.guard.step(wait, false)
		_, err = c.text.R.Peek(1)
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) && !c.guard.wasCut() {
			return nil // What it says is its answer.
		}
	}
	if r := c.lastWords(); r.code >= 400 {
		t := refusal(StepData, r)
		t.err = errGone
		return t
	}
	return c.broken(err)
}

// errGone marks a refusal after which the connection is of no use.
var errGone = errors.New("the server closed the connection")

// reset makes ready for another mail.
func (c *conversation) reset() bool {
	r, t := c.command(c.server.Timeouts.Step, "RSET")
	return t == nil && r.code/100 == 2
}
