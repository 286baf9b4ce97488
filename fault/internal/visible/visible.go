// Package visible writes text of unknown origin, so that a terminal and a page do nothing about it but show it, and a
// reader sees all of it.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s with everything spelled as Go escapes it that a terminal would act on or that a reader could not see:
// control characters, line ends among them, bytes that are no UTF-8, marks that turn the direction of writing.
func Line(s string) string { return escape(s, "") }

// Text is Line for text of several lines: line ends, of which those of Windows become those of Unix, and tabs stay.
func Text(s string) string { return escape(s, "\n\t") }

// Code is Line for a line of source code: tabs stay, and the rest of a line end of Windows is left out.
func Code(s string) string { return escape(strings.TrimSuffix(s, "\r"), "\t") }

func escape(s, keep string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return Hidden(r) && !strings.ContainsRune(keep, r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == flag:
			size += tagsOf(s[i+size:])
			b.WriteString(s[i : i+size])
		case !Hidden(r) || strings.ContainsRune(keep, r):
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

// The flags of England, Scotland and Wales are a black flag and a word of tags, which could hide any text elsewhere.
const (
	flag      = '\U0001f3f4'
	cancelTag = '\U000e007f'
	maxTags   = 6
)

// tagsOf returns how many bytes of s make a flag of the black one before it; 0 is none.
func tagsOf(s string) int {
	n := 0
	for i, r := range s {
		switch {
		case r == cancelTag && n > 0:
			return i + utf8.RuneLen(r)
		case r < 0xe0030 || r > 0xe007a || n == maxTags:
			return 0
		}
		n++
	}
	return 0
}

// Hidden reports whether a character does something to a text instead of standing in it, or has no picture of its own.
// The joiners of emoji and of Indic scripts are letters' business and stay.
func Hidden(r rune) bool {
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
