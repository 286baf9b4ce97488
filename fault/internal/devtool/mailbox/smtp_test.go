package mailbox_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	gomail "github.com/wneessen/go-mail"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

func TestMailBySMTP(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	s.mustSend(simple, "susan@example.org", "hidden@example.org")
	m := s.one()
	if m.ID != 1 || m.Subject != "Hello" || m.MessageID != "1@example.org" || m.Text() != "How are you?\n" {
		t.Errorf("%+v, text %q", m, m.Text())
	}
	if string(m.Source()) != simple {
		t.Errorf("source %q", m.Source())
	}
	if e := m.Envelope; e.From != "app@example.org" || !slices.Equal(e.To, []string{"susan@example.org", "hidden@example.org"}) || e.TLS != "" {
		t.Errorf("envelope %+v", e)
	}
	s.printed("Subject:     Hello\n")
	s.printed("Also to:     hidden@example.org\n")
	s.printed("\nHow are you?\n")
}

func TestQuietPrintsOneLine(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Quiet: true})
	s.mustSend("Subject: One\x1b[2J\r\nFault-Id: 7F3K-92QD\r\n\r\nfirst\r\nsecond\r\n")
	s.printed("mail 1 from <app@example.org> to <susan@example.org>: One\\x1b[2J (")
	s.printed("fault=7F3K-92QD")
	if lines := strings.Count(s.out.String(), "\n"); lines != 1 {
		t.Errorf("%d lines:\n%s", lines, s.out)
	}
}

func TestSeveralMailsOnOneConnection(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	c := s.dial()
	c.want("220 ")
	hello := c.ask("EHLO me.example", "250-")
	for _, capability := range []string{"8BITMIME", "SMTPUTF8", "SIZE 26214400", "PIPELINING", "AUTH PLAIN LOGIN CRAM-MD5"} {
		if !strings.Contains(hello, capability) {
			t.Errorf("%s is not offered:\n%s", capability, hello)
		}
	}
	if strings.Contains(hello, "STARTTLS") {
		t.Errorf("STARTTLS is offered:\n%s", hello)
	}
	for i := range 3 {
		// pipelined (RFC 2920), and each with a dot at the beginning of a line
		c.write("MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<grüße@example.org>\r\nDATA\r\n")
		c.want("250 ")
		c.want("250 ")
		c.want("354 ")
		c.write(fmt.Sprintf("Subject: Größe %d\r\n\r\n..one dot\r\n.\r\n", i))
		c.want("250 ")
	}
	c.ask("QUIT", "221 ")
	mails := s.Mails()
	if len(mails) != 3 {
		t.Fatalf("%d mails", len(mails))
	}
	m := mails[0]
	if m.ID != 3 || m.Subject != "Größe 2" || m.Text() != ".one dot\n" || !m.Envelope.UTF8 || m.Envelope.From != "" || m.Envelope.HELO != "me.example" {
		t.Errorf("%+v, text %q", m, m.Text())
	}
}

func TestChunkedMails(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	c := s.dial()
	c.want("220 ")
	c.ask("EHLO me", "250-")
	for range 2 {
		c.ask("MAIL FROM:<a@b.example>", "250 ")
		c.ask("RCPT TO:<c@d.example>", "250 ")
		c.write("BDAT 16\r\nSubject: DATA\r\nx")
		c.want("250 ")
		c.write("BDAT 8 LAST\r\n: y\r\n\r\n.\r\n"[:len("BDAT 8 LAST\r\n")+8])
		c.want("250 ")
	}
	c.ask("BDAT 3", "502 ") // no mail was begun; its chunk is no command
	c.write("abc")
	c.ask("NOOP", "250 ")
	if got := string(s.Mails()[0].Source()); len(s.Mails()) != 2 || got != "Subject: DATA\r\nx: y\r\n\r\n.\r\n"[:24] {
		t.Errorf("%d mails, source %q", len(s.Mails()), got)
	}
}

func TestSizeLimit(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{MaxMailBytes: 1000})
	c := s.dial()
	c.want("220 ")
	if hello := c.ask("EHLO me", "250-"); !strings.Contains(hello, "SIZE 1000") {
		t.Errorf("SIZE is not told:\n%s", hello)
	}
	c.ask("MAIL FROM:<a@b.example> SIZE=1001", "552 ")
	var refused *textproto.Error
	if err := s.send(simple + strings.Repeat("x", 1000)); !errors.As(err, &refused) || refused.Code != 552 {
		t.Errorf("sending too much: %v", err)
	}
	if n := len(s.Mails()); n != 0 {
		t.Errorf("%d mails are kept", n)
	}
	s.mustSend(simple)
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	s.mustSend("Subject: Long\r\n\r\n" + strings.Repeat("x", 100_000) + "\r\n")
	if m := s.one(); m.Size() < 100_000 || !slices.ContainsFunc(m.Remarks, func(r string) bool { return strings.Contains(r, "100000 bytes long") }) {
		t.Errorf("%d bytes, remarks %q", m.Size(), m.Remarks)
	}
	c := s.dial()
	c.want("220 ")
	c.write("EHLO " + strings.Repeat("x", 20_000) + "\r\n")
	c.want("500 ")
}

// client makes a go-mail client.
func (s *server) client(options ...gomail.Option) *gomail.Client {
	s.t.Helper()
	host, port := s.host(), 0
	if _, err := fmt.Sscanf(s.SMTPAddr()[strings.LastIndexByte(s.SMTPAddr(), ':')+1:], "%d", &port); err != nil {
		s.t.Fatal(err)
	}
	options = append([]gomail.Option{gomail.WithPort(port), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithTimeout(patience)}, options...)
	c, err := gomail.NewClient(host, options...)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// message makes a go-mail message.
func message(t testing.TB) *gomail.Msg {
	t.Helper()
	m := gomail.NewMsg()
	for _, err := range []error{m.FromFormat("Größe", "app@example.org"), m.To("susan@example.org")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m.Subject("Grüße \U0001F600")
	m.SetMessageIDWithValue("m1@example.org")
	m.SetDate()
	m.SetBodyString(gomail.TypeTextPlain, "Schöne Grüße,\nMicroblog\n")
	m.AddAlternativeString(gomail.TypeTextHTML, "<p>Schöne <b>Grüße</b></p>")
	if err := m.AttachReader("Übersicht.txt", strings.NewReader("eins, zwei")); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMailByGoMail(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	if err := s.client().DialAndSendWithContext(t.Context(), message(t)); err != nil {
		t.Fatal(err)
	}
	m := s.one()
	if m.Subject != "Grüße \U0001F600" || m.From[0] != "Größe <app@example.org>" || !strings.Contains(m.Text(), "Schöne Grüße,") ||
		!strings.Contains(m.HTML(), "<b>Grüße</b>") || len(m.Remarks) != 0 {
		t.Errorf("%+v, text %q, HTML %q", m, m.Text(), m.HTML())
	}
	if len(m.Attachments) != 1 || m.Attachments[0].Name != "Übersicht.txt" || m.Attachments[0].Size != 10 {
		t.Errorf("attachments %+v", m.Attachments)
	}
	a := s.get(fmt.Sprintf("/mails/1/parts/%s", m.Attachments[0].Part))
	if a.status != http.StatusOK || a.body != "eins, zwei" {
		t.Errorf("download: %d %q", a.status, a.body)
	}
}

func TestAuth(t *testing.T) {
	t.Parallel()
	mechanisms := map[string]gomail.SMTPAuthType{
		"PLAIN": gomail.SMTPAuthPlainNoEnc, "LOGIN": gomail.SMTPAuthLoginNoEnc, "CRAM-MD5": gomail.SMTPAuthCramMD5,
	}
	for name, mechanism := range mechanisms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			login := func(user, password string) []gomail.Option {
				return []gomail.Option{gomail.WithSMTPAuth(mechanism), gomail.WithUsername(user), gomail.WithPassword(password)}
			}
			open := start(t, mailbox.Options{})
			if err := open.client(login("anybody", "anything")...).DialAndSendWithContext(t.Context(), message(t)); err != nil {
				t.Fatal("without a user, any AUTH should do:", err)
			}
			if m := open.one(); m.Envelope.User != "anybody" {
				t.Errorf("user %q", m.Envelope.User)
			}
			locked := start(t, mailbox.Options{Username: "susan", Password: "correct horse"})
			for _, wrong := range [][2]string{{"susan", "wrong horse"}, {"david", "correct horse"}, {"susan", ""}} {
				if err := locked.client(login(wrong[0], wrong[1])...).DialAndSendWithContext(t.Context(), message(t)); err == nil {
					t.Errorf("%q is let in", wrong)
				}
			}
			if err := locked.send(simple); err == nil || !strings.Contains(err.Error(), "530") {
				t.Errorf("without AUTH: %v", err)
			}
			if err := locked.client(login("susan", "correct horse")...).DialAndSendWithContext(t.Context(), message(t)); err != nil {
				t.Fatal(err)
			}
			locked.one()
			locked.printed("AUTH " + name + " as susan refused: the password is not the one of --password")
			if out := locked.out.String(); strings.Contains(out, "horse") {
				t.Errorf("a password is printed:\n%s", out)
			}
		})
	}
}

func TestAuthOddities(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Username: "susan", Password: "pw"})
	encoded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	c := s.dial()
	c.want("220 ")
	c.ask("EHLO me", "250-")
	c.ask("AUTH NTLM", "504 ")
	c.ask("AUTH PLAIN "+encoded("no separators"), "454 ")
	c.ask("AUTH CRAM-MD5 "+encoded("too early"), "454 ")
	c.ask("AUTH CRAM-MD5", "334 ")
	c.ask(encoded("nospace"), "535 ")
	c.ask("AUTH LOGIN", "334 "+encoded("Username:"))
	c.ask("*", "501 ")
	c.ask("AUTH LOGIN "+encoded("susan"), "334 "+encoded("Password:"))
	c.ask("DATA", "535 ") // a response, not a command
	c.ask("AUTH LOGIN "+encoded("susan"), "334 ")
	c.ask(encoded("pw"), "235 ")
	c.ask("MAIL FROM:<a@b.example>", "250 ")
}

func TestStartTLS(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{TLS: mailbox.TLSStartTLS, Username: "susan", Password: "pw"})
	c, err := smtp.Dial(s.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if ok, _ := c.Extension("STARTTLS"); !ok {
		t.Error("STARTTLS is not offered")
	}
	if ok, _ := c.Extension("AUTH"); ok {
		t.Error("AUTH is offered before TLS")
	}
	if err := c.StartTLS(s.trusting()); err != nil {
		t.Fatal(err)
	}
	if ok, _ := c.Extension("STARTTLS"); ok {
		t.Error("STARTTLS is offered again")
	}
	if err := c.Auth(smtp.PlainAuth("", "susan", "pw", s.host())); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("a@b.example"); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("c@d.example"); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(simple)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), c.Quit()); err != nil {
		t.Fatal(err)
	}
	if m := s.one(); m.Envelope.TLS != "TLS 1.3" || m.Envelope.User != "susan" {
		t.Errorf("envelope %+v", m.Envelope)
	}
}

func TestStartTLSRules(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{TLS: mailbox.TLSStartTLS})
	t.Run("AUTH must wait", func(t *testing.T) {
		c := s.dial()
		c.want("220 ")
		c.ask("EHLO me", "250-")
		c.ask("AUTH PLAIN AGEAYg==", "538 ")
	})
	t.Run("nothing may be slipped in", func(t *testing.T) {
		c := s.dial()
		c.want("220 ")
		c.ask("EHLO me", "250-")
		c.write("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n")
		c.want("421 ")
		c.wantEnd()
	})
	t.Run("a stranger's certificate", func(t *testing.T) {
		c := s.dial()
		c.want("220 ")
		c.ask("EHLO me", "250-")
		c.ask("STARTTLS", "220 ")
		if err := tls.Client(c.conn, &tls.Config{ServerName: "localhost"}).HandshakeContext(t.Context()); err == nil {
			t.Error("a self-signed certificate was trusted")
		}
		s.printed("refused TLS: tls: bad certificate")
	})
	t.Run("not offered", func(t *testing.T) {
		plain := start(t, mailbox.Options{})
		c := plain.dial()
		c.want("220 ")
		c.ask("EHLO me", "250-")
		c.ask("STARTTLS", "502 ")
		c.ask("NOOP", "250 ")
		err := plain.client(gomail.WithTLSPolicy(gomail.TLSMandatory)).DialAndSendWithContext(t.Context(), message(t))
		if err == nil || len(plain.Mails()) != 0 {
			t.Errorf("a client that demands STARTTLS sent: %v", err)
		}
	})
}

func TestImplicitTLS(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{TLS: mailbox.TLSImplicit})
	if err := s.client(gomail.WithSSL(), gomail.WithTLSConfig(s.trusting())).DialAndSendWithContext(t.Context(), message(t)); err != nil {
		t.Fatal(err)
	}
	if m := s.one(); m.Envelope.TLS != "TLS 1.3" {
		t.Errorf("envelope %+v", m.Envelope)
	}
	c := s.dial()
	c.write("EHLO me\r\n") // in plain text
	c.r.Reset(c.conn)
	if _, err := c.read(); err == nil {
		t.Error("plain text was answered")
	}
	s.printed("spoke plain text where TLS was expected")
}

func TestStrangersAreToldApart(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	if resp, err := http.Get("http://" + s.SMTPAddr() + "/"); err == nil {
		resp.Body.Close()
		t.Error("a browser got an answer from the port for mail")
	}
	c := s.dial()
	c.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.want("220 ")
	c.want("554 ")
	s.printed("spoke HTTP: this port is for mail, and the page is at " + s.URL())

	tlsClient := s.dial()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := tls.Client(tlsClient.conn, s.insecure()).HandshakeContext(ctx); err == nil {
		t.Error("TLS came about on a plain port")
	}
	s.printed("began with TLS where plain text was expected")
	if n := len(s.Mails()); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func (s *server) insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

func TestManyConnections(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	var open []*talk
	for range 64 {
		c := s.dial()
		c.want("220 ")
		open = append(open, c)
	}
	s.dial().want("421 ")
	open[0].ask("QUIT", "221 ")
	eventually(t, "there is room again", func() bool {
		c := s.dial()
		got, err := c.read()
		c.conn.Close()
		return err == nil && strings.HasPrefix(got, "220 ")
	})
}

func TestBinaryBodySurvives(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	body := bytes.ReplaceAll(bytes.ReplaceAll(all, []byte("\r"), nil), []byte("\n"), nil)
	s.mustSend("Subject: Bytes\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + string(body) + "\r\n")
	if _, after, _ := strings.Cut(string(s.one().Source()), "\r\n\r\n"); after != string(body)+"\r\n" {
		t.Errorf("%q", after)
	}
}
