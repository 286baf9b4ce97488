package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

// probe runs one and returns its steps as "name ok" or "name failed".
func probe(t *testing.T, s outbox.Server, o outbox.ProbeOptions) (names string, last outbox.Step, steps []outbox.Step, err error) {
	t.Helper()
	var all []string
	err = outbox.Probe(t.Context(), s, o, func(step outbox.Step) {
		result := " ok"
		if !step.OK {
			result = " failed"
		}
		if step.OK != (step.Err == nil) || !step.OK && step.Advice == "" || step.Took < 0 {
			t.Errorf("%+v", step)
		}
		if strings.Contains(step.Advice, "wait") || strings.Contains(step.Advice, "tried again") {
			t.Errorf("there is no mail that waits: %q", step.Advice)
		}
		if step.Advice != "" && (!strings.HasSuffix(step.Advice, ".") || strings.Contains(step.Advice, "%!")) {
			t.Errorf("the advice is %q", step.Advice)
		}
		all = append(all, step.Name+result)
		steps = append(steps, step)
	})
	if len(steps) > 0 {
		last = steps[len(steps)-1]
	}
	return strings.Join(all, ", "), last, steps, err
}

var (
	sender    = mail.Address{Address: "no-reply@example.org"}
	recipient = []mail.Address{{Address: "admin@example.org"}}
)

func TestProbeGoesWell(t *testing.T) {
	t.Parallel()
	authority := smtptest.NewAuthority(t)
	options := smtptest.Options{Cert: authority.Good(t), Mechanisms: []string{"LOGIN", "PLAIN"}, Username: "u", Password: "p"}
	start := smtptest.Start(t, options)
	options.Implicit = true
	implicit := smtptest.Start(t, options)
	server := outbox.Server{Host: "localhost", Port: start.Port(), TLS: outbox.StartTLS, RootCAs: authority.Pool, Username: "u", Password: "p"}
	send := outbox.ProbeOptions{From: sender, To: append(recipient, mail.Address{Address: "b@example.org"}), Send: true}

	names, _, steps, err := probe(t, server, send)
	want := "resolve ok, connect ok, greeting ok, TLS ok, AUTH ok, sender ok, recipient ok, recipient ok, DATA ok"
	if names != want || err != nil {
		t.Errorf("%s, %v", names, err)
	}
	for i, parts := range [][]string{{"127.0.0.1"}, {":"}, {"220 mail.example.org ESMTP ready"}, {"TLS 1.3", "127.0.0.1", "localhost"}, {"PLAIN", "235 2.7.0 welcome"},
		{"no-reply@example.org", "250 2.1.0 sender ok"}, {"admin@example.org", "250 2.1.5 recipient ok"}, {"b@example.org"}, {"bytes", "Message-ID <", "250 2.0.0 taken"}} {
		contains(t, steps[i].Name, steps[i].Detail+" | "+steps[i].Said, parts...)
	}
	got := start.Mails()
	if len(got) != 1 || parse(t, got[0]).Header.Get("Subject") != "Test mail" || !got[0].TLS || got[0].User != "u" {
		t.Errorf("%+v", got)
	}

	server.Port, server.TLS = implicit.Port(), outbox.Implicit
	send.Mail = outbox.Mail{Subject: "Mine", Text: "Hello", Header: map[string]string{"X-Probe": "1"}}
	names, _, _, err = probe(t, server, send)
	if want := "resolve ok, connect ok, TLS ok, greeting ok, AUTH ok, sender ok, recipient ok, recipient ok, DATA ok"; names != want || err != nil {
		t.Errorf("%s, %v", names, err)
	}
	if h := parse(t, implicit.Mails()[0]).Header; h.Get("Subject") != "Mine" || h.Get("X-Probe") != "1" {
		t.Errorf("%v", h)
	}

	// Nothing is sent unless asked for.
	names, _, _, err = probe(t, server, outbox.ProbeOptions{From: sender, To: recipient})
	if !strings.HasSuffix(names, "sender ok, recipient ok") || err != nil || len(implicit.Mails()) != 1 {
		t.Errorf("%s, %v", names, err)
	}
	names, _, _, err = probe(t, server, outbox.ProbeOptions{})
	if !strings.HasSuffix(names, "AUTH ok") || err != nil {
		t.Errorf("%s, %v", names, err)
	}
	plain := smtptest.Start(t, smtptest.Options{Cert: authority.Good(t)})
	names, _, steps, err = probe(t, outbox.Server{Host: "127.0.0.1", Port: plain.Port()}, outbox.ProbeOptions{From: sender})
	if names != "connect ok, greeting ok, TLS ok, AUTH ok, sender ok" || err != nil {
		t.Errorf("%s, %v", names, err)
	}
	contains(t, "the advice", steps[2].Advice, "The server offers STARTTLS", "MAIL_USE_TLS=1")
}

// listener answers each connection with serve.
func listener(t *testing.T, serve func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestProbeFindsTrouble(t *testing.T) {
	t.Parallel()
	authority := smtptest.NewAuthority(t)
	good := authority.Good(t)
	free := listener(t, func(net.Conn) {})
	serve := func(o smtptest.Options) int { return smtptest.Start(t, o).Port() }
	fault := func(step smtptest.Step, f smtptest.Fault) int {
		return serve(smtptest.Options{Cert: good, Mechanisms: []string{"PLAIN"}, Username: "u", Password: "p", Fault: smtptest.Always(step, f)})
	}
	reply := func(step smtptest.Step, text string) int { return fault(step, smtptest.Fault{Reply: text}) }
	starttls := func(port int) outbox.Server {
		return outbox.Server{Port: port, TLS: outbox.StartTLS, RootCAs: authority.Pool, Username: "u", Password: "p"}
	}
	certificate := func(from, until time.Duration, name string) outbox.Server {
		return starttls(serve(smtptest.Options{Cert: authority.Issue(t, from, until, name)}))
	}
	dial := func(err error) outbox.Server {
		return outbox.Server{Host: "mail.example.org", Dial: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	tests := []struct {
		name   string
		server outbox.Server
		steps  string
		says   string
		advice string
	}{
		{"no host name at all", outbox.Server{Host: "no such host"}, "resolve failed", "no such host", ""},
		{"unknown host, for sure", dial(&net.DNSError{Err: "no such host", Name: "mail.example.org", IsNotFound: true}), "connect failed", "there is no host of this name: mail.example.org", "Check the spelling of MAIL_SERVER"},
		{"name server is down", dial(&net.DNSError{Err: "i/o timeout", Name: "mail.example.org", IsTimeout: true}), "connect failed", "cannot be looked up at the moment", "name server"},
		{"nothing listens", outbox.Server{Port: 1}, "connect failed", "nothing accepts connections there", "MAIL_PORT, which is 1"},
		{"no answer", dial(context.DeadlineExceeded), "connect failed", "no answer to the attempt to connect", "Many providers block port 25. Set MAIL_PORT=587 and MAIL_USE_TLS=1"},
		{"closed at once", outbox.Server{Port: free}, "connect ok, greeting failed", "closed before the server greeted", "not allowed"},
		{"a web server", outbox.Server{Port: listener(t, func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
		})}, "connect ok, greeting failed", "no mail server (it said: HTTP/1.1 400 Bad Request)", "another service listens there"},
		{"blocklist", outbox.Server{Port: reply(smtptest.Greeting, "554 5.7.1 blocked using zen")}, "connect ok, greeting failed", "554 5.7.1 blocked using zen", "blocklist"},
		{"overloaded", outbox.Server{Port: reply(smtptest.Greeting, "421 4.3.2 too many connections")}, "connect ok, greeting failed", "421 4.3.2", "too busy"},
		{"no STARTTLS", starttls(serve(smtptest.Options{})), "connect ok, greeting ok, TLS failed", "does not offer STARTTLS", "MAIL_USE_TLS empty"},
		{"STARTTLS refused", starttls(reply(smtptest.StartTLS, "454 4.7.0 not now")), "connect ok, greeting ok, TLS failed", "454 4.7.0 not now", "out of order for the moment"},
		{"implicit TLS on a port without", outbox.Server{Port: serve(smtptest.Options{}), TLS: outbox.Implicit}, "connect ok, TLS failed", "does not speak TLS from the first byte (it said: 220 m)", "Set MAIL_USE_TLS=1 (STARTTLS), which ports 587 and 25 use, or MAIL_PORT=465. If the server speaks plain SMTP only, as one on this machine may, leave MAIL_USE_TLS empty."},
		{"wrong name", certificate(-time.Hour, time.Hour, "other.example.org"), "connect ok, greeting ok, TLS failed", "it is for other.example.org, not for 127.0.0.1", "Set MAIL_SERVER to a name"},
		{"expired", certificate(-48*time.Hour, -24*time.Hour, "127.0.0.1"), "connect ok, greeting ok, TLS failed", "has expired: it was valid until", "renew"},
		{"not valid yet", certificate(24*time.Hour, 48*time.Hour, "127.0.0.1"), "connect ok, greeting ok, TLS failed", "not valid yet", "clock"},
		{"unknown authority", outbox.Server{Port: serve(smtptest.Options{Cert: smtptest.NewAuthority(t).Good(t)}), TLS: outbox.StartTLS, RootCAs: authority.Pool}, "connect ok, greeting ok, TLS failed", "Authority for tests", "ca-certificates"},
		{"injected", starttls(fault(smtptest.StartTLS, smtptest.Fault{Raw: "220 go\r\n250 hello\r\n"})), "connect ok, greeting ok, TLS failed", "as an attacker would", "Do not use this network"},
		{"AUTH not offered", starttls(serve(smtptest.Options{Cert: good})), "connect ok, greeting ok, TLS ok, AUTH failed", "offers no AUTH", "leave MAIL_USERNAME empty"},
		{"AUTH not offered in the clear", outbox.Server{Port: serve(smtptest.Options{Cert: good}), Username: "u"}, "connect ok, greeting ok, TLS ok, AUTH failed", "offers no AUTH", "Servers offer it only after encryption: set MAIL_USE_TLS=1 with MAIL_PORT=587"},
		{"AUTH in unknown ways", starttls(serve(smtptest.Options{Cert: good, Mechanisms: []string{"XOAUTH2", "GSSAPI"}})), "connect ok, greeting ok, TLS ok, AUTH failed", "XOAUTH2, GSSAPI", "app password"},
		{"password refused", starttls(reply(smtptest.Auth, "535 5.7.8 Username and Password not accepted")), "connect ok, greeting ok, TLS ok, AUTH failed", "535 5.7.8 Username and Password not accepted", "Check MAIL_USERNAME and MAIL_PASSWORD. Many providers want an app password"},
		{"sender refused", starttls(reply(smtptest.MailFrom, "550 5.7.60 cannot send as this sender")), "connect ok, greeting ok, TLS ok, AUTH ok, sender failed", "550 5.7.60", "Set MAIL_FROM"},
		{"log in first", outbox.Server{Port: reply(smtptest.MailFrom, "530 5.7.0 Authentication required")}, "connect ok, greeting ok, TLS ok, AUTH ok, sender failed", "530 5.7.0", "Set MAIL_USERNAME and MAIL_PASSWORD"},
		{"recipient refused", starttls(reply(smtptest.RcptTo, "550 5.1.1 no such user")), "connect ok, greeting ok, TLS ok, AUTH ok, sender ok, recipient failed", "550 5.1.1", "Check the address in ADMINS"},
		{"relay denied", outbox.Server{Port: reply(smtptest.RcptTo, "554 5.7.1 <admin@example.org>: Relay access denied")}, "connect ok, greeting ok, TLS ok, AUTH ok, sender ok, recipient failed", "Relay access denied", "only for those who log in"},
		{"greylisted", starttls(reply(smtptest.RcptTo, "450 4.2.0 greylisted")), "connect ok, greeting ok, TLS ok, AUTH ok, sender ok, recipient failed", "450 4.2.0", "greylisting"},
		{"mailbox full", starttls(reply(smtptest.RcptTo, "552 5.2.2 mailbox full")), "connect ok, greeting ok, TLS ok, AUTH ok, sender ok, recipient failed", "no room for the recipient's mail, or takes no more recipients at once (it said: 552 5.2.2 mailbox full)", "The mailbox of the address in ADMINS may be full"},
		{"spam", starttls(reply(smtptest.End, "554 5.7.1 spam")), "connect ok, greeting ok, TLS ok, AUTH ok, sender ok, recipient ok, DATA failed", "554 5.7.1 spam", "takes the mail for spam"},
		{"too big", starttls(reply(smtptest.End, "552 5.3.4 too big")), "connect ok, greeting ok, TLS ok, AUTH ok, sender ok, recipient ok, DATA failed", "552 5.3.4", "Raise the size"},
		{"too big by SIZE", outbox.Server{Port: serve(smtptest.Options{Extensions: []string{"SIZE 10"}})}, "connect ok, greeting ok, TLS ok, AUTH ok, sender failed", "the server takes at most 10", "Raise the size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.server.Host == "" {
				tt.server.Host = "127.0.0.1"
			}
			names, last, _, err := probe(t, tt.server, outbox.ProbeOptions{From: sender, To: recipient, Send: true})
			if names != tt.steps {
				t.Errorf("steps: %s", names)
			}
			if err == nil || !errors.Is(err, last.Err) {
				t.Fatalf("error %v, last step %+v", err, last)
			}
			contains(t, "the error", err.Error(), last.Name+": ", tt.says)
			contains(t, "the advice", last.Advice, tt.advice)
		})
	}
}

// Where nothing is said, it takes a while to find out.
func TestProbeFindsSilence(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		step     smtptest.Step
		fault    smtptest.Fault
		implicit bool
		port     int
		within   time.Duration
		steps    string
		says     string
		advice   string
	}{
		{"silent", smtptest.Greeting, smtptest.Fault{Silent: true}, false, 25, 20 * time.Second, "connect ok, greeting failed", "stays silent", "Check MAIL_PORT"},
		{"silent port 465", smtptest.Greeting, smtptest.Fault{Silent: true}, false, 465, 20 * time.Second, "connect ok, greeting failed", "stays silent", "Port 465 expects TLS from the first byte: set MAIL_USE_TLS=implicit"},
		{"TLS from the first byte", "", smtptest.Fault{}, true, 465, 20 * time.Second, "connect ok, greeting failed", "expects TLS from the first byte", "Set MAIL_USE_TLS=implicit"},
		{"slow", smtptest.Greeting, smtptest.Fault{Slow: time.Second}, false, 25, 15 * time.Second, "connect ok, greeting failed", "did not answer in time: only the beginning of its answer came", "slow or hung"},
		{"slow at EHLO", smtptest.EHLO, smtptest.Fault{Slow: time.Second}, false, 25, 15 * time.Second, "connect ok, greeting failed", "did not answer in time: only the beginning of its answer came", "slow or hung"},
		{"slow after the mail", smtptest.End, smtptest.Fault{Slow: 10 * time.Second}, false, 25, 2 * time.Minute, "connect ok, greeting ok, TLS ok, AUTH ok, sender ok, recipient ok, DATA failed", "may have been taken nevertheless", "slow or hung"},
		{"binary", smtptest.Greeting, smtptest.Fault{Raw: "J\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB", Silent: true}, false, 3306, time.Second, "connect ok, greeting failed", "no mail server (it said: J)", "another service listens there"},
		{"no line end", smtptest.Greeting, smtptest.Fault{Raw: "RFB 003.008", Silent: true}, false, 5900, 2 * time.Second, "connect ok, greeting failed", "no mail server (it said: RFB 003.008)", "another service listens there"},
		{"digits only", smtptest.Greeting, smtptest.Fault{Raw: "2026-11-22 time\r\n", Silent: true}, false, 13, time.Second, "connect ok, greeting failed", "no mail server (it said: 2026-11-22 time)", "another service listens there"},
		{"SSH", smtptest.Greeting, smtptest.Fault{Raw: "SSH-2.0-OpenSSH_9.2\r\n", Silent: true}, false, 22, time.Second, "connect ok, greeting failed", "no mail server (it said: SSH-2.0-OpenSSH_9.2)", "another service listens there"},
		{"silent at EHLO", smtptest.EHLO, smtptest.Fault{Silent: true}, false, 25, 15 * time.Second, "connect ok, greeting failed", "did not answer in time", "slow or hung"},
		{"silent after the mail", smtptest.End, smtptest.Fault{Silent: true}, false, 25, time.Minute + time.Second, "connect ok, greeting ok, TLS ok, AUTH ok, sender ok, recipient ok, DATA failed", "may have been taken nevertheless", "slow or hung"},
		{"trickle", smtptest.MailFrom, smtptest.Fault{Drip: 10 * time.Second}, false, 25, 15 * time.Second, "connect ok, greeting ok, TLS ok, AUTH ok, sender failed", "did not answer in time", "slow or hung"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := smtptest.Start(t, smtptest.Options{Pipe: true, Cert: smtptest.NewAuthority(t).Good(t), Implicit: tt.implicit, Fault: smtptest.Always(tt.step, tt.fault)})
				start := time.Now()
				names, last, _, err := probe(t, outbox.Server{Host: "127.0.0.1", Port: tt.port, Dial: s.Dial},
					outbox.ProbeOptions{From: sender, To: recipient, Send: true})
				if names != tt.steps || err == nil || last.Err == nil {
					t.Fatalf("steps: %s, %v", names, err)
				}
				if took := time.Since(start); took > tt.within {
					t.Errorf("it took %v", took)
				}
				contains(t, "the error", err.Error(), tt.says)
				contains(t, "the advice", last.Advice, tt.advice)
			})
		})
	}
}

// All recipients are tried; one that is refused is an error, and the mail goes to the others.
func TestProbeRecipients(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Fault: smtptest.Recipient("gone@example.org", smtptest.Fault{Reply: "550 5.1.1 gone"})})
	names, _, _, err := probe(t, outbox.Server{Host: "127.0.0.1", Port: s.Port()},
		outbox.ProbeOptions{From: sender, To: []mail.Address{{Address: "gone@example.org"}, {Address: "a@example.org"}}, Send: true})
	if !strings.HasSuffix(names, "sender ok, recipient failed, recipient ok, DATA ok") || err == nil || !strings.Contains(err.Error(), "550 5.1.1 gone") {
		t.Errorf("%s, %v", names, err)
	}
	if got := s.Mails(); len(got) != 1 || fmt.Sprint(got[0].To) != "[a@example.org]" {
		t.Errorf("%+v", got)
	}
}

func TestProbeNamesSettings(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Mechanisms: []string{"PLAIN"}, Username: "u", Password: "right"})
	_, last, _, err := probe(t, outbox.Server{Host: "127.0.0.1", Port: s.Port(), Username: "u", Password: "wrong",
		Names: outbox.Names{Username: "smtp.user", Password: "smtp.password"}}, outbox.ProbeOptions{})
	if err == nil {
		t.Fatal("no error")
	}
	contains(t, "the advice", last.Advice, "Check smtp.user and smtp.password.")
	contains(t, "what it said", last.Said, "535 5.7.8")
}

func TestProbeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Fault: smtptest.Always(smtptest.EHLO, smtptest.Fault{Silent: true})})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	err := outbox.Probe(ctx, outbox.Server{Host: "127.0.0.1", Port: s.Port()}, outbox.ProbeOptions{}, nil)
	if err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if err := outbox.Probe(ctx, outbox.Server{}, outbox.ProbeOptions{}, nil); err == nil || !strings.Contains(err.Error(), "MAIL_SERVER") {
		t.Error(err)
	}
}
