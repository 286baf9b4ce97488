package process

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"example.org/microblog/fault/crash"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

// What is shown, in bytes.
const (
	maxOutput  = 16 << 10
	maxMessage = 4 << 10
)

// Problem says what the process died of: the panic and where the application panicked, else what it wrote
// last: for problem.Crash, in the last second. kind is problem.Start or problem.Crash. The same end has the
// same ID, also if times, addresses and numbers of goroutines in the output differ.
func (e Exit) Problem(kind problem.Kind, s Source) *problem.Problem {
	p := &problem.Problem{Kind: kind, Time: time.Now(), Output: last(s.said(e.Output), maxOutput)}
	atStart := ""
	if kind == problem.Start {
		atStart = " at start"
	}
	switch {
	case e.crashed():
		p.Title = "The application crashed" + atStart
		e.addCrash(p, s)
	case e.Signal != "":
		p.Title = "The application was ended by " + e.Signal + atStart
		p.Hint = signalHint(e.Signal)
		e.addLastWords(p, s)
	case e.Code == 0:
		p.Title = "The application ended" + atStart + ", without an error"
		p.Hint = "A web application runs until it is told to stop. Does main return while the server runs in a goroutine, or does the application need a subcommand? Arguments for it follow --."
		e.addLastWords(p, s)
	default:
		p.Title = fmt.Sprintf("The application ended%s with exit code %d", atStart, e.Code)
		e.addLastWords(p, s)
	}
	identify(p)
	return p
}

// said is what the process wrote, for people: without control sequences and secrets.
func (s Source) said(text string) string { return s.Redactor.Text(plain(text)) }

// crashed tells whether the Go runtime ended the process.
func (e Exit) crashed() bool {
	return (e.Code == 2 || e.Signal != "") && strings.Contains(e.Crash, "\ngoroutine ")
}

// addCrash adds what the Go runtime says.
func (e Exit) addCrash(p *problem.Problem, s Source) {
	r := crash.Parse(e.Crash, s.Module)
	text := first(s.said(r.Text), maxMessage)
	p.Stack = s.frames(r.Stack)
	m := problem.Message{Text: text, Hint: crashHint(text)}
	for _, f := range p.Stack {
		if f.App {
			m.File, m.Path, m.Line, m.Excerpt = f.File, f.Path, f.Line, f.Excerpt
			break
		}
	}
	m.Related = s.registrations(text)
	if template, ok := s.templateMessage(text); ok {
		p.Messages = append(p.Messages, template)
	}
	p.Messages = append(p.Messages, m)
}

// registeredAt is where net/http says that a pattern was registered before.
var registeredAt = regexp.MustCompile(`pattern "([^"\n]*)" \(registered at ([^()\n]*)\)`)

// registrations are the places of the two patterns of a ServeMux that conflict.
func (s Source) registrations(text string) (places []string) {
	for _, m := range registeredAt.FindAllStringSubmatch(text, -1) {
		if rel, _, line := s.placeIn(m[2]); rel != "" {
			places = append(places, fmt.Sprintf("%s:%d: %s is registered here", rel, line, m[1]))
		}
	}
	return places
}

// addLastWords adds what the process wrote last, if that says why it ended. Of one that has served, what is older than the last
// second tells of something else.
func (e Exit) addLastWords(p *problem.Problem, s Source) {
	output, nothing := e.Output, "It wrote nothing before it ended."
	if p.Kind != problem.Start {
		output = e.LastOutput
		if e.Output != "" {
			nothing = "It wrote nothing in the second before it ended."
		}
	}
	text := lastWords(s.said(output))
	if text == "" {
		p.Messages = append(p.Messages, problem.Message{Text: nothing})
		return
	}
	if template, ok := s.templateMessage(text); ok {
		p.Messages = append(p.Messages, template)
	}
	m := problem.Message{Text: first(withoutTime(text), maxMessage), Hint: lastWordsHint(text)}
	if m.File, m.Path, m.Line = s.placeIn(text); m.Path != "" {
		m.Excerpt = s.excerpt(m.Path, m.Line)
	}
	p.Messages = append(p.Messages, m)
}

// Locate tells in the problem of a process that has ended itself where it did.
func (s Source) Locate(p *problem.Problem, stack trace.Stack) {
	p.Stack = s.frames(stack)
	if len(p.Messages) == 0 {
		return
	}
	m := &p.Messages[len(p.Messages)-1]
	for _, f := range p.Stack {
		if f.App && m.Path == "" {
			m.File, m.Path, m.Line, m.Excerpt = f.File, f.Path, f.Line, f.Excerpt
		}
	}
}

// complaint is what lines have that say why a program ends.
var complaint = regexp.MustCompile(`(?i)\b(?:error|err|fatal|critical|panic|failed|failure|fail|cannot|can't|could not|couldn't|unable|invalid|missing|required|must|refused|denied|unknown|unexpected|in use|no such|not found|not defined|not set|undefined)\b`)

// lastWords returns the last complaint among the last lines, with the lines that continue it, else the last line.
func lastWords(output string) string {
	const looked, continued = 20, 20
	lines := strings.Split(strings.TrimSpace(output), "\n")
	begin := len(lines) - 1
	for begin > 0 && isContinuation(lines[begin]) {
		begin--
	}
	for i := len(lines) - 1; i >= 0 && i >= len(lines)-looked; i-- {
		if !isContinuation(lines[i]) && complaint.MatchString(lines[i]) {
			begin = i
			break
		}
	}
	end := begin + 1
	for end < len(lines) && end < begin+continued && isContinuation(lines[end]) {
		end++
	}
	return strings.TrimSpace(strings.Join(lines[begin:end], "\n"))
}

func isContinuation(line string) bool {
	return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
}

// logTime is how lines of logs begin: that of the packages log and slog, and most others'.
var logTime = regexp.MustCompile(`^(?:time="?)?\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"? `)

func withoutTime(line string) string { return logTime.ReplaceAllString(line, "") }

// digits are what differs between two ends for the same reason: ports, times, addresses.
var digits = regexp.MustCompile(`0x[0-9a-f]+|\d+`)

// identify sets the ID without what differs each time.
func identify(p *problem.Problem) {
	same := problem.Problem{Kind: p.Kind, Title: p.Title}
	for _, m := range p.Messages {
		m.Text = digits.ReplaceAllString(m.Text, "0")
		same.Messages = append(same.Messages, m)
	}
	same.Identify()
	p.ID = same.ID
}

// Problem says why a process was not ready, as a problem.Start. exit is how it ended when it was stopped
// for that, of which its output is shown, and with Process.Quit where it was waiting.
func (e *NotReadyError) Problem(exit Exit, s Source) *problem.Problem {
	p := &problem.Problem{
		Kind: problem.Start, Time: time.Now(), Title: "The application does not become ready",
		Output: last(s.said(exit.Output), maxOutput),
	}
	m := problem.Message{Text: first(plain(e.Error()), maxMessage)}
	switch {
	case e.Status != 0:
		m.Hint = "It is served when GET /readyz answers 200. What it waits for may be in its output."
	case e.elsewhere():
		_, port, _ := net.SplitHostPort(e.Address) // It was asked for.
		m.Hint = fmt.Sprintf("Where to listen is told in the environment: LISTEN=%s and PORT=%s. Read one of them: http.ListenAndServe(os.Getenv(\"LISTEN\"), handler).", e.Address, port)
	case len(e.Listening) > 0 && e.Last != nil:
		m.Hint = "It must speak HTTP without TLS there; only the supervisor connects to it."
	case len(e.Listening) > 0:
		m.Hint = "Something in it does not answer. The stack shows where it was."
	default:
		m.Hint = "It is served when it listens on the address in the variable LISTEN, or the port in PORT. What it waits for may be in its output or its stack."
	}
	if strings.Contains(exit.Crash, "\ngoroutine ") {
		p.Stack = s.frames(crash.Parse(exit.Crash, s.Module).Stack)
		for _, f := range p.Stack {
			if f.App {
				m.File, m.Path, m.Line, m.Excerpt = f.File, f.Path, f.Line, f.Excerpt
				break
			}
		}
		if i := strings.Index(p.Output, "SIGQUIT: quit"); i >= 0 {
			p.Output = p.Output[:i] // The stack is shown as such.
		}
	}
	p.Messages = []problem.Message{m}
	// The text tells how long was waited, and where.
	same := *p
	same.Messages = []problem.Message{{Text: m.Hint, File: m.File, Line: m.Line}}
	identify(&same)
	p.ID = same.ID
	return p
}
