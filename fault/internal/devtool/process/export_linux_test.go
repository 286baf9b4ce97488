package process

import "net/netip"

// Listeners reads /proc/net/tcp.
func Listeners(text []byte) map[string]netip.AddrPort { return listeners(text) }

// LivesInSession reads /proc/N/stat.
func LivesInSession(stat string, leader int) bool { return livesInSession(stat, leader) }
