package proxy

import (
	"bytes"
	"errors"
	"io"
)

// maxStart is how much of a page is looked at, in bytes, for the place of our script. Beyond it there is none.
const maxStart = 16 << 10

// readStart reads a page until it is known where our script goes: before start[at]. at is -1 if it goes nowhere. err is
// why the page ended within start otherwise than by its end.
func readStart(r io.Reader, sure bool) (start []byte, at int, err error) {
	start = make([]byte, 0, 2<<10)
	for {
		if len(start) == cap(start) {
			start = append(start, 0)[:len(start)]
		}
		n, err := r.Read(start[len(start):min(cap(start), maxStart)])
		start = start[:len(start)+n]
		end := err != nil || len(start) >= maxStart
		if at, ok := scriptPlace(start, sure, end); ok {
			if errors.Is(err, io.EOF) {
				err = nil // the next read says so again
			}
			return start, at, err
		}
	}
}

// scriptPlace finds the place of a script that shall run before all others of a page: right behind <head>, or where a
// browser would begin the head by itself. at is -1 if the text is no whole document, unless it is surely shown as one. ok is
// false if more of it must be known; not so if it ends here.
//
// It reads what comes before the head as browsers do (the tokens of HTML 13.2.5 as far as they may occur there).
func scriptPlace(text []byte, sure, end bool) (at int, ok bool) {
	if bytes.HasPrefix(text, []byte("\xfe\xff")) || bytes.HasPrefix(text, []byte("\xff\xfe")) {
		return -1, true // UTF-16
	}
	document := sure
	i := 0
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		i = 3
	}
	for {
		for i < len(text) && isSpace(text[i]) {
			i++
		}
		rest := text[i:]
		if !end && len(rest) < len("<!doctype>") && bytes.IndexByte(rest, '>') < 0 {
			return 0, false
		}
		var size int
		switch {
		case len(rest) == 0 && !document, len(rest) == 0 && len(text) >= maxStart:
			return -1, true
		case hasPrefixFold(rest, "<!--"):
			size = commentEnd(rest)
		case hasPrefixFold(rest, "<!doctype"):
			document = true
			size = bytes.IndexByte(rest, '>') + 1
		case hasPrefixFold(rest, "<!"), hasPrefixFold(rest, "<?"), len(rest) > 2 && rest[0] == '<' && rest[1] == '/' && !isLetter(rest[2]):
			size = bytes.IndexByte(rest, '>') + 1 // a comment, to browsers
		case isTag(rest, "html"):
			document = true
			size = tagEnd(rest)
		case isTag(rest, "head"):
			size = tagEnd(rest)
			if size > 0 {
				return i + size, true
			}
		case isTag(rest, "body"), document:
			return i, true
		default:
			return -1, true
		}
		switch {
		case size > 0:
			i += size
		case end:
			return -1, true // it is never closed, so nothing of the page is shown
		default:
			return 0, false
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// hasPrefixFold takes the letters of prefix, which are small, in either case.
func hasPrefixFold(text []byte, prefix string) bool {
	return len(text) >= len(prefix) && asciiLower(string(text[:len(prefix)])) == prefix
}

// isTag tells whether a start tag of that name begins here.
func isTag(text []byte, name string) bool {
	if !hasPrefixFold(text, "<"+name) || len(text) == 1+len(name) {
		return false
	}
	c := text[1+len(name)]
	return isSpace(c) || c == '/' || c == '>'
}

// commentEnd returns the length of a comment, 0 if its end is not there.
func commentEnd(text []byte) int {
	for _, short := range []string{"<!-->", "<!--->"} {
		if bytes.HasPrefix(text, []byte(short)) {
			return len(short)
		}
	}
	size := 0
	for _, mark := range []string{"-->", "--!>"} {
		if i := bytes.Index(text[len("<!--"):], []byte(mark)); i >= 0 {
			if n := len("<!--") + i + len(mark); size == 0 || n < size {
				size = n
			}
		}
	}
	return size
}

// tagEnd returns the length of a start tag, 0 if its end is not there. A > within an attribute's quotes ends nothing; quotes
// elsewhere are none.
func tagEnd(text []byte) int {
	const (
		between = iota // what may be the beginning of an attribute's name
		name
		afterName
		beforeValue
		value
	)
	i := 1
	for i < len(text) && !isSpace(text[i]) && text[i] != '/' && text[i] != '>' {
		i++
	}
	state := between
	for ; i < len(text); i++ {
		c := text[i]
		if c == '>' {
			return i + 1
		}
		switch {
		case state == beforeValue && (c == '"' || c == '\''):
			closing := bytes.IndexByte(text[i+1:], c)
			if closing < 0 {
				return 0
			}
			i += 1 + closing
			state = between
		case isSpace(c):
			switch state {
			case name:
				state = afterName
			case value:
				state = between
			}
		case state == beforeValue:
			state = value
		case state == value:
		case c == '/':
			state = between
		case c == '=' && state != between:
			state = beforeValue
		case state != name:
			state = name
		}
	}
	return 0
}
