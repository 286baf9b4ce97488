//go:build unix

package proxy

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// keepsConnections says that quiet knows what it says.
const keepsConnections = true

// quiet tells that the other end has neither closed the connection nor sent what was not read. It does not wait, not for another
// reader either: RawConn.Read would.
func quiet(c net.Conn) bool {
	is := false
	control(c, func(fd int) {
		var one [1]byte
		var err error = unix.EINTR
		for errors.Is(err, unix.EINTR) {
			_, _, err = unix.Recvfrom(fd, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		}
		is = errors.Is(err, unix.EAGAIN)
	})
	return is
}

// wasReset tells that the other end's system has thrown away what was written: the connection was closed before it was read.
func wasReset(c net.Conn) bool {
	is := false
	control(c, func(fd int) {
		code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		is = err == nil && (code == int(unix.ECONNRESET) || code == int(unix.EPIPE))
	})
	return is
}

// control calls f unless the connection is closed on our side.
func control(c net.Conn, f func(fd int)) {
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { f(int(fd)) }) // It is closed.
		}
	}
}
