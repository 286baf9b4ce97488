//go:build !unix

package proxy

import "net"

// keepsConnections is false where a connection cannot be looked at.
const keepsConnections = false

func quiet(net.Conn) bool { return false }

func wasReset(net.Conn) bool { return false }
