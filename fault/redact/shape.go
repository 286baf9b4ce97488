package redact

import (
	"encoding/base64"
	"strings"
)

const (
	maxQuoted = 1024 // bytes of a quoted text behind a name and a space
	maxTag    = 256  // bytes of a tag, or a part's header, in which its name is looked for
	maxDSN    = 128  // bytes back from an @ in which a user and a password are looked for
	maxQuery  = 256  // bytes on either side of code= in which state= is looked for

	minBearer = 20 // bytes of a bare token without a digit
)

// afterSpace looks at two words, of which the first ends before the space at i: a flag or a setting and
// its value, or the scheme of an Authorization header and the credentials.
func (r *Redactor) afterSpace(s string, i int) (start, end int) {
	if i == 0 || !isNameByte(s[i-1]) {
		return 0, 0
	}
	name := nameBefore(s, i)
	at := skipSpace(s, i)
	if at == len(s) || s[at] < ' ' {
		return 0, 0
	}
	switch {
	case len(name) == 6 && strings.EqualFold(name, "bearer"):
		end = at + tokenLength(s[at:])
		if end-at < minBearer && (end-at < 8 || !hasDigit(s[at:end])) {
			return 0, 0
		}
		return at, end
	case len(name) == 5 && strings.EqualFold(name, "basic"):
		end = at + tokenLength(s[at:])
		if !isBasic(s[at:end]) {
			return 0, 0
		}
		return at, end
	}
	flag := name[0] == '-' && len(name) > 2
	if !flag && strings.IndexByte(name, '_') < 0 {
		return 0, 0
	}
	if strings.IndexByte("=:,;()[]{}<>|&+*/-", s[at]) >= 0 || !r.IsSecretKey(name) {
		return 0, 0
	}
	start, end = value(s, at)
	if start == at && (reads(s[at:end]) || !flag && isAlias(s[at:end])) {
		return 0, 0
	}
	return start, end
}

// isAlias tells a short name as SQL gives one to a table: "FROM session_token t".
func isAlias(word string) bool {
	for i := range len(word) {
		if kind(word[i]) != lower {
			return false
		}
	}
	return len(word) < 4
}

// beforeQuote looks at a quoted text behind a secret's name, as in SQL: PASSWORD 'x', PASSWORD('x'),
// IDENTIFIED BY 'x'.
func (r *Redactor) beforeQuote(s string, quote int) (start, end int) {
	open := quote - backslashesBefore(s, quote)
	at := skipSpaceBack(s, open)
	if at > 0 && s[at-1] == '(' {
		at--
	} else if at == open {
		return 0, 0
	}
	name := nameBefore(s, at)
	switch {
	case strings.EqualFold(name, "by"):
		before := skipSpaceBack(s, at-len(name))
		if !strings.EqualFold(nameBefore(s, before), "identified") {
			return 0, 0
		}
	case !isStrong(name) && strings.IndexByte(name, '_') < 0, !r.IsSecretKey(name):
		return 0, 0
	}
	start = quote + 1
	limit := min(len(s), start+maxQuoted)
	end = closingQuote(s[:limit], start, s[quote], quote-open)
	if end == limit || strings.IndexByte(s[start:end], '\n') >= 0 {
		return 0, 0
	}
	return start, end
}

// inElement returns the text of an element with a secret's name, whose tag ends with the > at i.
func (r *Redactor) inElement(s string, i int) (start, end int) {
	open := i - 1
	for ; open >= 0 && s[open] != '<'; open-- {
		if s[open] == '>' || i-open > maxTag {
			return 0, 0
		}
	}
	if open < 0 {
		return 0, 0
	}
	name := s[open+1 : i]
	if space := strings.IndexAny(name, " \t\r\n"); space >= 0 {
		name = name[:space]
	}
	if strings.HasSuffix(s[open:i], "/") || !r.IsSecretKey(name[strings.LastIndexByte(name, ':')+1:]) {
		return 0, 0
	}
	start = i + 1
	if rest, ok := strings.CutPrefix(s[start:], "<![CDATA["); ok {
		start = len(s) - len(rest)
		if n := strings.Index(rest, "]]>"); n >= 0 {
			return start, start + n
		}
		return start, len(s)
	}
	n := strings.IndexByte(s[start:], '<')
	switch {
	case n < 0: // cut off
		return start, start + wordLength(s[start:])
	case strings.HasPrefix(s[start+n:], "</"):
		return start, start + n
	}
	return 0, 0
}

// afterFieldName looks behind name="…" of a part of a multipart form, or of an input element, for the
// field's value. The quoted name begins at at.
func (r *Redactor) afterFieldName(s string, at int) (start, end int) {
	escapes := leadingBackslashes(s[at:])
	q := at + escapes
	if q == len(s) || s[q] != '"' && s[q] != '\'' {
		return 0, 0
	}
	stop := closingQuote(s[:min(len(s), q+1+maxName)], q+1, s[q], escapes)
	behind := stop + escapes + 1
	if behind >= len(s) || !r.IsSecretKey(s[q+1:stop]) {
		return 0, 0
	}
	head := s[behind:min(len(s), behind+maxTag)]
	switch head[0] {
	case '\r', '\n', ';', '\\':
		for _, br := range [...]string{"\r\n", "\n", `\r\n`, `\n`} {
			if n := strings.Index(head, br+br); n >= 0 {
				start = behind + n + 2*len(br)
				if n = strings.Index(s[start:], br+"--"); n >= 0 {
					return start, start + n
				}
				return start, len(s)
			}
		}
	case ' ', '\t':
		if n := strings.IndexByte(head, '>'); n >= 0 {
			head = head[:n]
		}
		if n := strings.Index(head, " value="); n >= 0 {
			return value(s, behind+n+len(" value="))
		}
	}
	return 0, 0
}

// oauthCode returns the value of code=… in the query of an OAuth redirection: beside state=, or long. The
// name ends at i.
func oauthCode(s string, i int) (start, end int) {
	from := i - len("code")
	if from < 1 || s[from-1] != '?' && s[from-1] != '&' {
		return 0, 0
	}
	start = i + 1
	end = start
	for end < len(s) && s[end] != '&' && s[end] != '#' && strings.IndexByte(addressEnd, s[end]) < 0 {
		end++
	}
	if end-start >= 16 {
		return start, end
	}
	before := s[max(0, from-maxQuery):from]
	before = before[strings.LastIndexAny(before, addressEnd)+1:]
	behind := s[end:min(len(s), end+maxQuery)]
	if n := strings.IndexAny(behind, addressEnd); n >= 0 {
		behind = behind[:n]
	}
	if strings.Contains(before, "?state=") || strings.Contains(before, "&state=") || strings.Contains(behind, "&state=") {
		return start, end
	}
	return 0, 0
}

// beforeAt returns the password of user:password@net(address)/name and of user:password@/name, as Go's
// MySQL driver has them.
func beforeAt(s string, i int) (start, end int) {
	n := i + 1
	for n < len(s) && (kind(s[n]) == lower || kind(s[n]) == digit) && n-i < 12 {
		n++
	}
	if n == len(s) || s[n] != '(' && (s[n] != '/' || n > i+1) {
		return 0, 0
	}
	from := max(0, i-maxDSN)
	word := s[from:i]
	word = word[strings.LastIndexAny(word, addressEnd)+1:]
	colon := strings.IndexByte(word, ':')
	if colon < 1 || word[colon-1] == '=' || strings.HasPrefix(word[colon:], "://") { // dsn=user:password@
		return 0, 0
	}
	return i - len(word) + colon + 1, i
}

// webToken returns the JSON web token (RFC 7519) that begins at i, or where the search may go on.
func webToken(s string, i int) (start, end int) {
	end = i
	for dots := 0; ; dots++ {
		part := end
		for end < len(s) && (isBase64(s[end]) || s[end] == '-' || s[end] == '_') && s[end] != '+' && s[end] != '/' {
			end++
		}
		switch {
		case dots < 2 && end-part < 4:
			return 0, 0
		case end == len(s) || s[end] != '.' || dots == 4:
			if dots >= 2 || dots == 1 && strings.HasPrefix(s[part:], "eyJ") {
				return i, end
			}
			return end, end
		}
		end++
	}
}

// privateKey returns what stands between the lines of a private key in PEM (RFC 7468).
func privateKey(s string, i int) (start, end int) {
	const begin, rule = "-----BEGIN ", "-----"
	if !strings.HasPrefix(s[i:], begin) {
		return 0, 0
	}
	label := s[i+len(begin) : min(len(s), i+len(begin)+64)]
	n := strings.Index(label, rule)
	if n < 0 || !strings.Contains(label[:n], "PRIVATE KEY") {
		return 0, 0
	}
	start = i + len(begin) + n + len(rule)
	if n = strings.Index(s[start:], "-----END "); n >= 0 {
		return start, start + n
	}
	return start, len(s)
}

// passwordHash returns the hash that begins with the $ at i, in the form of crypt(3).
func passwordHash(s string, i int) (start, end int) {
	rest := s[i+1:]
	for _, id := range [...]string{"argon2", "2a$", "2b$", "2y$", "1$", "5$", "6$", "y$", "7$", "gy$", "scrypt$", "pbkdf2", "bcrypt"} {
		if !strings.HasPrefix(rest, id) {
			continue
		}
		end = i + 1
		for end < len(s) && (isBase64(s[end]) || strings.IndexByte("$.,-_", s[end]) >= 0) {
			end++
		}
		if end-i < 20 || strings.Count(s[i:min(end, i+128)], "$") < 3 {
			return 0, 0
		}
		return i, end
	}
	return 0, 0
}

// tokenLength is how far a token68 (RFC 9110, section 11.2) reaches.
func tokenLength(s string) int {
	for i := range len(s) {
		if !isBase64(s[i]) && strings.IndexByte("-._~", s[i]) < 0 {
			return i
		}
	}
	return len(s)
}

// isBasic tells base64 that holds a colon, as user:password does.
func isBasic(s string) bool {
	if len(s) < 8 || len(s) > 1024 {
		return false
	}
	plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	return err == nil && strings.IndexByte(string(plain), ':') >= 0
}

func isBase64(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '+' || c == '/' || c == '='
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }
