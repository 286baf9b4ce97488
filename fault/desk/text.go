package desk

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// visible returns a text in which nothing hides: control characters, characters that turn the
// direction of writing, that have no width or belong to no script are spelled as Go escapes them.
// Line breaks and tabs stay; see line.
func visible(s string) string { return spell(s, true) }

// line is visible for a text of one line.
func line(s string) string { return spell(s, false) }

func spell(s string, multiline bool) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case multiline && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		case multiline && r == '\r' && strings.HasPrefix(s[i+1:], "\n"): // the line break of Windows
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80 && hidden(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0xffff && hidden(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// hidden tells whether a character does something to a text instead of standing in it. The joiners of
// emoji and of Indic scripts are letters' business and stay.
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

// clipped is a text that may be too long to be shown at once.
type clipped struct {
	Head  string // its beginning
	Whole string // all of it, "" if that is Head
	Size  string // of all of it, in words: "8,211 characters"
}

// clip cuts what is longer than so many characters or lines, at a boundary of characters.
func clip(s string, characters, lines int) clipped {
	s = visible(s)
	end, n, breaks := len(s), 0, 0
	for i, r := range s {
		if n == characters || breaks == lines {
			end = i
			break
		}
		n++
		if r == '\n' {
			breaks++
		}
	}
	if end == len(s) {
		return clipped{Head: s}
	}
	return clipped{
		Head:  strings.TrimRight(s[:end], "\n") + "…",
		Whole: s,
		Size:  number(int64(utf8.RuneCountInString(s))) + " characters",
	}
}

// number writes thousands apart: 1234567 is "1,234,567".
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count is a number with its noun: "1 failure", "1,204 failures".
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// size is a number of bytes for people: "812 B", "1.4 MiB".
func size(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB"}
	for i, unit := range units {
		if f /= 1 << 10; f < 1<<10 || i == len(units)-1 {
			return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
		}
	}
	return "" // never reached
}

// ago tells how long before now a time was: "5 minutes ago"; a time to come is "in 5 minutes".
func ago(t, now time.Time) string {
	d := now.Sub(t)
	if d > -time.Second && d < time.Minute {
		return "just now"
	}
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

// span is a length of time for people, in its largest unit, rounded down: "90 seconds", "3 days".
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return count(int64(d/time.Second), "second", "seconds")
	case d < 2*time.Hour:
		return count(int64(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return count(int64(d/time.Hour), "hour", "hours")
	}
	return count(int64(d/(24*time.Hour)), "day", "days")
}
