package outbox

import (
	"encoding/base64"
	"regexp"
	"strings"
)

const masked = "[masked]"

// mask hides a password in what a server says: some quote what they were told.
type mask struct {
	forms *strings.Replacer // nil: there is no password
	word  *regexp.Regexp    // a short password: anything has its letters, so only a word is masked
}

func newMask(username, password string) mask {
	if password == "" {
		return mask{}
	}
	encode := base64.StdEncoding.EncodeToString
	forms := []string{encode([]byte("\x00" + username + "\x00" + password)), masked, encode([]byte(password)), masked}
	var m mask
	if len(password) < 5 {
		m.word = regexp.MustCompile(`(^|[^\pL\pN])` + regexp.QuoteMeta(password) + `($|[^\pL\pN])`)
	} else {
		forms = append(forms, password, masked)
	}
	m.forms = strings.NewReplacer(forms...)
	return m
}

func (m mask) of(s string) string {
	if m.forms == nil {
		return s
	}
	s = m.forms.Replace(s)
	if m.word != nil {
		s = m.word.ReplaceAllString(s, "${1}"+masked+"${2}")
	}
	return s
}
