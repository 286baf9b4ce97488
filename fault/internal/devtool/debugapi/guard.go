package debugapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/visible"
)

// policy is what an answer that is no page may do in a browser.
const policy = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox"

// ServeHTTP answers a request, if it may be answered.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Dns-Prefetch-Control", "off")
	h.Set("Vary", "Accept, Authorization, Origin, Sec-Fetch-Dest, Sec-Fetch-Mode, Sec-Fetch-Site")
	if !s.knownHost(r.Host) {
		// A name that a stranger's DNS points to this machine would make this server part of the stranger's site.
		refuse(w, &refusal{http.StatusMisdirectedRequest, "host",
			fmt.Sprintf("The debugger does not go by the name %q.", visible.Line(shorten(r.Host, 200))),
			"Use " + s.url + ", or start with --allow-host NAME."})
		return
	}
	if s.fromElsewhere(r) {
		refuse(w, &refusal{http.StatusMisdirectedRequest, "host",
			"Another server has passed this request on for somebody who is not at this machine.", "Use " + s.url + " itself."})
		return
	}
	if p := r.URL.Path; r.URL.RawPath != "" || path.Clean(p) != p || strings.ContainsAny(p, "\\\x00") || r.URL.Host != "" && r.URL.Host != r.Host {
		refuse(w, noPath(r))
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, overlay.Prefix); ok {
		s.asset(w, r, name)
		return
	}
	if s.isPage(r) {
		s.page(w, r)
		return
	}
	if !s.sameOrigin(r) {
		refuse(w, otherOrigin())
		return
	}
	if err := s.api(w, r); err != nil {
		refuse(w, err)
	}
}

// asset answers with a file of the pages.
func (s *Server) asset(w http.ResponseWriter, r *http.Request, name string) {
	if !s.sameOrigin(r) {
		refuse(w, otherOrigin())
		return
	}
	if !isRead(r) {
		refuse(w, wrongMethod(w, r, "GET, HEAD"))
		return
	}
	content, kind, ok := s.options.Pages.Asset(name)
	if !ok {
		refuse(w, noPath(r))
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	_, _ = w.Write(content) // whoever does not get it is gone
}

// isPage tells a browser that loads a page, in a tab or in a frame. Nobody else sees anything of it: pages have no CORS headers, belong
// to their own origin, and may be framed by the application only.
func (s *Server) isPage(r *http.Request) bool {
	if !isRead(r) || r.Header["Authorization"] != nil {
		return false
	}
	if p := r.URL.Path; p != "/" && p != "/failures" && (!strings.HasPrefix(p, "/failures/") || strings.Count(p, "/") != 2) {
		return false
	}
	h := r.Header
	if h["Sec-Fetch-Mode"] == nil && h["Sec-Fetch-Dest"] == nil && h["Sec-Fetch-Site"] == nil { // no browser, or an old one
		return s.sameOrigin(r) && overlay.FormatOf(r) == overlay.HTML
	}
	if one(h["Sec-Fetch-Mode"]) != "navigate" || len(h["Origin"]) > 0 && !s.sameOrigin(r) {
		return false
	}
	switch one(h["Sec-Fetch-Dest"]) {
	case "document", "iframe", "frame":
		return true
	}
	return false
}

// knownHost tells whether a Host header names this server in a way that nobody else can make a browser use.
func (s *Server) knownHost(host string) bool {
	name, ok := hostName(host)
	if !ok {
		return false
	}
	name = strings.ToLower(name)
	if address.IsLoopback(name) || slices.ContainsFunc(s.options.Hosts, func(known string) bool { return strings.EqualFold(strings.Trim(known, "[]"), name) }) {
		return true
	}
	if !s.options.Exposed {
		return false
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// hostName takes the port and the brackets off a host.
func hostName(host string) (name string, ok bool) {
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		inner, port, closed := strings.Cut(inner, "]")
		ip, err := netip.ParseAddr(inner)
		return inner, closed && err == nil && ip.Is6() && ip.Zone() == "" && (port == "" || port[0] == ':' && isPort(port[1:]))
	}
	name, port, hasPort := strings.Cut(host, ":")
	if hasPort && !isPort(port) {
		return "", false
	}
	return name, name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

func isPort(s string) bool {
	return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

// forwarders are the headers of servers that pass requests on.
var forwarders = []string{"X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip"}

// isForwarded tells whether another server has passed the request on, as far as it says so.
func isForwarded(r *http.Request) bool {
	return slices.ContainsFunc(forwarders, func(name string) bool { return r.Header[name] != nil })
}

// fromElsewhere tells whether another server, such as a tunnel's end, has passed the request on for somebody who is not at this machine or called for
// another name.
func (s *Server) fromElsewhere(r *http.Request) bool {
	for _, host := range elements(r.Header["X-Forwarded-Host"]) {
		if !s.knownHost(host) {
			return true
		}
	}
	if s.options.Exposed {
		return false
	}
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip"} {
		for _, client := range elements(r.Header[name]) {
			if host, _, err := net.SplitHostPort(client); err == nil {
				client = host
			}
			if !address.IsLoopback(strings.Trim(client, "[]")) {
				return true
			}
		}
	}
	return r.Header["Forwarded"] != nil
}

func elements(header []string) []string {
	var all []string
	for _, line := range header {
		for element := range strings.SplitSeq(line, ",") {
			all = append(all, strings.TrimSpace(element))
		}
	}
	return all
}

// sameOrigin tells whether no other origin has a part in the request: a browser says so, or it is no browser.
func (s *Server) sameOrigin(r *http.Request) bool {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return false
		}
	}
	for _, origin := range r.Header["Origin"] {
		own := strings.EqualFold(origin, "http://"+r.Host)
		if s.options.Exposed && strings.EqualFold(origin, "https://"+r.Host) { // somebody in front of us speaks TLS
			own = true
		}
		if !own {
			return false
		}
	}
	return true
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func one(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// applications are the origins of the application as the reader of a page may have reached it: with the host by which the debugger was
// reached, and as it was told.
func (s *Server) applications(r *http.Request) []string {
	app, err := url.Parse(s.options.App)
	if err != nil || s.options.App == "" {
		return nil
	}
	here := &url.URL{Host: r.Host}
	host := here.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	same := app.Scheme + "://" + host
	if port := app.Port(); port != "" {
		same += ":" + port
	}
	if strings.EqualFold(same, s.options.App) {
		return []string{s.options.App}
	}
	return []string{same, s.options.App}
}

// clientOf tells who tries a PIN.
func (s *Server) clientOf(r *http.Request) client {
	c := client{cookie: s.cookie(r)}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		c.address = "unknown"
		return c
	}
	user := ""
	if server, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && at.Addr().Unmap().IsLoopback() {
		user = userOf(at, server)
	}
	c.address, c.local = addressOf(at.Addr(), user)
	if isForwarded(r) { // What such headers say, anybody can write.
		c.address, c.local = "by way of "+c.address, false
	}
	return c
}

// cookieName differs by port, since cookies do not.
func (s *Server) cookieName() string { return cookiePrefix + s.port }

const cookiePrefix = "fault-debugger-"

// cookie returns what a browser that was right was given. It gives no access.
func (s *Server) cookie(r *http.Request) string {
	if c, err := r.Cookie(s.cookieName()); err == nil && len(c.Value) < 100 {
		return c.Value
	}
	return ""
}
