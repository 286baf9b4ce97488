package outbox_test

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

// A process is killed in the middle of DATA, or when the server has the mail and did not answer yet.
func TestKilledInData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		step  smtptest.Step
		fault smtptest.Fault
		times int // the mail arrives
	}{
		{"in the middle of the mail", smtptest.Body, smtptest.Fault{After: 10_000, Silent: true}, 1},
		{"after the mail, before the server's answer", smtptest.End, smtptest.Fault{Take: true, Silent: true}, 2},
		{"after the mail, which the server did not take", smtptest.End, smtptest.Fault{Silent: true}, 1},
		{"before DATA", smtptest.RcptTo, smtptest.Fault{Silent: true}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reached := make(chan struct{})
			tt.fault.Tell = sync.OnceFunc(func() { close(reached) })
			s := smtptest.Start(t, smtptest.Options{Fault: smtptest.Always(tt.step, tt.fault)})
			j := job{Dir: t.TempDir(), Port: s.Port(), Mails: 1}
			c := j.start(t)
			<-reached
			<-c.said // a mail may be on its way before its sender is told that it is durable
			if told := c.kill(); len(told) != 1 {
				t.Fatalf("put: %q", told)
			}
			s.Wait(t, "the end of the connection", func() bool { return s.Open() == 0 })
			s.SetFault(nil)
			o := open(t, s, j.options())
			start := time.Now()
			run(t, o)
			outcome := settled(t, o, 1)["mail-0"]
			if took := time.Since(start); !outcome.Delivered || took > 10*time.Second {
				t.Errorf("after %v: %+v", took, outcome)
			}
			ids := messageIDs(t, s.Mails())
			if len(ids) != 1 || ids["<"+outcome.MessageID+">"] != tt.times {
				t.Errorf("arrived: %v", ids)
			}
		})
	}
}

// Processes that share a directory are killed at random moments: what they said is durable arrives,
// and what arrives twice has the same Message-ID.
func TestKilledAnytime(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Fault: smtptest.Always(smtptest.End, smtptest.Fault{Wait: time.Millisecond})})
	dir := t.TempDir()
	durable := map[string]bool{}
	const rounds, each = 8, 25
	for round := range rounds {
		var children []*child
		for n := range 2 {
			j := job{Dir: dir, Port: s.Port(), First: (2*round + n) * each, Mails: each}
			children = append(children, j.start(t))
		}
		before := len(s.Mails())
		s.Wait(t, "the first mail of a round", func() bool { return len(s.Mails()) > before })
		time.Sleep(rand.N(60 * time.Millisecond))
		for _, c := range children {
			for _, key := range c.kill() {
				durable[key] = true
			}
		}
	}
	o := open(t, s, job{Dir: dir, Port: s.Port()}.options())
	run(t, o)
	s.Wait(t, "an empty outbox", func() bool { return o.Status().Waiting == 0 })
	outcomes, err := o.Settled()
	if err != nil {
		t.Fatal(err)
	}
	ids := messageIDs(t, s.Mails())
	twice := 0
	for _, outcome := range outcomes {
		n := ids["<"+outcome.MessageID+">"]
		if !outcome.Delivered || n == 0 {
			t.Errorf("arrived %d times: %+v", n, outcome)
		}
		twice += n - 1
		delete(durable, outcome.Key)
		delete(ids, "<"+outcome.MessageID+">")
	}
	if len(durable) > 0 || len(ids) > 0 {
		t.Errorf("lost: %v; arrived without an outcome: %v", durable, ids)
	}
	if twice > 2*rounds { // each process had one mail in its hands
		t.Errorf("%d mails arrived twice", twice)
	}
	t.Logf("%d mails, %d of them twice", len(outcomes), twice)
	status := o.Status()
	if status.SetAside > 0 || strings.TrimSpace(status.LastError) != "" {
		t.Errorf("%+v", status)
	}
	for _, entry := range must(o.List()) {
		if entry.State != outbox.Delivered {
			t.Errorf("%+v", entry)
		}
	}
}
