package outbox_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

// TestEveryFault has each fault at each step, twice, and then none: two mails must arrive, once each
// where the server's answer to a mail got through, and else with the same Message-ID.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	faults := []struct {
		name  string
		fault smtptest.Fault
	}{
		{"silent", smtptest.Fault{Silent: true}},
		{"dropped", smtptest.Fault{Drop: true}},
		{"a byte now and then", smtptest.Fault{Drip: 7 * time.Second}},
		{"slow answer", smtptest.Fault{Slow: 5 * time.Second}},
		{"late answer", smtptest.Fault{Wait: 20 * time.Second}},
		{"endless", smtptest.Fault{Raw: strings.Repeat("250-more\r\n", 30_000), Flood: true}},
		{"garbage", smtptest.Fault{Raw: "\x16\x03\x01\x00 HTTP/1.1 400 Bad Request\r\n\r\n"}},
		{"wrong code", smtptest.Fault{Reply: "399 what"}},
		{"421", smtptest.Fault{Reply: "421 4.3.2 shutting down", Drop: true}},
		{"451", smtptest.Fault{Reply: "451 4.7.1 greylisted, come again"}},
		{"half an answer", smtptest.Fault{Raw: "250-and", Drop: true}},
	}
	for _, step := range smtptest.Steps {
		for _, f := range faults {
			if step == smtptest.Body {
				f.fault.After = 100
			}
			t.Run(fmt.Sprint(f.name, " at ", step), func(t *testing.T) { everyFault(t, step, f.fault) })
			if step == smtptest.End && f.name != "451" {
				f.fault.Take = true
				t.Run(fmt.Sprint(f.name, " after the mail was taken"), func(t *testing.T) { everyFault(t, step, f.fault) })
			}
		}
	}
}

func everyFault(t *testing.T, step smtptest.Step, fault smtptest.Fault) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		authority := smtptest.NewAuthority(t)
		s := smtptest.Start(t, smtptest.Options{
			Pipe: true, Cert: authority.Good(t), Mechanisms: []string{"LOGIN"}, Username: "u", Password: "p4ssword",
			Fault: smtptest.Times(2, step, fault),
		})
		log := &logged{}
		o := open(t, s, outbox.Options{Logger: log.logger(), Server: outbox.Server{Dial: s.Dial,
			TLS: outbox.StartTLS, RootCAs: authority.Pool, Username: "u", Password: "p4ssword"}})
		put(t, o, letter(1), letter(2))
		stop := run(t, o)
		for key, outcome := range settledWithin(t, o, 2, 12*time.Minute) {
			if !outcome.Delivered {
				t.Errorf("%s: %+v", key, outcome)
			}
		}
		most := 2
		if step == smtptest.Body || step == smtptest.End {
			most = 4 // the server has them and its answer was none
		}
		if ids := messageIDs(t, s.Mails()); len(ids) != 2 || len(s.Mails()) > most {
			t.Errorf("arrived: %v", ids)
		}
		if strings.Contains(log.String(), "p4ssword") {
			t.Error("the log tells the password")
		}
		status := o.Status()
		if status.Waiting != 0 || status.ServerError != "" || status.LastError != "" {
			t.Errorf("%+v", status)
		}
		if took := stop(); took > 2*time.Second {
			t.Errorf("stopping took %v", took)
		}
		synctest.Wait()
		if n := s.Open(); n > 0 && !fault.Silent && fault.Drip+fault.Slow+fault.Wait == 0 {
			t.Errorf("%d connections are open still", n)
		}
	})
}

// TestSockets has connections reset at each step, which memory has not.
func TestSockets(t *testing.T) {
	t.Parallel()
	authority := smtptest.NewAuthority(t)
	cert := authority.Good(t)
	for _, step := range smtptest.Steps {
		for name, fault := range map[string]smtptest.Fault{
			"reset":                 {Reset: true},
			"reset after an answer": {Reply: "421 4.3.2 shutting down", Reset: true},
		} {
			t.Run(fmt.Sprint(name, " at ", step), func(t *testing.T) {
				t.Parallel()
				s := smtptest.Start(t, smtptest.Options{
					Cert: cert, Mechanisms: []string{"LOGIN"}, Username: "u", Password: "p4ssword",
					Fault: smtptest.Times(2, step, fault),
				})
				o := open(t, s, outbox.Options{Server: outbox.Server{TLS: outbox.StartTLS, RootCAs: authority.Pool, Username: "u", Password: "p4ssword"}})
				put(t, o, letter(1))
				run(t, o)
				for key, outcome := range settled(t, o, 1) {
					if !outcome.Delivered {
						t.Errorf("%s: %+v", key, outcome)
					}
				}
				if ids := messageIDs(t, s.Mails()); len(ids) != 1 {
					t.Errorf("arrived: %v", ids)
				}
			})
		}
	}
}

// TestRefusals has refusals that are for good, and those of the server's settings, which are not.
func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		step    smtptest.Step
		reply   string
		givenUp bool
		says    string // the outcome, or the status while it waits
	}{
		{smtptest.Greeting, "554 5.7.1 your address is on a blocklist", false, "turns us away (it said: 554 5.7.1 your address is on a blocklist)"},
		{smtptest.EHLO, "554 5.7.1 go away", false, "turns us away"},
		{smtptest.StartTLS, "454 4.7.0 TLS not available", false, "refuses it (it said: 454"},
		{smtptest.StartTLS, "501 5.5.2 what", false, "refuses it (it said: 501"},
		{smtptest.Auth, "535 5.7.8 wrong", false, "refused the user name or the password (it said: 535"},
		{smtptest.Auth, "534 5.7.9 application-specific password required", false, "refused the user name or the password (it said: 534"},
		{smtptest.Auth, "454 4.7.0 no connection to the directory", false, "cannot check the password"},
		{smtptest.Auth, "504 5.5.4 no such mechanism", false, "user name or the password"},
		{smtptest.MailFrom, "550 5.7.1 not your address", true, "sender: the mail server refused the sender (it said: 550 5.7.1"},
		{smtptest.MailFrom, "530 5.7.0 authentication required", false, "wants us to log in"},
		{smtptest.MailFrom, "502 5.5.1 unknown", false, "did not understand"},
		{smtptest.MailFrom, "552 5.3.4 too big", true, "too big"},
		{smtptest.RcptTo, "550 5.1.1 no such user", true, "recipient: the mail server refused the recipient (it said: 550 5.1.1"},
		{smtptest.RcptTo, "554 5.7.1 relay access denied", true, "does not pass mails on"},
		{smtptest.RcptTo, "530 5.7.1 not authenticated", false, "wants us to log in"},
		{smtptest.RcptTo, "552 5.2.2 mailbox full", false, "no room for the recipient's mail"},
		{smtptest.Data, "554 5.7.1 no", true, "DATA: the mail server refused the mail itself"},
		{smtptest.End, "554 5.7.1 this is spam", true, "refused the mail itself (it said: 554 5.7.1 this is spam)"},
		{smtptest.End, "552 5.3.4 message too big", true, "too big"},
		{smtptest.Body, "552 5.3.4 message too big", true, "too big"},
	}
	authority := smtptest.NewAuthority(t)
	cert := authority.Good(t)
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.step, " ", tt.reply), func(t *testing.T) {
			t.Parallel()
			fault := smtptest.Fault{Reply: tt.reply}
			if tt.step == smtptest.Body {
				fault.Drop = true // in the middle of the mail
			}
			s := smtptest.Start(t, smtptest.Options{
				Cert: cert, Mechanisms: []string{"PLAIN"}, Username: "u", Password: "p4ssword",
				Fault: smtptest.Always(tt.step, fault),
			})
			o := open(t, s, outbox.Options{Server: outbox.Server{
				TLS: outbox.StartTLS, RootCAs: authority.Pool, Username: "u", Password: "p4ssword"}})
			m := letter(1)
			if tt.step == smtptest.Body {
				m.Text = strings.Repeat("much to say\n", 100_000)
			}
			put(t, o, m)
			run(t, o)
			if tt.givenUp {
				outcome := settled(t, o, 1)["mail-1"]
				if outcome.Delivered || outcome.Attempts != 1 || fmt.Sprint(outcome.Refused) != "[admin@example.org]" {
					t.Errorf("%+v", outcome)
				}
				contains(t, "the reason", outcome.Reason, tt.says)
				return
			}
			s.Wait(t, "three tries", func() bool { return s.Conns() >= 3 })
			entries, err := o.List()
			if err != nil || len(entries) != 1 || entries[0].State != outbox.Waiting {
				t.Fatalf("%+v, %v", entries, err)
			}
			status := o.Status()
			contains(t, "the entry", entries[0].LastError, tt.says)
			contains(t, "the status", status.LastError, tt.says)
			if entries[0].Attempts == 0 || status.Waiting != 1 {
				t.Errorf("%+v %+v", entries[0], status)
			}
			s.SetFault(nil)
			if outcome := settled(t, o, 1)["mail-1"]; !outcome.Delivered {
				t.Errorf("%+v", outcome)
			}
		})
	}
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Fault: smtptest.Any(
		smtptest.Recipient("gone@example.org", smtptest.Fault{Reply: "550 5.1.1 no such user"}),
		smtptest.Times(2, smtptest.RcptTo, smtptest.Fault{Reply: "451 4.7.1 greylisted"}),
	)})
	o := open(t, s, outbox.Options{})
	put(t, o, letter(1, "gone@example.org", "a@example.org", "b@example.org", "c@example.org"))
	run(t, o)
	outcome := settled(t, o, 1)["mail-1"]
	if !outcome.Delivered || fmt.Sprint(outcome.Refused) != "[gone@example.org]" || outcome.Attempts != 2 {
		t.Errorf("%+v", outcome)
	}
	contains(t, "the reason", outcome.Reason, "gone@example.org: recipient: the mail server refused the recipient (it said: 550 5.1.1 no such user)")
	var to []string
	for _, m := range s.Mails() {
		to = append(to, strings.Join(m.To, " "))
	}
	if fmt.Sprint(to) != "[c@example.org a@example.org b@example.org]" {
		t.Errorf("mails went to %q", to)
	}
	if ids := messageIDs(t, s.Mails()); len(ids) != 1 {
		t.Errorf("%v", ids)
	}
	asked := strings.Count(strings.Join(s.Commands(), "\n"), "gone@example.org")
	if asked != 1 {
		t.Errorf("the recipient that was refused for good was tried %d times", asked)
	}
}

// A mail that makes the server fail each time does not hold the others up for long.
func TestPoisonousMail(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]smtptest.Fault{
		"server drops the connection": {Drop: true},
		"server is confused":          {Reply: "500 5.5.2 syntax error"},
		"server is silent":            {Silent: true},
		"server shuts down":           {Reply: "421 4.3.2 shutting down", Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Recipient("poison@example.org", fault)})
				o := open(t, s, outbox.Options{Server: outbox.Server{Dial: s.Dial}})
				put(t, o, letter(0, "poison@example.org"))
				for i := range 5 {
					put(t, o, letter(1+i))
				}
				run(t, o)
				settledWithin(t, o, 5, time.Minute)
				time.Sleep(6 * time.Hour)
				for i := range 5 {
					put(t, o, letter(10+i))
				}
				settledWithin(t, o, 10, 15*time.Minute)
				entries, err := o.List()
				if err != nil || entries[0].Key != "mail-0" || entries[0].State != outbox.Waiting || entries[0].Attempts < 10 {
					t.Errorf("%+v, %v", entries, err)
				}
			})
		})
	}
}
