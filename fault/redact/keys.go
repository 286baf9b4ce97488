package redact

import (
	"slices"
	"strings"
)

// A name is split into words: at anything that is neither letter nor digit, between letters and
// digits, and where camelCase has a hump. It is a secret's name if a word, or two that follow each
// other, are in one of these lists. Matching words instead of letters is what keeps "author",
// "secretary", "tokenizer" and "compass" readable.
var (
	// secretWords make a secret wherever they stand in the name.
	secretWords = words(`password passwords passwd pwd passphrase secret secrets token tokens
		authorization cookie cookies session sid csrf xsrf jwt bearer credential credentials
		cvv cvc ssn otp totp salt sig signature passwort kennwort senha contraseña contrasena`)
	// lastSecretWords do so at the end only: "auth" is a secret, "auth_method" is none.
	lastSecretWords = words(`auth pass pin`)
	// secretPairs are two words that make a secret together.
	secretPairs = words(`apikey privatekey secretkey accesskey authkey encryptionkey signingkey
		masterkey sharedkey licensekey sessionkey storagekey hmackey sshkey creditcard cardnumber ccnumber
		securitycode authcode authorizationcode recoverycode backupcode verificationcode
		passphrase passcode passkey`)
	// secretParts and secretEndings are looked for inside and at the end of a single word, for
	// names that are written as one: "userpassword", "PHPSESSID", "accesstoken".
	secretParts   = strings.Fields(`password passwd passphrase passwort kennwort apikey privatekey secretkey accesskey sessionid csrf xsrf creditcard cardnumber authorization`)
	secretEndings = strings.Fields(`token secret pwd sessid cookie credentials`)
	// factWords end the name of something about a secret that is none: "token_count",
	// "session_timeout", "password_changed_at".
	factWords = words(`count counts total len length size min max limit enabled disabled required
		allowed at date time timestamp timeout ttl age expiry expires expired expiration lifetime
		duration type policy strength path domain name rounds cost attempts retries version status
		valid consent banner notice exists changed used rate`)
	// factPrefixes begin such a name: "has_password", "max_tokens".
	factPrefixes = words(`has is max min num total count`)
)

func words(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// maxKey bounds how much of a name is looked at, from its end.
const maxKey = 128

// IsSecretKey tells whether what goes under this name is a secret. The names are those of
// passwords, tokens, keys for interfaces and encryption, authorization headers, cookies, sessions,
// anti-forgery values and payment cards, in any of the usual spellings (sessionId, session-id,
// SESSION_ID, user[session_id]), and those of [Options]. What only tells about a secret
// (token_count, has_password, session_timeout) is none.
func (r *Redactor) IsSecretKey(k string) bool {
	var buf [maxKey]byte
	var ends [maxKey]uint8
	text, parts := splitKey(k, buf[:0], ends[:0])
	if len(parts) == 0 {
		return false
	}
	if r != nil {
		for _, own := range r.keys {
			if containsRun(text, parts, own) {
				return true
			}
		}
	}
	start := 0
	if n := len(parts); n > 1 && (factWords[string(text[parts[n-2]:])] || factPrefixes[string(text[:parts[0]])]) {
		return false
	}
	previous := -1
	for i, end := range parts {
		word := text[start:end]
		if secretWords[string(word)] || secretWord(string(word)) {
			return true
		}
		if lastWord(text, parts, i) && lastSecretWords[string(word)] {
			return true
		}
		if previous >= 0 {
			pair := string(text[previous:end])
			if secretPairs[pair] || containsAny(pair, secretParts) {
				return true
			}
		}
		previous, start = start, int(end)
	}
	return false
}

// lastWord tells whether only digits follow: the word of "pass2" is its last.
func lastWord(text []byte, parts []uint8, i int) bool {
	for _, c := range text[parts[i]:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func secretWord(word string) bool {
	if containsAny(word, secretParts) {
		return true
	}
	for _, e := range secretEndings {
		if strings.HasSuffix(word, e) {
			return true
		}
	}
	return false
}

func containsAny(s string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// containsRun tells whether some words that follow each other read as own when joined.
func containsRun(text []byte, parts []uint8, own string) bool {
	start := 0
	for i, end := range parts {
		for _, stop := range parts[i:] {
			if string(text[start:stop]) == own {
				return true
			}
		}
		start = int(end)
	}
	return false
}

// joinKey returns the name's words in lower case without anything between them.
func joinKey(k string) string {
	text, _ := splitKey(k, nil, nil)
	return string(text)
}

const (
	other = iota
	lower
	upper
	digit
)

func kind(c byte) int {
	switch {
	case 'a' <= c && c <= 'z' || c >= 0x80: // Letters beyond ASCII do not hump.
		return lower
	case 'A' <= c && c <= 'Z':
		return upper
	case '0' <= c && c <= '9':
		return digit
	}
	return other
}

// splitKey appends the name's words in lower case to text, and to ends where each ends in it.
func splitKey(k string, text []byte, ends []uint8) ([]byte, []uint8) {
	if len(k) > maxKey {
		k = k[len(k)-maxKey:]
	}
	wordEnds := func() {
		if n := uint8(len(text)); n > 0 && (len(ends) == 0 || ends[len(ends)-1] != n) {
			ends = append(ends, n)
		}
	}
	before := other
	for i := range len(k) {
		c := k[i]
		now := kind(c)
		switch {
		case now == other:
			wordEnds()
		case before == other || now == before && now != upper:
		case now == upper && before == upper:
			// "APIKey": the last capital belongs to the next word.
			if i+1 < len(k) && kind(k[i+1]) == lower {
				wordEnds()
			}
		case now == lower && before == upper:
		default:
			wordEnds()
		}
		if now != other {
			if now == upper {
				c += 'a' - 'A'
			}
			text = append(text, c)
		}
		before = now
	}
	wordEnds()
	return text, slices.Clip(ends)
}
