package cli

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
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"example.org/microblog/internal/config"
)

const (
	dialTimeout  = 2 * time.Second
	readyTimeout = 5 * time.Second // the server itself gives up asking its database after two
	maxProbed    = 4 << 10         // bytes of an answer that are looked at
)

// otherAddress is what to do about an address that somebody else has.
const otherAddress = "Stop that program, or choose another address with the setting LISTEN, such as LISTEN=127.0.0.1:5001."

// address tells whether the server could take its address, or who has it.
func (d *doctor) address(ctx context.Context) {
	listen := d.cfg.Listen
	if listen.Network == "unix" {
		d.socket(ctx, listen)
		return
	}
	_, port, _ := net.SplitHostPort(listen.Address)
	if port == "0" {
		d.okf("%s: the system will choose a free port.", listen)
		return
	}
	// Whose address it is first, by any port of it: a machine far away may answer there as well.
	var bind error
	if host, _, err := net.SplitHostPort(listen.Address); err == nil {
		l, err := net.Listen(listen.Network, net.JoinHostPort(host, "0"))
		if bind = err; err == nil {
			_ = l.Close()
		}
	}
	if errors.Is(bind, syscall.EADDRNOTAVAIL) {
		d.cannotListen(listen, port, bind)
		return
	}
	// Then a connection: taking the address itself, for a moment, could get in the way of a server that
	// is just starting.
	if conn, err := dial(ctx, listen); err == nil {
		_ = conn.Close()
		d.occupied(ctx, listen)
		return
	}
	l, err := net.Listen(listen.Network, listen.Address)
	if err == nil {
		_ = l.Close()
		d.okf("%s is free.", listen)
		return
	}
	d.cannotListen(listen, port, err)
}

// cannotListen says in plain language why an address cannot be had.
func (d *doctor) cannotListen(listen config.Listen, port string, err error) {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		d.add(wrong, fmt.Sprintf("The address %s is already in use, although nobody answers there.", listen), inUse(port))
	case errors.Is(err, fs.ErrPermission):
		d.add(wrong, fmt.Sprintf("This user may not listen on %s: ports below 1024 need a privilege.", listen),
			"Choose a higher port with the setting LISTEN, and let a reverse proxy have the low one.")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		d.add(wrong, fmt.Sprintf("This machine does not have the address %s.", listen),
			"Set LISTEN to an address of this machine: 127.0.0.1:5000 for this machine alone, or :5000 for all of its addresses.")
	case errors.As(err, &dns):
		d.add(wrong, fmt.Sprintf("The host of the setting LISTEN, %s, is not known: %s.", dns.Name, dns.Err), "Give the address as a number, such as LISTEN=127.0.0.1:5000.")
	default:
		d.add(wrong, fmt.Sprintf("Nobody can listen on %s: %v.", listen, err), "Correct the setting LISTEN.")
	}
}

// inUse says how to find out who has a port, and what to do then.
func inUse(port string) string {
	if runtime.GOOS == "darwin" && port == "5000" {
		return "On a Mac this is often the AirPlay receiver, which can be switched off in the system settings. " + otherAddress
	}
	who := map[string]string{
		"linux":   "ss -ltnp 'sport = :" + port + "'",
		"windows": "netstat -abno",
	}[runtime.GOOS]
	if who == "" {
		who = "lsof -i :" + port
	}
	return "This shows who has it: " + who + ". " + otherAddress
}

// dial connects to where a server that listens there is reached from this machine.
func dial(ctx context.Context, listen config.Listen) (net.Conn, error) {
	address := listen.Address
	if listen.Network == "tcp" {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
			address = net.JoinHostPort("127.0.0.1", port)
			if ip.Is6() && !ip.Is4In6() {
				address = net.JoinHostPort("::1", port)
			}
		}
	}
	return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, listen.Network, address)
}

// occupied tells who answers at the address.
func (d *doctor) occupied(ctx context.Context, listen config.Listen) {
	_, port, _ := net.SplitHostPort(listen.Address)
	status, body, err := ask(ctx, listen, "/readyz")
	switch {
	case err != nil:
		who := "it answers, but not as a web server does"
		if errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err) {
			who = "it takes connections and says nothing"
		}
		d.add(wrong, fmt.Sprintf("The address %s is already in use by another program: %s.", listen, who), inUse(port))
	case status == http.StatusOK && body == "ready\n":
		if known, here := d.runsHere(); known && !here {
			d.add(warning, fmt.Sprintf("A Microblog is running at %s, and it is ready, but it is another one: none runs with the data directory %s.", listen, d.cfg.DataDir),
				"With these settings, microblog serve would find the address taken. Give doctor the settings of the server that is meant, or choose another address with the setting LISTEN.")
			return
		}
		d.okf("A Microblog is running at %s, and it is ready. It keeps the settings that it was started with; what is checked here are those of this environment.", listen)
	case status == http.StatusServiceUnavailable && strings.Contains(body, "Not ready: "):
		_, why, _ := strings.Cut(body, "Not ready: ")
		why, _, _ = strings.Cut(why, "\n")
		d.add(wrong, fmt.Sprintf("A Microblog is running at %s, but it is not ready: %s", listen, d.words(why)), "The lines about the database below say more.")
	default:
		d.add(wrong, fmt.Sprintf("The address %s is already in use by another web server, which is no Microblog.", listen), inUse(port))
	}
}

// ask gets a page, as text, from the server at the address.
func ask(ctx context.Context, listen config.Listen, path string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, listen) },
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Accept", "text/plain")
	request.Header.Set("User-Agent", "microblog doctor")
	answer, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = answer.Body.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxProbed))
	return answer.StatusCode, string(text), err
}

// socket is address for a Unix socket.
func (d *doctor) socket(ctx context.Context, listen config.Listen) {
	path := listen.Address
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		dir := filepath.Dir(path)
		if at, err := os.Stat(dir); err != nil || !at.IsDir() {
			d.add(wrong, fmt.Sprintf("The directory of the socket %s does not exist.", path), "Make it, or choose another path with the setting LISTEN.")
		} else if err := mayWrite(dir); err != nil {
			d.add(wrong, fmt.Sprintf("No socket can be made in %s: %v.", dir, cause(err)), "Let the user that runs Microblog write there, or choose another path with the setting LISTEN.")
		} else {
			d.okf("%s is free.", listen)
		}
		return
	case err != nil:
		d.add(wrong, fmt.Sprintf("%s cannot be looked at: %v.", path, cause(err)), "Choose another path with the setting LISTEN.")
		return
	case info.Mode()&fs.ModeSocket == 0:
		d.add(wrong, fmt.Sprintf("%s is no socket.", path), "Choose another path with the setting LISTEN, or move away what is there.")
		return
	}
	conn, err := dial(ctx, listen)
	switch {
	case err == nil:
		_ = conn.Close()
		d.occupied(ctx, listen)
	case errors.Is(err, syscall.ECONNREFUSED):
		d.okf("%s is left over from a server that did not end by itself; the next start replaces it.", listen)
	default:
		d.add(wrong, fmt.Sprintf("%s cannot be reached: %v.", listen, cause(err)), "Run this as the user that runs Microblog, or choose another path with the setting LISTEN.")
	}
}

// cause is the innermost part of an error of the system, without the operation and the path.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
