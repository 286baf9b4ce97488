package cli

import (
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// A terminal is where a command's answer is written, and how wide and colourful it may be.
type terminal struct {
	io.Writer
	width  int  // cells of a line; 0: it is no terminal, and a line may be as long as it is
	colour bool // see https://no-color.org
}

// Widths of a terminal, in cells.
const (
	standardWidth = 80
	leastWidth    = 40
)

// terminal returns what the command writes to.
func (in *invocation) terminal() *terminal {
	t := &terminal{Writer: in.Out}
	f, ok := in.Out.(*os.File)
	if !ok || !isTerminal(f) {
		return t
	}
	t.width = standardWidth
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		t.width = max(w, leastWidth)
	}
	env := func(name string) string { v, _ := in.LookupEnv(name); return v }
	t.colour = env("NO_COLOR") == "" && env("TERM") != "dumb" && (runtime.GOOS != "windows" || env("WT_SESSION")+env("TERM") != "")
	return t
}

// A style is an SGR parameter of ECMA-48.
type style int

const (
	bold   style = 1
	dim    style = 2
	red    style = 31
	green  style = 32
	yellow style = 33
)

// paint puts s, which holds no control characters, into a style.
func (t *terminal) paint(s string, as style) string {
	if !t.colour || s == "" {
		return s
	}
	return "\x1b[" + strconv.Itoa(int(as)) + "m" + s + "\x1b[0m"
}

// plainText makes a text harmless to a terminal and to whoever reads it: control characters and those
// that change the direction of writing or are not seen become escapes, as \x1b or \u202e, and white
// space one space each. It is one line.
func plainText(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || r != ' ' && !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(s, "\r\n", "\n") {
		switch {
		case r == '\t', r == '\n', unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case unicode.IsPrint(r): // RuneError too, which stands for what is no UTF-8
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// cells is how many columns a line of plain text takes, as far as Unicode's tables tell.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// fit cuts a line of plain text to so many columns; what was cut shows as "…".
func fit(s string, columns int) string {
	if cells(s) <= columns {
		return s
	}
	n, end := 1, 0
	for i, r := range s {
		if n += runeCells(r); n > columns {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	return strings.TrimRight(s[:end], " ") + "…"
}

// pad fills a line of plain text with spaces up to so many columns.
func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-cells(s)))
}

// wrap breaks a line of plain text at spaces so that none takes more columns. A longer word has a line of
// its own, unbroken, so that it can be copied. Columns of 0 or less break nothing.
func wrap(s string, columns int) []string {
	if columns <= 0 || cells(s) <= columns {
		return []string{s}
	}
	var (
		lines []string
		line  string
	)
	for word := range strings.FieldsSeq(s) {
		switch {
		case line == "":
			line = word
		case cells(line)+1+cells(word) <= columns:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
