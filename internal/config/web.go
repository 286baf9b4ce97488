package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// web reads the settings of the web server.
func (l *loader) web() {
	l.cfg.Listen = Listen{Network: "tcp", Address: "127.0.0.1:5000"}
	if text, ok := l.get("LISTEN"); ok {
		listen, wrong := parseListen(text)
		if wrong != "" {
			l.wrong("LISTEN", "%s", wrong)
		}
		l.cfg.Listen = listen
	}
	if text, ok := l.get("BASE_URL"); ok {
		base, wrong := parseBaseURL(text)
		if wrong != "" {
			l.wrong("BASE_URL", "%s", wrong)
		}
		l.cfg.BaseURL = base
	}
	if text, ok := l.get("TRUSTED_PROXIES"); ok {
		networks, wrongs := parseNetworks(text)
		for _, wrong := range wrongs {
			l.wrong("TRUSTED_PROXIES", "%s", wrong)
		}
		for _, n := range networks {
			if n.Bits() == 0 {
				l.warn("TRUSTED_PROXIES contains %s: everybody can then pretend to be somebody else.", n)
			}
		}
		l.cfg.TrustedProxies = networks
	}
	_, proxies := l.get("TRUSTED_PROXIES")
	if base := l.cfg.BaseURL; base != nil && base.Scheme == "https" && !proxies && l.cfg.Listen.Network == "tcp" {
		l.warn("BASE_URL is https, so a proxy stands in front, but TRUSTED_PROXIES is not set: all visitors count as one address, and share its limits.")
	}
}

// parseListen reads HOST:PORT, :PORT or unix:PATH.
func parseListen(text string) (listen Listen, wrong string) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///") {
			return listen, "has two slashes after unix:, where one or none is meant"
		}
		if strings.HasPrefix(path, "///") { // unix:///run/microblog.sock
			path = path[2:]
		}
		longest := len(syscall.RawSockaddrUnix{}.Path) - 1
		switch {
		case path == "":
			return listen, "has no path after unix:"
		case strings.HasSuffix(path, "/"):
			return listen, "ends in a slash, but a socket is a file"
		case len(path) > longest:
			return listen, fmt.Sprintf("has a path of %d bytes, and the system allows a socket only %d", len(path), longest)
		}
		return Listen{"unix", path}, ""
	}
	if strings.Contains(text, "://") {
		return listen, "is a URL, not an address"
	}
	if _, err := strconv.Atoi(text); err == nil {
		return listen, "is a port without the colon before it"
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Is6() {
		return listen, "has no port, and an IPv6 address stands in brackets"
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		if strings.Count(text, ":") > 1 && !strings.Contains(text, "[") {
			return listen, "has more than one colon, and an IPv6 address stands in brackets"
		}
		return listen, "has no port"
	}
	if host != "" {
		if wrong := checkHost(host); wrong != "" {
			return listen, wrong
		}
	}
	n, wrong := parseCount(port, 0, 65535)
	if wrong != "" {
		return listen, "has a port that " + wrong
	}
	return Listen{"tcp", net.JoinHostPort(host, strconv.Itoa(n))}, ""
}

// parseBaseURL reads the address of a site: a scheme, a host and perhaps a port.
func parseBaseURL(text string) (base *url.URL, wrong string) {
	if !strings.Contains(text, "://") {
		return nil, "does not begin with http:// or https://"
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, "is not a URL" // the error would repeat all of it
	}
	host := strings.ToLower(u.Hostname())
	port := u.Port()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "does not begin with http:// or https://"
	case u.User != nil:
		return nil, "has a user in it"
	case host == "":
		return nil, "has no host"
	case strings.Contains(host, "%"):
		return nil, "has a host that means something only on this machine"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return nil, "has something after the host"
	case u.Path != "" && u.Path != "/":
		return nil, "has a path, but the site is at the root of its host"
	}
	if wrong := checkHost(host); wrong != "" {
		return nil, wrong
	}
	if strings.HasSuffix(u.Host, ":") {
		return nil, "has a colon without a port"
	}
	if port != "" {
		n, wrong := parseCount(port, 1, 65535)
		if wrong != "" {
			return nil, "has a port that " + wrong
		}
		port = strconv.Itoa(n)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		host += ":" + port
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, ""
}

// checkHost says what is wrong with a host name or an IP address without
// brackets; "" is right. Names are those of RFC 1123, and _ is let pass.
func checkHost(host string) (wrong string) {
	if a, err := netip.ParseAddr(host); err == nil {
		if strings.ContainsFunc(a.Zone(), func(c rune) bool { return !isLetterOrDigit(c) && !strings.ContainsRune("-_.", c) }) {
			return "has an IPv6 address with a zone that is no name of an interface"
		}
		return ""
	}
	if strings.Contains(host, ":") {
		return "has a host that is no IPv6 address"
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 {
		return "has a host name of more than 253 characters"
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		switch {
		case label == "":
			return "has a host name with an empty part"
		case len(label) > 63:
			return "has a host name with a part of more than 63 characters"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "has a host name with a hyphen at the end of a part"
		}
		for _, c := range label {
			if c > 127 {
				return "has a host name with a letter outside a to z; its form for machines begins with xn--"
			}
			if !isLetterOrDigit(c) && c != '-' && c != '_' {
				return fmt.Sprintf("has a host name with %q in it", c)
			}
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return "has a host that is no IPv4 address"
	}
	return ""
}

func isLetterOrDigit(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// parseNetworks reads addresses and networks separated by commas. An IPv4
// network written as IPv6 (::ffff:10.0.0.0/104) becomes an IPv4 one.
func parseNetworks(text string) (networks []netip.Prefix, wrongs []string) {
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		n, wrong := parseNetwork(item)
		if wrong != "" {
			wrongs = append(wrongs, fmt.Sprintf("%q %s", show(Public, item), wrong))
			continue
		}
		networks = append(networks, n)
	}
	return networks, wrongs
}

func parseNetwork(item string) (n netip.Prefix, wrong string) {
	if !strings.Contains(item, "/") {
		a, err := netip.ParseAddr(item)
		switch {
		case err != nil:
			return n, "is no IP address"
		case a.Zone() != "":
			return n, "has a zone"
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	n, err := netip.ParsePrefix(item)
	if err != nil {
		return n, "is no network in the form ADDRESS/BITS"
	}
	if n.Addr().Is4In6() && n.Bits() >= 96 {
		n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
	}
	if n != n.Masked() {
		return n, fmt.Sprintf("has bits set outside the network; was %s meant?", n.Masked())
	}
	return n, ""
}
