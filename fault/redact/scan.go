package redact

import (
	"strings"
)

const (
	maxName    = 96  // bytes back from a '=' or ':' in which its name is looked for
	maxAddress = 512 // bytes behind :// in which a password is looked for
)

// keySpans appends what stands under a secret's name, however name and value are put together, and what
// is a secret by its shape.
func (r *Redactor) keySpans(found []span, s string) []span {
	joined := false // in the present word there was a byte that joins words
	for i := 0; i < len(s); i++ {
		var start, end int
		switch s[i] {
		case '=':
			start, end = r.afterEquals(s, i)
		case ':':
			start, end = r.afterColon(s, i)
		case '_':
			joined = true
			continue
		case ' ', '\t':
			if joined || i > 0 && (s[i-1]|0x20 == 'r' || s[i-1]|0x20 == 'c') { // perhaps Bearer or Basic
				start, end = r.afterSpace(s, i)
			}
			joined = false
		case '"', '\'', '`':
			start, end = r.beforeQuote(s, i)
		case '>':
			start, end = r.inElement(s, i)
		case '@':
			start, end = beforeAt(s, i)
		case '$':
			start, end = passwordHash(s, i)
		case '-':
			joined = true
			start, end = privateKey(s, i)
		case 'e':
			if strings.HasPrefix(s[i:], "eyJ") {
				start, end = webToken(s, i)
			}
		default:
			continue
		}
		if end > start && s[start:end] != Mask {
			found = append(found, span{start, end})
		}
		i = max(i, end-1)
	}
	return found
}

// encodedKeySpans appends what keySpans and addressSpans find when percent-encoding is undone, once
// and twice.
func (r *Redactor) encodedKeySpans(found []span, s string) []span {
	v := view{text: []byte(s)}
	for range 2 {
		decoded, ok := v.decode(decoders[0])
		if !ok {
			break
		}
		v = decoded
		text, from := string(v.text), len(found)
		found = addressSpans(r.keySpans(found, text), text)
		for i := from; i < len(found); i++ {
			found[i] = span{int(v.origin[found[i].start]), int(v.origin[found[i].end])}
		}
	}
	return found
}

// afterEquals returns where the value of key=value stands, nothing if the key is no secret's.
func (r *Redactor) afterEquals(s string, i int) (start, end int) {
	behind := i + 1
	if behind < len(s) && s[behind] == '=' {
		return 0, 0
	}
	if behind < len(s) && s[behind] == '>' { // As in Ruby: :key=>"value".
		behind++
	}
	at := skipSpaceBack(s, i)
	if at > 0 && (s[at-1] == '"' || s[at-1] == '\'') {
		return r.afterQuotedKey(s, at-1, behind)
	}
	key := nameBefore(s, at)
	switch {
	case key == "":
		return 0, 0
	case key == "name":
		return r.afterFieldName(s, skipSpace(s, behind))
	case key == "code" && at == i:
		return oauthCode(s, i)
	case !r.IsSecretKey(key):
		return 0, 0
	}
	return value(s, skipSpace(s, behind))
}

func (r *Redactor) afterColon(s string, i int) (start, end int) {
	if strings.HasPrefix(s[i:], "://") {
		return 0, 0
	}
	at := skipSpaceBack(s, i)
	if at > 0 && (s[at-1] == '"' || s[at-1] == '\'') {
		return r.afterQuotedKey(s, at-1, i+1)
	}
	key := nameBefore(s, i)
	if key == "" || i+1 >= len(s) {
		return 0, 0
	}
	if s[i+1] == ' ' || s[i+1] == '\t' {
		return r.afterLabel(s, key, i)
	}
	if isPosition(key, s[i+1]) {
		return 0, 0
	}
	if !r.IsSecretKey(key) {
		return 0, 0
	}
	return value(s, i+1)
}

// afterQuotedKey looks at "key": value. The quote that ends the key stands at quote; behind it, s
// is read from at on. Quotes may be escaped, as in JSON within JSON.
func (r *Redactor) afterQuotedKey(s string, quote, at int) (start, end int) {
	q := s[quote]
	escapes := backslashesBefore(s, quote)
	key := nameBefore(s, quote-escapes)
	if key == "" || !r.IsSecretKey(key) {
		return 0, 0
	}
	at = skipSpace(s, at)
	if n := leadingBackslashes(s[at:]); n == escapes && at+n < len(s) && s[at+n] == q {
		start = at + n + 1
		return start, closingQuote(s, start, q, escapes)
	}
	switch rest := s[at:]; {
	case rest == "" || strings.HasPrefix(rest, "null") || strings.HasPrefix(rest, "None"):
		return 0, 0
	case rest[0] == '{' || rest[0] == '[':
		end = closingBracket(s, at)
	default:
		end = at
	}
	if n := strings.IndexAny(s[end:], ",}] \t\r\n"); n >= 0 {
		return at, end + n
	}
	return at, len(s)
}

// value returns where the unquoted, quoted or bracketed value that begins at at stands.
func value(s string, at int) (start, end int) {
	if at >= len(s) {
		return at, at
	}
	escapes := leadingBackslashes(s[at:])
	if q := at + escapes; q < len(s) && (s[q] == '"' || s[q] == '\'' || s[q] == '`') {
		return q + 1, closingQuote(s, q+1, s[q], escapes)
	}
	if s[at] == '[' || s[at] == '{' {
		end = closingBracket(s, at)
		return at, end + wordLength(s[end:])
	}
	end = at + wordLength(s[at:])
	if isPlaceholder(s[at:end]) {
		return at, at
	}
	if isScheme(s[at:end]) && end < len(s) && s[end] == ' ' {
		end++
		end += wordLength(s[end:])
	}
	return at, end
}

// wordLength is how far an unquoted value reaches. Closing brackets and commas may belong to a
// password, so they are taken for a part of it.
func wordLength(s string) int {
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\r', '\n', '&', '"', '\'', '`':
			return i
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				return i
			}
		}
	}
	return len(s)
}

// closingQuote returns where the quote stands that ends the string whose content begins at start.
// A quote at nesting depth zero is written bare, inside a JSON string with one backslash, inside
// another with three, and so on; one that belongs to the content has more.
func closingQuote(s string, start int, q byte, escapes int) int {
	for i := start; i < len(s); i++ {
		if s[i] != q {
			continue
		}
		n := 0
		for j := i; j > start && s[j-1] == '\\'; j-- {
			n++
		}
		if n%(2*(escapes+1)) == escapes {
			return i - escapes
		}
	}
	return len(s)
}

// closingBracket returns the place behind the bracket that matches the one at start, or the end.
func closingBracket(s string, start int) int {
	if strings.HasPrefix(s[start:], Mask) {
		return start + len(Mask)
	}
	depth := 0
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			i = min(closingQuote(s, i+1, '"', 0), len(s)-1)
		}
	}
	return len(s)
}

// nameBefore returns the name that ends at end.
func nameBefore(s string, end int) string {
	start := end
	for start > 0 && end-start < maxName && isNameByte(s[start-1]) {
		start--
	}
	return s[start:end]
}

func isNameByte(c byte) bool {
	return kind(c) != other || c == '_' || c == '-' || c == '.' || c == '[' || c == ']' || c == '%'
}

// isPlaceholder tells a statement's parameter: $1, ?, :name.
func isPlaceholder(v string) bool {
	if v == "?" {
		return true
	}
	if len(v) < 2 || v[0] != '$' && v[0] != ':' {
		return false
	}
	v = strings.TrimRight(v[1:], ",;)")
	for i := range len(v) {
		if c := v[i]; kind(c) != digit {
			return false
		}
	}
	return v != ""
}

// isScheme tells the first word of an Authorization header, behind which the secret follows.
func isScheme(word string) bool {
	switch strings.ToLower(word) {
	case "basic", "bearer", "digest", "negotiate", "token":
		return true
	}
	return false
}

// isPosition tells a line in a source file, as in session.go:43.
func isPosition(name string, next byte) bool {
	if kind(next) != digit {
		return false
	}
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "go", "s", "c", "h", "js", "ts", "py", "rs", "rb", "java", "sql", "html", "tmpl", "css":
		return strings.IndexByte(name, '.') >= 0
	}
	return false
}

// addressEnd are the characters that no address holds.
const addressEnd = " \t\r\n\"'`<>"

// addressSpans appends the passwords of scheme://user:password@host.
func addressSpans(found []span, s string) []span {
	for at := 0; ; {
		i := strings.Index(s[at:], "://")
		if i < 0 {
			return found
		}
		at += i + len("://")
		rest := s[at:min(len(s), at+maxAddress)]
		authority := rest
		if end := strings.IndexAny(rest, "/?#"+addressEnd); end >= 0 {
			authority = rest[:end]
		}
		colon := strings.IndexByte(authority, ':')
		if colon < 0 {
			continue
		}
		sign := strings.LastIndexByte(authority, '@')
		if sign < 0 && !isPort(authority[colon+1:]) {
			// A password may hold an unescaped slash, so the last @ counts.
			if end := strings.IndexAny(rest, addressEnd); end >= 0 {
				rest = rest[:end]
			}
			sign = strings.LastIndexByte(rest, '@')
		}
		if sign > colon+1 && rest[colon+1:sign] != Mask {
			found = append(found, span{at + colon + 1, at + sign})
		}
	}
}

func isPort(s string) bool {
	for i := range len(s) {
		if kind(s[i]) != digit {
			return false
		}
	}
	return true
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

func skipSpaceBack(s string, i int) int {
	for i > 0 && (s[i-1] == ' ' || s[i-1] == '\t') {
		i--
	}
	return i
}

func lineLength(s string) int {
	if n := strings.IndexAny(s, "\r\n"); n >= 0 {
		return n
	}
	return len(s)
}

func backslashesBefore(s string, i int) int {
	n := 0
	for n < i && s[i-1-n] == '\\' {
		n++
	}
	return n
}

func leadingBackslashes(s string) int {
	n := 0
	for n < len(s) && s[n] == '\\' {
		n++
	}
	return n
}
