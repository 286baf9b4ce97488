package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

func TestDelivery(t *testing.T) {
	t.Parallel()
	authority := smtptest.NewAuthority(t)
	cert := authority.Good(t)
	const user, password = "mail@example.org", "s3cret pässword"
	tests := []struct {
		name   string
		server smtptest.Options
		client outbox.Server
	}{
		{"in the clear", smtptest.Options{}, outbox.Server{}},
		{"STARTTLS", smtptest.Options{Cert: cert}, outbox.Server{TLS: outbox.StartTLS}},
		{"implicit TLS", smtptest.Options{Cert: cert, Implicit: true}, outbox.Server{TLS: outbox.Implicit}},
		{"PLAIN", smtptest.Options{Cert: cert, Mechanisms: []string{"PLAIN"}}, outbox.Server{TLS: outbox.StartTLS, Username: user, Password: password}},
		{"LOGIN", smtptest.Options{Cert: cert, Implicit: true, Mechanisms: []string{"LOGIN"}}, outbox.Server{TLS: outbox.Implicit, Username: user, Password: password}},
		{"CRAM-MD5", smtptest.Options{Mechanisms: []string{"CRAM-MD5"}}, outbox.Server{Username: user, Password: password}},
		{"all mechanisms", smtptest.Options{Cert: cert, Mechanisms: []string{"CRAM-MD5", "LOGIN", "XOAUTH2", "PLAIN"}}, outbox.Server{TLS: outbox.StartTLS, Username: user, Password: password}},
		{"AUTH as before the standard, in small letters", smtptest.Options{Mechanisms: []string{"LOGIN"},
			Fault: smtptest.Always(smtptest.EHLO, smtptest.Fault{Reply: "250-hello\n250-size\n250 auth=login"})}, outbox.Server{Username: user, Password: password}},
		{"only HELO", smtptest.Options{Fault: func(m smtptest.Moment) *smtptest.Fault {
			if m.Step == smtptest.EHLO && m.Conn == 1 && m.Nth == 1 {
				return &smtptest.Fault{Reply: "502 5.5.1 I am old"}
			}
			return nil
		}}, outbox.Server{}},
		{"SIZE", smtptest.Options{Extensions: []string{"SIZE 100000", "8BITMIME"}}, outbox.Server{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.server.Username, tt.server.Password = user, password
			tt.client.RootCAs = authority.Pool
			s := smtptest.Start(t, tt.server)
			log := &logged{}
			o := open(t, s, outbox.Options{Server: tt.client, Logger: log.logger()})
			put(t, o, letter(1), letter(2, "a@example.org", "b@example.org"))
			run(t, o)
			for key, outcome := range settled(t, o, 2) {
				if !outcome.Delivered || outcome.Reason != "" || outcome.Class != "failure" || outcome.MessageID != key+"@example.org" || outcome.At.IsZero() {
					t.Errorf("%s: %+v", key, outcome)
				}
			}
			mails := s.Mails()
			if len(mails) < 2 {
				t.Fatalf("the server got %d mails\n%s", len(mails), log)
			}
			for _, m := range mails {
				if m.TLS != (tt.client.TLS != outbox.Off) || m.User != tt.client.Username || m.From != "no-reply@example.org" {
					t.Errorf("TLS %v, user %q, sender %q", m.TLS, m.User, m.From)
				}
			}
			if got := strings.Join(mails[1].To, " "); got != "a@example.org b@example.org" {
				t.Errorf("recipients %q", got)
			}
			for _, text := range []string{log.String(), fmt.Sprint(o.Status())} {
				if strings.Contains(text, "s3cret") {
					t.Errorf("the password is told: %s", text)
				}
			}
		})
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{})
	o := open(t, s, outbox.Options{})
	body := "Grüße\n.\n..\nFrom here " + strings.Repeat("long ", 500) + "\r\ntrailing space \nnul \x00 esc \x1b[2J bad \xff\n"
	m := outbox.Mail{
		Key:     "k",
		From:    mail.Address{Name: "Mïcroblog\r\nX-Evil: 1", Address: "no-reply@example.org"},
		To:      []mail.Address{{Name: `The "Admin", Esq.`, Address: "admin@example.org"}, {Address: "admin@example.org"}, {Address: "odd name@example.org"}},
		Subject: "[Microblog Failure] GET /user/é\r\nBcc: victim@example.org\r\n\r\n" + strings.Repeat("x ü ", 200),
		Text:    body, HTML: "<p>Grüße &amp; <b>more</b></p>",
		Header: map[string]string{"References": "<1.thread@example.org>\r\n <2.thread@example.org>", "Fault-Id": "7F3K-92QD\nX-Evil: 2", "Auto-Submitted": "auto-generated"},
	}
	start := time.Now().Add(-2 * time.Second)
	put(t, o, m)
	run(t, o)
	got := s.WaitMails(t, 1)[0]
	for i, l := range strings.Split(strings.TrimSuffix(string(got.Data), "\r\n"), "\r\n") {
		if len(l) > 200 || strings.ContainsAny(l, "\r\n\x00\x1b") {
			t.Errorf("line %d is %q", i+1, l)
		}
		for _, r := range l {
			if r > 126 {
				t.Fatalf("line %d is not ASCII: %q", i+1, l)
			}
		}
	}
	parsed := parse(t, got)
	decode := func(name string) string {
		text, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get(name))
		if err != nil {
			t.Error(err)
		}
		return text
	}
	for _, name := range []string{"X-Evil", "Bcc", "User-Agent", "X-Mailer"} {
		if v := parsed.Header.Get(name); v != "" {
			t.Errorf("there is a field %s: %s", name, v)
		}
	}
	subject := decode("Subject")
	if !strings.HasPrefix(subject, "[Microblog Failure] GET /user/é Bcc: victim@example.org x ü x") || !strings.HasSuffix(subject, "…") || len([]rune(subject)) > 200 {
		t.Errorf("subject %q", subject)
	}
	if refs := parsed.Header.Get("References"); refs != "<1.thread@example.org> <2.thread@example.org>" {
		t.Errorf("References %q", refs)
	}
	if id := parsed.Header.Get("Fault-Id"); id != "7F3K-92QD X-Evil: 2" {
		t.Errorf("Fault-Id %q", id)
	}
	if date, err := parsed.Header.Date(); err != nil || date.Before(start) || date.After(time.Now()) {
		t.Errorf("Date %v, %v", date, err)
	}
	if id := parsed.Header.Get("Message-Id"); !strings.HasSuffix(id, "@example.org>") || len(id) < 30 {
		t.Errorf("Message-ID %q", id)
	}
	from, err := parsed.Header.AddressList("From")
	if err != nil || len(from) != 1 || *from[0] != (mail.Address{Name: "Mïcroblog X-Evil: 1", Address: "no-reply@example.org"}) {
		t.Errorf("From %v, %v", from, err)
	}
	to, err := parsed.Header.AddressList("To")
	if err != nil || len(to) != 2 || *to[0] != m.To[0] || *to[1] != (mail.Address{Address: "odd name@example.org"}) {
		t.Errorf("To %v, %v: %s", to, err, parsed.Header.Get("To"))
	}
	if fmt.Sprint(got.To) != `[admin@example.org "odd name"@example.org]` {
		t.Errorf("recipients %q", got.To)
	}

	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	reader := multipart.NewReader(parsed.Body, params["boundary"])
	var parts []string
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e := part.Header.Get("Content-Transfer-Encoding"); e != "quoted-printable" {
			t.Errorf("encoded as %s", e)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Error(err)
		}
		parts = append(parts, part.Header.Get("Content-Type")+"|"+string(content))
	}
	text := strings.NewReplacer("\x00", "\uFFFD", "\x1b", "\uFFFD", "\xff", "\uFFFD", "\r\n", "\r\n", "\n", "\r\n").Replace(body)
	if len(parts) != 2 || parts[0] != "text/plain; charset=UTF-8|"+text || parts[1] != "text/html; charset=UTF-8|"+m.HTML {
		t.Errorf("parts %q", parts)
	}
}

func TestHTMLOnly(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{})
	o := open(t, s, outbox.Options{})
	m := letter(1)
	m.Text, m.HTML = "", "<p>x</p>"
	put(t, o, m)
	run(t, o)
	if kind := parse(t, s.WaitMails(t, 1)[0]).Header.Get("Content-Type"); kind != "text/html; charset=UTF-8" {
		t.Error(kind)
	}
}

// Addresses beyond ASCII need a server that has SMTPUTF8.
func TestInternationalAddresses(t *testing.T) {
	t.Parallel()
	for _, able := range []bool{true, false} {
		t.Run(fmt.Sprint("SMTPUTF8 ", able), func(t *testing.T) {
			t.Parallel()
			var extensions []string
			if able {
				extensions = []string{"SMTPUTF8"}
			}
			s := smtptest.Start(t, smtptest.Options{Extensions: extensions})
			o := open(t, s, outbox.Options{})
			put(t, o, letter(1, "admin@example.org", "jürgen@example.org"))
			run(t, o)
			outcome := settled(t, o, 1)["mail-1"]
			if !outcome.Delivered || (len(outcome.Refused) == 0) != able {
				t.Errorf("%+v", outcome)
			}
			if !able {
				contains(t, "the reason", outcome.Reason, "jürgen@example.org", "SMTPUTF8")
			}
			if said := strings.Join(s.Commands(), "\n"); strings.Contains(said, " SMTPUTF8") != able {
				t.Error(said)
			}
		})
	}
}

func TestOneConnectionForMany(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{})
	o := open(t, s, outbox.Options{})
	const n = 120
	for i := range n {
		put(t, o, letter(i))
	}
	run(t, o)
	settled(t, o, n)
	if ids := messageIDs(t, s.Mails()); len(ids) != n || len(s.Mails()) != n {
		t.Errorf("%d different mails, %d in all", len(ids), len(s.Mails()))
	}
	if s.Conns() != 2 { // 100 mails on the first
		t.Errorf("%d connections", s.Conns())
	}
	// The last mail's file goes a moment after its outcome is there.
	status := o.Status()
	for end := time.Now().Add(10 * time.Second); status.Bytes != 0 && time.Now().Before(end); status = o.Status() {
		time.Sleep(time.Millisecond)
	}
	if status.Waiting != 0 || status.Bytes != 0 || status.Delivered != n {
		t.Errorf("%+v", status)
	}
}

// A server may end a connection after a number of mails, with or without a word. That is no trouble.
func TestServerEndsConnection(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]smtptest.Fault{
		"with 421":       {Reply: "421 4.7.0 too many mails on this connection", Drop: true},
		"without a word": {Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.Start(t, smtptest.Options{Fault: func(m smtptest.Moment) *smtptest.Fault {
				if m.Step == smtptest.MailFrom && m.Nth > 2 {
					return &fault
				}
				return nil
			}})
			o := open(t, s, outbox.Options{Retry: outbox.Retry{First: time.Hour, Max: time.Hour}}) // any trouble would end the test
			for i := range 6 {
				put(t, o, letter(i))
			}
			run(t, o)
			settled(t, o, 6)
			if len(s.Mails()) != 6 || s.Conns() != 3 {
				t.Errorf("%d mails on %d connections", len(s.Mails()), s.Conns())
			}
		})
	}
}

func TestRunTwice(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{})
	o := open(t, s, outbox.Options{})
	put(t, o, letter(1))
	stop := run(t, o)
	settled(t, o, 1)
	if err := o.Run(context.Background()); !errors.Is(err, outbox.ErrRunning) {
		t.Errorf("a second Run: %v", err)
	}
	stop()
	put(t, o, letter(2))
	run(t, o)
	if got := s.WaitMails(t, 2); !bytes.Contains(got[1].Data, []byte("mail-2@example.org")) {
		t.Errorf("%s", got[1].Data)
	}
}
