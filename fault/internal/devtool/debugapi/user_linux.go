package debugapi

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
)

// userOf names the user of this machine whose socket the client's end of a connection is, "" if that cannot be known. The other end is the server's.
func userOf(client netip.AddrPort, server net.Addr) string {
	at, err := netip.ParseAddrPort(server.String())
	if err != nil {
		return ""
	}
	for _, table := range []struct {
		path string
		six  bool
	}{{"/proc/net/tcp", false}, {"/proc/net/tcp6", true}} {
		if user, ok := findUser(table.path, socket(client, table.six), socket(at, table.six)); ok {
			return "user " + user
		}
	}
	return ""
}

// findUser reads a table as of proc(5).
func findUser(path, local, remote string) (string, bool) {
	if local == "" || remote == "" {
		return "", false
	}
	file, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 7 && fields[1] == local && fields[2] == remote {
			return fields[7], true
		}
	}
	return "", false
}

// socket writes an address as the tables do: 32-bit words in the machine's order, which is little-endian on all that this runs on. It is
// "" if the table has no such addresses.
func socket(a netip.AddrPort, six bool) string {
	ip := a.Addr().Unmap()
	var b []byte
	switch {
	case six:
		all := ip.As16() // ::ffff:a.b.c.d of IPv4
		b = all[:]
	case ip.Is4():
		all := ip.As4()
		b = all[:]
	default:
		return ""
	}
	var s strings.Builder
	for i := 0; i < len(b); i += 4 {
		fmt.Fprintf(&s, "%02X%02X%02X%02X", b[i+3], b[i+2], b[i+1], b[i])
	}
	fmt.Fprintf(&s, ":%04X", a.Port())
	return s.String()
}
