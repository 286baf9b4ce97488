package mailbox

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"example.org/microblog/fault/internal/visible"
)

const (
	maxQueued     = 256 // prints that wait for a slow terminal
	maxPrintLines = 100
	maxPrintBytes = 16 << 10
)

// printer writes what happens, in one goroutine, so that a terminal that stands still stops no mail.
type printer struct {
	out   io.Writer
	quiet bool
	url   string
	queue chan string
	done  sync.WaitGroup

	mu     sync.Mutex
	missed int
	closed bool
}

func newPrinter(out io.Writer, quiet bool, url string) *printer {
	p := &printer{out: out, quiet: quiet, url: url, queue: make(chan string, maxQueued)}
	if out != nil {
		p.done.Go(p.run)
	}
	return p
}

func (p *printer) run() {
	for text := range p.queue {
		p.mu.Lock()
		missed := p.missed
		p.missed = 0
		p.mu.Unlock()
		if missed > 0 {
			text += fmt.Sprintf("… %s not printed, because this output is too slow\n", plural(missed, "event"))
		}
		if _, err := io.WriteString(p.out, text); err != nil {
			for range p.queue { // nobody reads it
			}
			return
		}
	}
}

func (p *printer) print(text string) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	select {
	case p.queue <- text:
	default:
		p.missed++
	}
}

// close prints what waits, for at most limit.
func (p *printer) close(limit time.Duration) {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.queue)
	}
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		p.done.Wait()
		close(done)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func (p *printer) mail(m *Mail) {
	if p.out == nil {
		return
	}
	if p.quiet {
		p.print(lineOf(m))
		return
	}
	p.print(p.pageOf(m))
}

func (p *printer) event(e Event) {
	p.print(fmt.Sprintf("%s  %s: %s\n", e.At.Format(time.TimeOnly), visible.Line(e.Client), visible.Line(e.Text)))
}

// lineOf writes a mail in one line.
func lineOf(m *Mail) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  mail %d from <%s> to %s: %s (%s)", m.Received.Format(time.TimeOnly), m.ID,
		visible.Line(shorten(m.Envelope.From, 100)), people(m.Envelope.To, "<%s>", 3), visible.Line(shorten(m.Subject, 120)), m.kinds())
	if m.FaultID != "" {
		fmt.Fprintf(&b, " fault=%s", visible.Line(shorten(m.FaultID, 40)))
	}
	for _, mark := range m.marks() {
		fmt.Fprintf(&b, " [%s]", mark)
	}
	b.WriteByte('\n')
	return b.String()
}

// pageOf writes a mail for reading: the header fields that matter, and the text.
func (p *printer) pageOf(m *Mail) string {
	var b strings.Builder
	title := fmt.Sprintf("── mail %d, %s, %s ", m.ID, m.Received.Format(time.TimeOnly), m.kinds())
	fmt.Fprintf(&b, "\n%s%s\n", title, strings.Repeat("─", max(0, 78-len([]rune(title)))))
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-13s%s\n", name+":", value)
		}
	}
	line("From", people(m.From, "%s", 5))
	line("Sent by", visible.Line(shorten(m.sentAs(), 200)))
	line("To", people(m.To, "%s", 10))
	line("Cc", people(m.Cc, "%s", 10))
	line("Also to", people(m.unnamed(), "%s", 10))
	line("Reply-To", people(m.ReplyTo, "%s", 5))
	line("Subject", visible.Line(shorten(m.Subject, 500)))
	line("Date", visible.Line(m.Date))
	line("Message-ID", visible.Line(shorten(m.MessageID, 200)))
	if n := len(m.References); n > 0 {
		line("References", visible.Line(shorten(m.References[0], 200)))
	}
	line("Fault-Id", visible.Line(m.FaultID))
	for _, a := range m.Attachments {
		line("Attached", fmt.Sprintf("%s (%s, %s)", visible.Line(a.Name), visible.Line(a.MediaType), bytesText(a.Size)))
	}
	for _, remark := range m.Remarks {
		line("Remark", visible.Line(remark))
	}
	for _, mark := range m.marks() {
		line("Note", mark)
	}
	b.WriteByte('\n')
	p.textOf(&b, m)
	return b.String()
}

func (p *printer) textOf(b *strings.Builder, m *Mail) {
	where := fmt.Sprintf("%s/mails/%d", p.url, m.ID)
	text := strings.TrimRight(m.Text(), "\n \t\r")
	switch {
	case text == "" && m.HasHTML:
		fmt.Fprintf(b, "(only HTML: see %s)\n", where)
		return
	case text == "":
		fmt.Fprintf(b, "(no text: see %s)\n", where)
		return
	}
	lines := strings.Split(text, "\n")
	written := 0
	for i, l := range lines {
		if i == maxPrintLines || written+len(l) > maxPrintBytes {
			fmt.Fprintf(b, "… %s more: see %s\n", plural(len(lines)-i, "line"), where)
			return
		}
		written += len(l)
		b.WriteString(visible.Text(l))
		b.WriteByte('\n')
	}
}

// people lists addresses, at most limit of them.
func people(all []string, format string, limit int) string {
	shown := make([]string, 0, limit+1)
	for i, a := range all {
		if i == limit {
			shown = append(shown, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		shown = append(shown, fmt.Sprintf(format, visible.Line(shorten(a, 200))))
	}
	return strings.Join(shown, ", ")
}

// kinds tells what a mail consists of: "1.2 kB, text, HTML, 2 attachments".
func (m *Mail) kinds() string {
	all := []string{bytesText(m.Size())}
	if m.HasText {
		all = append(all, "text")
	}
	if m.HasHTML {
		all = append(all, "HTML")
	}
	if n := len(m.Attachments); n > 0 {
		all = append(all, plural(n, "attachment"))
	}
	return strings.Join(all, ", ")
}

// marks tells what is unusual about how a mail came.
func (m *Mail) marks() []string {
	var all []string
	if m.Duplicate > 0 {
		all = append(all, fmt.Sprintf("same Message-ID as mail %d", m.Duplicate))
	}
	if m.Unanswered {
		all = append(all, "taken, but its sender was not told, on purpose")
	}
	return all
}
