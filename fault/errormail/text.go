package errormail

import (
	"fmt"
	"strconv"
	"strings"
)

// text returns the letter as plain text.
func (l *letter) text() string {
	t := textWriter{l: l}
	t.headline()
	t.facts()
	t.history()
	t.items()
	t.calls("Where it failed", l.StackNote, l.Own, l.OwnMore)
	t.causes()
	t.curl()
	t.steps()
	t.block("What the process wrote as it ended", l.Output)
	if len(l.Details) > 0 {
		t.heading("Details")
		t.rows(l.Details)
	}
	t.calls("Other calls", "", l.Others, l.OtherMore)
	t.f("\n-- \n%s\n", l.Footer)
	return t.b.String()
}

type textWriter struct {
	b strings.Builder
	l *letter
}

func (t *textWriter) f(format string, args ...any) { fmt.Fprintf(&t.b, format, args...) }

func (t *textWriter) heading(s string) {
	t.f("\n%s\n%s\n", s, strings.Repeat("-", len(s)))
}

func (t *textWriter) headline() {
	l := t.l
	t.f("%s: %s\n", l.App, l.Headline)
	if l.Place != "" || l.Title != "" {
		t.b.WriteByte('\n')
	}
	if l.Place != "" {
		t.f("%s\n", l.Place)
	}
	if l.Title != "" {
		t.f("%s\n", l.Title)
	}
	if l.How != "" {
		t.f("(%s)\n", l.How)
	}
	if l.Message != "" {
		t.f("\n%s\n", indent(l.Message))
	}
}

func (t *textWriter) facts() {
	l := t.l
	rows := l.Rows
	if l.Link != "" {
		rows = append(rows[:len(rows):len(rows)], row{"Page", l.Link})
	}
	if l.Show != "" {
		rows = append(rows[:len(rows):len(rows)], row{"Terminal", l.Show})
	}
	if len(rows) > 0 {
		t.b.WriteByte('\n')
		t.rows(rows)
	}
}

func (t *textWriter) rows(rows []row) {
	width := 0
	for _, r := range rows {
		width = max(width, len(r.Name))
	}
	for _, r := range rows {
		t.f("  %-*s  %s\n", width, r.Name, r.Value)
	}
}

func (t *textWriter) history() {
	h := t.l.History
	if h == nil {
		return
	}
	t.heading("History")
	t.f("%s  %s  %s\none bar for each %s, %s at most\n", h.From, h.Line, h.To, h.Step, h.Most)
}

func (t *textWriter) items() {
	if len(t.l.Items) == 0 {
		return
	}
	t.heading("Failures  Incident")
	for _, in := range t.l.Items {
		t.f("%8s  %s\n", in.Covers, in.Title)
		if in.About != "" {
			t.f("%8s  %s\n", "", in.About)
		}
		switch {
		case in.Link != "":
			t.f("%8s  %s\n", "", in.Link)
		case in.ID != "":
			t.f("%8s  %s\n", "", in.ID)
		}
	}
	if t.l.More != "" {
		t.f("%8s  %s\n", "", t.l.More)
	}
}

func (t *textWriter) calls(title, note string, calls []call, more int) {
	if len(calls) == 0 && (note == "" || len(t.l.Others) == 0) {
		return
	}
	t.heading(title)
	if note != "" {
		t.f("%s\n", note)
	}
	if len(calls) == 0 {
		t.f("None of the calls is in the application's own code.\n")
	}
	spaced := false
	for _, c := range calls {
		if len(c.Source) > 0 || spaced {
			t.b.WriteByte('\n')
		}
		t.f("%s  %s\n", c.Place, c.Name)
		if c.Why != "" {
			t.f("  %s\n", c.Why)
		}
		t.source(c.Source)
		spaced = len(c.Source) > 0
	}
	if more > 0 {
		t.f("and %s\n", counted(int64(more), "further call", "further calls"))
	}
}

func (t *textWriter) source(lines []line) {
	if len(lines) == 0 {
		return
	}
	width := len(strconv.Itoa(lines[len(lines)-1].Number))
	for _, at := range lines {
		mark := ' '
		if at.Hit {
			mark = '>'
		}
		t.b.WriteString(strings.TrimRight(fmt.Sprintf("  %c %*d  %s", mark, width, at.Number, at.Text), " "))
		t.b.WriteByte('\n')
	}
}

func (t *textWriter) causes() {
	if len(t.l.Causes) == 0 {
		return
	}
	t.heading("Causes")
	for _, c := range t.l.Causes {
		if c.Type == "" {
			t.f("%s%s\n", c.Branch, c.Message)
		} else {
			t.f("%s%s: %s\n", c.Branch, c.Type, c.Message)
		}
	}
}

func (t *textWriter) curl() {
	c := t.l.Curl
	if c.Text == "" {
		return
	}
	t.heading("The request as a command")
	t.f("%s\n", c.Text)
	if len(c.Notes) > 0 {
		t.b.WriteByte('\n')
	}
	for _, note := range c.Notes {
		t.f("%s\n", note)
	}
}

func (t *textWriter) steps() {
	if len(t.l.Steps) == 0 {
		return
	}
	t.heading("What it did before")
	if t.l.StepsMore > 0 {
		t.f("%s before these\n", counted(int64(t.l.StepsMore), "step", "steps"))
	}
	for _, s := range t.l.Steps {
		t.f("%10s  %-4s %s", s.At, s.Kind, s.Text)
		if s.Args != "" {
			t.f("  args: %s", s.Args)
		}
		if s.Took != "" {
			t.f("  (%s)", s.Took)
		}
		t.b.WriteByte('\n')
		if s.Err != "" {
			t.f("%10s  failed: %s\n", "", s.Err)
		}
	}
}

func (t *textWriter) block(title, text string) {
	if text == "" {
		return
	}
	t.heading(title)
	t.f("%s\n", text)
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }
