package outbox_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

const day = 24 * time.Hour

// dialer fails until it is mended, and notes when it was asked.
type dialer struct {
	server *smtptest.Server

	mu     sync.Mutex
	times  []time.Time
	mended bool
}

func (d *dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.times = append(d.times, time.Now())
	if !d.mended {
		return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
	}
	return d.server.Dial(ctx, network, address)
}

func (d *dialer) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mended = true
}

func (d *dialer) dialed() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]time.Time(nil), d.times...)
}

// For four days a server cannot be reached, and then the mails are given up.
func TestFourDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{}
		log := &logged{}
		o := open(t, nil, outbox.Options{Server: outbox.Server{Dial: d.Dial, Host: "mail.example.org"}, Logger: log.logger()})
		put(t, o, letter(1), letter(2))
		start := time.Now()
		run(t, o)
		time.Sleep(4*day - time.Hour)
		if outcomes, err := o.Settled(); err != nil || len(outcomes) > 0 {
			t.Fatalf("too early: %+v, %v", outcomes, err)
		}
		put(t, o, letter(3)) // is young
		for key, outcome := range settledWithin(t, o, 2, 2*time.Hour) {
			if outcome.Delivered || key == "mail-3" || outcome.Attempts < 1000 || outcome.At.Sub(start) < 4*day || outcome.At.Sub(start) > 4*day+10*time.Minute {
				t.Errorf("%s: %+v", key, outcome)
			}
			contains(t, "the reason", outcome.Reason, "admin@example.org: given up after 96h0m0s: connect: there is no host of this name: mail.example.org")
		}
		times := d.dialed()
		for i, at := range times {
			if i == 0 {
				continue
			}
			gap := 5 * time.Second << min(i-1, 10)
			got := at.Sub(times[i-1])
			if least, most := min(gap, 5*time.Minute)*3/4, min(gap, 5*time.Minute)*5/4; got < least || got > most+time.Millisecond {
				t.Fatalf("gap %d is %v, not from %v to %v", i, got, least, most)
			}
		}
		if n := len(times); n < 1100 || n > 1300 {
			t.Errorf("%d tries", n)
		}
		if n := strings.Count(log.String(), "Mails cannot be sent and wait"); n < 90 || n > 100 {
			t.Errorf("the log was told %d times", n)
		}
		contains(t, "the log", log.String(), "Check the spelling of MAIL_SERVER")
		status := o.Status()
		if status.Waiting != 1 || status.GivenUp != 2 || status.ServerError == "" || !status.ServerSince.Equal(start) || !status.Next.After(time.Now()) {
			t.Errorf("%+v", status)
		}
	})
}

func TestServerComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{server: smtptest.Start(t, smtptest.Options{Pipe: true})}
		log := &logged{}
		o := open(t, nil, outbox.Options{Server: outbox.Server{Dial: d.Dial}, Logger: log.logger()})
		const n = 5
		for i := range n {
			put(t, o, letter(i))
		}
		run(t, o)
		time.Sleep(day)
		d.mend()
		start := time.Now()
		for key, outcome := range settledWithin(t, o, n, time.Hour) {
			if !outcome.Delivered {
				t.Errorf("%s: %+v", key, outcome)
			}
		}
		if took := time.Since(start); took > 7*time.Minute {
			t.Errorf("noticed after %v", took)
		}
		if n := d.server.Conns(); n != 1 {
			t.Errorf("%d connections", n)
		}
		contains(t, "the log", log.String(), "Mails can be sent again")
		if status := o.Status(); status.ServerError != "" || !status.ServerSince.IsZero() {
			t.Errorf("%+v", status)
		}
	})
}

// One mail is put off again and again: it has its own waiting time, up to 30 minutes, until it is too old.
func TestPutOffUntilTooOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Recipient("full@example.org", smtptest.Fault{Reply: "452 4.2.2 mailbox full"})})
		o := open(t, nil, outbox.Options{Server: outbox.Server{Dial: s.Dial}, MaxAge: 6 * time.Hour})
		put(t, o, letter(1, "full@example.org", "a@example.org"), letter(2, "full@example.org"))
		run(t, o)
		time.Sleep(time.Minute)
		put(t, o, letter(3))
		if outcome := settledWithin(t, o, 1, time.Minute)["mail-3"]; !outcome.Delivered {
			t.Errorf("%+v", outcome)
		}
		synctest.Wait() // an attempt may be under way
		entries, err := o.List()
		if err != nil || entries[0].Attempts == 0 || !entries[0].Next.After(time.Now()) {
			t.Errorf("%+v, %v", entries, err)
		}
		contains(t, "the entry", entries[0].LastError, "452 4.2.2 mailbox full")
		outcomes := settledWithin(t, o, 3, day)
		if one := outcomes["mail-1"]; !one.Delivered || len(one.Refused) != 1 || one.Refused[0] != "full@example.org" {
			t.Errorf("%+v", one)
		}
		if two := outcomes["mail-2"]; two.Delivered || two.Attempts < 15 || two.Attempts > 30 {
			t.Errorf("%+v", two)
		}
		contains(t, "the reason", outcomes["mail-2"].Reason, "given up after 6h0m0s", "452 4.2.2 mailbox full")
		if n := len(s.Mails()); n != 2 { // mail-1 to a, and mail-3
			t.Errorf("%d mails", n)
		}
	})
}

// A mail is not given up at the first try only because the machine was off for long, or its clock wrong.
func TestOldMailIsTriedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{server: smtptest.Start(t, smtptest.Options{Pipe: true})}
		o := open(t, nil, outbox.Options{Server: outbox.Server{Dial: d.Dial}})
		put(t, o, letter(1))
		time.Sleep(30 * day)
		run(t, o)
		time.Sleep(time.Minute)
		d.mend()
		if outcome := settledWithin(t, o, 1, time.Hour)["mail-1"]; !outcome.Delivered {
			t.Errorf("%+v", outcome)
		}
	})
}

// What was written down with a clock that was far ahead does not make mails wait for that long.
func TestClockWasAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Times(1, smtptest.RcptTo, smtptest.Fault{Reply: "451 later"})})
		server := outbox.Server{Dial: s.Dial}
		wrong := open(t, nil, outbox.Options{Dir: dir, Server: server, Now: func() time.Time { return time.Now().Add(1000 * day) }})
		put(t, wrong, letter(1))
		stop := run(t, wrong)
		s.Wait(t, "a try", func() bool { return len(s.Commands()) > 3 })
		synctest.Wait()
		stop()
		right := open(t, nil, outbox.Options{Dir: dir, Server: server})
		run(t, right)
		settledWithin(t, right, 1, time.Minute)
	})
}

// A server that is slow or dead is tried once for all mails, not once for each.
func TestOneTimeoutForAll(t *testing.T) {
	t.Parallel()
	for step, most := range map[smtptest.Step]time.Duration{
		smtptest.Greeting: time.Minute, smtptest.EHLO: time.Minute, smtptest.MailFrom: time.Minute, smtptest.RcptTo: time.Minute,
		smtptest.Data: time.Minute, smtptest.Body: 6 * time.Minute, smtptest.End: 6 * time.Minute,
	} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Times(1, step, smtptest.Fault{Silent: true})})
				o := open(t, s, outbox.Options{Server: outbox.Server{Dial: s.Dial}})
				const n = 40
				for i := range n {
					put(t, o, letter(i))
				}
				start := time.Now()
				run(t, o)
				settledWithin(t, o, n, time.Hour)
				if took := time.Since(start); took > most {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// The server's trouble is everybody's: however many mails wait, it is tried as if there were one.
func TestDeadServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Always(smtptest.Greeting, smtptest.Fault{Silent: true})})
		o := open(t, s, outbox.Options{Server: outbox.Server{Dial: s.Dial}})
		run(t, o)
		start := time.Now()
		for i := range 60 { // while it is dead
			put(t, o, letter(i))
			time.Sleep(time.Minute)
		}
		if n := s.Conns() / 2; n < 10 || n > 22 { // each try, and a look for TLS
			t.Errorf("%d tries within %v", n, time.Since(start))
		}
		s.SetFault(nil)
		settledWithin(t, o, 60, time.Hour)
		if n := len(messageIDs(t, s.Mails())); n != 60 || len(s.Mails()) != 60 {
			t.Errorf("%d mails", n)
		}
	})
}

// No trickle of bytes holds us longer than a step and an attempt may take.
func TestTrickle(t *testing.T) {
	t.Parallel()
	for _, step := range []smtptest.Step{smtptest.Greeting, smtptest.EHLO, smtptest.MailFrom, smtptest.Data, smtptest.End} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Always(step, smtptest.Fault{Raw: "250-", Drip: time.Second})})
				o := open(t, s, outbox.Options{Server: outbox.Server{Dial: s.Dial, Timeouts: outbox.Timeouts{Step: time.Minute, Accept: 10 * time.Minute, Attempt: 3 * time.Minute}}})
				put(t, o, letter(1))
				run(t, o)
				start := time.Now()
				for o.Status().LastError == "" {
					time.Sleep(time.Second)
				}
				limit := time.Minute
				if step == smtptest.Greeting {
					limit += 5 * time.Second // for a look whether it wants TLS
				}
				if step == smtptest.End {
					limit = 3 * time.Minute // of the whole attempt
					contains(t, "the error", o.Status().LastError, "the whole attempt took longer than 3m0s")
				}
				if took := time.Since(start); took > limit+2*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Every step in time, and the whole too long: many recipients, each answered slowly.
func TestWholeAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Always(smtptest.RcptTo, smtptest.Fault{Wait: 25 * time.Second})})
		o := open(t, s, outbox.Options{Server: outbox.Server{Dial: s.Dial, Timeouts: outbox.Timeouts{Attempt: time.Minute}}})
		put(t, o, letter(1, "a@example.org", "b@example.org", "c@example.org", "d@example.org"))
		run(t, o)
		start := time.Now()
		for o.Status().LastError == "" {
			time.Sleep(time.Second)
		}
		if took := time.Since(start); took > 61*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// Run ends promptly at any step, and what it cut is sent at the next start, at once.
func TestShutdown(t *testing.T) {
	t.Parallel()
	for _, step := range smtptest.Steps {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				authority := smtptest.NewAuthority(t)
				s := smtptest.Start(t, smtptest.Options{
					Pipe: true, Cert: authority.Good(t), Mechanisms: []string{"LOGIN"}, Username: "u", Password: "p",
					Fault: smtptest.Always(step, smtptest.Fault{Silent: true}),
				})
				dir := t.TempDir()
				options := outbox.Options{Dir: dir, Server: outbox.Server{Dial: s.Dial, TLS: outbox.StartTLS, RootCAs: authority.Pool, Username: "u", Password: "p"}}
				o := open(t, nil, options)
				put(t, o, letter(1))
				stop := run(t, o)
				synctest.Wait() // until nothing moves: the server is silent
				took := stop()
				limit := time.Duration(0)
				if step == smtptest.End || step == smtptest.Body {
					limit = time.Second // for the answer
				}
				if took > limit {
					t.Errorf("Run ended after %v", took)
				}
				s.SetFault(nil)
				again := open(t, nil, options)
				start := time.Now()
				run(t, again)
				if outcome := settledWithin(t, again, 1, time.Minute)["mail-1"]; !outcome.Delivered {
					t.Errorf("%+v", outcome)
				}
				if took := time.Since(start); took > time.Second {
					t.Errorf("sent %v after the next start", took)
				}
				if ids := messageIDs(t, s.Mails()); len(ids) != 1 {
					t.Errorf("%v", ids)
				}
			})
		})
	}
}

// An answer that comes within a second of the shutdown is still heard, so that nothing is sent twice.
func TestShutdownHearsTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Always(smtptest.End, smtptest.Fault{Wait: 800 * time.Millisecond})})
		o := open(t, nil, outbox.Options{Server: outbox.Server{Dial: s.Dial}})
		put(t, o, letter(1), letter(2))
		stop := run(t, o)
		synctest.Wait()
		if took := stop(); took != 800*time.Millisecond {
			t.Errorf("Run ended after %v", took)
		}
		if status := o.Status(); status.Delivered != 1 || status.Waiting != 1 {
			t.Errorf("%+v", status)
		}
	})
}

func TestPutRespectsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, nil, outbox.Options{Server: outbox.Server{Host: "mail.example.org"}})
		ctx, cancel := context.WithCancelCause(context.Background())
		stopped := errors.New("the request is over")
		cancel(stopped)
		failed := 0
		for n := range 50 { // either branch may win
			switch err := o.Put(ctx, letter(n)); {
			case errors.Is(err, stopped):
				failed++
			case err != nil:
				t.Fatal(err)
			}
		}
		synctest.Wait() // for those that are being written
		if failed == 0 || o.Status().Waiting < 50-failed {
			t.Errorf("%d failed, %d wait", failed, o.Status().Waiting)
		}
	})
}
