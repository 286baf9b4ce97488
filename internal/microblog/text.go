package microblog

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const textNotUTF8 = "This text is damaged: it is not valid UTF-8. Please type it again."

// CheckAboutMe returns the text to store for what somebody typed: as CheckPost
// does, but it may be empty.
func CheckAboutMe(typed string) (string, error) {
	return checkText(FieldAboutMe, typed, MaxAboutMe)
}

// CheckPost returns the body to store for what somebody typed: line ends as
// \n, one blank line where there are more in a row, without space around it and
// without control characters other than \n and \t, which come with pasted text
// and which nobody can see. It has 1 to 140
// characters as people count them and at most 4,096 bytes.
func CheckPost(typed string) (string, error) {
	body, err := checkText(FieldPost, typed, MaxPost)
	if err == nil && !strings.ContainsFunc(body, visible) {
		return "", &FieldError{FieldPost, TextRequired}
	}
	return body, err
}

// CountCharacters returns how many characters people count in a text that was
// checked: its grapheme clusters (UAX #29), so that an emoji made of several
// code points is one.
func CountCharacters(text string) int { return uniseg.GraphemeClusterCount(text) }

func checkText(field, typed string, limit int) (string, error) {
	if !utf8.ValidString(typed) {
		return "", &FieldError{field, textNotUTF8}
	}
	text := strings.TrimSpace(blankRuns.ReplaceAllString(withoutControls(typed), "\n\n"))
	// Bytes first: counting clusters of a text without bound takes long.
	if len(text) > MaxTextBytes {
		return "", &FieldError{field, fmt.Sprintf("Please use at most %d characters; this text is far too long (%d bytes, at most %d are possible).",
			limit, len(text), MaxTextBytes)}
	}
	if n := CountCharacters(text); n > limit {
		return "", &FieldError{field, tooLong(limit, n)}
	}
	return text, nil
}

// blankRuns are two or more blank lines after each other. RE2 takes time in
// proportion to the text.
var blankRuns = regexp.MustCompile(`\n(?:[\t\p{Zs}]*\n){2,}`)

// withoutControls makes every line end \n and drops the other control
// characters but \t.
func withoutControls(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool {
		return (unicode.IsControl(r) && r != '\n' && r != '\t') || r == '\u2028' || r == '\u2029'
	}) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	var previous rune
	for _, r := range text {
		switch {
		case r == '\n' && previous == '\r':
		case r == '\r', r == '\v', r == '\f', r == '\u0085', r == '\u2028', r == '\u2029':
			b.WriteByte('\n')
		case r == '\n', r == '\t', !unicode.IsControl(r):
			b.WriteRune(r)
		}
		previous = r
	}
	return b.String()
}

// visible reports whether r puts ink on the page.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != '\u2800' && // the empty Braille pattern
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func tooLong(limit, actual int) string {
	return fmt.Sprintf("Please use at most %d characters; this is %d.", limit, actual)
}
