package e2e

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// A letter is a mail that arrived.
type letter struct {
	from, subject, id, references, fault string
	to                                   []string
	text, html                           string
	source                               string
}

// A postOffice is a mail server. It is safe for concurrent use.
type postOffice struct {
	addr string

	mu      sync.Mutex
	letters []letter
	refuse  error // the answer to DATA; nil: taken
}

// openPostOffice runs a mail server for the time of the test.
func openPostOffice(t testing.TB) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{addr: l.Addr().String()}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counter{office: p}, nil }))
	server.Domain = "mail.example"
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // ends with Close
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return p
}

// silentServer accepts connections and never says a word.
func silentServer(t testing.TB) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return l.Addr().String()
}

// mailSettings are the settings that send error mails to the server at addr.
func mailSettings(addr string, more settings) settings {
	host, port, _ := net.SplitHostPort(addr)
	set := settings{"MAIL_SERVER": host, "MAIL_PORT": port, "ADMINS": "admin@example.com, other@example.com", "MAIL_FROM": "microblog@example.com"}
	for name, value := range more {
		set[name] = value
	}
	return set
}

// refusing makes the server answer each mail with err; nil makes it take them.
func (p *postOffice) refusing(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = err
}

// all returns the letters that have arrived, oldest first.
func (p *postOffice) all() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.letters)
}

// wait waits for the first letter that is as wanted.
func (p *postOffice) wait(t testing.TB, what string, wanted func(letter) bool) letter {
	t.Helper()
	var found letter
	soon(t, what, func() error {
		all := p.all()
		i := slices.IndexFunc(all, wanted)
		if i < 0 {
			return fmt.Errorf("it is not among the %d that arrived: %q", len(all), subjects(all))
		}
		found = all[i]
		return nil
	})
	return found
}

func subjects(all []letter) (list []string) {
	for _, l := range all {
		list = append(list, l.subject)
	}
	return list
}

// A counter is one connection to the office.
type counter struct {
	office *postOffice
	from   string
	to     []string
}

func (c *counter) Reset()        { c.from, c.to = "", nil }
func (c *counter) Logout() error { return nil }

func (c *counter) Mail(from string, _ *smtp.MailOptions) error {
	c.from = from
	return nil
}

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = append(c.to, to)
	return nil
}

func (c *counter) Data(r io.Reader) error {
	source, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l, err := readLetter(source)
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: "unreadable: " + err.Error()}
	}
	l.from, l.to = c.from, slices.Clone(c.to)
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if c.office.refuse != nil {
		return c.office.refuse
	}
	c.office.letters = append(c.office.letters, l)
	return nil
}

func readLetter(source []byte) (letter, error) {
	m, err := mail.ReadMessage(bytes.NewReader(source))
	if err != nil {
		return letter{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return letter{}, err
	}
	l := letter{
		subject: subject, id: m.Header.Get("Message-ID"), references: m.Header.Get("References"),
		fault: m.Header.Get("Fault-Id"), source: string(source),
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return letter{}, err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return letter{}, fmt.Errorf("it is %s, not text and HTML", kind)
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return l, nil
		}
		if err != nil {
			return letter{}, err
		}
		var body io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(part)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return letter{}, err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			l.html = string(text)
		} else {
			l.text = string(text)
		}
	}
}
