package outbox

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"
)

// The names of the steps of a delivery, in order.
const (
	StepResolve   = "resolve"
	StepConnect   = "connect"
	StepGreeting  = "greeting" // before StepTLS with STARTTLS, after it with implicit TLS
	StepTLS       = "TLS"
	StepAuth      = "AUTH"
	StepSender    = "sender"
	StepRecipient = "recipient"
	StepData      = "DATA"

	stepMail = "mail" // any of the last three
)

// leaves is how long a probe waits, before a mail's last line, for a server that leaves in its middle.
const leaves = 200 * time.Millisecond

// Step is what a probe found out at one step.
type Step struct {
	Name   string
	OK     bool
	Took   time.Duration
	Detail string // the addresses, the version of TLS, the mechanism, the sender, the recipient
	Said   string // the server's words, one line without secrets; "" if it said nothing
	Err    error  // why it is not OK: what happened, in plain language
	Advice string // what to change; also of a step that is OK and could be better
}

// ProbeOptions say how far a probe goes.
type ProbeOptions struct {
	// From is the sender to try. Without an address the probe ends after AUTH.
	From mail.Address
	// To are the recipients to try.
	To []mail.Address
	// Send says whether a mail is sent to them. Without it they are only named, which some servers
	// accept before they refuse a mail.
	Send bool
	// Mail is what to send. Its Key, From and To do not matter. The zero value is a short text that
	// says what it is.
	Mail Mail
}

// Probe goes through a delivery step by step, and tells of each: resolve (where the host is a name),
// connect, greeting, TLS, AUTH, sender, each recipient and DATA. It ends with the first step that
// fails, except that all recipients are tried. Then it returns that step's Err. Zero Timeouts are
// shorter than in a delivery: 10 s, 15 s, 1 min and 2 min.
func Probe(ctx context.Context, s Server, o ProbeOptions, tell func(Step)) error {
	s, err := s.withDefaults(probeTimeouts)
	if err != nil {
		return err
	}
	var message []byte
	var e envelope
	if o.From.Address != "" {
		m := o.Mail
		if m.Subject == "" && m.Text == "" && m.HTML == "" {
			m.Subject = "Test mail"
			m.Text = "This mail was sent to find out whether mails arrive. They do.\n"
		}
		m.Key, m.From, m.To = "probe", o.From, o.To
		if len(m.To) == 0 {
			m.To = []mail.Address{o.From} // only to be composed
		}
		if e, message, err = compose(&m, time.Now()); err != nil {
			return err
		}
	}
	c, t := open(ctx, s, tell)
	if t != nil {
		return t
	}
	defer c.close()
	if message == nil {
		c.quit()
		return nil
	}
	p := progress{tell: tell, server: &s}
	p.begin(StepSender)
	if t := c.progress(&p, e.From, c.begin(e.From, e.To, len(message))); t != nil {
		return t
	}
	if len(o.To) == 0 {
		c.quit()
		return nil
	}
	var first *trouble
	accepted := 0
	for _, address := range e.To {
		p.begin(StepRecipient)
		t := c.progress(&p, address, c.recipient(address))
		if t == nil {
			accepted++
		} else if first == nil {
			first = t
		}
		if t != nil && t.ofServer() {
			return t
		}
	}
	if o.Send && accepted > 0 {
		p.begin(StepData)
		t, unknown := c.data(message, leaves)
		if unknown {
			t.more = strings.TrimPrefix(t.more+"; the mail may have been taken nevertheless", "; ")
		}
		detail := fmt.Sprintf("%d bytes, Message-ID <%s>", len(message), e.MessageID)
		if t = c.progress(&p, detail, t); t != nil {
			return t
		}
	}
	c.quit()
	if first != nil {
		return first
	}
	return nil
}

// progress times the steps and tells of them.
type progress struct {
	tell   func(Step)
	server *Server
	step   string
	start  time.Time
}

func (p *progress) begin(step string) { p.step, p.start = step, time.Now() }

// note tells of a step that is OK.
func (p *progress) note(detail, advice string) {
	if p.tell != nil {
		p.tell(Step{Name: p.step, OK: true, Took: time.Since(p.start), Detail: detail, Advice: advice})
	}
}

// end tells how the step ended and returns its trouble, which then knows the step.
func (p *progress) end(detail, said string, t *trouble) *trouble {
	step := Step{Name: p.step, OK: t == nil, Took: time.Since(p.start), Detail: detail, Said: said}
	if t != nil {
		t.step = p.step
		step.Said, step.Err, step.Advice = t.said, t, t.advice(p.server)
	}
	if p.tell != nil {
		p.tell(step)
	}
	return t
}

// progress ends a step with the server's last words.
func (c *conversation) progress(p *progress, detail string, t *trouble) *trouble {
	return p.end(detail, c.said, t)
}
