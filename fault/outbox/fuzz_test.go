package outbox

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// FuzzFiles reads any content as each kind of file. What is accepted must have been written so.
func FuzzFiles(f *testing.F) {
	e := envelope{Key: "k", MessageID: "a@b", From: "a@b.example", To: []string{"c@d.example"}, Created: time.Unix(1, 0).UTC()}
	file, err := encodeMail(e, []byte("Subject: x\r\n\r\ny\r\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	for kind, v := range map[string]any{
		kindState:   attempts{Made: 1, To: []recipient{{State: taken}}},
		kindOutcome: outcome{Key: "k", Delivered: true},
		kindServer:  serverState{Server: "x", Failed: 3},
	} {
		file, err := encodeJSON(kind, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Add([]byte("fault-outbox mail 1 00000000 0\n"))
	f.Add([]byte{})
	dir := f.TempDir()
	s := store{dir}
	if err := s.make(); err != nil {
		f.Fatal(err)
	}
	name := fileName("k")
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, path := range [][2]string{{dirWaiting, name + mailSuffix}, {dirWaiting, name + stateSuffix}, {dirSettled, name + deliveredSuffix}, {"", serverFile}} {
			if err := os.WriteFile(filepath.Join(dir, path[0], path[1]), file, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := Inspect(dir); err != nil {
			t.Errorf("Inspect: %v", err)
		}
		if e, message, err := decodeMail(name, file); err == nil {
			if e.Key != "k" || len(e.To) == 0 {
				t.Errorf("accepted %+v", e)
			}
			if !bytes.HasSuffix(file, message) {
				t.Error("the message is none of the file's end")
			}
		}
		var a attempts
		if content, err := unframe(kindState, file); err == nil && decodeJSON(kindState, file, &a) == nil && !json.Valid(content) {
			t.Errorf("accepted %q", content)
		}
	})
}

// FuzzCompose composes a mail of anything. There must be no header field but those that were asked for,
// and what was asked for must arrive.
func FuzzCompose(f *testing.F) {
	f.Add("subject", "name", "a@example.org", "value", "text", "<p>html</p>")
	f.Add("a\r\nBcc: x@y.example", "n\nX: y", "a@example.org\r\nQUIT", "v\r\n\r\nbody", ".\r\n.", "")
	f.Add("=?utf-8?q?a=0Ab?=", `"<evil@example.org>"`, `"quoted name"@example.org`, strings.Repeat("<a@b> ", 300), "\x00\x1b", "\xff")
	f.Add(strings.Repeat("é", 1000), strings.Repeat("a", 1000), "jürgen@example.org", strings.Repeat("x", 3000), "", "")
	f.Add("\u202eevil", "\u2028", "a b@example.org", "é", " ", "\r")
	f.Fuzz(func(t *testing.T, subject, name, address, value, text, html string) {
		m := Mail{Key: "k", From: mail.Address{Name: name, Address: "from@example.org"}, To: []mail.Address{{Name: name, Address: address}},
			Subject: subject, Text: text, HTML: html, Header: map[string]string{"References": value}}
		e, message, err := compose(&m, time.Unix(1_700_000_000, 0))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("the error is %q", err)
			}
			if address == "a@example.org" {
				t.Errorf("refused for what strangers may have put in: %v", err)
			}
			return
		}
		head, _, found := bytes.Cut(message, []byte("\r\n\r\n"))
		if !found {
			t.Fatal("no end of the header")
		}
		for _, l := range strings.Split(string(message), "\r\n") {
			if len(l) > 998 || strings.ContainsAny(l, "\r\n\x00") || isASCII(address) && !isASCII(l) {
				t.Fatalf("line %q", l)
			}
		}
		var fields []string
		for _, l := range strings.Split(string(head), "\r\n") {
			if strings.HasPrefix(l, " ") {
				if strings.TrimSpace(l) == "" {
					t.Errorf("a blank line in the header: %q", head)
				}
				continue
			}
			field, _, _ := strings.Cut(l, ":")
			fields = append(fields, field)
		}
		want := "Date MIME-Version Message-ID References Subject From To"
		if got := strings.Join(fields, " "); !strings.HasPrefix(got, want) {
			t.Errorf("fields %s", got)
		}
		for _, field := range fields[7:] {
			if field != "Content-Type" && field != "Content-Transfer-Encoding" {
				t.Errorf("a field %q", field)
			}
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
		if err != nil || got != e.Subject || utf8.RuneCountInString(got) > maxSubject {
			t.Errorf("the subject %q arrives as %q, %v", e.Subject, got, err)
		}
		to, err := parsed.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != address || to[0].Name != line(name, maxName) {
			t.Errorf("to %q, %v", to, err)
		}
		from, err := parsed.Header.AddressList("From")
		if err != nil || len(from) != 1 || from[0].Address != "from@example.org" {
			t.Errorf("from %q, %v", from, err)
		}
		for _, r := range e.Subject + line(name, maxName) {
			if unicode.IsControl(r) || isDirection(r) || r == '\u2028' || r == '\u2029' {
				t.Errorf("a line with %q", r)
			}
		}
		file, err := encodeMail(e, message)
		if err != nil {
			t.Fatal(err)
		}
		back, again, err := decodeMail(fileName("k"), file)
		if err != nil || !bytes.Equal(again, message) || back.Subject != e.Subject || back.To[0] != address {
			t.Errorf("read back: %+v, %v", back, err)
		}
	})
}

// FuzzPath: what is accepted as an address can be no more than one argument of a command.
func FuzzPath(f *testing.F) {
	for _, a := range []string{"a@example.org", "a b@example.org", "a@b@c", "a@[127.0.0.1]", "ü@ü.example", "a@example.org>\r\nDATA", `"@example.org`, "<@example.org", "@", ""} {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, address string) {
		p, err := path(address)
		if err != nil {
			return
		}
		if !strings.HasPrefix(p, "<") || strings.Index(p, ">") != len(p)-1 || strings.ContainsFunc(p, unicode.IsControl) || len(p) > 2*maxAddress+4 {
			t.Errorf("%q becomes %q", address, p)
		}
		if local, _, _ := strings.Cut(p, "@"); strings.Contains(local, " ") && !strings.HasPrefix(local, `<"`) {
			t.Errorf("%q becomes %q", address, p)
		}
	})
}

// FuzzReply reads anything as a server's answer.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"220 ready\r\n", "250-a\r\n250 b\r\n", "250-a\r\n251 b\r\n", "999 x\r\n", "\x16\x03\x01", "SSH-2.0-x\r\n", "25", "250", "-", "421 secret-word\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := talk(t, answer)
		r, trouble := c.read()
		if trouble != nil {
			r.text = trouble.Error() + trouble.advice(&c.server)
		}
		if strings.ContainsAny(r.String(), "\r\n\x00\x1b") || strings.Contains(r.String(), "secret-word") || utf8.RuneCountInString(r.text) > 2000 {
			t.Errorf("said %q", r)
		}
		if trouble == nil && (r.code < 200 || r.code > 599) {
			t.Errorf("code %d", r.code)
		}
		for name, value := range extensions(r.raw) {
			if strings.ToUpper(name+value) != name+value {
				t.Errorf("extension %q %q", name, value)
			}
		}
	})
}
