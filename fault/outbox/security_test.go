package outbox_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

// Where STARTTLS is asked for, nothing of value goes out without it.
func TestStartTLSIsRequired(t *testing.T) {
	t.Parallel()
	authority := smtptest.NewAuthority(t)
	other := smtptest.NewAuthority(t)
	good := authority.Good(t)
	tests := []struct {
		name   string
		server smtptest.Options
		says   string
	}{
		{"not offered", smtptest.Options{}, "does not offer STARTTLS"},
		{"stripped", smtptest.Options{Cert: good, Fault: smtptest.Always(smtptest.EHLO, smtptest.Fault{Reply: "250-hello\n250-XXXXXXXA\n250 AUTH PLAIN"})}, "does not offer STARTTLS"},
		{"refused", smtptest.Options{Cert: good, Fault: smtptest.Always(smtptest.StartTLS, smtptest.Fault{Reply: "454 4.7.0 not now"})}, "refuses it"},
		{"EHLO refused", smtptest.Options{Cert: good, Fault: func(m smtptest.Moment) *smtptest.Fault {
			if m.Step == smtptest.EHLO && m.Nth == 1 {
				return &smtptest.Fault{Reply: "502 5.5.1 unknown"}
			}
			return nil
		}}, "does not offer STARTTLS"},
		{"answers injected", smtptest.Options{Cert: good, Fault: smtptest.Always(smtptest.StartTLS, smtptest.Fault{
			Raw: "220 2.0.0 go ahead\r\n250-mail.example.org\r\n250 AUTH PLAIN\r\n235 2.7.0 welcome\r\n"})}, "sent unencrypted after STARTTLS"},
		{"answers instead of a handshake", smtptest.Options{Cert: good, Fault: smtptest.Always(smtptest.Handshake, smtptest.Fault{
			Raw: "250-mail.example.org\r\n250 AUTH PLAIN\r\n", Silent: true})}, "TLS"},
		{"certificate for another name", smtptest.Options{Cert: authority.Issue(t, -time.Hour, time.Hour, "other.example.org")}, "another name: it is for other.example.org, not for 127.0.0.1"},
		{"unknown authority", smtptest.Options{Cert: other.Good(t)}, "not known here: it was signed by CN=Authority for tests"},
		{"expired", smtptest.Options{Cert: authority.Issue(t, -48*time.Hour, -24*time.Hour, "127.0.0.1")}, "has expired: it was valid until"},
		{"not valid yet", smtptest.Options{Cert: authority.Issue(t, 24*time.Hour, 48*time.Hour, "127.0.0.1")}, "not valid yet: it is valid from"},
		{"handshake dropped", smtptest.Options{Cert: good, Fault: smtptest.Always(smtptest.Handshake, smtptest.Fault{Drop: true})}, "connection was lost"},
		{"no AUTH after TLS", smtptest.Options{Cert: good, Fault: func(m smtptest.Moment) *smtptest.Fault {
			if m.Step == smtptest.EHLO && m.TLS {
				return &smtptest.Fault{Reply: "250 hello"}
			}
			return nil
		}}, "offers no AUTH"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.server.Mechanisms, tt.server.Username, tt.server.Password = []string{"PLAIN"}, "u", "p4ssword"
			s := smtptest.Start(t, tt.server)
			o := open(t, s, outbox.Options{Server: outbox.Server{TLS: outbox.StartTLS, RootCAs: authority.Pool, Username: "u", Password: "p4ssword"}})
			put(t, o, letter(1))
			run(t, o)
			s.Wait(t, "two tries", func() bool { return s.Conns() >= 2 })
			contains(t, "the status", o.Status().ServerError, tt.says)
			for _, command := range s.Commands() {
				verb := strings.Fields(command)[1]
				if verb != "EHLO" && verb != "HELO" && verb != "STARTTLS" && !strings.Contains(command, " tls ") {
					t.Errorf("the server was told %q", command)
				}
				if strings.Contains(command, "AUTH") || strings.Contains(command, "MAIL") {
					t.Errorf("the server was told %q", command)
				}
			}
			if len(s.Mails()) > 0 {
				t.Error("the server got a mail")
			}
		})
	}
}

// A password goes in the clear only to this machine.
func TestAuthInTheClear(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		pipe    bool // is not known to be this machine
		allowed bool
		sent    bool
	}{{"to this machine", false, false, true}, {"elsewhere", true, false, false}, {"elsewhere, allowed", true, true, true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.Start(t, smtptest.Options{Pipe: tt.pipe, Mechanisms: []string{"PLAIN", "LOGIN"}, Username: "u", Password: "p4ssword"})
			server := outbox.Server{Username: "u", Password: "p4ssword", PlainAuth: tt.allowed}
			if tt.pipe {
				server.Dial = s.Dial
			}
			o := open(t, s, outbox.Options{Server: server})
			put(t, o, letter(1))
			run(t, o)
			if tt.sent {
				settled(t, o, 1)
				return
			}
			s.Wait(t, "a try", func() bool { return o.Status().ServerError != "" })
			contains(t, "the status", o.Status().ServerError, "the password is not sent over a connection that is not encrypted")
			if said := strings.Join(s.Commands(), "\n"); strings.Contains(said, "AUTH") {
				t.Error(said)
			}
		})
	}
}

// A server that quotes what it was told does not bring the password into a log, a file or an error.
func TestPasswordIsNeverTold(t *testing.T) {
	t.Parallel()
	const user, password = "user", "c4n4ry-of-a-password"
	encode := base64.StdEncoding.EncodeToString
	forms := []string{password, encode([]byte(password)), encode([]byte("\x00" + user + "\x00" + password))}
	echo := strings.Join(forms, " and ")
	for _, step := range []smtptest.Step{smtptest.Greeting, smtptest.EHLO, smtptest.Auth, smtptest.Response, smtptest.MailFrom, smtptest.RcptTo, smtptest.Data, smtptest.End} {
		for _, reply := range []string{"535 5.7.8 wrong: " + echo, "451-" + echo + "\n451 " + echo, "garbage " + echo, "999 " + echo, "334 " + echo, "221 " + echo} {
			t.Run(fmt.Sprint(step, " ", reply[:3]), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { passwordIsNeverTold(t, step, reply, forms, user, password) })
			})
		}
	}
}

func passwordIsNeverTold(t *testing.T, step smtptest.Step, reply string, forms []string, user, password string) {
	s := smtptest.Start(t, smtptest.Options{
		Pipe: true, Mechanisms: []string{"LOGIN"}, Username: user, Password: password,
		Fault: smtptest.Times(2, step, smtptest.Fault{Reply: reply}),
	})
	log := &logged{}
	o := open(t, s, outbox.Options{Logger: log.logger(), Server: outbox.Server{Dial: s.Dial, Username: user, Password: password, PlainAuth: true}})
	put(t, o, letter(1))
	run(t, o)
	var told []string
	for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(7 * time.Second) {
		status := o.Status()
		told = append(told, fmt.Sprintf("%+v%+v", status, must(o.List())), files(t, status.Dir))
		if status.Waiting == 0 {
			break
		}
	}
	err := outbox.Probe(t.Context(), outbox.Server{Host: "127.0.0.1", Dial: s.Dial, Username: user, Password: password, PlainAuth: true},
		outbox.ProbeOptions{From: letter(1).From, To: letter(1).To, Send: true}, func(step outbox.Step) { told = append(told, fmt.Sprintf("%+v", step)) })
	told = append(told, fmt.Sprint(err), log.String())
	if s.Conns() < 2 {
		t.Errorf("%d connections", s.Conns())
	}
	for _, text := range told {
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Fatalf("the password is told: %s", text)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
