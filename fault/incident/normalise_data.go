package incident

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const monthName = `(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)`
const timeOfDay = `\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AP]M)?`
const timeZone = `(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?`

// What data looks like from where it begins. The first that matches up to the end of a word counts.
var (
	digitData = compile(
		`\d{4}[-/]\d{2}[-/]\d{2}(?:[T ]`+timeOfDay+timeZone+`(?: [A-Z]{3,4}| [+-]\d{2,4})?(?: m=[+-]\d+\.\d+)?)?`, // RFC 3339, time.Time
		`\d{4}[-/]\d{2}[-/]\d{2}[T ]`+timeOfDay+timeZone,
		`\d{1,2}/`+monthName+`/\d{4}(?::\d{2}:\d{2}:\d{2})?(?: [+-]\d{4})?`,
		`\d{1,2}[ -]`+monthName+`[ -]\d{2,4}(?: `+timeOfDay+timeZone+`)?`,
		`\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?(?: ?[AP]M)?`,
		`\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?::\d{1,5})?`, // an IPv4 address
		`(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|h|m|s))+`,
		`\d+(?:\.\d+)? ?(?:[kKMGTPE]i?)?B`,
		`0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+`,
		`\d+(?:[._]\d+)*(?:[eE][+-]?\d+)?`,
		`\d+(?:st|nd|rd|th)`,
	)
	nameData = compile(
		`(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? (?:\d{1,2}[ -]`+monthName+`[ -]\d{2,4}|`+monthName+` +\d{1,2})(?: `+timeOfDay+`)?(?: [+-]\d{4}| (?:GMT|UTC|[A-Z]{2,3}T))?(?: \d{4})?`,
		monthName+` +\d{1,2}(?:, \d{4})?(?: `+timeOfDay+timeZone+`)?(?: \d{4})?`,
	)
	hexData = compile(
		`[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}`, // a UUID
		`(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}`,              // a hardware address
	)
	shortID  = compile(`[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}`) // fault.ID.String
	mailData = compile(`[\pL\pN._%+-]+@[\pL\pN](?:[\pL\pN-]*[\pL\pN])?(?:\.[\pL\pN-]+)*\.\pL{2,}`)
	urlQuery = regexp.MustCompile(`^\?[\pL\pN_.%\[\]-]+=[^\s"'<>` + "`" + `]*`)
)

type shapes []*regexp.Regexp

func compile(expressions ...string) shapes {
	s := make(shapes, len(expressions))
	for i, e := range expressions {
		s[i] = regexp.MustCompile("^(?:" + e + ")")
	}
	return s
}

// end returns where the data at the beginning ends, 0 if there is none.
func (s shapes) end(rest string) int {
	const longest = 256
	begin := rest[:min(len(rest), longest)]
	for _, shape := range s {
		if at := shape.FindStringIndex(begin); at != nil && at[1] > 0 && endsWord(rest, at[1]) {
			return at[1]
		}
	}
	return 0
}

// findData returns where the data at the place ends, 0 if there is none. It is not called in the
// midst of a word.
func (n *normaliser) findData(rest string) int {
	c := rest[0]
	if n.before() == '=' && announcesValue[n.word] && n.announced("=") {
		if end := strings.IndexAny(rest, " \t\r\n,;()[]{}<>\"'"); end != 0 {
			if end < 0 {
				end = len(rest)
			}
			return end
		}
	}
	if n.mail && (isWordByte(c) || c >= utf8.RuneSelf) {
		if end := mailData.end(rest); end > 0 {
			return end
		}
	}
	switch {
	case c == '$' && len(rest) > 1 && isDigit(rest[1]):
		return 1 + digitsEnd(rest[1:])
	case c == '?' && n.sql:
		if len(rest) == 1 || strings.IndexByte(" ,);:", rest[1]) >= 0 {
			return 1
		}
	case c == '[':
		return bracketedAddress(rest)
	case c == ':':
		return address6(rest)
	case (c == '-' || c == '+') && len(rest) > 1 && isDigit(rest[1]) && strings.IndexByte(" \t\n([{=:,", n.before()) >= 0:
		if end := digitData.end(rest[1:]); end > 0 {
			return end + 1
		}
	case isWordByte(c):
		return wordData(rest)
	}
	return 0
}

// wordData is findData for what begins with an ASCII letter or digit.
func wordData(rest string) int {
	c := rest[0]
	if isHex(c) {
		if end := hexData.end(rest); end > 0 {
			return end
		}
		if end := address6(rest); end > 0 {
			return end
		}
	}
	if isDigit(c) {
		if end := digitData.end(rest); end > 0 {
			return end
		}
	}
	if 'A' <= c && c <= 'Z' {
		if end := nameData.end(rest); end > 0 {
			return end
		}
	}
	if c <= 'Z' && len(rest) > 4 && rest[4] == '-' {
		if end := shortID.end(rest); end > 0 && strings.ContainsAny(rest[:end], "0123456789") {
			return end
		}
	}
	return encodedEnd(rest)
}

// encodedEnd returns where base64 at the beginning ends: at least 20 characters of all kinds that
// change more often than words do.
func encodedEnd(rest string) int {
	const least = 20
	end, lower, upper, digits, changes := 0, 0, 0, 0, 0
	last := byte(0)
	for end < len(rest) {
		c := rest[end]
		kind := byte(0)
		switch {
		case 'a' <= c && c <= 'z':
			kind = 'a'
			lower++
		case 'A' <= c && c <= 'Z':
			kind = 'A'
			upper++
		case isDigit(c):
			kind = '0'
			digits++
		case c != '+' && c != '/' && c != '-' && c != '_':
			c = 0
		}
		if c == 0 {
			break
		}
		if kind != last {
			changes++
		}
		last = kind
		end++
	}
	if end < least || lower == 0 || upper == 0 || digits == 0 || changes*3 < end {
		return 0
	}
	for end < len(rest) && rest[end] == '=' {
		end++
	}
	if !endsWord(rest, end) {
		return 0
	}
	return end
}

// bracketedAddress returns where "[::1]:5432" ends, 0 if that is not what begins here.
func bracketedAddress(rest string) int {
	end := address6(rest[1:])
	if end == 0 || !strings.HasPrefix(rest[1+end:], "]") {
		return 0
	}
	end += 2
	if strings.HasPrefix(rest[end:], ":") {
		if port := digitsEnd(rest[end+1:]); port > 0 {
			end += 1 + port
		}
	}
	return end
}

// address6 returns where an IPv6 address at the beginning ends, with its zone and prefix length.
func address6(rest string) int {
	end, colons, digits := 0, 0, 0
	for end < len(rest) && end < 45 && (isHex(rest[end]) || rest[end] == ':' || rest[end] == '.') {
		switch {
		case rest[end] == ':':
			colons++
		case isDigit(rest[end]):
			digits++
		}
		end++
	}
	for end > 0 && (rest[end-1] == '.' || rest[end-1] == ':' && !strings.HasSuffix(rest[:end], "::")) {
		end-- // Of the sentence.
	}
	if colons < 2 || digits == 0 {
		return 0
	}
	if _, err := netip.ParseAddr(rest[:end]); err != nil {
		return 0
	}
	if strings.HasPrefix(rest[end:], "%") {
		if zone := wordEnd(rest[end+1:]); zone > 0 {
			end += 1 + zone
		}
	}
	if strings.HasPrefix(rest[end:], "/") {
		if bits := digitsEnd(rest[end+1:]); bits > 0 {
			end += 1 + bits
		}
	}
	if !endsWord(rest, end) {
		return 0
	}
	return end
}

// queryEnd returns where the query of a URL ends that begins here, 0 if none does.
func queryEnd(rest string) int {
	at := urlQuery.FindStringIndex(rest)
	if at == nil {
		return 0
	}
	return len(strings.TrimRight(rest[:at[1]], ".,;:!?)"))
}

// isSQL tells whether a message holds a statement.
func isSQL(s string) bool {
	upper := strings.ToUpper(s)
	for _, verb := range []string{"SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", " WHERE ", "VALUES"} {
		if strings.Contains(upper, verb) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool    { return '0' <= c && c <= '9' }
func isHex(c byte) bool      { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isWordByte(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return isWordByte(byte(r))
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// endsWord tells whether no word goes on at a place.
func endsWord(s string, at int) bool {
	r, _ := utf8.DecodeRuneInString(s[at:])
	return at >= len(s) || !isWordRune(r)
}

func digitsEnd(s string) int {
	end := 0
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	return end
}

func wordEnd(s string) int {
	for i, r := range s {
		if !isWordRune(r) {
			return i
		}
	}
	return len(s)
}
