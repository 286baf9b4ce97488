package redact

import "strings"

// plainWords follow a secret's name in sentences and in SQL: "session: not found", "SECRET_KEY must be
// longer", "session_token TEXT NOT NULL". What begins with one of them is taken for text.
var plainWords = words(`a an and any are as at be because been before but by can cannot could did do does
	for from had has have if in into is it its must neither never no none nor not of on only or out over
	should so than that the their then there these they this to too under until was were when where which
	while who will with without would you your use see set per via between after during more less least most
	missing invalid expired wrong incorrect empty required unknown unexpected illegal malformed mismatch bad
	failed fails eof nil null undefined true false yes ok error errors context timed timeout deadline broken
	unable unauthorized forbidden denied permission access begins ends contains needs goes means says value values column columns table index field
	fields header headers parameter parameters name names string int bool boolean integer bigint smallint
	text varchar char bytea blob uuid timestamp timestamptz json jsonb numeric real serial bigserial
	where join left right inner outer full cross natural order group having limit offset union except
	intersect returning using default primary key unique check references collate constraint add drop alter
	rename type asc desc like ilike glob select insert update delete create exists case else end cascade`)

// reads tells whether a word is one of a sentence or of SQL rather than a secret.
func reads(word string) bool {
	if n := strings.IndexByte(word, '('); n > 0 { // VARCHAR(64)
		word = word[:n]
	}
	word = strings.TrimRight(word, ".,;:!?)")
	var buf [16]byte
	if word == "" || len(word) > len(buf) {
		return false
	}
	small := true
	for i := range len(word) {
		c := word[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
			small = false
		case c < 'a' || c > 'z':
			return false
		}
		buf[i] = c
	}
	if plainWords[string(buf[:len(word)])] {
		return true
	}
	return small && len(word) > 4 &&
		(strings.HasSuffix(word, "ed") || strings.HasSuffix(word, "ing") || strings.HasSuffix(word, "tion"))
}

// isProse tells whether what stands at at, behind a name and a colon, is a sentence or the rest of a chain
// of errors and no secret. Behind a weak name, any text of several words is one that begins in lower
// case: "session: dial tcp", where "password: correct horse" is a secret.
func isProse(s string, at int, weak bool) bool {
	end := at
	for end < len(s) && end-at < 64 && s[end] > ' ' {
		end++
	}
	word := s[at:end]
	if reads(word) {
		return true
	}
	letters := strings.TrimRight(word, ":,;")
	for i := range len(letters) {
		if c := letters[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9' || !strings.HasSuffix(word, ":")) {
			return false
		}
	}
	next := skipSpace(s, end)
	if letters == "" || next == len(s) || s[next] < ' ' {
		return false
	}
	return weak || strings.HasSuffix(word, ":")
}

// isStrong tells a secret's name that is not also the name of a package or a subject, as "session",
// "token" and "auth" are.
func isStrong(name string) bool {
	name = strings.ToLower(name)
	return containsAny(name, strongParts)
}

var strongParts = strings.Fields(`pass pwd secret kennwort senha contrase`)

// isCompound tells a name of several words or all in capitals, as a sentence has none.
func isCompound(name string) bool {
	capitals := len(name) > 2
	for i := range len(name) {
		switch k := kind(name[i]); {
		case name[i] == '_' || name[i] == '-' && i > 0:
			return true
		case k == upper && i > 0 && kind(name[i-1]) == lower:
			return true
		case k != upper:
			capitals = false
		}
	}
	return capitals
}
