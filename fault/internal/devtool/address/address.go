// Package address is about addresses on which a development server listens: whether one is well written, whether
// other machines reach it, how a browser reaches it, and who has it if it cannot be had.
package address

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// SyntaxError is an address that is not written as HOST:PORT.
type SyntaxError struct {
	Address string
	Text    string // what is the matter with it, as a sentence's end: "has no port …"
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%q %s", e.Address, e.Text) }

// Split takes HOST:PORT apart. The host may be a name, an address or nothing, which is all addresses; the port is a
// number, and 0 is any free one. An error is a *SyntaxError.
func Split(address string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, &SyntaxError{address, "is not of the form HOST:PORT, such as 127.0.0.1:8025"}
	}
	port, err = strconv.Atoi(digits)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, &SyntaxError{address, "has no port from 0 to 65535 after its last colon"}
	}
	return host, port, nil
}

// IsLoopback reports whether host, without a port, is a name or an address of the loopback interface, so that only
// this machine reaches it. Names are judged as they are written and not looked up.
func IsLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761, 6.3
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// LocalURL is how a browser on this machine reaches addr by HTTP. A wildcard address is reached at the loopback address.
func LocalURL(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return "http://" + addr.String()
	}
	at := tcp.AddrPort()
	ip := at.Addr().Unmap()
	if ip.IsUnspecified() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return "http://" + netip.AddrPortFrom(ip, at.Port()).String()
}
