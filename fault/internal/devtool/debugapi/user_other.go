//go:build !linux

package debugapi

import (
	"net"
	"net/netip"
)

// userOf does not know on this system: all users of the machine are one client.
func userOf(netip.AddrPort, net.Addr) string { return "" }
