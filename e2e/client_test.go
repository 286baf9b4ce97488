package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// password is everybody's.
const password = "seven brown hens at dawn"

// browserAccept is what browsers send when they open a page.
const browserAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

// A client is one browser without pictures: it keeps cookies and says where its forms come from. It
// follows no redirects by itself.
type client struct {
	t    testing.TB
	base string
	http *http.Client
	// header is sent with each request. A server that trusts 127.0.0.1 as a proxy believes its
	// X-Forwarded-For.
	header http.Header
	name   string // of the person who is registered with it
}

var transport = &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, ResponseHeaderTimeout: patience}

// client returns a new client of s. It comes from an address of its own, where s believes it.
func (s *server) client(t testing.TB) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, base: s.url, http: &http.Client{
		Jar:           jar,
		Transport:     transport,
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, header: http.Header{"Accept": {browserAccept}, "User-Agent": {"Mozilla/5.0 (e2e)"}}}
	if path, ok := strings.CutPrefix(s.url, "unix:"); ok {
		c.base = "http://microblog.example"
		c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}
	}
	c.from(randomAddr())
	return c
}

// randomAddr returns an address of 10.0.0.0/8.
func randomAddr() netip.Addr {
	n := rand.Uint32()
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// from makes the client come from this address.
func (c *client) from(a netip.Addr) { c.header.Set("X-Forwarded-For", a.String()) }

// A reply is an answer that was read to its end.
type reply struct {
	t      testing.TB
	what   string // "GET /login"
	status int
	header http.Header
	body   string
	err    error // the answer was cut off
	root   *html.Node
}

// try sends a request. The error says that there was no answer at all.
//
// The race detector makes hashing a password three times as slow. Where the rest of the machine is
// busy as well, somebody may then wait longer for a turn than the server lets people wait, and gets
// its 503 for that; only there, the request is sent again.
func (c *client) try(method, path string, form url.Values, header http.Header) (*reply, error) {
	r, err := c.tryOnce(method, path, form, header)
	for again := 0; raceEnabled && again < 5 && err == nil && r.status == http.StatusServiceUnavailable && strings.Contains(r.body, "Microblog is busy right now."); again++ {
		r, err = c.tryOnce(method, path, form, header)
	}
	return r, err
}

func (c *client) tryOnce(method, path string, form url.Values, header http.Header) (*reply, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, c.header)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", c.base)
	}
	maps.Copy(req.Header, header)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	return readReply(c.t, method+" "+path, resp), nil
}

// readReply reads an answer to its end. What was cut off is for the test to judge.
func readReply(t testing.TB, what string, resp *http.Response) *reply {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return &reply{t: t, what: what, status: resp.StatusCode, header: resp.Header, body: string(text), err: err}
}

// do sends a request that must be answered.
func (c *client) do(method, path string, form url.Values, header http.Header) *reply {
	c.t.Helper()
	r, err := c.try(method, path, form, header)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (c *client) get(path string) *reply {
	c.t.Helper()
	return c.do("GET", path, nil, nil)
}

func (c *client) post(path string, form url.Values) *reply {
	c.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	return c.do("POST", path, form, nil)
}

// follow opens the page that r redirects to.
func (c *client) follow(r *reply) *reply {
	c.t.Helper()
	r.want(http.StatusSeeOther)
	return c.get(r.header.Get("Location"))
}

// probe is a request without a test, as a load balancer sends it.
func (s *server) probe(path string) (status int, body string, err error) {
	c := http.Client{Timeout: 5 * time.Second, Transport: transport}
	base := s.url
	if socket, ok := strings.CutPrefix(s.url, "unix:"); ok {
		base = "http://microblog.example"
		c.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}
	}
	resp, err := c.Get(base + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// want ends the test when the status is none of these.
func (r *reply) want(status ...int) *reply {
	r.t.Helper()
	for _, s := range status {
		if r.status == s {
			return r
		}
	}
	r.t.Fatalf("%s: status %d, want %d\n%v\n%s", r.what, r.status, status, r.header, tail(r.body))
	return r
}

// says ends the test when the page does not say text.
func (r *reply) says(text string) *reply {
	r.t.Helper()
	if !strings.Contains(r.text(), text) {
		r.t.Fatalf("%s: the page does not say %q, but: %s", r.what, text, tail(r.text()))
	}
	return r
}

// form builds a form from names and values.
func form(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

// unique returns a username that nobody else has.
func unique(name string) string {
	return fmt.Sprintf("%s-%08x", name, rand.Uint32())
}

// register registers name, with an address that nobody else has, and returns the reply.
func (c *client) register(name string) *reply {
	c.t.Helper()
	return c.post("/register", form("username", name, "email", unique("mail")+"@example.com", "password", password, "password2", password))
}

// login logs name in and returns the reply; more are further fields.
func (c *client) login(name string, more ...string) *reply {
	c.t.Helper()
	return c.post("/login", form(append([]string{"username", name, "password", password}, more...)...))
}

// person returns a client whose person is registered, under a name that begins with name, and logged in.
func (s *server) person(t testing.TB, name string) *client {
	t.Helper()
	return s.personNamed(t, unique(name))
}

// personNamed is person with exactly this name.
func (s *server) personNamed(t testing.TB, name string) *client {
	t.Helper()
	c := s.client(t)
	c.name = name
	c.register(name).want(http.StatusSeeOther)
	c.login(name).want(http.StatusSeeOther)
	return c
}

// publish posts text the way the page does.
func (c *client) publish(text string) *reply {
	c.t.Helper()
	home := c.get("/").want(http.StatusOK)
	return c.post("/", form("post", text, "once", home.value("once")))
}

// cookie returns the value of the cookie of that name, or "".
func (c *client) cookie(name string) string {
	c.t.Helper()
	u, err := url.Parse(c.base)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, cookie := range c.http.Jar.Cookies(u) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}
