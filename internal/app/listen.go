package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"example.org/microblog/internal/config"
)

// listen takes the address, and says in words which setting to change when it cannot.
func listen(address config.Listen) (net.Listener, error) {
	if address.Network == "unix" {
		removeStaleSocket(address.Address)
	}
	l, err := net.Listen(address.Network, address.Address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is in use by another program; stop that program, or choose another address with the setting LISTEN, such as LISTEN=127.0.0.1:5001", address)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("this user may not listen on %s; ports below 1024 need a privilege, so choose a higher one with the setting LISTEN: %w", address, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("this machine does not have the address %s; correct the setting LISTEN: %w", address, err)
	}
	return nil, fmt.Errorf("listening on %s (setting LISTEN): %w", address, err)
}

// removeStaleSocket removes a Unix socket that nobody listens on any more, as a crash leaves it.
func removeStaleSocket(path string) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSocket == 0 {
		return
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close()
		return
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(path)
	}
}

// localURL is how a browser on this machine reaches addr. A wildcard address is reached at the loopback address.
func localURL(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return "unix:" + addr.String()
	}
	port := tcp.AddrPort()
	if ip := port.Addr(); ip.IsUnspecified() {
		port = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port.Port())
	}
	return "http://" + port.String()
}
