package overlay

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/problem"
)

const (
	columns  = 80
	tabWidth = 4
	textTail = 40 // lines of output
)

// page is a text for a terminal that is built line by line.
type page struct{ strings.Builder }

// blank begins a new paragraph.
func (p *page) blank() {
	if p.Len() > 0 {
		p.WriteByte('\n')
	}
}

// put writes a text in lines of at most 80 columns, each after the indent.
func (p *page) put(indent, text string) {
	for l := range strings.SplitSeq(strings.TrimRight(lines(text), "\n"), "\n") {
		for _, part := range wrap(strings.ReplaceAll(l, "\t", "    "), columns-len(indent)) {
			p.WriteString(strings.TrimRight(indent+part, " ") + "\n")
		}
	}
}

// verbatim writes a text as it is, but that each line has the indent and no line is without an end.
func (p *page) verbatim(indent, text string) {
	for l := range strings.SplitSeq(strings.TrimRight(lines(text), "\n"), "\n") {
		p.WriteString(strings.TrimRight(indent+l, " ") + "\n")
	}
}

// wrap breaks a line at spaces, so that its parts have at most so many characters; a longer word stays whole, because it
// is a path or a name that somebody wants to copy. The indent of the line is kept for its parts.
func wrap(text string, width int) []string {
	if utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	if len(indent) > width/2 {
		indent = ""
	}
	var parts []string
	current, length := indent, len(indent)
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if length > len(indent) && length+1+n > width {
			parts = append(parts, current)
			current, length = indent, len(indent)
		}
		if length > len(indent) {
			current += " "
			length++
		}
		current += word
		length += n
	}
	return append(parts, current)
}

// excerpt writes lines of code with their numbers, and carets under a line's mark, else one under the column, in bytes from
// 1; 0 is none.
func (p *page) excerpt(source []problem.Line, column int) {
	if len(source) == 0 {
		return
	}
	digits := 0
	for _, l := range source {
		digits = max(digits, len(fmt.Sprint(l.Number)))
	}
	room := columns - digits - len(" >  | ")
	shift := 0              // columns that are left out on the left, so that the place is seen
	carets, pointed := 1, 0 // the number of the line that has them
	for _, l := range source {
		from, to := markOf(l)
		if to > from {
			column, carets = from+1, width(l.Text, to+1)-width(l.Text, from+1)
		}
		if to > from || l.Hit && column > 0 && pointed == 0 {
			pointed = l.Number
			if at := width(l.Text, column); at+min(carets, room/2) > room-10 {
				shift = max(0, at-room/2)
			}
		}
	}
	for _, l := range source {
		mark := ' '
		if l.Hit {
			mark = '>'
		}
		text, _ := expand(l.Text)
		shown := window(text, shift, room)
		p.WriteString(strings.TrimRight(fmt.Sprintf(" %c %*d | %s", mark, digits, l.Number, shown), " ") + "\n")
		if l.Number == pointed && column <= len(l.Text)+1 {
			before := width(l.Text, column) - shift
			fmt.Fprintf(p, "   %*s | %*s%s\n", digits, "", before, "", strings.Repeat("^", max(1, min(carets, room-before))))
		}
	}
}

// expand makes a line of code visible and its tabs spaces, and tells how many columns it then takes.
func expand(text string) (expanded string, n int) {
	var b strings.Builder
	for piece := range strings.SplitAfterSeq(text, "\t") {
		body, tab := strings.CutSuffix(piece, "\t")
		shown := code(body)
		b.WriteString(shown)
		n += utf8.RuneCountInString(shown)
		if tab {
			spaces := tabWidth - n%tabWidth
			b.WriteString(strings.Repeat(" ", spaces))
			n += spaces
		}
	}
	return b.String(), n
}

// width is how many columns stand before a column of a line, which counts bytes.
func width(text string, column int) int {
	end := min(column-1, len(text))
	for end > 0 && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	_, n := expand(text[:end])
	return n
}

// window is the part of a text that begins after so many characters and has room; what is left out is "…".
func window(text string, skip, room int) string {
	runes := []rune(text)
	before := ""
	if skip > 0 {
		if len(runes) <= skip {
			return ""
		}
		runes, before = runes[skip+1:], "…"
	}
	room -= utf8.RuneCountInString(before)
	if len(runes) > room {
		return before + string(runes[:room-1]) + "…"
	}
	return before + string(runes)
}

// tail is the end of a text, of so many lines, and whether that is not all.
func tail(text string, n int) (string, bool) {
	text = strings.TrimRight(text, "\n")
	all := strings.Split(text, "\n")
	if len(all) <= n {
		return text, false
	}
	return strings.Join(all[len(all)-n:], "\n"), true
}
