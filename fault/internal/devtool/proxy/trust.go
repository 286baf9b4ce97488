package proxy

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/devtool/overlay"
)

// knownHost tells whether a Host header names this server in a way that nobody else can make a browser use: a page of
// a stranger, whose name was pointed here, has that name as its host and stays a stranger.
func (s *Server) knownHost(host string) bool {
	name, ok := hostName(host)
	if !ok {
		return false
	}
	if address.IsLoopback(name) {
		return true
	}
	if slices.ContainsFunc(s.options.Hosts, func(known string) bool {
		return asciiLower(strings.Trim(known, "[]")) == asciiLower(name)
	}) {
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
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return "", false
		}
	}
	if inner, bracketed := strings.CutPrefix(name, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		return inner, closed && err == nil && ip.Is6() && ip.Zone() == ""
	}
	return name, name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

// trustsHost tells whether a request was sent to this server by its own name, and by somebody at this machine.
func (s *Server) trustsHost(r *http.Request) bool {
	return s.knownHost(r.Host) && !s.fromElsewhere(r)
}

// fromElsewhere tells whether another proxy, such as a tunnel's end, has passed the request on for somebody who is
// not at this machine or called for another name.
func (s *Server) fromElsewhere(r *http.Request) bool {
	for _, host := range elements(r.Header["X-Forwarded-Host"]) {
		if !s.knownHost(host) {
			return true
		}
	}
	if s.options.Exposed {
		return false
	}
	for _, client := range elements(r.Header["X-Forwarded-For"]) {
		if host, _, err := net.SplitHostPort(client); err == nil {
			client = host
		}
		if !address.IsLoopback(strings.Trim(client, "[]")) {
			return true
		}
	}
	return len(r.Header["Forwarded"]) > 0
}

func elements(header []string) []string {
	var all []string
	for _, line := range header {
		for element := range strings.SplitSeq(line, ",") {
			if element = strings.TrimSpace(element); element != "" {
				all = append(all, element)
			}
		}
	}
	return all
}

// sameOrigin tells whether no other site has a part in the request: a browser says so, or it is no browser.
func sameOrigin(r *http.Request) bool {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return false
		}
	}
	for _, origin := range r.Header["Origin"] {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || asciiLower(u.Host) != asciiLower(r.Host) {
			return false
		}
	}
	return true
}

// topLevel tells a plain link or address that fills the whole tab: whoever made it sees nothing of the answer.
func topLevel(r *http.Request) bool {
	return isRead(r) && one(r.Header["Sec-Fetch-Mode"]) == "navigate" && one(r.Header["Sec-Fetch-Dest"]) == "document" && len(r.Header["Origin"]) == 0
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func one(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// isPage tells whether the answer is to be a page in a browser, by any method.
func (s *Server) isPage(r *http.Request) bool {
	h := r.Header
	if h["Sec-Fetch-Mode"] != nil || h["Sec-Fetch-Site"] != nil || h["Sec-Fetch-Dest"] != nil {
		if one(h["Sec-Fetch-Mode"]) != "navigate" {
			return false
		}
		switch one(h["Sec-Fetch-Dest"]) {
		case "object", "embed":
			return false
		}
		return true
	}
	// No browser, or an old one, or it is not at this machine and has no TLS.
	if h.Get("X-Requested-With") != "" || h.Get("Hx-Request") != "" || h.Get("Upgrade") != "" {
		return false
	}
	return strings.Contains(asciiLower(strings.Join(h["Accept"], ",")), "text/html") && s.options.Pages.FormatOf(r) == overlay.HTML
}

// ownName returns the part of a path that is ours, below overlay.Prefix.
func ownName(r *http.Request) (name string, ok bool) {
	p := r.URL.Path
	if p+"/" == overlay.Prefix {
		return "", true
	}
	name, ok = strings.CutPrefix(p, overlay.Prefix)
	if !ok || name == "" {
		return name, ok
	}
	return name, path.Clean(p) == p // anything else means another path to somebody
}

// localPath returns to if it leads to a page of the application and nowhere else, else "/".
func localPath(to string) string {
	if len(to) == 0 || to[0] != '/' || len(to) > 8<<10 {
		return "/"
	}
	for i := range len(to) {
		if to[i] <= ' ' || to[i] == 0x7f || to[i] == '\\' {
			return "/" // browsers drop some of these, and take the last for a slash
		}
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.HasPrefix(to, "//") {
		return "/"
	}
	if clean := path.Clean(u.Path) + "/"; strings.HasPrefix(clean, overlay.Prefix) {
		return "/"
	}
	return to
}

// asciiLower is a for comparisons in which only ASCII has two cases.
func asciiLower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
