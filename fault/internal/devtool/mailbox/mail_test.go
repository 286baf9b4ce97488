package mailbox_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

// lines joins the lines of a mail.
func lines(all ...string) string { return strings.Join(all, "\r\n") + "\r\n" }

func TestReading(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mail     string
		subject  string
		from     string
		text     string
		html     string
		attached string // names, joined
		remark   string // one of them
	}{
		"nothing at all": {mail: "", remark: "there is no From"},
		"no header":      {mail: lines("hello", "world"), text: "hello\nworld\n", remark: "The header ends with a line that is no header line: hello"},
		"header only":    {mail: lines("Subject: x"), subject: "x"},
		"no blank line":  {mail: lines("Subject: x", "Hello, world"), subject: "x", text: "Hello, world\n", remark: "no header line"},
		"folded": {mail: lines("Subject: one", "\ttwo", "   three", "From: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", " =?utf-8?b?IQ==?= <a@b.example>", "", "x"),
			subject: "one\ttwo   three", from: "Grüße! <a@b.example>", text: "x\n"},
		"latin 1": {mail: lines("Subject: =?iso-8859-1?q?Gr=FC=DFe?=", "Content-Type: text/plain; charset=ISO-8859-1", "", "Gr\xfc\xdfe"), subject: "Grüße", text: "Grüße\n"},
		"japanese": {mail: lines("Subject: =?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "Content-Type: text/plain; charset=iso-2022-jp", "Content-Transfer-Encoding: 7bit", "",
			"\x1b$B$3$s$K$A$O\x1b(B"), subject: "こんにちは", text: "こんにちは\n"},
		"unknown charset": {mail: lines("Subject: =?klingon?q?x?=", "Content-Type: text/plain; charset=klingon", "", "Gr\xfc\xdfe"),
			subject: "=?klingon?q?x?=", text: "Grüße\n", remark: "the character set klingon is not known"},
		"not the charset": {mail: lines("Content-Type: text/plain; charset=utf-8", "", "Gr\xfc\xdfe"), text: "Grüße\n", remark: "it is not the utf-8 that it says it is"},
		"eight bits":      {mail: lines("Subject: Grüße", "", "Größe"), subject: "Grüße", text: "Größe\n"},
		"quoted-printable": {mail: lines("Content-Transfer-Encoding: quoted-printable", "Content-Type: text/plain; charset=utf-8", "", "Gr=C3=BC=C3=9Fe =", "und mehr"),
			text: "Grüße und mehr\n"},
		"broken quoted-printable": {mail: lines("Content-Transfer-Encoding: quoted-printable", "", "a=3D\x01b"), text: "a=3D\x01b\n", remark: "quoted-printable is broken"},
		"base64":                  {mail: lines("Content-Transfer-Encoding: BASE64", "", "aGVs", "bG8="), text: "hello"},
		"broken base64":           {mail: lines("Content-Transfer-Encoding: base64", "", "aGVs*bG8h!"), text: "hello!", remark: "not of base64"},
		"base64 cut off":          {mail: lines("Content-Transfer-Encoding: base64", "", "aGVsbG8ha"), text: "hello!", remark: "ends too early"},
		"unknown encoding":        {mail: lines("Content-Transfer-Encoding: rot13", "", "uryyb"), text: "uryyb\n", remark: "not known: rot13"},
		"alternatives": {mail: lines("Content-Type: multipart/alternative; boundary=b", "", "preamble", "--b", "Content-Type: text/plain", "", "text", "--b",
			"Content-Type: text/html", "", "<p>html", "--b--", "epilogue"), text: "text", html: "<p>html"},
		"only HTML": {mail: lines("Content-Type: text/html", "", "<p>x"), html: "<p>x\n", remark: "no text for those who read none"},
		"nested": {mail: lines("Content-Type: multipart/mixed; boundary=\"a b\"", "", "--a b", "Content-Type: multipart/alternative; boundary=inner", "", "--inner", "", "text", "--inner",
			"Content-Type: text/html", "", "<p>", "--inner--", "--a b", "Content-Disposition: attachment; filename=x.pdf", "Content-Type: application/pdf", "", "%PDF", "--a b--"),
			text: "text", html: "<p>", attached: "x.pdf"},
		"no end": {mail: lines("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "text"), text: "text\n", remark: "does not end with its boundary"},
		"no boundary in it": {mail: lines("Content-Type: multipart/mixed; boundary=b", "", "text"), text: "text\n",
			remark: "its boundary does not occur"},
		"no boundary named":  {mail: lines("Content-Type: multipart/mixed", "", "--b", "", "text"), text: "--b\n\ntext\n", remark: "has no boundary"},
		"broken type":        {mail: lines("Content-Type: ;;;", "", "text"), text: "text\n", remark: "Content-Type cannot be read"},
		"broken part header": {mail: lines("Content-Type: multipart/mixed; boundary=b", "", "--b", "not a header", "", "text", "--b--"), text: "not a header\n\ntext", remark: "The header of part 1"},
		"a mail in a mail": {mail: lines("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: message/rfc822", "", "Subject: inner", "", "x", "--b--"),
			attached: "part-1.eml"},
		"names that lead elsewhere": {mail: lines("Content-Type: multipart/mixed; boundary=b", "",
			"--b", `Content-Disposition: attachment; filename="../../etc/passwd"`, "", "x",
			"--b", `Content-Disposition: attachment; filename="C:\\Windows\\evil.exe"`, "", "x",
			"--b", `Content-Disposition: attachment; filename=".bashrc"`, "", "x",
			"--b", `Content-Disposition: attachment; filename="con.txt"`, "", "x",
			"--b", `Content-Disposition: attachment; filename="/"`, "", "x",
			"--b", "Content-Disposition: attachment; filename*=utf-8''fdp%E2%80%AE.exe%00%0A", "", "x",
			"--b", "Content-Disposition: attachment; filename==?utf-8?q?=C3=BC.txt?=", "", "x", "--b--"),
			attached: "passwd evil.exe bashrc _con.txt part-5.txt fdp_.exe__ part-7.txt"},
		"an address that is none": {mail: lines("From: <<>>, \x01", "", "x"), from: "<<>>, \x01", text: "x\n"},
		"fields twice":            {mail: lines("Subject: one", "subject: two", "", "x"), subject: "one", text: "x\n", remark: "Subject is there 2 times"},
		"a date that is none":     {mail: lines("Date: yesterday", "", "x"), text: "x\n", remark: "Date cannot be read: yesterday"},
		"Message-ID without form": {mail: lines("Message-ID: 12", "", "x"), text: "x\n", remark: "not of the form"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, mailbox.Options{})
			s.mustSend(test.mail)
			m := s.one()
			if m.Subject != test.subject || strings.Join(m.From, ", ") != test.from {
				t.Errorf("subject %q from %q, want %q from %q", m.Subject, m.From, test.subject, test.from)
			}
			if m.Text() != test.text || m.HTML() != test.html {
				t.Errorf("text %q, HTML %q; want %q, %q", m.Text(), m.HTML(), test.text, test.html)
			}
			var names []string
			for _, a := range m.Attachments {
				names = append(names, a.Name)
			}
			if got := strings.Join(names, " "); got != test.attached {
				t.Errorf("attached %q, want %q", got, test.attached)
			}
			if !slices.ContainsFunc(m.Remarks, func(r string) bool { return strings.Contains(r, test.remark) }) && test.remark != "" {
				t.Errorf("remarks %q, want one with %q", m.Remarks, test.remark)
			}
			s.everywhere(m)
		})
	}
}

func TestRemarksAboutBytes(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	c := s.dial()
	c.want("220 ")
	c.ask("EHLO me", "250-")
	c.ask("MAIL FROM:<a@b.example>", "250 ")
	c.ask("RCPT TO:<c@d.example>", "250 ")
	c.ask("DATA", "354 ")
	c.ask("Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\none\ntwo\r\n.", "250 ")
	for _, want := range []string{"its header has characters beyond ASCII without SMTPUTF8", "end without a carriage return"} {
		if m := s.one(); !slices.ContainsFunc(m.Remarks, func(r string) bool { return strings.Contains(r, want) }) {
			t.Errorf("remarks %q, want one with %q", m.Remarks, want)
		}
	}
}

// everywhere looks at all that shows a mail, which must not fail nor let a control character out.
func (s *server) everywhere(m *mailbox.Mail) {
	s.t.Helper()
	base := fmt.Sprintf("/mails/%d", m.ID)
	for _, path := range []string{"/", base, base + "?view=text", base + "?view=html", base + "?view=header", base + "?view=source", "/api/mails", "/api" + base} {
		a := s.get(path)
		if a.status != http.StatusOK {
			s.t.Errorf("%s: status %d: %s", path, a.status, a.body)
		}
		if i := strings.IndexFunc(a.body, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == '\u202e' }); i >= 0 && !strings.HasPrefix(path, "/api") {
			s.t.Errorf("%s: %q", path, a.body[i:min(len(a.body), i+20)])
		}
	}
	if m.HasHTML {
		if a := s.get(base + "/html"); a.status != http.StatusOK {
			s.t.Errorf("HTML: status %d", a.status)
		}
	}
	for _, file := range m.Attachments {
		if a := s.get(base + "/parts/" + file.Part); a.status != http.StatusOK || int64(len(a.body)) != file.Size {
			s.t.Errorf("part %s: status %d, %d bytes, want %d", file.Part, a.status, len(a.body), file.Size)
		}
		if n := file.Name; n == "" || len([]rune(n)) > 125 || n[0] == '.' || strings.ContainsAny(n, "/\\:*?\"<>|\r\n\x00") || !utf8.ValidString(n) {
			s.t.Errorf("an attachment is named %q", n)
		}
	}
	if a := s.get("/api" + base + ".eml"); a.body != string(m.Source()) {
		s.t.Errorf("the source is %q, want %q", a.body, m.Source())
	}
}

func TestHugeHeaders(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Keep: 10})
	parts := &strings.Builder{}
	for range 1000 {
		parts.WriteString("--b\r\n\r\nx\r\n")
	}
	deep := "x"
	for i := range 40 {
		deep = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--\r\n", i, i, deep, i)
	}
	for name, mail := range map[string]string{
		"value":      lines("Subject: "+strings.Repeat("x", 1<<20), "", "x"),
		"fields":     strings.Repeat("X-Y: z\r\n", 100_000) + "\r\nx",
		"folds":      "Subject: x\r\n" + strings.Repeat(" y\r\n", 100_000) + "\r\nx",
		"addresses":  lines("To: "+strings.Repeat("a@b.example, ", 4000)+"c@d.example", "", "x"),
		"references": lines("References: "+strings.Repeat("<x@y>", 10_000), "", "x"),
		"comments":   lines("From: "+strings.Repeat("(", 10_000), "", "x"),
		"parts":      "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts.String(),
		"deep":       deep,
		"lines":      "\r\n" + strings.Repeat("y\r\n", 100_000),
	} {
		if err := s.send(mail); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m := s.Mails()[0]
		if n := len([]rune(m.Subject)); n > 1000 {
			t.Errorf("%s: the subject has %d characters", name, n)
		}
		if len(m.To) > 1001 || len(m.References) > 200 || len(m.Attachments) > 500 || len(m.Remarks) > 21 {
			t.Errorf("%s: %d addresses, %d references, %d attachments, %d remarks", name, len(m.To), len(m.References), len(m.Attachments), len(m.Remarks))
		}
		s.everywhere(m)
	}
	eventually(t, "the last is printed", func() bool { return strings.Contains(s.out.String(), "── mail 9, ") })
	if n := len(s.out.String()); n > 200_000 {
		t.Errorf("%d bytes were printed", n)
	}
}

// FuzzMail shows whatever comes everywhere.
func FuzzMail(f *testing.F) {
	for _, seed := range []string{
		simple, "", "\r\n", "Subject: =?utf-8?q?=1b[2J?=\r\n\r\n\x1b[31m",
		lines("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/html; charset=utf-16", "", "<script>", "--b",
			"Content-Disposition: attachment; filename=\"..\\x\"", "Content-Transfer-Encoding: base64", "", "====", "--b--"),
		lines("Content-Type: text/html", "", `<!doctype html><head><img src="cid:x">`),
		"From: \xff\xfe <x>\r\nReferences: <a><b>\r\nMessage-ID: <a>\r\n\r\nhttp://x.example/\u202e.",
	} {
		f.Add([]byte(seed))
	}
	s := start(f, mailbox.Options{Keep: 3, Out: io.Discard})
	f.Fuzz(func(t *testing.T, source []byte) {
		if len(source) > 100_000 {
			return
		}
		m := s.Take(source)
		(&server{s.Server, t, s.out, true}).everywhere(m)
		if printed := s.Printed(m); strings.ContainsFunc(printed, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0x9b || r == '\u202e' }) {
			t.Errorf("%q", printed)
		}
	})
}
