package web

import (
	"net/http"
	"net/url"
	"strings"

	"example.org/microblog/fault"
)

// contentSecurityPolicy lets pages load styles, scripts and pictures from this site and nothing
// else, run nothing inline, send forms only here, and be framed by nobody.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; " +
	"img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// The values of the headers that every response carries. The slices are shared by all responses;
// they are full, so that adding to one copies it. With the four of a page they are eight, the most
// that a map holds before it grows into a table.
var (
	headerCSP         = []string{contentSecurityPolicy}
	headerNoSniff     = []string{"nosniff"}
	headerReferrer    = []string{"same-origin"} // not no-referrer: that makes the Origin of our own forms "null"
	headerPermissions = []string{"camera=(), geolocation=(), microphone=(), payment=(), usb=()"}
	headerSameOrigin  = []string{"same-origin"}
	headerHSTS        = []string{"max-age=31536000"} // a year; other hosts of the domain are not ours to decide for
)

// setSecurityHeaders sets the headers that tell browsers what a response may do.
func setSecurityHeaders(h http.Header, hsts bool) {
	h["Content-Security-Policy"] = headerCSP
	h["X-Content-Type-Options"] = headerNoSniff
	h["Referrer-Policy"] = headerReferrer
	h["Permissions-Policy"] = headerPermissions
	h["Cross-Origin-Opener-Policy"] = headerSameOrigin
	if hsts {
		h["Strict-Transport-Security"] = headerHSTS
	}
}

// crossOrigin decides which requests that change something come from this site.
type crossOrigin struct {
	std  *http.CrossOriginProtection
	base string // origin of BASE_URL; "" without
}

func newCrossOrigin(base *url.URL) (*crossOrigin, error) {
	std, err := CrossOriginProtection(base)
	if err != nil {
		return nil, err
	}
	c := &crossOrigin{std: std}
	if base != nil {
		c.base = originOf(base)
	}
	return c, nil
}

// CrossOriginProtection returns what a Server with this BaseURL tells its own requests by: those of
// the same origin, and those of the base's, which a proxy may have made another one. Nil: there is no
// base. It is meant for the CrossOrigin of a desk, so that both decide alike.
func CrossOriginProtection(base *url.URL) (*http.CrossOriginProtection, error) {
	p := http.NewCrossOriginProtection()
	if base != nil {
		if err := p.AddTrustedOrigin(originOf(base)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// originOf returns the origin of u as browsers write it (RFC 6454, 6.2): in lower case and without
// the scheme's own port.
func originOf(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := u.Port(); port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return scheme + "://" + host
}

// check returns nil for a request that may change something, else why it may not.
func (c *crossOrigin) check(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return fault.Forbidden("This request would change something but does not say which site it comes from, " +
			"so nothing was done. Browsers say it by themselves; with another program, add the header \"Origin: " +
			c.expected(r) + "\".")
	}
	if err := c.std.Check(r); err != nil {
		refused := fault.Forbidden("This request was sent from another site, so nothing was done. " +
			"Open the page on this site and try again there.")
		refused.Err = err
		return refused
	}
	return nil
}

// expected is the Origin that a request to this site has to carry.
func (c *crossOrigin) expected(r *http.Request) string {
	if c.base != "" {
		return c.base
	}
	scheme := "http"
	if st := stateOf(r); st != nil && st.https || r.TLS != nil {
		scheme = "https"
	}
	if !validHost(r.Host) {
		return scheme + "://HOST"
	}
	return scheme + "://" + strings.ToLower(r.Host)
}
