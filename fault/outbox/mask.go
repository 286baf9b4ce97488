package outbox

import (
	"encoding/base64"
	"strings"
)

const masked = "[masked]"

// leastMasked is the length in bytes from which a password is masked as it is. A shorter one stands in
// many a text by chance, and its masks would tell what it is.
const leastMasked = 6

// mask hides a password in what a server says: some quote what they were told.
type mask struct {
	forms *strings.Replacer // nil: there is no password
}

func newMask(username, password string) mask {
	if password == "" {
		return mask{}
	}
	encode := base64.StdEncoding.EncodeToString
	forms := []string{encode([]byte("\x00" + username + "\x00" + password)), masked, encode([]byte(password)), masked}
	if len(password) >= leastMasked {
		forms = append(forms, password, masked)
	}
	return mask{strings.NewReplacer(forms...)}
}

func (m mask) of(s string) string {
	if m.forms == nil {
		return s
	}
	return m.forms.Replace(s)
}
