package outbox

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a mail is composed of.
const (
	maxSubject     = 200 // characters
	maxName        = 100 // characters, of a person
	maxHeader      = 900 // bytes, of a further header field: a line has 998 at most (RFC 5322 2.1.1)
	maxAddress     = 254 // bytes (RFC 5321 4.5.3.1.3)
	maxClass       = 64  // bytes
	maxRecipients  = 100 // RFC 5321 4.5.3.1.8: every server takes as many
	maxMailBytes   = 10 << 20
	maxMessageID   = 250 // bytes
	maxHeaderCount = 50
)

var (
	keyPattern       = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
	headerPattern    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,59}$`)
	messageIDPattern = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$")
)

// line makes one line of printable text out of s, of at most max characters. What could end the
// line, direct a terminal, reverse the reading direction, or be taken for an encoded word (RFC 2047)
// is replaced or defused.
func line(s string, max int) string {
	var b strings.Builder
	space := true // drops spaces at the beginning
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		case isDirection(r):
			continue
		}
		if r == '?' && strings.HasSuffix(b.String(), "=") {
			b.WriteByte(' ')
		}
		b.WriteRune(r) // of an invalid byte: U+FFFD
		space = false
		if b.Len() > 8*max {
			break // cut would go through megabytes
		}
	}
	return cut(strings.TrimSuffix(b.String(), " "), max)
}

// isDirection tells of the characters that change the reading direction of what follows.
func isDirection(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u200e' || r == '\u200f' || r == '\u061c'
}

// cut shortens s to max characters, the last of which is then "…". It does not part a letter from
// its accents.
func cut(s string, max int) string {
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	runes := []rune(s)
	end := max - 1
	for end > 1 && (joins(runes[end]) || runes[end-1] == '\u200d') {
		end--
	}
	return strings.TrimRight(string(runes[:end]), " ") + "…"
}

// joins tells of characters that belong to the one before.
func joins(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc) || r == '\u200d' || r >= '\U0001F3FB' && r <= '\U0001F3FF'
}

// text makes a body printable: valid UTF-8 without control characters other than tabs and line
// ends.
func text(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// path returns an address as SMTP has it, "<local@domain>".
func path(address string) (string, error) {
	if len(address) > maxAddress {
		return "", fmt.Errorf("an address of %d bytes; at most %d are allowed", len(address), maxAddress)
	}
	if strings.ContainsFunc(address, unicode.IsControl) || !utf8.ValidString(address) {
		return "", fmt.Errorf("the address %q has a control character or is no valid UTF-8", address)
	}
	quoted := (&mail.Address{Address: address}).String()
	parsed, err := mail.ParseAddress(quoted)
	// Quoted, a local part could be anything; what looks like two addresses is a mistake.
	if err != nil || parsed.Address != address || parsed.Name != "" ||
		strings.ContainsAny(address, "<>,;") || strings.Count(address, "@") != 1 {
		return "", fmt.Errorf("%q is no e-mail address", address)
	}
	return quoted, nil
}

// isASCII tells whether SMTP can carry it without SMTPUTF8 (RFC 6531).
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
