package address_test

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/address"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in, host string
		port     int
		wrong    string // what the error says of it
	}{
		"IPv4":                {"127.0.0.1:5000", "127.0.0.1", 5000, ""},
		"IPv6":                {"[::1]:80", "::1", 80, ""},
		"a name, any port":    {"localhost:0", "localhost", 0, ""},
		"all addresses":       {":65535", "", 65535, ""},
		"a port only":         {"8025", "", 0, `"8025" is not of the form HOST:PORT`},
		"nothing":             {"", "", 0, "HOST:PORT"},
		"IPv6, no brackets":   {"::1:80", "", 0, "HOST:PORT"},
		"a URL":               {"http://localhost:80", "", 0, "HOST:PORT"},
		"a port too high":     {"x:65536", "", 0, "has no port from 0 to 65535"},
		"a port below all":    {"x:-1", "", 0, "has no port"},
		"a port's name":       {"x:http", "", 0, "has no port"},
		"a port with a space": {"x: 80", "", 0, "has no port"},
		"no port":             {"x:", "", 0, "has no port"},
	} {
		host, port, err := address.Split(test.in)
		var syntax *address.SyntaxError
		if test.wrong != "" {
			if !errors.As(err, &syntax) || syntax.Address != test.in || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%s: %v, want an error with %q", name, err, test.wrong)
			}
			continue
		}
		if err != nil || host != test.host || port != test.port {
			t.Errorf("%s: %q, %d, %v", name, host, port, err)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"127.0.0.1:5000", "[::1]:80", ":0", "x", "a:b:c", "[::1%eth0]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, port, err := address.Split(s)
		if err != nil {
			var syntax *address.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("%v is no SyntaxError", err)
			}
			return
		}
		if port < 0 || port > 65535 {
			t.Fatalf("port %d", port)
		}
	})
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost.": true, "app.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"::ffff:127.0.0.1": true,
		"":                 false, "0.0.0.0": false, "::": false, "192.0.2.1": false, "localhost.example.org": false, "notlocalhost": false,
		"127.0.0.1.example.org": false, "0177.0.0.1": false,
	} {
		if got := address.IsLoopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestLocalURL(t *testing.T) {
	t.Parallel()
	for want, addr := range map[string]net.Addr{
		"http://127.0.0.1:5000": &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5000},
		"http://127.0.0.1:5001": &net.TCPAddr{IP: net.IPv4zero, Port: 5001},
		"http://127.0.0.1:5002": &net.TCPAddr{IP: net.IPv6zero, Port: 5002},
		"http://[::1]:5003":     &net.TCPAddr{IP: net.IPv6loopback, Port: 5003},
		"http://192.0.2.7:80":   &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 80},
	} {
		got := address.LocalURL(addr)
		if _, err := url.Parse(got); err != nil || got != want {
			t.Errorf("%v: %s, want %s (%v)", addr, got, want, err)
		}
	}
}
