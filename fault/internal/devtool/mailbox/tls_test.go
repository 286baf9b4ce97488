package mailbox_test

import (
	"crypto/tls"
	"errors"
	"net/smtp"
	"testing"

	gomail "github.com/wneessen/go-mail"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

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
