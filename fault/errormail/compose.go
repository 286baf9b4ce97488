package errormail

import (
	"fmt"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/outbox"
)

// Facts are what a mail tells of its incident beside the notice. Whatever is not known may be left out.
type Facts struct {
	// First is the incident's first failure, by which all of its mails have the same subject.
	First   *fault.Failure
	History History
	Routes  []incident.Tally // most failures first
	Users   []incident.Tally // likewise
	// FirstNotice is the key of the incident's first notice, to whose mail the later ones reply.
	FirstNotice string
}

// maxMail is how long a composed mail is at most, in bytes on the wire.
const maxMail = 95 << 10

// Compose returns the mail for a notice. Of the Options it takes neither Book, Outbox nor Logger. The
// same notice always gives the same Key and Message-ID.
//
// All mails of an incident have the same subject, because some programs show a conversation by its
// subject and not by its References; what has happened is the beginning of the text.
func Compose(o Options, n incident.Notice, facts Facts) outbox.Mail {
	o.defaults()
	domain := domainOf(o.From.Address)
	mail := outbox.Mail{
		Key: n.Key, Class: Class, MessageID: messageID(n.Key, domain), From: o.From, To: o.To,
		Subject: "[" + oneLine(o.App, 60) + " Failure] " + subject(n, facts),
		Header:  map[string]string{"Auto-Submitted": "auto-generated"}, // RFC 3834
	}
	if n.Kind != "" {
		mail.Header["Fault-Notice"] = string(n.Kind)
	}
	if n.Failure != nil && !n.Failure.ID.IsZero() {
		mail.Header["Fault-Id"] = n.Failure.ID.String()
	}
	if n.IncidentID != "" {
		thread := "<" + messageID(n.IncidentID+".thread", domain) + ">"
		mail.Header["References"] = thread
		if facts.FirstNotice != "" && facts.FirstNotice != n.Key {
			first := "<" + messageID(facts.FirstNotice, domain) + ">"
			mail.Header["References"] = thread + " " + first
			mail.Header["In-Reply-To"] = first
		}
	}
	for d := all; ; {
		l := newLetter(&o, n, facts, d)
		l.Subject = mail.Subject
		mail.Text, mail.HTML = l.text(), l.html()
		size := encodedSize(mail.Text) + encodedSize(mail.HTML)
		if size <= maxMail || d.text == 1 {
			return mail
		}
		for d = d.less(); size > 4*maxMail; size /= 2 { // Far too long: that much less at once.
			d = d.less()
		}
	}
}

// detail is how much a mail tells.
type detail struct {
	around  int // source lines on each side
	sources int // frames with source lines
	frames  int // of the application, and as many others
	causes  int
	steps   int
	text    int // characters of a message, a statement
	value   int // characters of a shorter text: a name, a place, a fact
	curl    int // bytes
	output  int // bytes of a crash output
	items   int // incidents of a summary
	tallies int // routes and people
}

// all is tried first, and then less and less until the mail is not too long.
var all = detail{
	around: 4, sources: 8, frames: 32, causes: 40, steps: 30, text: 1024, value: 256,
	curl: 8 << 10, output: 8 << 10, items: 64, tallies: 5,
}

func (d detail) less() detail {
	for _, n := range []*int{&d.sources, &d.frames, &d.causes, &d.steps, &d.text, &d.value, &d.curl, &d.output, &d.items, &d.tallies} {
		*n = max(1, *n/2)
	}
	d.around = max(1, d.around-1)
	return d
}

// encodedSize is about how long a text is as quoted-printable (RFC 2045, section 6.7), and at least so.
func encodedSize(s string) int {
	n, column := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			n, column = n+2, 0
			continue
		case c < ' ' || c > '~' || c == '=':
			n, column = n+3, column+3
		default:
			n, column = n+1, column+1
		}
		if column >= 72 {
			n, column = n+3, 0 // A soft line break.
		}
	}
	return n
}

// subject is what failed, in short. It is the same for all mails of an incident.
func subject(n incident.Notice, facts Facts) string {
	switch n.Kind {
	case incident.Summary, incident.Digest:
		return fmt.Sprintf("%s of %s", failures(n.Covers), counted(int64(len(n.Items)), "incident", "incidents"))
	}
	first := facts.First
	if first == nil {
		first = n.Failure
	}
	title := n.Incident.Title
	if title == "" && first != nil {
		title = first.Message
	}
	title = joined(title, 120)
	where := oneLine(place(first), 70)
	if where == "" {
		return title
	}
	return where + ": " + title
}

// messageID makes a Message-ID, without its angle brackets, of a name that is unique.
func messageID(name, domain string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name) + "@" + domain
}

// domainOf returns the domain of an address as it can stand in a Message-ID.
func domainOf(address string) string {
	domain := address[strings.LastIndexByte(address, '@')+1:]
	for i := range len(domain) {
		c := domain[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return "localhost"
		}
	}
	if domain == "" || len(domain) > 150 {
		return "localhost"
	}
	return domain
}
