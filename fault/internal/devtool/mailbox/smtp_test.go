package mailbox_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestHalfAMailIsNone hangs up in the middle of one.
func TestHalfAMailIsNone(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]string{"text": "DATA\r\nSubject: half\r\n", "chunk": "BDAT 100 LAST\r\nSubject: half\r\n", "no chunk": "BDAT 0\r\n"} {
		s := start(t, mailbox.Options{})
		c, _ := s.talkTo(mailbox.AtData)
		c.write(say)
		c.conn.Close()
		if name != "no chunk" {
			s.printed("went away in the middle of a mail")
		}
		if err := s.Close(); err != nil { // which waits for all conversations
			t.Error(err)
		}
		if n := len(s.Mails()); n != 0 {
			t.Errorf("%s: %d mails are kept", name, n)
		}
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

// BenchmarkDelivery sends mails on one connection.
func BenchmarkDelivery(b *testing.B) {
	s := start(b, mailbox.Options{Out: io.Discard})
	c, _ := s.talkTo(mailbox.AtMail)
	if err := c.conn.SetDeadline(time.Time{}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c.write("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
		c.want("250 ")
		c.want("250 ")
		c.want("354 ")
		c.ask(simple+".", "250 ")
	}
}

// FuzzConversation says anything to the server. It must come to an end, keep what it says that it keeps, and nothing else.
func FuzzConversation(f *testing.F) {
	hello := "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
	for i, seed := range []string{
		hello + "DATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n", hello + "BDAT 4\r\nx: y\r\nBDAT 2 LAST\r\n\r\n", "AUTH PLAIN\r\nAGEAYg==\r\n",
		"STARTTLS\r\n", "\x16\x03\x01", "EHLO x\r\nAUTH CRAM-MD5\r\n*\r\nRSET\r\nVRFY x\r\nHELP\r\nNOOP\r\n", hello + "BDAT 9999999999 LAST\r\n", hello + "DATA\r\n\r\r\n.\r\n.\n.\r\n",
	} {
		f.Add(uint8(i), []byte(seed))
	}
	plans := []mailbox.Plan{{}, plan(f, 0, 0, "refuse@data"), plan(f, 0, 0, "tempfail@dot"), plan(f, 0, 0, "drop"), plan(f, 0, 0, "drop@mail"), plan(f, 0, 0, "refuse@connect")}
	running := start(f, mailbox.Options{Out: io.Discard})
	f.Fuzz(func(t *testing.T, which uint8, said []byte) {
		s := &server{running.Server, t, nil, true}
		if err := s.SetFaults(plans[int(which)%len(plans)]); err != nil {
			t.Fatal(err)
		}
		s.do(http.MethodDelete, "/api/mails", "")
		conn, err := net.Dial("tcp", s.SMTPAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		tcp := conn.(*net.TCPConn)
		if err := errors.Join(tcp.SetLinger(0), tcp.SetDeadline(time.Now().Add(patience))); err != nil { // no port is to wait
			t.Fatal(err)
		}
		_, _ = conn.Write(said) // the server may have hung up
		_ = tcp.CloseWrite()
		heard, err := io.ReadAll(conn)
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Fatalf("it comes to no end after %q", heard)
		}
		told := bytes.Count(heard, []byte("250 2.0.0 OK: queued\r\n"))
		if kept := len(s.Mails()); err == nil && kept != told {
			t.Errorf("%d mails are kept, and it said of %d that they are: %q", kept, told, heard)
		}
		var state stateAnswer
		s.get("/api/state").json(t, &state)
		for _, e := range state.Events {
			if strings.Contains(e.Text, "mistake") {
				t.Fatal(e.Text)
			}
		}
	})
}
