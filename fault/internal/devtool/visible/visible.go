// Package visible writes text of unknown origin, so that a terminal does nothing about it but show it, and a reader
// sees all of it.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s with everything escaped that a terminal would act on or that a reader could not see: control
// characters, line ends among them, bytes that are no UTF-8, marks that turn the direction of writing.
func Line(s string) string { return escape(s, "") }

// Text is Line for text of several lines: line ends and tabs stay.
func Text(s string) string { return escape(s, "\n\t") }

func escape(s, keep string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || Hidden(r) && !strings.ContainsRune(keep, r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !Hidden(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
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

// Hidden reports whether r has no picture of its own. The joiners of scripts and emoji are no danger and stay.
func Hidden(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner, softHyphen = '\u200c', '\u200d', '\u00ad'
	switch {
	case r == zeroWidthJoiner, r == zeroWidthNonJoiner, r == softHyphen:
		return false
	case r >= 0xe0020 && r <= 0xe007f: // tags, in the flags of some countries
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}
