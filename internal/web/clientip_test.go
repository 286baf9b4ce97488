package web

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestOrigin(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	type header = http.Header
	for name, test := range map[string]struct {
		peer   string
		header header
		tls    bool
		none   bool // no proxy is trusted
		addr   string
		https  bool
		host   string
	}{
		"direct":                                {peer: "192.0.2.1:1234", addr: "192.0.2.1"},
		"direct, IPv6":                          {peer: "[2001:db8::1]:1234", addr: "2001:db8::1"},
		"direct, IPv4 in IPv6":                  {peer: "[::ffff:192.0.2.1]:1234", addr: "192.0.2.1"},
		"direct, with a zone":                   {peer: "[fe80::1%eth0]:1234", addr: "fe80::1"},
		"direct, TLS":                           {peer: "192.0.2.1:1234", tls: true, addr: "192.0.2.1", https: true},
		"nonsense as peer":                      {peer: "nonsense", addr: "invalid IP"},
		"a stranger's headers":                  {peer: "192.0.2.1:1", header: header{"X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil.example"}, "Forwarded": {"for=1.2.3.4"}}, addr: "192.0.2.1"},
		"nobody is trusted":                     {peer: "127.0.0.1:1", none: true, header: header{"X-Forwarded-For": {"1.2.3.4"}}, addr: "127.0.0.1"},
		"a proxy without headers":               {peer: "10.1.1.1:1", addr: "10.1.1.1"},
		"one proxy":                             {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"blog.example:8443"}}, addr: "192.0.2.7", https: true, host: "blog.example:8443"},
		"what the client wrote itself":          {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"1.1.1.1, 192.0.2.7"}}, addr: "192.0.2.7"},
		"over two lines":                        {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"1.1.1.1", "192.0.2.7"}}, addr: "192.0.2.7"},
		"two proxies":                           {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"1.1.1.1, 192.0.2.7, 10.2.2.2"}}, addr: "192.0.2.7"},
		"two proxies that append":               {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"192.0.2.7, 10.2.2.2"}, "X-Forwarded-Proto": {"https, http"}, "X-Forwarded-Host": {"blog.example, inner"}}, addr: "192.0.2.7", https: true, host: "blog.example"},
		"a protocol the client wrote":           {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"https, http"}}, addr: "192.0.2.7"},
		"only proxies":                          {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"10.3.3.3, 10.2.2.2"}}, addr: "10.3.3.3"},
		"a hop that is no address":              {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"192.0.2.7, unknown, 10.2.2.2"}}, addr: "10.2.2.2"},
		"an empty element":                      {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"192.0.2.7,"}}, addr: "10.1.1.1"},
		"with a port":                           {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"192.0.2.7:4711"}}, addr: "192.0.2.7"},
		"IPv6 in brackets, with a port":         {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"[2001:db8::7]:4711"}}, addr: "2001:db8::7"},
		"IPv6 proxies":                          {peer: "[2001:db8:1::1]:1", header: header{"X-Forwarded-For": {"2001:db8::7, 2001:db8:1::2"}}, addr: "2001:db8::7"},
		"Forwarded":                             {peer: "10.1.1.1:1", header: header{"Forwarded": {`for=192.0.2.7;proto=https;host=blog.example;by=10.1.1.1`}}, addr: "192.0.2.7", https: true, host: "blog.example"},
		"Forwarded, any case and quoted":        {peer: "10.1.1.1:1", header: header{"Forwarded": {`For="[2001:db8::7]:4711"; PROTO="HTTPS"`}}, addr: "2001:db8::7", https: true},
		"Forwarded, two proxies":                {peer: "10.1.1.1:1", header: header{"Forwarded": {`for=1.1.1.1, for=192.0.2.7;proto=https;host=blog.example`, `for=10.2.2.2;proto=http;host=inner`}}, addr: "192.0.2.7", https: true, host: "blog.example"},
		"Forwarded, a comma in quotes":          {peer: "10.1.1.1:1", header: header{"Forwarded": {`for=1.1.1.1;x="a,b", for=192.0.2.7;x="c,\"d"`}}, addr: "192.0.2.7"},
		"Forwarded, a quote the client opened":  {peer: "10.1.1.1:1", header: header{"Forwarded": {`for="1.1.1.1, for=192.0.2.7`}}, addr: "192.0.2.7"},
		"Forwarded, hidden":                     {peer: "10.1.1.1:1", header: header{"Forwarded": {`for=_hidden`}}, addr: "10.1.1.1"},
		"Forwarded, unknown behind a proxy":     {peer: "10.1.1.1:1", header: header{"Forwarded": {`for=unknown, for=10.2.2.2`}}, addr: "10.2.2.2"},
		"Forwarded, for said twice":             {peer: "10.1.1.1:1", header: header{"Forwarded": {`for=192.0.2.7;for=192.0.2.8`}}, addr: "10.1.1.1"},
		"both headers agree":                    {peer: "10.1.1.1:1", header: header{"Forwarded": {`for=192.0.2.7`}, "X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"https"}}, addr: "192.0.2.7", https: true},
		"both headers, one by the client":       {peer: "10.1.1.1:1", header: header{"Forwarded": {`for=1.1.1.1`}, "X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Host": {"evil.example"}}, addr: "10.1.1.1"},
		"a host that is none":                   {peer: "10.1.1.1:1", header: header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Host": {"evil.example/path"}}, addr: "192.0.2.7"},
		"a proxy that ends TLS says plain http": {peer: "10.1.1.1:1", tls: true, header: header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"http"}}, addr: "192.0.2.7"},
		"a Unix socket":                         {peer: "@", header: header{"X-Forwarded-For": {"192.0.2.7"}}, addr: "192.0.2.7"},
		"a Unix socket without trust":           {peer: "", none: true, header: header{"X-Forwarded-For": {"192.0.2.7"}}, addr: "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := proxies(trusted)
			if test.none {
				p = nil
			}
			r := &http.Request{RemoteAddr: test.peer, Header: test.header}
			if test.tls {
				r.TLS = new(tls.ConnectionState)
			}
			o := p.origin(r)
			if o.addr.String() != test.addr || o.https != test.https || o.host != test.host {
				t.Errorf("got %s, https %t, host %q; want %s, %t, %q", o.addr, o.https, o.host, test.addr, test.https, test.host)
			}
		})
	}
}

// FuzzOrigin: whatever a client writes to the left of what the proxy appends, the proxy's word counts.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{"", "1.2.3.4", `for="`, `for=1.1.1.1;proto="https`, `for="\"`, ",,,", `\`, `for=1.1.1.1, for="[::1]"`, "unknown", "10.0.0.1"} {
		f.Add(seed)
	}
	p := proxies{netip.MustParsePrefix("10.0.0.0/8")}
	const peer, client = "10.1.1.1:1", "192.0.2.7"
	f.Fuzz(func(t *testing.T, wrote string) {
		if strings.ContainsAny(wrote, "\r\n") {
			t.Skip("no header has line ends")
		}
		for name, appended := range map[string]string{"X-Forwarded-For": client, "Forwarded": "for=" + client + ";proto=https"} {
			for _, lines := range [][]string{{wrote + ", " + appended}, {wrote, appended}} {
				o := p.origin(&http.Request{RemoteAddr: peer, Header: http.Header{name: lines}})
				if o.addr.String() != client {
					t.Errorf("%s: %q: client is %s", name, lines, o.addr)
				}
				if name == "Forwarded" && !o.https {
					t.Errorf("%s: %q: not https", name, lines)
				}
			}
			o := p.origin(&http.Request{RemoteAddr: peer, Header: http.Header{name: {wrote}}})
			if !o.addr.IsValid() || o.addr.Zone() != "" || o.addr.Is4In6() {
				t.Errorf("%s: %q: client is %v", name, wrote, o.addr)
			}
		}
	})
}

func TestValidHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"example.org": true, "example.org:8080": true, "127.0.0.1": true, "[::1]": true, "[::1]:80": true, "xn--bcher-kva.example": true,
		"": false, "a/b": false, "a b": false, "a@b": false, "::1": false, "[::1": false, "[1.2.3.4]:80": true, "a:": false, "a:b": false, "a:123456": false,
		":80": false, "a\x00": false, "bücher.example": false, "a:80:80": false, strings.Repeat("a", 256): false,
	} {
		if got := validHost(host); got != want {
			t.Errorf("validHost(%q) = %t, want %t", host, got, want)
		}
	}
}
