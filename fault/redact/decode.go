package redact

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// view is a text, or what it decodes to, with the way back to the original.
type view struct {
	text   []byte
	origin []int32 // where each byte of text, and its end, was in the original; nil: text is it
}

// decoder undoes one way of escaping single characters. unescape looks at an escape that begins with
// the marker, appends what it stands for to out and returns its length, 0 if it is none.
type decoder struct {
	marker   byte
	unescape func(out, escape []byte) ([]byte, int)
}

var decoders = [...]decoder{
	{'%', unescapePercent},
	{'\\', unescapeBackslash},
	{'&', unescapeEntity},
}

// decode returns the view with every escape of one kind undone, and whether there was any.
func (v view) decode(d decoder) (view, bool) {
	out := view{text: make([]byte, 0, len(v.text)), origin: make([]int32, 0, len(v.text)+1)}
	changed := false
	for i := 0; i < len(v.text); {
		if v.text[i] == d.marker {
			text, n := d.unescape(out.text, v.text[i:])
			if n > 0 {
				for range len(text) - len(out.text) {
					out.origin = append(out.origin, v.at(i))
				}
				out.text = text
				i += n
				changed = true
				continue
			}
		}
		out.text = append(out.text, v.text[i])
		out.origin = append(out.origin, v.at(i))
		i++
	}
	out.origin = append(out.origin, v.at(len(v.text)))
	return out, changed
}

func (v view) at(i int) int32 {
	if v.origin == nil {
		return int32(i)
	}
	return v.origin[i]
}

func unescapePercent(out, e []byte) ([]byte, int) {
	if len(e) < 3 {
		return out, 0
	}
	c, ok := number(e[1:3], 16)
	if !ok {
		return out, 0
	}
	return append(out, byte(c)), 3
}

// unescapeBackslash knows the escapes of JSON and of Go's strings.
func unescapeBackslash(out, e []byte) ([]byte, int) {
	if len(e) < 2 {
		return out, 0
	}
	switch c := e[1]; c {
	case '"', '\'', '\\', '/', '`':
		return append(out, c), 2
	case 'a', 'b', 'f', 'n', 'r', 't', 'v':
		return append(out, "\a\b\f\n\r\t\v"[bytes.IndexByte([]byte("abfnrtv"), c)]), 2
	case 'x':
		if len(e) >= 4 {
			if n, ok := number(e[2:4], 16); ok {
				return append(out, byte(n)), 4
			}
		}
	case 'u':
		if len(e) >= 6 {
			n, ok := number(e[2:6], 16)
			if !ok {
				return out, 0
			}
			if len(e) >= 12 && e[6] == '\\' && e[7] == 'u' && utf16.IsSurrogate(rune(n)) {
				if low, ok := number(e[8:12], 16); ok {
					return utf8.AppendRune(out, utf16.DecodeRune(rune(n), rune(low))), 12
				}
			}
			return utf8.AppendRune(out, rune(n)), 6
		}
	case 'U':
		if len(e) >= 10 {
			if n, ok := number(e[2:10], 16); ok {
				return utf8.AppendRune(out, rune(n)), 10
			}
		}
	case '0', '1', '2', '3':
		if len(e) >= 4 {
			if n, ok := number(e[1:4], 8); ok {
				return append(out, byte(n)), 4
			}
		}
	}
	return out, 0
}

// entities are the named ones that HTML writers use for the characters they must escape.
var entities = map[string]byte{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}

func unescapeEntity(out, e []byte) ([]byte, int) {
	semicolon := bytes.IndexByte(e[:min(len(e), 12)], ';')
	if semicolon < 2 {
		return out, 0
	}
	name := e[1:semicolon]
	if c, ok := entities[string(name)]; ok {
		return append(out, c), semicolon + 1
	}
	if name[0] != '#' || len(name) < 2 {
		return out, 0
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	n, ok := number(digits, base)
	if !ok {
		return out, 0
	}
	return utf8.AppendRune(out, rune(n)), semicolon + 1
}

// number reads all of digits.
func number(digits []byte, base int) (n uint32, ok bool) {
	if len(digits) == 0 || len(digits) > 8 {
		return 0, false
	}
	for _, c := range digits {
		var d int
		switch {
		case '0' <= c && c <= '9':
			d = int(c - '0')
		case 'a' <= c && c <= 'f':
			d = int(c-'a') + 10
		case 'A' <= c && c <= 'F':
			d = int(c-'A') + 10
		default:
			return 0, false
		}
		if d >= base {
			return 0, false
		}
		n = n*uint32(base) + uint32(d)
	}
	return n, true
}
