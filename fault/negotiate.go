package fault

import (
	"net/http"
	"strings"
)

// format is what an answer is written in.
type format uint8

const (
	formatHTML format = iota
	formatJSON        // application/problem+json
	formatText
)

// What of an Accept header is looked at. The rest of a longer one is ignored.
const (
	maxAccept = 4096 // bytes
	maxRanges = 64   // media ranges
)

// preference is how much a client wants a format, by the media range that matches it best.
type preference struct {
	q        int // thousandths, 0 to 1000; -1: no range matches
	specific int // 0: */*, 1: type/*, 2: type/subtype, 3: with parameters
	index    int // of the range in the header
}

func (p preference) explicit() bool { return p.q > 0 && p.specific > 0 }

// better tells whether a client wants p more than o. Where it wants both as much, what it named
// more exactly, then what it named first.
func (p preference) better(o preference) bool {
	switch {
	case p.q != o.q:
		return p.q > o.q
	case p.specific != o.specific:
		return p.specific > o.specific
	default:
		return p.index < o.index
	}
}

// negotiate returns the format for the request's answer, and whether the Accept header alone decided
// it. Without a preference in that header, its other headers tell what kind of client it is.
func negotiate(r *http.Request) (f format, byAccept bool) {
	accept := r.Header["Accept"]
	if len(accept) == 0 || len(accept) == 1 && accept[0] == "" {
		return byClient(r, true), false
	}
	if strings.HasPrefix(accept[0], "text/html,") || accept[0] == "text/html" {
		return formatHTML, true // Every browser's navigation.
	}
	html, json, text := preferences(accept)
	best, f := html, formatHTML
	if json.better(best) {
		best, f = json, formatJSON
	}
	if text.better(best) {
		best, f = text, formatText
	}
	switch {
	case best.explicit() && best.specific == 1 && html == text && f == formatHTML:
		// text/* says nothing between the two.
		if isTerminal(r) {
			return formatText, false
		}
		return formatHTML, false
	case best.explicit():
		return f, true
	}
	// Everything is welcome, or nothing we have. What is refused by name is avoided if possible.
	f = byClient(r, false)
	refused := [...]bool{formatHTML: html.q == 0, formatJSON: json.q == 0, formatText: text.q == 0}
	if refused[f] {
		for _, other := range []format{formatJSON, formatText, formatHTML} {
			if !refused[other] {
				return other, false
			}
		}
	}
	return f, false
}

// byClient tells the format from who asks: without an Accept header, or with one that takes
// everything.
func byClient(r *http.Request, noAccept bool) format {
	if isJSON(r.Header.Get("Content-Type")) {
		return formatJSON
	}
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	switch {
	case mode == "navigate", dest == "document", dest == "iframe", dest == "frame":
		return formatHTML
	case mode != "", dest != "", r.Header.Get("X-Requested-With") != "":
		return formatJSON // A script of a page, or an image, a stylesheet, a font.
	case isTerminal(r):
		return formatText
	}
	agent := r.UserAgent()
	switch {
	case agent == "":
		return formatText
	case noAccept && strings.HasPrefix(agent, "Mozilla/"):
		return formatHTML
	}
	return formatJSON
}

// isTerminal tells the clients whose user reads the answer as it is.
func isTerminal(r *http.Request) bool {
	name, _, _ := strings.Cut(r.UserAgent(), "/")
	switch strings.ToLower(name) {
	case "curl", "wget", "httpie", "xh", "wget2", "curlie", "fetch libfetch":
		return true
	}
	return false
}

func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// preferences reads an Accept header (RFC 9110, section 12.5.1). A range that is not valid is
// skipped.
func preferences(accept []string) (html, json, text preference) {
	none := preference{q: -1, index: maxRanges}
	xhtml, problem, plainJSON := none, none, none
	html, text = none, none
	bytes, index := 0, 0
	for _, line := range accept {
		line = line[:min(len(line), maxAccept-bytes)]
		bytes += len(line)
		for line != "" && index < maxRanges {
			var element string
			element, line = nextElement(line)
			mr, ok := parseRange(element)
			if !ok {
				continue
			}
			mr.index = index
			index++
			mr.apply(&html, "text", "html")
			mr.apply(&xhtml, "application", "xhtml+xml")
			mr.apply(&problem, "application", "problem+json")
			mr.apply(&plainJSON, "application", "json")
			mr.apply(&text, "text", "plain")
			if mr.otherJSON() {
				mr.apply(&plainJSON, "application", mr.subtype)
			}
		}
	}
	if xhtml.better(html) && xhtml.specific == 2 {
		html = xhtml
	}
	json = problem
	if plainJSON.better(json) {
		json = plainJSON
	}
	return html, json, text
}

// nextElement splits off what comes before the next comma outside a quoted string.
func nextElement(s string) (element, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// mediaRange is one element of an Accept header.
type mediaRange struct {
	kind, subtype string // in lower case if they are ours; "*" for any
	q             int
	parameters    bool
	index         int
}

// otherJSON tells a JSON type that is not one of those we could be asked for by name.
func (m mediaRange) otherJSON() bool {
	return m.kind == "application" && m.subtype != "problem+json" && strings.HasSuffix(m.subtype, "+json")
}

// apply takes the range for the type's preference if it matches more exactly than those before.
func (m mediaRange) apply(p *preference, kind, subtype string) {
	specific := 0
	switch {
	case m.kind == "*":
	case m.kind != kind:
		return
	case m.subtype == "*":
		specific = 1
	case m.subtype != subtype:
		return
	case m.parameters:
		specific = 3
	default:
		specific = 2
	}
	if p.q < 0 || specific > p.specific {
		*p = preference{m.q, specific, m.index}
	}
}

// parseRange reads type/subtype with parameters, of which only q and charset may be given for it to
// match what we have.
func parseRange(s string) (m mediaRange, ok bool) {
	media, parameters, _ := strings.Cut(s, ";")
	m.kind, m.subtype, ok = strings.Cut(strings.ToLower(strings.Trim(media, " \t")), "/")
	if !ok || !isToken(m.kind) || !isToken(m.subtype) || m.kind == "*" && m.subtype != "*" {
		return m, false
	}
	m.q = 1000
	for parameters != "" {
		var parameter string
		parameter, parameters, _ = strings.Cut(parameters, ";")
		name, value, _ := strings.Cut(strings.Trim(parameter, " \t"), "=")
		switch strings.ToLower(name) {
		case "":
		case "q":
			m.q, ok = parseQ(value)
			return m, ok // What follows are extensions.
		case "charset":
			m.parameters = true
			if !strings.EqualFold(strings.Trim(value, `"`), "utf-8") {
				return m, false
			}
		default:
			return m, false
		}
	}
	return m, true
}

// parseQ reads a weight: 0 to 1 with at most three decimals, in thousandths.
func parseQ(s string) (q int, ok bool) {
	if s == "" || len(s) > 5 || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	q = int(s[0]-'0') * 1000
	unit := 100
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		q += int(s[i]-'0') * unit
		unit /= 10
	}
	return q, q <= 1000
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
