package microblog

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// EmailKey returns the form by which two e-mail addresses are the same: lower
// case as a whole. RFC 5321 lets a server tell local parts apart by case, but
// none that people use does.
func EmailKey(email string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(email)))
}

// CheckEmail returns the address to store for what somebody typed: a bare
// RFC 5322 address with a domain name, without space around it.
func CheckEmail(typed string) (string, error) {
	email := norm.NFC.String(strings.TrimSpace(typed))
	if email == "" {
		return "", &FieldError{FieldEmail, TextRequired}
	}
	if n := utf8.RuneCountInString(email); n > MaxEmail {
		return "", &FieldError{FieldEmail, tooLong(MaxEmail, n)}
	}
	invalid := &FieldError{FieldEmail, TextInvalidEmail}
	if !utf8.ValidString(email) || strings.ContainsFunc(email, func(r rune) bool {
		return !unicode.IsGraphic(r) || unicode.IsSpace(r)
	}) {
		return "", invalid
	}
	// A display name, a comment or a quoted local part comes back changed.
	addr, err := mail.ParseAddress(email)
	if err != nil || addr.Name != "" || addr.Address != email {
		return "", invalid
	}
	domain := email[strings.LastIndexByte(email, '@')+1:]
	if domain == "" || domain[0] == '[' || domain[0] == '-' || domain[len(domain)-1] == '-' {
		return "", invalid
	}
	return email, nil
}
