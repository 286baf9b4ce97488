package redact

import "strings"

// afterLabel returns where the value of a name, a colon and a space stands: of a header, a line of YAML, a
// label in a text. The name is key, which ends at colon. In prose any word may come before a colon
// ("refreshing the token: timed out"), so the name must begin a line, follow a separator or a quote,
// begin with a capital or be a compound.
func (r *Redactor) afterLabel(s, key string, colon int) (start, end int) {
	from := colon - len(key)
	escaped := false
	if from > 0 && s[from-1] == '\\' && len(key) > 1 && strings.IndexByte("nrt", key[0]) >= 0 {
		escaped = true // a line break or a tab that is itself written as text
		key, from = key[1:], from+1
	}
	key, from = strings.TrimLeft(key, "-"), from+len(key)-len(strings.TrimLeft(key, "-"))
	if key == "" {
		return 0, 0
	}
	begins := escaped || beginsLine(s, from)
	if !begins && kind(key[0]) != upper && !isCompound(key) && !followsSeparator(s, from) {
		return 0, 0
	}
	at := skipSpace(s, colon+1)
	if at == len(s) || s[at] < ' ' || !r.IsSecretKey(key) {
		return 0, 0
	}
	small := strings.ToLower(key)
	credentials := strings.HasSuffix(small, "authorization")
	weak := small == key && !isStrong(key) && !(credentials && isScheme(firstWord(s[at:])))
	if isProse(s, at, weak) {
		return 0, 0
	}
	if q := quoteBefore(s, from); q != 0 {
		limit := min(len(s), at+maxQuoted)
		limit = at + lineLength(s[at:limit])
		if stop := closingQuote(s[:limit], at, q, backslashesBefore(s, from-1)); stop < limit {
			return at, stop
		}
	}
	whole := begins && s[at] != '"' && s[at] != '\'' && s[at] != '`' || strings.HasSuffix(small, "cookie")
	if !whole {
		start, end = value(s, at)
		if !credentials || isScheme(firstWord(s[at:])) || strings.HasPrefix(s[at:], Mask) {
			return start, end
		}
	}
	// Amazon's Authorization, too, has several parts.
	if escaped {
		end = at + escapedLineLength(s[at:])
	} else {
		end = at + lineLength(s[at:])
	}
	switch line := s[at:end]; {
	case isPlaceholder(strings.TrimRight(line, " \t")):
		return 0, 0
	case begins && isBlockMark(line):
		end = blockEnd(s, from, end)
	}
	return at, end
}

// beginsLine tells whether only indentation, or what marks lines in dumps and quotations, stands in the
// line before i.
func beginsLine(s string, i int) bool {
	for ; i > 0; i-- {
		switch s[i-1] {
		case '\n', '\r':
			return true
		case ' ', '\t', '>', '<', '|', '*', '-', '+', '#':
		default:
			return false
		}
	}
	return true
}

func followsSeparator(s string, i int) bool {
	i = skipSpaceBack(s, i)
	return i > 0 && strings.IndexByte(",;({[|&?\"'`", s[i-1]) >= 0
}

// quoteBefore returns the quote right before i, 0 if there is none.
func quoteBefore(s string, i int) byte {
	if i > 0 && (s[i-1] == '"' || s[i-1] == '\'' || s[i-1] == '`') {
		return s[i-1]
	}
	return 0
}

// escapedLineLength is how far a line reaches whose breaks are written \r or \n, or that is quoted.
func escapedLineLength(s string) int {
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\n' || s[i] == '\r' || s[i] == '\\' && i+1 < len(s) && (s[i+1] == 'n' || s[i+1] == 'r') {
			return i
		}
	}
	return len(s)
}

// isBlockMark tells the mark of YAML behind which the value follows on lines of its own.
func isBlockMark(s string) bool {
	s = strings.TrimRight(s, " \t")
	return s == "|" || s == ">" || s == "|-" || s == ">-" || s == "|+" || s == ">+"
}

// blockEnd returns where the lines end that are indented more than the name at from.
func blockEnd(s string, from, line int) int {
	indent := 0
	for i := from; i > 0 && s[i-1] != '\n'; i-- {
		indent++
	}
	for end := line; ; {
		next := strings.IndexByte(s[end:], '\n')
		if next < 0 {
			return end
		}
		at := end + next + 1
		text := skipSpace(s, at)
		if text-at <= indent && text < len(s) && s[text] != '\r' && s[text] != '\n' {
			return end
		}
		end = text + lineLength(s[text:])
		if end == len(s) {
			return end
		}
	}
}

func firstWord(s string) string {
	s = s[:min(len(s), 64)]
	word, _, _ := strings.Cut(s, " ")
	return word
}
