package outbox

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// made are header fields that come from other fields of a Mail, or that servers add.
var made = []string{"From", "Sender", "To", "Cc", "Bcc", "Subject", "Date", "Message-Id", "Mime-Version", "Received", "Return-Path"}

// compose checks a mail and writes it out. What strangers may have had a hand in, the subject, names
// and bodies, is cleaned and never refused. The errors are ErrInvalid.
func compose(m *Mail, now time.Time) (envelope, []byte, error) {
	invalid := func(format string, args ...any) (envelope, []byte, error) {
		return envelope{}, nil, fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	if !keyPattern.MatchString(m.Key) {
		return invalid("the key %q; it may have letters, digits, '.', '_' and '-', at most 128 of them", cut(m.Key, 150))
	}
	if len(m.Class) > maxClass {
		return invalid("a class of %d bytes; at most %d are allowed", len(m.Class), maxClass)
	}
	if len(m.To) == 0 || len(m.To) > maxRecipients {
		return invalid("%d recipients; there must be one, and at most %d", len(m.To), maxRecipients)
	}
	if _, err := path(m.From.Address); err != nil {
		return invalid("the sender: %v", err)
	}
	if size := len(m.Text) + len(m.HTML); size > maxMailBytes {
		return invalid("its text is %d bytes long; at most %d are allowed, composed", size, maxMailBytes)
	}
	e := envelope{Key: m.Key, Class: m.Class, MessageID: m.MessageID, Subject: line(m.Subject, maxSubject),
		From: m.From.Address, Created: now}
	var to []*mail.Address
	for _, a := range m.To {
		if _, err := path(a.Address); err != nil {
			return invalid("a recipient: %v", err)
		}
		if !slices.Contains(e.To, a.Address) {
			e.To = append(e.To, a.Address)
			to = append(to, &mail.Address{Name: line(a.Name, maxName), Address: a.Address})
		}
	}
	if e.MessageID == "" {
		e.MessageID = newMessageID(m.From.Address)
	}
	if !messageIDPattern.MatchString(e.MessageID) || len(e.MessageID) > maxMessageID {
		return invalid("the message ID %q; it must look like %q, without <> and with at most %d bytes", cut(e.MessageID, 300), "unique@domain", maxMessageID)
	}

	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithCharset(gomail.CharsetUTF8), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&mail.Address{Name: line(m.From.Name, maxName), Address: m.From.Address})
	msg.ToMailAddress(to...)
	msg.Subject(e.Subject)
	msg.SetDateWithValue(now)
	msg.SetMessageIDWithValue(e.MessageID)
	if len(m.Header) > maxHeaderCount {
		return invalid("%d header fields; at most %d are allowed", len(m.Header), maxHeaderCount)
	}
	for name, value := range m.Header {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if !headerPattern.MatchString(name) || slices.Contains(made, canonical) || strings.HasPrefix(canonical, "Content-") {
			return invalid("the header field %q cannot be set", cut(name, 100))
		}
		msg.SetGenHeader(gomail.Header(name), headerValue(value))
	}
	if m.Text != "" || m.HTML == "" {
		msg.SetBodyString(gomail.TypeTextPlain, text(m.Text))
		if m.HTML != "" {
			msg.AddAlternativeString(gomail.TypeTextHTML, text(m.HTML))
		}
	} else {
		msg.SetBodyString(gomail.TypeTextHTML, text(m.HTML))
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return invalid("composing it: %v", err)
	}
	if b.Len() > maxMailBytes {
		return invalid("it is %d bytes long; at most %d are allowed", b.Len(), maxMailBytes)
	}
	return e, b.Bytes(), nil
}

// headerValue cleans the value of a further field and cuts it at a space, so that no message ID in a
// list of them is left half.
func headerValue(s string) string {
	s = line(s, 4*maxHeader)
	if len(s) <= maxHeader {
		return s
	}
	s = strings.ToValidUTF8(s[:maxHeader], "")
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		s = s[:i]
	}
	return s
}

// newMessageID makes one in the sender's domain.
func newMessageID(from string) string {
	domain := from[strings.LastIndexByte(from, '@')+1:]
	if !isASCII(domain) || strings.ContainsAny(domain, "[]:") {
		domain = "localhost"
	}
	return strings.ToLower(rand.Text()) + "@" + domain
}
