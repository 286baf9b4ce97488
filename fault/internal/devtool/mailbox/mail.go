package mailbox

import (
	"bytes"
	"net/mail"
	"strings"
	"time"

	"example.org/microblog/fault/internal/visible"
)

// Mail is one mail that was taken. It does not change.
type Mail struct {
	ID         int64 // from 1, in the order of arrival
	Received   time.Time
	Envelope   Envelope
	Unanswered bool  // on purpose its sender was not told that it was taken
	Duplicate  int64 // the ID of an earlier mail with the same Message-ID, or 0

	Subject    string
	From       []string // as the header has them: "Name <address>"
	To, Cc     []string
	ReplyTo    []string
	Date       string
	MessageID  string   // without brackets
	References []string // those of References and In-Reply-To, without brackets
	FaultID    string   // the header Fault-Id, by which a failure is found

	HasText, HasHTML bool
	Attachments      []Attachment
	Remarks          []string // what its author may want to know, such as a broken encoding

	source []byte
	root   *part
	texts  []*part
	html   *part
	weight int64 // about what it takes in memory, in bytes
}

// Envelope is what the SMTP conversation said about a mail.
type Envelope struct {
	From   string
	To     []string
	UTF8   bool   // SMTPUTF8
	Client string // address and port
	HELO   string
	TLS    string // version, or "" without
	User   string // of AUTH, or ""
}

// Attachment is a part of a mail that is neither its text nor its HTML.
type Attachment struct {
	Part      string // its place in the mail: "1.2"
	Name      string // safe for any file system
	MediaType string
	Size      int64 // bytes, decoded
	Inline    bool  // it belongs into the HTML
}

// limits of what is kept apart from the source.
const (
	maxSubject   = 1000 // characters
	maxAddresses = 1000 // of one field
)

// Source returns the mail as it came. It must not be changed.
func (m *Mail) Source() []byte { return m.source }

// Size is the length of the source in bytes.
func (m *Mail) Size() int64 { return int64(len(m.source)) }

// weigh tells about what the mail takes in memory, in bytes.
func (m *Mail) weigh() int64 {
	n := len(m.source) + 4096
	for _, to := range m.Envelope.To {
		n += len(to) + 16
	}
	m.root.walk(func(p *part) {
		n += 256
		for _, f := range p.header {
			n += len(f.name) + len(f.value) + 32
		}
	})
	return int64(n)
}

// readMail reads what came. Whatever it is, it becomes a Mail.
func readMail(source []byte, envelope Envelope, now time.Time) *Mail {
	notes := &remarks{}
	m := &Mail{Received: now, Envelope: envelope, source: source, root: parseParts(source, notes)}
	h := m.root.header
	m.Subject = shorten(decodeHeader(h.get("Subject")), maxSubject)
	m.From, m.To = addressField(h, "From"), addressField(h, "To")
	m.Cc, m.ReplyTo = addressField(h, "Cc"), addressField(h, "Reply-To")
	m.Date = shorten(decodeHeader(h.get("Date")), 200)
	if ids := messageIDs(h.get("Message-ID")); len(ids) > 0 {
		m.MessageID = ids[0]
	}
	m.References = append(messageIDs(h.get("References")), messageIDs(h.get("In-Reply-To"))...)
	m.FaultID = shorten(decodeHeader(h.get("Fault-Id")), 100)
	m.root.leaves(func(p *part) { m.classify(p, notes) })
	m.check(notes)
	m.Remarks = notes.list()
	m.weight = m.weigh()
	return m
}

func addressField(h header, name string) []string {
	var all []string
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			all = append(all, addresses(f.value)...)
		}
	}
	return all[:min(len(all), maxAddresses)]
}

// classify decides what a leaf is: text, HTML, or an attachment.
func (m *Mail) classify(p *part, notes *remarks) {
	attached, name := p.disposition()
	switch {
	case !attached && p.mediaType == "text/plain" && (name == "" || p.path == ""):
		m.texts, m.HasText = append(m.texts, p), true
		m.remark(p, notes)
		return
	case !attached && p.mediaType == "text/html" && m.html == nil:
		m.html, m.HasHTML = p, true
		m.remark(p, notes)
		return
	}
	body, wrong := p.decoded()
	if wrong != "" {
		notes.add("%s: %s", partName(p.path), wrong)
	}
	number := p.path
	if number == "" {
		number = "0" // the mail is nothing but this
	}
	m.Attachments = append(m.Attachments, Attachment{
		Part: number, Name: safeFileName(name, p.mediaType, number), MediaType: shorten(p.mediaType, 100),
		Size: int64(len(body)), Inline: !attached && p.contentID() != "",
	})
}

func (m *Mail) remark(p *part, notes *remarks) {
	_, wrong := p.text()
	for _, w := range wrong {
		notes.add("%s: %s", partName(p.path), w)
	}
}

// check remarks what receivers may take amiss.
func (m *Mail) check(notes *remarks) {
	h := m.root.header
	for _, name := range []string{"From", "Date", "Message-ID"} {
		if h.count(name) == 0 {
			notes.add("there is no %s", name)
		}
	}
	for _, name := range []string{"From", "Date", "Message-ID", "Subject", "To", "Cc", "Reply-To", "References", "In-Reply-To"} {
		if n := h.count(name); n > 1 {
			notes.add("%s is there %d times, where once is allowed (RFC 5322, 3.6)", name, n)
		}
	}
	if date := h.get("Date"); date != "" {
		if _, err := mail.ParseDate(date); err != nil {
			notes.add("its Date cannot be read: %s", visible.Line(shorten(date, 60)))
		}
	}
	if h.count("Message-ID") > 0 && m.MessageID == "" {
		notes.add("its Message-ID is not of the form <left@right>")
	}
	if m.HasHTML && !m.HasText {
		notes.add("there is HTML but no text for those who read none")
	}
	m.checkLines(notes)
}

// checkLines looks at the lines of the source (RFC 5322, 2.1.1 and 2.3).
func (m *Mail) checkLines(notes *remarks) {
	const limit = 998
	longest, bare := 0, false
	for rest := m.source; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			longest = max(longest, len(rest))
			break
		}
		if i == 0 || rest[i-1] != '\r' {
			bare = true
		}
		longest = max(longest, i-1)
		rest = rest[i+1:]
	}
	if longest > limit {
		notes.add("a line of it is %d bytes long, where %d are allowed; servers may refuse it", longest, limit)
	}
	if bare {
		notes.add("some of its lines end without a carriage return; servers may refuse it")
	}
	head := m.source[:len(m.source)-len(m.root.body)]
	if !m.Envelope.UTF8 && bytes.ContainsFunc(head, func(r rune) bool { return r > 0x7e }) {
		notes.add("its header has characters beyond ASCII without SMTPUTF8; they should be encoded (RFC 2047)")
	}
}

// Text returns the text of the mail with \n as line end; "" if it has none.
func (m *Mail) Text() string {
	pieces := make([]string, len(m.texts))
	for i, p := range m.texts {
		pieces[i], _ = p.text()
	}
	return strings.Join(pieces, "\n")
}

// HTML returns the mail's HTML as it came, in UTF-8. It is what a stranger wrote: show it only where it can do nothing.
func (m *Mail) HTML() string {
	if m.html == nil {
		return ""
	}
	text, _ := m.html.text()
	return text
}

// Header returns the fields of the mail's header, decoded, in their order.
func (m *Mail) Header() [][2]string {
	all := make([][2]string, len(m.root.header))
	for i, f := range m.root.header {
		all[i] = [2]string{f.name, decodeHeader(f.value)}
	}
	return all
}

// attachment returns an attachment by its part, and its decoded body.
func (m *Mail) attachment(number string) (Attachment, []byte, bool) {
	for _, a := range m.Attachments {
		if a.Part != number {
			continue
		}
		var body []byte
		m.root.leaves(func(p *part) {
			if p.path == number || p.path == "" && number == "0" {
				body, _ = p.decoded()
			}
		})
		return a, body, true
	}
	return Attachment{}, nil, false
}

// sentAs returns the envelope's sender where the header names another one, else "".
func (m *Mail) sentAs() string {
	if m.Envelope.From == "" {
		return "nobody (<>)"
	}
	for _, from := range m.From {
		if strings.Contains(strings.ToLower(from), strings.ToLower(m.Envelope.From)) {
			return ""
		}
	}
	return m.Envelope.From
}

// unnamed returns everybody that the mail went to by its envelope and is not named in its header.
func (m *Mail) unnamed() []string {
	var out []string
	named := strings.ToLower(strings.Join(append(append([]string{}, m.To...), m.Cc...), " "))
	for _, to := range m.Envelope.To {
		if !strings.Contains(named, strings.ToLower(to)) {
			out = append(out, to)
		}
	}
	return out
}
