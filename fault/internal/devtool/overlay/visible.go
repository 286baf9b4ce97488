package overlay

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// line returns a text of one line in which nothing hides: what acts on a terminal or a page, turns the direction of
// writing or has no shape is spelled as Go escapes it.
func line(s string) string { return spell(s, "") }

// lines is line for a text of several lines: line ends and tabs stay.
func lines(s string) string { return spell(s, "\n\t") }

// code is line for source code: tabs stay.
func code(s string) string { return spell(strings.TrimSuffix(s, "\r"), "\t") }

func spell(s, keep string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !hidden(r) || strings.ContainsRune(keep, r):
			b.WriteString(s[i : i+size])
		case r == '\r' && strings.Contains(keep, "\n") && strings.HasPrefix(s[i+1:], "\n"): // the line end of Windows
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += size
	}
	return b.String()
}

// hidden tells whether a character does something to a text instead of standing in it. The joiners of emoji and of
// Indic scripts are letters' business and stay.
func hidden(r rune) bool {
	switch {
	case r < ' ' || r >= 0x7f && r < 0xa0:
		return true
	case r < 0x80, r == 0x200c, r == 0x200d:
		return false
	case r == 0x2028, r == 0x2029, r == 0x00ad, r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0:
		return true // separators of lines, the soft hyphen, letters without a shape
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Noncharacter_Code_Point, r)
}

// clip cuts a text to so many bytes, at a character.
func clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max] + "…"
}

// count is a number with its noun: "1 failure", "3 failures".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// took is a length of time for people: "0.3 ms", "48 ms", "1.2 s".
func took(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case d < 0:
		return "−" + took(-d)
	case ms < 9.95:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 999.5:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	case d < 2*time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return d.Round(time.Second).String()
}

// bytesText is a number of bytes for people: "812 B", "1.4 MiB".
func bytesText(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB"}
	unit := 0
	for f /= 1 << 10; f >= 1<<10 && unit < len(units)-1; unit++ {
		f /= 1 << 10
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[unit]
}
