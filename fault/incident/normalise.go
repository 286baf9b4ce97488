package incident

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What Normalise reads and returns, in bytes.
const (
	maxNormaliseIn  = 4 << 10
	maxNormaliseOut = 512
	maxWord         = 64 // of a word; what is longer is none
	maxPasses       = 5
)

// dataMark stands in place of data.
const dataMark = "#"

// Normalise returns a message with # in place of what is data and not words: numbers, durations and
// sizes, times, UUIDs and other identifiers that hold digits, pointers, IP addresses, e-mail
// addresses, queries of URLs, SQL parameters, and quoted text that cannot be a name. Runs of white
// space become one space, and a list of data one #. The result has at most 512 bytes, whole words
// only; what a message says after those does not count.
//
// Words stay, also those of a person's choice: of two messages that differ in one, the normalised
// ones differ. Normalising a normalised message changes nothing.
func Normalise(s string) string {
	if len(s) > maxNormaliseIn {
		s = s[:maxNormaliseIn]
		for len(s) > 0 && !utf8.ValidString(s[max(0, len(s)-utf8.UTFMax):]) && len(s) > maxNormaliseIn-utf8.UTFMax {
			s = s[:len(s)-1] // A rune that was cut does not show.
		}
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	for range maxPasses {
		next := normaliseOnce(s)
		if next == s {
			return s
		}
		s = next
	}
	// Only a text made for the purpose gets here.
	return dataMark
}

func normaliseOnce(s string) string {
	n := normaliser{in: s, sql: isSQL(s), mail: strings.IndexByte(s, '@') >= 0, out: make([]byte, 0, min(len(s), maxNormaliseOut))}
	for n.at < len(s) && n.step() {
	}
	if n.sql {
		n.foldRows()
	}
	return strings.TrimSuffix(string(n.out), " ")
}

// A normaliser writes a message piece by piece. A piece is a word, a #, or one other character.
type normaliser struct {
	in  string
	at  int
	out []byte
	// inList tells that since the # that ends at data came nothing but separators of a list.
	inList bool
	data   int
	word   string // the last one, in lower case; it announces what stands behind it
	behind int    // where it ended in the message
	// quotedTo is where a text in quotes ends that is read like the rest: its second quote opens
	// nothing.
	quotedTo int
	sql      bool // the message holds a statement
	mail     bool // the message holds an @
}

// step takes one piece and tells whether there was room for it.
func (n *normaliser) step() bool {
	rest := n.in[n.at:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case unicode.IsSpace(r) || unicode.IsControl(r):
		n.at += size
		if len(n.out) == 0 || n.out[len(n.out)-1] == ' ' {
			return true
		}
		return n.separator(" ")
	case r == ',' || r == ';':
		n.at += size
		return n.separator(rest[:size])
	case r == '#':
		n.at += size
		return n.putData()
	case r == '"' || r == '\'' || r == '`':
		end, isData := n.quoted(rest)
		if isData {
			n.at += end
			return n.put(rest[:1]) && n.putData() && n.put(rest[end-1:end])
		}
		if end > 0 {
			n.quotedTo = n.at + end
		}
	case r == '(' || r == '[' || r == '{':
		if end := n.parameters(rest); end > 0 {
			n.at += end
			return n.put(rest[:1]) && n.putData() && n.put(rest[end-1:end])
		}
	}
	if !n.inWord() {
		if end := n.findData(rest); end > 0 {
			n.at += end
			return n.putData()
		}
	}
	if !isWordRune(r) {
		if r == '?' {
			if end := queryEnd(rest); end > 0 {
				n.at += end
				return n.put("?") && n.putData()
			}
		}
		n.at += size
		return n.put(rest[:size])
	}
	end := wordEnd(rest)
	n.at += end
	n.word, n.behind = strings.ToLower(rest[:min(end, maxWord)]), n.at
	return n.putWord(rest[:end])
}

// inWord tells whether the place is in the midst of a word, where no data begins.
func (n *normaliser) inWord() bool {
	r, _ := utf8.DecodeLastRuneInString(n.in[:n.at])
	return n.at > 0 && isWordRune(r)
}

// before returns the byte before the place, a space at the beginning.
func (n *normaliser) before() byte {
	if n.at == 0 {
		return ' '
	}
	return n.in[n.at-1]
}

// announced tells whether nothing but one of the texts is between the last word and the place.
func (n *normaliser) announced(between ...string) bool {
	for _, b := range between {
		if n.word != "" && n.in[n.behind:n.at] == b {
			return true
		}
	}
	return false
}

func (n *normaliser) put(piece string) bool {
	if len(n.out)+len(piece) > maxNormaliseOut {
		return false
	}
	n.out = append(n.out, piece...)
	n.inList = false
	return true
}

// separator writes what may stand between the data of a list.
func (n *normaliser) separator(piece string) bool {
	was := n.inList
	ok := n.put(piece)
	n.inList = was
	return ok
}

// putData writes a #, unless it is the next of a list.
func (n *normaliser) putData() bool {
	if n.inList {
		n.out = n.out[:n.data]
		return true
	}
	if !n.put(dataMark) {
		return false
	}
	n.data, n.inList = len(n.out), true
	return true
}

// putWord writes a word with # for what in it is data.
func (n *normaliser) putWord(word string) bool {
	plain := plainWord(word)
	if plain == dataMark {
		return n.putData()
	}
	if !n.put(plain) {
		return false
	}
	if strings.HasSuffix(plain, dataMark) {
		n.data, n.inList = len(n.out), true
	}
	return true
}

// foldRows makes one of the rows of parameters of a statement.
func (n *normaliser) foldRows() {
	s := string(n.out)
	for _, between := range []string{", ", ",", " "} {
		for two := "(#)" + between + "(#)"; strings.Contains(s, two); {
			s = strings.ReplaceAll(s, two, "(#)")
		}
	}
	n.out = append(n.out[:0], s...)
}

// parameters returns where a bracket with values ends that are not the message's own: args: [5 susan],
// and PostgreSQL's (username)=(susan). It is 0 for any other bracket.
func (n *normaliser) parameters(rest string) int {
	switch n.word {
	case "args", "arg", "params", "parameters", "arguments", "values", "binds":
		if !n.announced("=", ": ", ":", " ") || n.word == "values" && rest[0] == '(' {
			return 0
		}
	default:
		if rest[0] != '(' || !strings.HasSuffix(n.in[:n.at], ")=") {
			return 0
		}
	}
	depth := 0
	for i := range len(rest) {
		switch rest[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth > 0 {
				continue
			}
			if i == 1 {
				return 0 // It is empty.
			}
			return i + 1
		}
	}
	return 0
}

// quoted returns where the text in quotes ends that begins here, 0 if none does, and whether it is
// data and not a name or words.
func (n *normaliser) quoted(rest string) (end int, isData bool) {
	const longest = 256
	quote := rest[0]
	if n.at < n.quotedTo {
		return 0, false
	}
	if quote == '\'' {
		if !strings.ContainsRune(" \t\n([{=:,<>", rune(n.before())) {
			return 0, false // An apostrophe.
		}
		// A character, which may be a quote itself.
		if _, size := utf8.DecodeRuneInString(rest[1:]); strings.HasPrefix(rest[1+size:], "'") && rest[1] != '\\' && size > 0 {
			return size + 2, rest[1:1+size] != dataMark
		}
	}
	end = 1
	for end < len(rest) && end <= longest && rest[end] != quote {
		if rest[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(rest) || end > longest {
		return 0, false
	}
	text := rest[1:end]
	end++
	switch {
	case text == "" || text == dataMark:
		return end, false
	case n.before() == ':': // Name:"susan" of a struct, "name":"susan" of JSON.
		return end, true
	case n.sql && quote == '\'' && n.comparand():
		return end, true
	case announcesData[n.word] && n.announced(" ", ": ", "="):
		return end, true
	case text[0] == '/' || strings.Contains(text, "://"):
		return end, false
	}
	return end, strings.ContainsAny(text, "<>{}[]=&|\\%\uFFFD") || strings.HasPrefix(text, " ") || strings.HasSuffix(text, " ")
}

// comparand tells whether a literal at this place of a statement is a value.
func (n *normaliser) comparand() bool {
	before := strings.TrimRight(n.in[:n.at], " ")
	if before != "" && strings.IndexByte("=<>(,", before[len(before)-1]) >= 0 {
		return true
	}
	return (n.word == "like" || n.word == "ilike" || n.word == "and" || n.word == "values") && n.announced(" ")
}

// announcesData are the words before a text in quotes that somebody has typed.
var announcesData = map[string]bool{
	"parsing": true, "time": true, "zone": true, "value": true, "entry": true, "input": true, "user": true,
	"username": true, "login": true, "email": true, "address": true, "integer": true, "uuid": true,
	"bigint": true, "numeric": true, "date": true, "timestamp": true, "duration": true, "number": true,
	"bool": true, "boolean": true, "json": true, "jsonb": true, "real": true,
	"precision": true,
}

// announcesValue are the keys of key=value whose values are somebody's or something's identity.
var announcesValue = map[string]bool{
	"user": true, "username": true, "login": true, "email": true, "id": true, "uid": true, "userid": true,
	"uuid": true, "session": true, "sessionid": true, "request": true, "requestid": true, "trace": true,
	"traceid": true, "span": true, "spanid": true, "fault": true, "ip": true, "addr": true, "remote": true,
}
