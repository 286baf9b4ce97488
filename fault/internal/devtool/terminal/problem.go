package terminal

import (
	"fmt"
	"path/filepath"
	"strings"

	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/visible"
)

const (
	maxMessages    = 8
	maxMessageText = 6 // lines
	maxLine        = 400
	maxRelated     = 3
	maxExcerpt     = 3 // lines, of the first message only
	maxFrames      = 4
	maxOutput      = 10 // lines
)

// problemText writes a problem: its title, and below it each message with its place as editors and terminals understand
// it.
func (t *Terminal) problemText(p *problem.Problem) string {
	b := &strings.Builder{}
	title := visible.Line(cut(p.Title, maxEvent))
	if p.Newest {
		title = t.paint.yellow(title)
	} else {
		title = t.paint.red(title)
	}
	b.WriteString(title + "\n")
	for i, m := range p.Messages {
		if i == maxMessages {
			fmt.Fprintf(b, "%s… and %d more\n", indent, len(p.Messages)-i)
			break
		}
		t.writeMessage(b, m, i == 0)
	}
	t.writeFrames(b, p)
	if len(p.Messages) == 0 && p.Kind != problem.Start && p.Kind != problem.Crash { // theirs has been passed on
		for _, line := range lastLines(p.Output, maxOutput) {
			b.WriteString(indent + visible.Line(cut(untabbed(line), maxLine)) + "\n")
		}
	}
	t.writeHint(b, indent, p.Hint)
	return b.String()
}

func (t *Terminal) writeMessage(b *strings.Builder, m problem.Message, first bool) {
	text := strings.Split(strings.TrimRight(m.Text, "\n"), "\n")
	for i, line := range text {
		line = visible.Line(cut(untabbed(line), maxLine))
		switch place := t.place(m.Path, m.File, m.Line, m.Column); {
		case i == maxMessageText:
			fmt.Fprintf(b, "%s  … %d more lines\n", indent, len(text)-i)
		case i > maxMessageText:
		case i > 0:
			b.WriteString(indent + "  " + line + "\n")
		case place == "":
			b.WriteString(indent + line + "\n")
		default:
			b.WriteString(indent + t.paint.bold(place+":") + " " + line + "\n")
		}
	}
	if first {
		t.writeExcerpt(b, m.Excerpt)
	}
	for i, related := range m.Related {
		if i == maxRelated {
			break
		}
		b.WriteString(indent + "  " + visible.Line(cut(related, maxLine)) + "\n")
	}
	t.writeHint(b, indent+"  ", m.Hint)
}

// writeExcerpt writes the line in question and those beside it.
func (t *Terminal) writeExcerpt(b *strings.Builder, all []problem.Line) {
	hit := -1
	for i, line := range all {
		if line.Hit {
			hit = i
			break
		}
	}
	if hit < 0 {
		return
	}
	from := min(max(hit-maxExcerpt/2, 0), max(len(all)-maxExcerpt, 0))
	shown := all[from:min(from+maxExcerpt, len(all))]
	digits := len(fmt.Sprint(shown[len(shown)-1].Number))
	for _, line := range shown {
		mark := " "
		if line.Hit {
			mark = ">"
		}
		head := fmt.Sprintf("%s%s %*d | ", indent, mark, digits, line.Number)
		text := head + visible.Line(untabbed(line.Text))
		text = fit(strings.TrimRight(text, " "), max(t.width()-1, len(head)+20))
		if !line.Hit {
			text = t.paint.dim(text)
		}
		b.WriteString(text + "\n")
	}
}

// writeFrames writes the application's own calls that led there, but for the place that a message has named.
func (t *Terminal) writeFrames(b *strings.Builder, p *problem.Problem) {
	written := 0
	for _, f := range p.Stack {
		named := len(p.Messages) > 0 && p.Messages[0].Path == f.Path && p.Messages[0].Line == f.Line
		place := t.place(f.Path, f.File, f.Line, 0)
		if !f.App || named || place == "" {
			continue
		}
		if written++; written > maxFrames {
			return
		}
		fmt.Fprintf(b, "%s  %s: %s\n", indent, place, t.paint.dim("in "+visible.Line(cut(f.Function, maxLine))))
	}
}

func (t *Terminal) writeHint(b *strings.Builder, before, hint string) {
	if hint == "" {
		return
	}
	for line := range strings.Lines(hint) {
		b.WriteString(before + t.paint.dim(visible.Line(cut(strings.TrimRight(line, "\n"), maxLine))) + "\n")
	}
}

// place names a place so that a click leads there: relative to the working directory where that is near, else
// absolute; "" if there is none.
func (t *Terminal) place(path, file string, line, column int) string {
	name := path
	switch {
	case path == "":
		name = file
	case t.dir != "":
		far := ".." + string(filepath.Separator) + ".."
		if rel, err := filepath.Rel(t.dir, path); err == nil && !strings.HasPrefix(rel, far) {
			name = rel
		}
	}
	if name == "" {
		return ""
	}
	name = visible.Line(name)
	if line > 0 {
		name += fmt.Sprintf(":%d", line)
		if column > 0 {
			name += fmt.Sprintf(":%d", column)
		}
	}
	return name
}

// lastLines are the last n lines of a text.
func lastLines(text string, n int) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	all := strings.Split(text, "\n")
	return all[max(len(all)-n, 0):]
}
