package web

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxNext bounds the length in bytes of an address to return to.
const maxNext = 2048

// safeNext returns the address that signing in may lead back to, or "" when raw is not one. Only a
// path of this site is: one slash first, no second slash or backslash anywhere that a browser could
// take for the beginning of a host, also not in percent-encoding, and no control characters, which
// browsers skip. A fragment is left out.
func safeNext(raw string) string {
	if len(raw) < 1 || len(raw) > maxNext || raw[0] != '/' || !utf8.ValidString(raw) {
		return ""
	}
	for _, c := range raw {
		if c < 0x20 || 0x7f <= c && c < 0xa0 || c == '\\' || c == '\u2028' || c == '\u2029' {
			return ""
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return ""
	}
	if !strings.HasPrefix(u.Path, "/") || strings.Contains(u.Path, "//") || strings.ContainsFunc(u.Path, func(c rune) bool {
		return c < 0x20 || c == 0x7f || c == '\\' || c == utf8.RuneError
	}) {
		return ""
	}
	next := u.EscapedPath()
	if u.RawQuery != "" {
		next += "?" + u.RawQuery
	}
	return next
}

// loginPath is the address of the log-in page that leads back to next.
func loginPath(next string) string {
	return "/login?next=" + url.QueryEscape(next)
}
