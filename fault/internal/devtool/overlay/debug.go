package overlay

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// DebugPage is what the debugger's own server adds to the page about a failure. The page works with the interface of
// docs/debugger-api.md, at the root of its own origin, and takes its static files from Asset, below Prefix as everywhere.
type DebugPage struct {
	// Applications are the origins of the application ("http://localhost:5000"), which alone may show the page in a frame;
	// the first is where links to the application lead.
	Applications []string
	// Explanations are what can be said of the failure without its variables, until whoever has the PIN gets better ones. What stands
	// between backquotes is code.
	Explanations []Explanation
}

// Explanation says what a failure means, and what can be done.
type Explanation struct {
	Title, Text string
	Try         []string
}

// WriteDebugger answers with the page about a failure with room for the debugger, or, where f is nil, with a page that
// says nothing about any failure: whoever unlocks it sees the failures that are kept. It sets every header that matters
// to a browser. The page shows itself without any rights: what it loads needs the session's token.
func WriteDebugger(w http.ResponseWriter, r *http.Request, f *Failure, d DebugPage) {
	v := debugPage{failurePage: failurePage{shell: shell{Title: "Debugger"}}, Front: f == nil}
	var ancestors []string
	for _, application := range d.Applications {
		if origin := originOf(application); origin != "" {
			ancestors = append(ancestors, origin)
		}
	}
	if len(ancestors) > 0 {
		v.Application = ancestors[0]
	}
	if f != nil {
		v.failurePage, v.FullID = debugFailurePage(r, f, v.Application), f.ID.Full()
		for _, e := range d.Explanations {
			said := explanationView{Title: phrases(line(e.Title)), Text: phrases(lines(e.Text))}
			for _, try := range e.Try {
				said.Try = append(said.Try, phrases(lines(try)))
			}
			v.Explained = append(v.Explained, said)
		}
	}
	v.Debug, v.Home, v.Script, v.Framed = true, "/", "", r.URL.Query().Get("framed") == "1"
	if v.Framed {
		v.Home = "/?framed=1"
	}
	a := answer{status: http.StatusOK, policy: debugPolicy(ancestors), header: map[string]string{
		"Cross-Origin-Embedder-Policy": "require-corp",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Referrer-Policy":              "no-referrer",
	}}
	switch {
	case len(ancestors) == 0:
		a.header["X-Frame-Options"] = "DENY"
	case v.Framed: // A page with require-corp of its own may show it; who may show it at all is the policy's matter.
		a.header["Cross-Origin-Resource-Policy"] = "cross-origin"
	}
	for name := range w.Header() {
		if strings.HasPrefix(name, "Access-Control-") {
			w.Header().Del(name)
		}
	}
	a.html("debugger.html", v)
	a.write(w)
}

// debugFailurePage is the page about a failure as the application's origin has it, told to the debugger's reader.
func debugFailurePage(r *http.Request, f *Failure, application string) failurePage {
	own := *f
	own.Debugger, own.Script = "", ""
	if u, err := url.Parse(application); err == nil && application != "" { // Commands lead there, not here.
		r = r.Clone(r.Context())
		r.Host = u.Host
		r.Header.Set("X-Forwarded-Proto", u.Scheme)
	}
	v := failurePageOf(r, &own, f.Status, true)
	if v.Answer != "" {
		v.Answer = application + v.Answer
	}
	if application == "" {
		v.Answer = ""
	}
	for g := range v.Groups {
		for c := range v.Groups[g].Calls {
			v.Groups[g].Calls[c].Room = true
		}
	}
	return v
}

// debugPage is a failure's page on the debugger's origin.
type debugPage struct {
	failurePage
	Front       bool   // it is about no failure
	Application string // origin; "" is not known
	FullID      string
	Explained   []explanationView
}

type explanationView struct {
	Title, Text []phrase
	Try         [][]phrase
}

// phrase is a part of a sentence.
type phrase struct {
	Text string
	Code bool
}

// phrases takes the code out of its backquotes. One that has no other stays.
func phrases(text string) (all []phrase) {
	for text != "" {
		before, rest, _ := strings.Cut(text, "`")
		within, after, closed := strings.Cut(rest, "`")
		if !closed {
			return append(all, phrase{Text: text})
		}
		if before != "" {
			all = append(all, phrase{Text: before})
		}
		all = append(all, phrase{within, true})
		text = after
	}
	return all
}

// debugPolicy lets the page do what is its own, and be framed by these origins only. No text can become markup or script.
func debugPolicy(ancestors []string) string {
	by := "'none'"
	if len(ancestors) > 0 {
		by = strings.Join(ancestors, " ")
	}
	return "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
		"form-action 'none'; base-uri 'none'; frame-ancestors " + by + "; require-trusted-types-for 'script'; trusted-types 'none'"
}

// originOf returns the origin of an address as a policy can name it; "" is none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(u.Host, " \t;,'\"<>\\*") {
		return ""
	}
	for _, c := range []byte(u.Host) {
		if c <= ' ' || c >= 0x7f {
			return ""
		}
	}
	return u.Scheme + "://" + u.Host
}

// debuggerOf returns where the debugger shows a failure, reached as the reader has reached the application: a browser
// keeps what a site has stored by the name of its top page, so "localhost" in "127.0.0.1" would ask for the PIN again.
func debuggerOf(r *http.Request, address string) string {
	origin := originOf(address)
	if origin == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	here := (&url.URL{Host: r.Host}).Hostname()
	if isLocalV4(u.Hostname()) && isLocalV4(here) {
		u.Host = here + strings.TrimPrefix(u.Host, u.Hostname())
	}
	return u.String()
}

// isLocalV4 tells the names by which a browser reaches what listens on 127.0.0.1.
func isLocalV4(host string) bool {
	return host == "localhost" || host == netip.AddrFrom4([4]byte{127, 0, 0, 1}).String()
}

// framedAt returns the address of a page as it is shown in a frame.
func framedAt(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	query := u.Query()
	query.Set("framed", "1")
	u.RawQuery = query.Encode()
	return u.String()
}
