package overlay

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Format is what an answer is written in.
type Format uint8

// The formats.
const (
	HTML Format = iota
	JSON
	Text
)

// What of an Accept header is looked at. The rest of a longer one is ignored.
const (
	maxAccept = 4096 // bytes
	maxRanges = 64   // media ranges
)

// FormatOf tells which format suits the client: a browser's page load, a program, or a terminal.
func FormatOf(r *http.Request) Format {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	if mode == "navigate" || dest == "document" || dest == "iframe" || dest == "frame" {
		return HTML
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if f, ok := accepted(accept); ok {
		return f
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // "" if it is none
	switch {
	case mode != "", dest != "", r.Header.Get("X-Requested-With") != "", isJSON(kind):
		return JSON // a script of a page, or what a page consists of
	case r.UserAgent() == "", isTerminal(r.UserAgent()):
		return Text
	case accept == "" && strings.HasPrefix(r.UserAgent(), "Mozilla/"):
		return HTML
	}
	return JSON
}

// accepted returns the format that an Accept header asks for by name, the most wanted and then the first.
func accepted(accept string) (best Format, ok bool) {
	most := 0.0
	for i, element := range strings.Split(accept[:min(len(accept), maxAccept)], ",") {
		kind, parameters, err := mime.ParseMediaType(element)
		if err != nil || i == maxRanges {
			continue
		}
		var f Format
		switch {
		case kind == "text/html", kind == "application/xhtml+xml":
			f = HTML
		case isJSON(kind):
			f = JSON
		case kind == "text/plain":
			f = Text
		default:
			continue
		}
		q := 1.0
		if given, is := parameters["q"]; is {
			if q, err = strconv.ParseFloat(given, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		if q > most {
			best, most, ok = f, q, true
		}
	}
	return best, ok
}

func isJSON(kind string) bool {
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// isTerminal tells the clients whose user reads the answer as it is.
func isTerminal(agent string) bool {
	name, _, _ := strings.Cut(agent, "/")
	switch strings.ToLower(name) {
	case "curl", "curlie", "fetch libfetch", "httpie", "wget", "wget2", "xh":
		return true
	}
	return false
}
