package mailbox

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"example.org/microblog/fault/internal/visible"
)

var errUnknownCharset = errors.New("unknown character set")

// charsetOf finds a character set by a name of the WHATWG's list, which has those of mails.
func charsetOf(name string) (encoding.Encoding, error) {
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "ansi_x3.4-1968":
		return unicode.UTF8, nil
	}
	e, err := htmlindex.Get(name)
	if err != nil || e == encoding.Replacement {
		return nil, errUnknownCharset
	}
	return e, nil
}

// toUTF8 decodes b, which is written in the named character set, and returns what was wrong, "" if nothing.
// What is not of that set is read as windows-1252, which knows every byte.
func toUTF8(b []byte, name string) (text, wrong string) {
	e, err := charsetOf(name)
	switch {
	case err != nil:
		wrong = "the character set " + visible.Line(shorten(name, 40)) + " is not known here"
	case e == unicode.UTF8:
		if utf8.Valid(b) {
			return string(b), ""
		}
		wrong = "it is not the " + charsetName(name) + " that it says it is"
		if name == "" {
			wrong = "it has bytes above 127 that are no UTF-8, and does not name its character set"
		}
	default:
		out, err := e.NewDecoder().Bytes(b)
		if err == nil {
			return string(out), ""
		}
		wrong = "it is not the " + charsetName(name) + " that it says it is"
	}
	if utf8.Valid(b) {
		return string(b), wrong
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\ufffd"), wrong
	}
	return string(out), wrong
}

func charsetName(name string) string {
	if name == "" {
		return "UTF-8"
	}
	return visible.Line(shorten(name, 40))
}

// charsetReader is the same for encoded words.
func charsetReader(name string, input io.Reader) (io.Reader, error) {
	e, err := charsetOf(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(input)
	if err != nil {
		return nil, err
	}
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return nil, err
	}
	return bytes.NewReader(out), nil
}
