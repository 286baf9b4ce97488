package web

import (
	"html/template"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// postBody is the template function body: a post as HTML. Everything is escaped; web addresses
// and mentions of people become links; line breaks stay as they are, for the stylesheet to show.
func postBody(text string) template.HTML {
	var b strings.Builder
	writeBody(&b, text)
	return template.HTML(b.String())
}

func writeBody(b *strings.Builder, text string) {
	plain := 0 // text[plain:i] is not written yet
	for i := 0; i < len(text); {
		var end int
		switch text[i] {
		case 'h', 'H':
			end = linkEnd(text, i)
		case '@':
			end = mentionEnd(text, i)
		}
		if end <= i {
			i++
			continue
		}
		escape(b, text[plain:i])
		if word := text[i:end]; word[0] == '@' {
			b.WriteString(`<a href="/user/`)
			escape(b, url.PathEscape(word[1:]))
			b.WriteString(`">`)
			escape(b, word)
		} else {
			b.WriteString(`<a href="`)
			escape(b, word)
			b.WriteString(`" rel="nofollow ugc noopener">`)
			escape(b, word)
		}
		b.WriteString(`</a>`)
		plain, i = end, end
	}
	escape(b, text[plain:])
}

// escape writes text for an element's content or a quoted attribute.
func escape(b *strings.Builder, text string) {
	from := 0
	for i := range len(text) {
		var to string
		switch text[i] {
		case '<':
			to = "&lt;"
		case '>':
			to = "&gt;"
		case '&':
			to = "&amp;"
		case '"':
			to = "&#34;"
		case '\'':
			to = "&#39;"
		case 0:
			to = "\uFFFD" // as html/template writes it
		default:
			continue
		}
		b.WriteString(text[from:i])
		b.WriteString(to)
		from = i + 1
	}
	b.WriteString(text[from:])
}

// linkEnd gives the end of the http or https address that starts at text[i], or 0.
func linkEnd(text string, i int) int {
	rest := text[i:]
	scheme := len("http://")
	switch {
	case hasPrefixFold(rest, "http://"):
	case hasPrefixFold(rest, "https://"):
		scheme = len("https://")
	default:
		return 0
	}
	if before, _ := utf8.DecodeLastRuneInString(text[:i]); inWord(before) {
		return 0
	}
	length := len(rest)
	for at, r := range rest {
		if !inLink(r) {
			length = at
			break
		}
	}
	link := trimLink(rest[:length])
	if len(link) <= scheme {
		return 0
	}
	// A name before the host ("https://bank.example@evil.example") only ever deceives in a post.
	u, err := url.Parse(link)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return 0
	}
	return i + len(link)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// inLink tells whether an address goes on with r. White space, quotation marks, brackets and
// punctuation of other scripts, and characters that are not seen end it.
func inLink(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && r != 0x7f && !strings.ContainsRune("<>\"\\^`{|}", r)
	}
	return r != utf8.RuneError && unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.Pd, unicode.S)
}

// trimLink leaves out what belongs to the sentence: a full stop at the end, a bracket that was
// opened before the address.
func trimLink(link string) string {
	for link != "" {
		last := link[len(link)-1]
		switch {
		case strings.IndexByte(".,;:!?'*_~", last) >= 0:
		case last == ')' && strings.Count(link, ")") > strings.Count(link, "("):
		case last == ']' && strings.Count(link, "]") > strings.Count(link, "["):
		default:
			return link
		}
		link = link[:len(link)-1]
	}
	return link
}

// maxMention is the longest username in code points.
const maxMention = 64

// mentionEnd gives the end of the mention (@susan) that starts at text[i], or 0. An e-mail
// address is not a mention.
func mentionEnd(text string, i int) int {
	if before, _ := utf8.DecodeLastRuneInString(text[:i]); inWord(before) || (i > 0 && strings.IndexByte("@.-_+/\\", text[i-1]) >= 0) {
		return 0
	}
	name := text[i+1:]
	runes := 0
	for at, r := range name {
		if !inWord(r) && r != '_' && r != '-' && r != '.' {
			name = name[:at]
			break
		}
		if runes++; runes > maxMention {
			return 0
		}
	}
	// A "." at the end is the sentence's; a second "@" makes it an address on another server.
	end := i + 1 + len(name)
	if end < len(text) && text[end] == '@' {
		return 0
	}
	name = strings.TrimRight(name, ".")
	if name == "" || name[0] == '.' {
		return 0
	}
	return i + 1 + len(name)
}

// inWord tells whether r is a letter or a digit of any script, with its marks.
func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return r != utf8.RuneError && unicode.In(r, unicode.L, unicode.M, unicode.N)
}
