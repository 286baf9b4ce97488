package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// origin is where a request comes from, as far as it can be believed.
type origin struct {
	addr    netip.Addr // the client; invalid when the peer's address cannot be read
	trusted bool       // the socket's peer is a trusted proxy
	https   bool       // the client used https, by our own TLS or by the word of a trusted proxy
	host    string     // the host the client asked for by the word of a trusted proxy; "" if it said none
	unclear bool       // a trusted proxy named two different clients
}

// proxies tells which peers are believed when they say for whom they speak.
type proxies []netip.Prefix

// peerAddr reads the address of a socket's peer. A peer on a Unix socket has no address; it is on
// this machine, so it counts as 127.0.0.1 and is believed where 127.0.0.1 is.
func peerAddr(remote string) netip.Addr {
	if remote == "" || remote[0] == '@' || remote[0] == '/' {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if p, err := netip.ParseAddrPort(remote); err == nil {
		return p.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

func (p proxies) contain(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// origin finds out where r comes from. The socket's peer is the client unless it is a trusted
// proxy. Then the client is the rightmost address that is not itself trusted in X-Forwarded-For or
// Forwarded (RFC 7239); what stands to the left of it could have been written by anybody. Where
// a hop cannot be read ("unknown", "_hidden", nonsense), the last hop that could is the client.
// Most proxies write only one of the two headers and pass on the other as it came, so where both
// are there and disagree, neither is believed and the proxy itself counts as the client.
func (p proxies) origin(r *http.Request) origin {
	peer := peerAddr(r.RemoteAddr)
	o := origin{addr: peer, https: r.TLS != nil}
	if len(p) == 0 || !p.contain(peer) {
		return o
	}
	o.trusted = true
	plain, standard := r.Header["X-Forwarded-For"], r.Header["Forwarded"]
	switch {
	case len(plain) > 0 && len(standard) > 0:
		a, hops := p.client(peer, plain, forwardedPlain)
		b, _ := p.client(peer, standard, forwardedFor)
		o.unclear = a != b
		if !o.unclear {
			o.addr = a
			o.proto(fromRight(r.Header["X-Forwarded-Proto"], hops))
			o.forHost(fromRight(r.Header["X-Forwarded-Host"], hops))
		}
	case len(standard) > 0:
		var hops int
		o.addr, hops = p.client(peer, standard, forwardedFor)
		element := fromRight(standard, hops)
		o.proto(forwardedParam(element, "proto"))
		o.forHost(forwardedParam(element, "host"))
	default:
		var hops int
		o.addr, hops = p.client(peer, plain, forwardedPlain)
		o.proto(fromRight(r.Header["X-Forwarded-Proto"], hops))
		o.forHost(fromRight(r.Header["X-Forwarded-Host"], hops))
	}
	return o
}

func (o *origin) proto(said string) {
	if said != "" {
		o.https = strings.EqualFold(said, "https")
	}
}

func (o *origin) forHost(said string) {
	if validHost(said) {
		o.host = said
	}
}

// client walks a list of hops from the right. It returns the client and how many hops to the right
// of it were trusted proxies.
func (p proxies) client(peer netip.Addr, lines []string, read func(string) netip.Addr) (client netip.Addr, hops int) {
	client = peer
	for element := range backwards(lines) {
		a := read(element)
		if !a.IsValid() {
			return client, max(hops-1, 0)
		}
		client = a
		if !p.contain(a) {
			return client, hops
		}
		hops++
	}
	return client, max(hops-1, 0)
}

// fromRight returns the list element that has n others to its right, or the leftmost one where the
// list is shorter: some proxies replace the header where others append to it.
func fromRight(lines []string, n int) string {
	last := ""
	for element := range backwards(lines) {
		last = element
		if n == 0 {
			break
		}
		n--
	}
	return last
}

// backwards yields the comma-separated elements of header lines, the last one first, without
// leading and trailing blanks. A comma within a quoted string does not separate.
func backwards(lines []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := len(lines) - 1; i >= 0; i-- {
			rest := lines[i]
			for {
				cut := lastComma(rest)
				if !yield(strings.TrimSpace(rest[cut+1:])) {
					return
				}
				if cut < 0 {
					break
				}
				rest = rest[:cut]
			}
		}
	}
}

// lastComma returns the index of the last comma outside quotes, or -1. Read from the right, a quote
// is an escaped one when an odd number of backslashes stands before it.
func lastComma(s string) int {
	quoted := false
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case '"':
			slashes := 0
			for j := i - 1; j >= 0 && s[j] == '\\'; j-- {
				slashes++
			}
			if slashes%2 == 0 {
				quoted = !quoted
			}
		case ',':
			if !quoted {
				return i
			}
		}
	}
	return -1
}

// forwardedPlain reads an element of X-Forwarded-For: an address, with a port where a proxy adds it.
func forwardedPlain(s string) netip.Addr {
	return nodeAddr(s)
}

// forwardedFor reads the "for" of an element of Forwarded.
func forwardedFor(element string) netip.Addr {
	return nodeAddr(forwardedParam(element, "for"))
}

// nodeAddr reads an IP address with or without port: 192.0.2.1, 192.0.2.1:80, 2001:db8::1,
// [2001:db8::1], [2001:db8::1]:80. It returns the zero Addr for anything else.
func nodeAddr(s string) netip.Addr {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone("")
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		if a, err := netip.ParseAddr(s[1 : len(s)-1]); err == nil && a.Is6() {
			return a.Unmap().WithZone("")
		}
	}
	if p, err := netip.ParseAddrPort(s); err == nil {
		return p.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// forwardedParam returns the value of a parameter of one element of Forwarded: pairs of token and
// value or quoted string, separated by semicolons. It returns "" where the element has no such
// parameter, has it twice, or cannot be read.
func forwardedParam(element, name string) string {
	value, found := "", false
	for {
		element = strings.TrimLeft(element, " \t")
		key, rest, ok := strings.Cut(element, "=")
		if !ok {
			return ""
		}
		var v string
		if strings.HasPrefix(rest, `"`) {
			if v, rest, ok = unquote(rest); !ok {
				return ""
			}
			rest = strings.TrimLeft(rest, " \t")
			if rest != "" && rest[0] != ';' {
				return ""
			}
		} else {
			end := strings.IndexByte(rest, ';')
			if end < 0 {
				end = len(rest)
			}
			v, rest = strings.TrimRight(rest[:end], " \t"), rest[end:]
		}
		if strings.EqualFold(key, name) {
			if found {
				return ""
			}
			value, found = v, true
		}
		if rest == "" || rest == ";" {
			return value
		}
		element = rest[1:]
	}
}

// unquote reads the quoted string (RFC 9110, 5.6.4) at the beginning of s.
func unquote(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// validHost reports whether s can be a Host header: a name or an address, with or without port.
func validHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	host, port := s, ""
	if h, p, err := net.SplitHostPort(s); err == nil {
		host, port = h, p
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return false
		}
	} else if s[0] == '[' && s[len(s)-1] == ']' {
		host = s[1 : len(s)-1]
	}
	if strings.Contains(host, ":") {
		a, err := netip.ParseAddr(host)
		return err == nil && a.Is6() && s[0] == '['
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return host != ""
}
