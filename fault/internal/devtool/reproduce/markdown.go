package reproduce

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/visible"
	"example.org/microblog/fault/trace"
)

// Details are what is known about a failure beside itself.
type Details struct {
	// Excerpts are the lines around each frame of the stack, by its index; it may be shorter.
	Excerpts [][]problem.Line
	// Explanations are what it most likely means.
	Explanations []explain.Explanation
	// Base is where the application is reached, for the command; "" is the host that the request named.
	Base string
}

const (
	maxOutput = 8 << 10 // bytes of what a crashed process wrote
	around    = 5       // lines of code before and after the one that failed
)

// Markdown returns the whole failure for an issue tracker: what failed and where, what it means, the calls, the request, what
// it did, and the build. The address of the client and the name of the machine are left out. Whatever the failure says stands
// as code, so that nothing in it is a link, a picture, a mention or HTML.
func Markdown(f *fault.Failure, d Details) string {
	m := &markdown{}
	m.head(f)
	m.explanations(d.Explanations)
	m.where(f, d.Excerpts)
	m.causes(f.Causes)
	m.calls(f)
	m.request(f, d.Base)
	m.response(f.Response)
	m.steps(f)
	if out := strings.TrimRight(f.Output, "\n"); out != "" {
		m.section("Output")
		m.block("", clip(out, maxOutput))
	}
	m.build(f)
	return strings.TrimRight(m.String(), "\n") + "\n"
}

type markdown struct{ strings.Builder }

func (m *markdown) section(title string) { m.WriteString("### " + title + "\n\n") }

func (m *markdown) paragraph(format string, args ...any) {
	fmt.Fprintf(m, format+"\n\n", args...)
}

// block writes text as code, within a fence that it cannot end.
func (m *markdown) block(language, text string) {
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	m.WriteString(fence + language + "\n" + strings.TrimRight(visible.Text(text), "\n") + "\n" + fence + "\n\n")
}

// code is text as code within a line.
func code(text string) string {
	text = visible.Line(text)
	fence := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || text == "" || strings.TrimSpace(text) == "" {
		text = " " + text + " "
	}
	return fence + text + fence
}

// longestRun is the length of the longest run of backquotes.
func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// prose is a text of ours that has foreign code between backquotes: what is outside of them is made plain.
func prose(text string) string {
	text = visible.Line(text)
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 { // One that is alone.
		return code(text)
	}
	var b strings.Builder
	for i, part := range parts {
		if i%2 == 1 {
			b.WriteString(code(part))
			continue
		}
		for _, r := range part {
			if strings.ContainsRune("\\*_{}[]<>#|~&@!", r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (m *markdown) head(f *fault.Failure) {
	title := how(f)
	if q := f.Request; q != nil {
		title = code(q.Method+" "+clip(q.URL, 200)) + " " + strings.TrimSpace(strconv.Itoa(f.Status)+" "+http.StatusText(f.Status))
		if f.Reported {
			title = code(q.Method+" "+clip(q.URL, 200)) + ": " + how(f)
		}
	} else if f.Task != "" {
		title += " in " + code(f.Task)
	}
	m.WriteString("## " + title + "\n\n")
	m.block("", f.Message)
	if f.Public != "" && f.Public != f.Message {
		m.paragraph("People were shown: %s", code(f.Public))
	}
	if f.Begun {
		m.paragraph("The response had begun, so the connection was cut off.")
	}
}

func how(f *fault.Failure) string {
	switch f.Kind {
	case fault.KindError:
		return "an error was returned"
	case fault.KindPanic:
		return "panic"
	case fault.KindNoAnswer:
		return "the handler did not answer"
	case fault.KindGoexit:
		return "the handler ended its goroutine"
	case fault.KindPage:
		return "the page could not be made"
	case fault.KindCrash:
		return "the process crashed"
	case fault.KindEnded:
		switch by := explain.ExitBy(f); {
		case by != "":
			return "the application ended itself by " + code(by)
		case f.Causes.Type == explain.Exit:
			return "the application ended itself"
		case f.Output != "" || len(f.Causes.Causes) > 0:
			return "the process ended"
		}
		return "the process ended without a word"
	}
	return code(string(f.Kind))
}

func (m *markdown) explanations(all []explain.Explanation) {
	for _, e := range all {
		m.section(prose(e.Title))
		if e.Text != "" {
			m.paragraph("%s", prose(e.Text))
		}
		for _, t := range e.Try {
			m.WriteString("- " + prose(t) + "\n")
		}
		if len(e.Try) > 0 {
			m.WriteByte('\n')
		}
	}
}

// where shows the code of the innermost call of the application's that there is code of.
func (m *markdown) where(f *fault.Failure, excerpts [][]problem.Line) {
	at := slices.IndexFunc(f.Stack, func(c trace.Frame) bool { return c.App })
	if at < 0 || at >= len(excerpts) || len(excerpts[at]) == 0 {
		return
	}
	call, lines := f.Stack[at], excerpts[at]
	hit := max(0, slices.IndexFunc(lines, func(l problem.Line) bool { return l.Hit }))
	lines = lines[max(0, hit-around):min(len(lines), hit+around+1)]
	digits := len(strconv.Itoa(lines[len(lines)-1].Number))
	var b strings.Builder
	for _, l := range lines {
		mark := ' '
		if l.Hit {
			mark = '>'
		}
		fmt.Fprintf(&b, "%c %*d | %s\n", mark, digits, l.Number, strings.ReplaceAll(l.Text, "\t", "    "))
	}
	m.section("Where")
	m.paragraph("%s in %s", code(call.Short(f.Build.Module)), code(call.Name()))
	m.block("go", b.String())
}

func (m *markdown) causes(c fault.Cause) {
	if len(c.Causes) == 0 && c.Cut == 0 {
		return
	}
	var b strings.Builder
	writeCause(&b, "", c)
	m.section("Causes")
	m.block("", b.String())
}

func writeCause(b *strings.Builder, indent string, c fault.Cause) {
	b.WriteString(indent + strings.TrimSpace(c.Type+"  "+strings.ReplaceAll(c.Message, "\n", "\n"+indent+"  ")) + "\n")
	for _, inner := range c.Causes {
		writeCause(b, indent+"  ", inner)
	}
	if c.Cut > 0 {
		fmt.Fprintf(b, "%s  (%d more)\n", indent, c.Cut)
	}
}

func (m *markdown) calls(f *fault.Failure) {
	if len(f.Stack) == 0 {
		return
	}
	var b strings.Builder
	for _, call := range f.Stack {
		mark := "  "
		if call.App {
			mark = "> "
		}
		b.WriteString(mark + call.Short(f.Build.Module) + "  " + call.Name() + "\n")
	}
	m.section("Calls, innermost first (`>` is the application's own code)")
	m.block("", b.String())
}

func (m *markdown) request(f *fault.Failure, base string) {
	q := f.Request
	if q == nil {
		return
	}
	var b strings.Builder
	b.WriteString(strings.TrimSpace(q.Method+" "+q.URL+" "+q.Proto) + "\n")
	if q.Host != "" {
		b.WriteString("Host: " + q.Host + "\n")
	}
	writeHeader(&b, q.Header)
	m.section("Request")
	m.block("", b.String())
	b.Reset()
	for _, name := range slices.Sorted(maps.Keys(q.Form)) {
		for _, value := range q.Form[name] {
			b.WriteString(visible.Line(name+" = "+value) + "\n")
		}
	}
	for _, file := range q.Files {
		fmt.Fprintf(&b, "%s = file %s of %d bytes\n", visible.Line(file.Field), visible.Line(file.Name), file.Size)
	}
	if b.Len() > 0 {
		m.paragraph("Its form:")
		m.block("", b.String())
	}
	if bodyOf(q) == textBody {
		m.paragraph("Its body:")
		m.block("", q.Body)
	}
	if bodyOf(q) == lostBody && !f.Reported {
		if q.ContentLength > 0 {
			m.paragraph("Its body of %d bytes was not kept.", q.ContentLength)
		} else {
			m.paragraph("Its body was not kept.")
		}
	}
	for _, pair := range [][2]string{{"Route", q.Route}, {"User", f.User}, {"Request ID", f.RequestID}} {
		if pair[1] != "" {
			m.WriteString("- " + pair[0] + ": " + code(pair[1]) + "\n")
		}
	}
	m.WriteByte('\n')
	if command, notes, err := Curl(f, base); err == nil {
		m.paragraph("To send it again:")
		m.block("sh", command)
		if len(notes) > 0 { // Not as comments of the command: some shells would obey what stands in them.
			m.block("", strings.Join(notes, "\n"))
		}
	}
}

func (m *markdown) response(s *fault.Response) {
	if s == nil {
		return
	}
	var b strings.Builder
	b.WriteString(s.Summary() + "\n")
	writeHeader(&b, s.Header)
	m.section("Response so far")
	m.block("", b.String())
}

func writeHeader(b *strings.Builder, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			b.WriteString(visible.Line(name+": "+value) + "\n")
		}
	}
}

func (m *markdown) steps(f *fault.Failure) {
	if len(f.Steps) == 0 {
		return
	}
	var b strings.Builder
	if f.StepsDropped > 0 {
		fmt.Fprintf(&b, "(%d before these)\n", f.StepsDropped)
	}
	for _, s := range f.Steps {
		text := s.Kind + "  " + strings.Join(strings.Fields(s.Text), " ")
		if len(s.Args) > 0 {
			text += "  [" + strings.Join(s.Args, ", ") + "]"
		}
		if s.Duration > 0 {
			text += "  " + s.Duration.Round(10*time.Microsecond).String()
		}
		b.WriteString(visible.Line(text) + "\n")
		if s.Err != "" {
			b.WriteString("    " + visible.Line(s.Err) + "\n")
		}
	}
	m.section("What the request did")
	m.block("", b.String())
}

func (m *markdown) build(f *fault.Failure) {
	m.section("Build")
	b := f.Build
	if b.Modified {
		b.Revision += " with changes"
	}
	when := ""
	if !f.Time.IsZero() {
		when = f.Time.UTC().Format("2006-01-02 15:04:05.000 MST")
	}
	for _, pair := range [][2]string{
		{"Failure", f.ID.Full()}, {"Time", when}, {"Module", strings.TrimSpace(b.Module + " " + b.Version)}, {"Revision", b.Revision}, {"Build", b.ID}, {"Go", b.Go},
	} {
		if pair[1] != "" {
			m.WriteString("- " + pair[0] + ": " + code(pair[1]) + "\n")
		}
	}
}
