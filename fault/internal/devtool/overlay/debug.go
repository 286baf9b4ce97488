package overlay

import (
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// DebugPage is what the debugger's own server adds to the page about a failure. The page works with the interface of
// docs/debugger-api.md, at the root of its own origin, and takes its static files from Asset, below Prefix as everywhere.
type DebugPage struct {
	// Applications are the origins of the application ("http://localhost:5000"), which alone may show the page in a frame;
	// the first is where links to the application lead.
	Applications []string
}

// WriteDebugger answers with the page about a failure with room for the debugger, or, where f is nil, with a page that
// says nothing about any failure: whoever unlocks it sees the failures that are kept. It sets every header that matters
// to a browser. The page shows itself without any rights: what it loads needs the session's token.
func WriteDebugger(w http.ResponseWriter, r *http.Request, f *Failure, d DebugPage) {
	var v debugPage
	if f == nil {
		v.failurePage = failurePage{shell: shell{Title: "Debugger"}}
		v.Front = true
	} else {
		own := *f
		own.Debugger, own.Script = "", ""
		v.failurePage = failurePageOf(r, &own, f.Status, true)
		v.Message = strings.TrimSpace(v.Message)
	}
	v.Debug, v.Home, v.Script = true, "/", ""
	v.Framed = r.URL.Query().Get("framed") == "1"
	if v.Framed {
		v.Home = "/?framed=1"
	}
	var ancestors []string
	for _, application := range d.Applications {
		if origin := originOf(application); origin != "" {
			ancestors = append(ancestors, origin)
			if v.Application == "" {
				v.Application = origin
			}
		}
	}
	if v.Application != "" && f != nil && strings.HasPrefix(f.Answer, Prefix) {
		v.Answer = v.Application + f.Answer
	} else {
		v.Answer = ""
	}
	for g := range v.Groups {
		for c := range v.Groups[g].Calls {
			v.Groups[g].Calls[c].Room = true
		}
	}
	a := answer{status: http.StatusOK, policy: debugPolicy(ancestors)}
	a.html("debugger.html", v)
	h := w.Header()
	a.write(w, func() {
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "clipboard-write=(self)")
		h.Set("Referrer-Policy", "no-referrer")
		h.Del("X-Frame-Options") // frame-ancestors says it for more than one origin
		if v.Framed {            // A page with require-corp of its own may show it; who may show it at all is the policy's matter.
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		if len(ancestors) == 0 {
			h.Set("X-Frame-Options", "DENY")
		}
	})
}

// debugPage is a failure's page on the debugger's origin.
type debugPage struct {
	failurePage
	Front       bool   // it is about no failure
	Application string // origin; "" is not known
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

// assetNames are the names that Asset knows, sorted.
func assetNames() []string { return slices.Sorted(maps.Keys(types)) }
