package mailbox_test

import (
	"errors"
	"net/textproto"
	"strings"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

func plan(t testing.TB, first int, chance float64, rules ...string) mailbox.Plan {
	t.Helper()
	p, err := mailbox.ParsePlan(rules, first, chance)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// conversation is how a whole one goes: what is said at each step, and the answer.
var conversation = []struct {
	step      mailbox.Step
	say, want string
}{
	{mailbox.AtConnect, "", "220 "},
	{mailbox.AtHelo, "EHLO me", "250-"},
	{mailbox.AtAuth, "AUTH PLAIN AGEAYg==", "235 "},
	{mailbox.AtMail, "MAIL FROM:<a@b.example>", "250 "},
	{mailbox.AtRcpt, "RCPT TO:<c@d.example>", "250 "},
	{mailbox.AtData, "DATA", "354 "},
	{mailbox.AtDot, "Subject: x\r\n\r\ny\r\n.", "250 "},
}

// talkTo goes through the conversation up to the step before that.
func (s *server) talkTo(step mailbox.Step) (c *talk, say string) {
	s.t.Helper()
	c = s.dial()
	for _, part := range conversation {
		if part.step == step {
			return c, part.say
		}
		if part.step == mailbox.AtAuth {
			continue // not everywhere
		}
		if part.say == "" {
			c.want(part.want)
		} else {
			c.ask(part.say, part.want)
		}
	}
	s.t.Fatalf("%s is no step of the conversation", step)
	return nil, ""
}

func TestEachModeAtEachStep(t *testing.T) {
	t.Parallel()
	codes := map[mailbox.Step][2]string{
		mailbox.AtConnect: {"554 5.", "421 4."}, mailbox.AtHelo: {"550 5.", "421 4."}, mailbox.AtAuth: {"535 5.", "454 4."},
		mailbox.AtMail: {"550 5.", "451 4."}, mailbox.AtRcpt: {"550 5.", "450 4."}, mailbox.AtData: {"554 5.", "451 4."},
		mailbox.AtDot: {"554 5.", "451 4."},
	}
	for _, part := range conversation {
		for _, mode := range []mailbox.Mode{mailbox.Refuse, mailbox.TempFail, mailbox.Silent, mailbox.Drop} {
			rule := mailbox.Rule{Mode: mode, Step: part.step}
			t.Run(rule.String(), func(t *testing.T) {
				t.Parallel()
				s := start(t, mailbox.Options{Faults: mailbox.Plan{Rules: []mailbox.Rule{rule}}})
				c, say := s.talkTo(part.step)
				kept := 0
				if say != "" {
					c.write(say + "\r\n")
				}
				if mode == mailbox.Drop && part.step == mailbox.AtData {
					c.want("354 ") // it is dropped in the middle of the text
					c.write("Subject: x\r\n")
				}
				switch mode {
				case mailbox.Refuse:
					c.want(codes[part.step][0])
				case mailbox.TempFail:
					c.want(codes[part.step][1])
				case mailbox.Silent:
					c.wantSilence()
				case mailbox.Drop:
					c.wantEnd()
				}
				if part.step == mailbox.AtDot && (mode == mailbox.Silent || mode == mailbox.Drop) {
					kept = 1
				}
				s.printed("on purpose (" + rule.String() + ")")
				mails := s.Mails()
				if len(mails) != kept || kept == 1 && !mails[0].Unanswered {
					t.Errorf("%d mails are kept: %+v", len(mails), mails)
				}
				if _, failed := s.Faults(); failed != 1 {
					t.Errorf("%d attempts have failed", failed)
				}
			})
		}
	}
}

func TestConversationGoesOnAfterRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Faults: plan(t, 0, 0, "refuse@data", "tempfail@mail")})
	c := s.dial()
	c.want("220 ")
	c.ask("EHLO me", "250-")
	c.ask("MAIL FROM:<a@b.example>", "451 ")
	if err := s.SetFaults(plan(t, 0, 0, "refuse@data")); err != nil {
		t.Fatal(err)
	}
	c.ask("MAIL FROM:<a@b.example>", "250 ")
	c.ask("RCPT TO:<c@d.example>", "250 ")
	c.ask("DATA", "554 ")
	c.write("BDAT 9 LAST\r\nNOOP\r\nyz\n") // the chunk is none of the conversation
	c.want("554 ")
	if err := s.SetFaults(mailbox.Plan{}); err != nil {
		t.Fatal(err)
	}
	c.ask("DATA", "354 ")
	c.ask("Subject: x\r\n\r\ny\r\n.", "250 ")
	c.ask("QUIT", "221 ")
	s.one()
}

func TestDropInAChunk(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Faults: plan(t, 1, 0, "drop")})
	c, _ := s.talkTo(mailbox.AtData)
	c.write("BDAT 12 LAST\r\nSubject: x\r\n")
	c.wantEnd()
	if n := len(s.Mails()); n != 0 {
		t.Errorf("%d mails are kept", n)
	}
	c, _ = s.talkTo(mailbox.AtData)
	c.write("BDAT 12 LAST\r\nSubject: x\r\n")
	c.want("250 ")
	s.one()
}

func TestRefusedGreeting(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Faults: plan(t, 0, 0, "refuse@connect")})
	c := s.dial()
	c.want("554 ")
	c.ask("EHLO me", "503 ")
	c.ask("QUIT", "221 ")
	c.wantEnd()
}

func TestGivenCodes(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Faults: plan(t, 0, 0, "refuse=552@dot", "tempfail=421@mail")})
	c := s.dial()
	c.want("220 ")
	c.ask("EHLO me", "250-")
	c.ask("MAIL FROM:<a@b.example>", "421 4.")
	c.wantEnd() // which 421 announces
	if err := s.SetFaults(plan(t, 0, 0, "refuse=552@dot")); err != nil {
		t.Fatal(err)
	}
	var refused *textproto.Error
	if err := s.send(simple); !errors.As(err, &refused) || refused.Code != 552 || !strings.Contains(refused.Msg, "refuse=552@dot") {
		t.Errorf("%v", err)
	}
}

func TestFailuresUnderTLS(t *testing.T) {
	t.Parallel()
	for _, mode := range []mailbox.TLSMode{mailbox.TLSStartTLS, mailbox.TLSImplicit} {
		for rule, want := range map[string]string{
			"refuse@data": "554", "tempfail@rcpt": "450", "drop@dot": "EOF", "slow=1ms@data": "", "refuse@connect": "554",
			"tempfail@starttls": "454",
		} {
			if strings.Contains(rule, "starttls") && mode == mailbox.TLSImplicit {
				continue
			}
			t.Run(string(mode)+" "+rule, func(t *testing.T) {
				t.Parallel()
				s := start(t, mailbox.Options{TLS: mode, Faults: plan(t, 0, 0, rule)})
				options := []gomail.Option{gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(s.trusting())}
				if mode == mailbox.TLSImplicit {
					options = []gomail.Option{gomail.WithSSL(), gomail.WithTLSConfig(s.trusting())}
				}
				err := s.client(options...).DialAndSendWithContext(t.Context(), message(t))
				if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
					t.Errorf("%v; want %q", err, want)
				}
			})
		}
	}
	t.Run("starttls only where it is offered", func(t *testing.T) {
		s := start(t, mailbox.Options{})
		var option *mailbox.OptionError
		if err := s.SetFaults(plan(t, 0, 0, "refuse@starttls")); !errors.As(err, &option) {
			t.Errorf("%v", err)
		}
	})
}

func TestFirstAttemptsFail(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"refuse", "tempfail@connect", "drop", "drop@dot", "tempfail@dot", "refuse@mail"} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			s := start(t, mailbox.Options{Faults: plan(t, 3, 0, rule)})
			for i := range 5 {
				err := s.send(simple)
				if failed := i < 3; failed != (err != nil) {
					t.Errorf("attempt %d: %v", i+1, err)
				}
			}
			if _, failed := s.Faults(); failed != 3 {
				t.Errorf("%d have failed", failed)
			}
			want := 2
			if rule == "drop@dot" {
				want = 5 // all were taken, and each further one is a duplicate
				if m := s.Mails()[0]; m.Duplicate != 4 {
					t.Errorf("mail %d is a duplicate of %d", m.ID, m.Duplicate)
				}
			}
			if n := len(s.Mails()); n != want {
				t.Errorf("%d mails, want %d", n, want)
			}
		})
	}
}

// TestAttempts tells apart what counts as one: all recipients of a mail are, two mails of a connection are not, and
// neither is a connection that comes to nothing.
func TestAttempts(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Faults: plan(t, 1, 0, "tempfail@rcpt")})
	c := s.dial()
	c.want("220 ")
	c.ask("EHLO me", "250-")
	c.ask("QUIT", "221 ")
	c = s.dial()
	c.want("220 ")
	c.ask("EHLO me", "250-")
	c.ask("MAIL FROM:<a@b.example>", "250 ")
	c.ask("RCPT TO:<c@d.example>", "450 ")
	c.ask("RCPT TO:<e@f.example>", "450 ")
	c.ask("RSET", "250 ")
	c.ask("MAIL FROM:<a@b.example>", "250 ")
	c.ask("RCPT TO:<c@d.example>", "250 ")
}

func TestChance(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Faults: plan(t, 0, 0.5, "refuse@mail")})
	c := s.dial()
	c.want("220 ")
	c.ask("EHLO me", "250-")
	passed, failed := 0, 0
	for range 200 { // all or none of them with a probability of 2^-199
		c.write("MAIL FROM:<a@b.example>\r\n")
		got, err := c.read()
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.HasPrefix(got, "250 "):
			passed++
		case strings.HasPrefix(got, "550 "):
			failed++
		}
	}
	if passed == 0 || failed == 0 || passed+failed != 200 {
		t.Errorf("%d passed and %d failed", passed, failed)
	}
	if _, n := s.Faults(); n != failed {
		t.Errorf("%d are counted as failed, which %d did", n, failed)
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Faults: plan(t, 0, 0, "slow=2ms", "slow=1h@dot")})
	c := s.dial()
	began := time.Now()
	greeting := c.want("220 ")
	if took, least := time.Since(began), time.Duration(len(greeting))*2*time.Millisecond; took < least {
		t.Errorf("the greeting took %s, at least %s was wanted", took, least)
	}
	c.ask("EHLO me", "250-")
	c.ask("MAIL FROM:<a@b.example>", "250 ")
	c.ask("RCPT TO:<c@d.example>", "250 ")
	c.ask("DATA", "354 ")
	c.write("Subject: x\r\n\r\ny\r\n.\r\n")
	if b, err := c.r.Peek(1); err != nil || b[0] != '2' {
		t.Fatalf("%q, %v", b, err)
	}
	c.wantNoMoreThan(1)
	if err := s.SetFaults(mailbox.Plan{}); err != nil { // and at once it is fast
		t.Fatal(err)
	}
	c.want("250 ")
	c.ask("QUIT", "221 ")
}

// wantNoMoreThan expects that no more than n bytes come in a moment.
func (c *talk) wantNoMoreThan(n int) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	defer c.conn.SetReadDeadline(time.Now().Add(patience))
	if b, err := c.r.Peek(n + 1); err == nil {
		c.t.Fatalf("%q", b)
	}
}

// TestChangeEndsSilence is about a sender that is kept waiting when the mode is changed: it recovers at once.
func TestChangeEndsSilence(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Faults: plan(t, 0, 0, "silent@rcpt")})
	c, say := s.talkTo(mailbox.AtRcpt)
	c.write(say + "\r\n")
	c.wantSilence()
	if err := s.SetFaults(mailbox.Plan{}); err != nil {
		t.Fatal(err)
	}
	c.wantEnd()
	s.mustSend(simple)
	s.printed("from now on: nothing fails")
}

// TestChangesUnderTraffic lets modes change while mails come in; what was accepted is there, and nothing stands still.
func TestChangesUnderTraffic(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	plans := []mailbox.Plan{
		plan(t, 0, 0, "refuse@mail"), plan(t, 0, 0, "silent@rcpt"), plan(t, 1, 0, "drop"), {}, plan(t, 0, 0.5, "silent@data", "slow=1ms@rcpt"),
		plan(t, 0, 0, "silent"), {},
	}
	const senders, each = 4, 10
	accepted := make(chan int, senders)
	for range senders {
		go func() {
			n := 0
			for range each {
				if s.send(simple) == nil {
					n++
				}
			}
			accepted <- n
		}()
	}
	want := 0
	for i, done := 0, 0; done < senders; i++ {
		if err := s.SetFaults(plans[i%len(plans)]); err != nil {
			t.Fatal(err)
		}
		select {
		case n := <-accepted:
			want += n
			done++
		case <-time.After(3 * time.Millisecond):
		}
	}
	if got := len(s.Mails()); got != want {
		t.Errorf("%d mails are kept, %d were accepted", got, want)
	}
}
