package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"example.org/microblog/internal/config"
)

// listen takes the address, and says in words which setting to change when it cannot.
func listen(address config.Listen) (net.Listener, error) {
	if address.Network == "unix" {
		if err := removeStaleSocket(address.Address); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen(address.Network, address.Address)
	if err == nil && address.Network == "unix" {
		// As open as a TCP port on the loopback address: the reverse proxy may be another user.
		// Who may reach the socket is for its directory to say.
		if err := os.Chmod(address.Address, 0o666); err != nil {
			return nil, errors.Join(fmt.Errorf("opening the socket %s to other users: %w", address, err), l.Close())
		}
	}
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE) && microblogAt(address):
		return nil, fmt.Errorf("the address %s is in use: a Microblog is running there already; stop that one, or choose another address with the setting LISTEN, such as LISTEN=127.0.0.1:5001", address)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is in use by another program; stop that program, or choose another address with the setting LISTEN, such as LISTEN=127.0.0.1:5001", address)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("this user may not listen on %s; ports below 1024 need a privilege, so choose a higher one with the setting LISTEN: %w", address, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("this machine does not have the address %s; correct the setting LISTEN: %w", address, err)
	}
	return nil, fmt.Errorf("listening on %s (setting LISTEN): %w", address, err)
}

// askTimeout bounds asking who has an address that cannot be had.
const askTimeout = time.Second

// microblogAt reports whether a Microblog answers at an address of this machine.
func microblogAt(address config.Listen) bool {
	target := address.Address
	if host, port, err := net.SplitHostPort(target); err == nil {
		if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
			target = net.JoinHostPort("localhost", port)
		}
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, address.Network, target)
		},
	}
	defer transport.CloseIdleConnections()
	client := http.Client{
		Transport: transport, Timeout: askTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequest(http.MethodGet, "http://localhost/readyz", nil)
	if err != nil {
		return false
	}
	request.Header.Set("Accept", "text/plain")
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }() // only read
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	switch {
	case err != nil:
		return false
	case answer.StatusCode == http.StatusServiceUnavailable:
		return strings.Contains(string(body), "Not ready: ")
	}
	return answer.StatusCode == http.StatusOK && string(body) == "ready\n"
}

// removeStaleSocket removes a Unix socket that nobody listens on any more, as a crash leaves it.
// What is there and is no socket is left alone, with an error.
func removeStaleSocket(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil // nothing there, or listening will say why not
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is no socket; choose another path with the setting LISTEN, or move what is there away", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return conn.Close()
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return os.Remove(path)
	}
	return nil
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
