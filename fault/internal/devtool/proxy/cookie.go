package proxy

import (
	"maps"
	"net/http"
	"strings"
)

// asideCookie holds the ID of the problem that its browser has put aside: page loads go on with the last good
// version, and nothing lies over the pages. Cookies know no ports, so another application at this machine may see it; it says nothing.
const asideCookie = "fault-run-aside"

// aside returns the ID of the problem that was put aside.
func aside(r *http.Request) string {
	if c, err := r.Cookie(asideCookie); err == nil {
		return c.Value
	}
	return ""
}

func setAside(w http.ResponseWriter, id string) {
	http.SetCookie(w, &http.Cookie{Name: asideCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// debuggerCookies is how the cookies of debuggers on this host begin, whose ports cookies do not know.
const debuggerCookies = "fault-debugger-"

func isOurs(cookie string) bool {
	return cookie == asideCookie || strings.HasPrefix(cookie, debuggerCookies)
}

// withoutOurs returns the request without our cookies, which are neither the application's to get nor to be recorded. All else stays as the
// client wrote it.
func withoutOurs(r *http.Request) *http.Request {
	lines, changed := r.Header["Cookie"], false
	var kept []string
	for _, line := range lines {
		if !strings.Contains(line, asideCookie) && !strings.Contains(line, debuggerCookies) {
			kept = append(kept, line)
			continue
		}
		var parts []string
		for part := range strings.SplitSeq(line, ";") {
			if name, _, _ := strings.Cut(strings.TrimSpace(part), "="); isOurs(strings.TrimSpace(name)) {
				changed = true
				continue
			}
			parts = append(parts, part)
		}
		if rest := strings.TrimLeft(strings.Join(parts, ";"), " "); rest != "" {
			kept = append(kept, rest)
		}
	}
	if !changed {
		return r
	}
	own := *r
	own.Header = maps.Clone(r.Header)
	if kept == nil {
		delete(own.Header, "Cookie")
	} else {
		own.Header["Cookie"] = kept
	}
	return &own
}
