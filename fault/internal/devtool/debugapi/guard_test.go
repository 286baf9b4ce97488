package debugapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/debugapi"
)

// sub is a caller of a test within a test.
func (c *caller) sub(t *testing.T) *caller { return &caller{t: t, url: c.url, token: c.token} }

// TestOtherOrigins sends what a page of another origin could make the developer's browser send, even one that had got hold of the token. (CVE-2024-34069
// and CVE-2021-39197 are debuggers that a page of another origin could use.)
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	s, engine := newServer(t, nil)
	f := newFailure("it failed")
	s.Add(f)
	c := login(t, s)
	base := "/failures/" + f.ID.Full()
	port := s.URL()[strings.LastIndexByte(s.URL(), ':'):]
	for name, header := range map[string]http.Header{
		"a stranger's page":                 {"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}},
		"an old browser":                    {"Origin": {"http://evil.example"}},
		"the application":                   {"Origin": {"http://127.0.0.1:5000"}, "Sec-Fetch-Site": {"same-site"}, "Sec-Fetch-Mode": {"cors"}},
		"a sandboxed frame":                 {"Origin": {"null"}},
		"nothing":                           {"Origin": {""}},
		"the same host and another port":    {"Origin": {"http://127.0.0.1:1"}},
		"the same host without a port":      {"Origin": {"http://127.0.0.1"}},
		"another name of this machine":      {"Origin": {"http://localhost" + port}},
		"TLS":                               {"Origin": {strings.Replace(s.URL(), "http:", "https:", 1)}},
		"a name that begins alike":          {"Origin": {s.URL() + ".evil.example"}},
		"somebody's name and our host":      {"Origin": {"http://evil.example@" + s.URL()[len("http://"):]}},
		"two, one of them ours":             {"Origin": {s.URL(), "http://evil.example"}},
		"no origin, but another site":       {"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}},
		"no origin, but the same site":      {"Sec-Fetch-Site": {"same-site"}},
		"two sites":                         {"Sec-Fetch-Site": {"same-origin", "cross-site"}},
		"a form":                            {"Origin": {"http://evil.example"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Dest": {"document"}},
		"a form in a frame of our own site": {"Origin": {"null"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Dest": {"iframe"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := c.sub(t)
			for path, body := range map[string]string{
				base + "/evaluate": `{"frame":0,"expression":"f()","call":true}`,
				"/session":         `{"pin":"` + testPIN + `"}`,
				base + "/drop":     `{}`,
				base + "/replay":   `{}`,
			} {
				a := c.do("POST", path, body, header)
				if a.status != http.StatusForbidden || a.code() != "origin" {
					t.Errorf("POST %s: %d %s", path, a.status, a.body)
				}
				noCORS(t, a)
			}
			for _, path := range []string{"/failures", base, base + "/markdown", base + "/variables/0.17"} {
				a := c.do("GET", path, "", header)
				if a.status != http.StatusForbidden || a.code() != "origin" {
					t.Errorf("GET %s: %d %s", path, a.status, a.body)
				}
				noCORS(t, a)
			}
			if a := c.do("OPTIONS", base+"/evaluate", "", header); a.status < 400 {
				t.Errorf("OPTIONS: %d", a.status)
			} else {
				noCORS(t, a)
			}
		})
	}
	if n, _, _ := engine.counts(); n != 0 {
		t.Error("one of them made a debugger attach")
	}
	// Its own page can.
	own := http.Header{"Origin": {s.URL()}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}}
	if a := c.do("POST", base+"/evaluate", `{"frame":0,"expression":"f()","call":true}`, own); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := c.do("OPTIONS", base+"/evaluate", "", own); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "POST" {
		t.Errorf("OPTIONS: %d %v", a.status, a.header)
	}
}

func noCORS(t *testing.T, a answer) {
	t.Helper()
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("the header %s", name)
		}
	}
	if p := a.header.Get("Cross-Origin-Resource-Policy"); p != "same-origin" {
		t.Errorf("Cross-Origin-Resource-Policy is %q", p)
	}
	if p := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'") || !strings.Contains(p, "frame-ancestors") {
		t.Errorf("Content-Security-Policy is %q", p)
	}
	if p := a.header.Get("X-Content-Type-Options"); p != "nosniff" {
		t.Errorf("X-Content-Type-Options is %q", p)
	}
}

// TestHosts are requests under other names: DNS rebinding makes a stranger's page be of the same origin as this server, as far as the browser knows.
func TestHosts(t *testing.T) {
	t.Parallel()
	f := newFailure("it failed")
	closed, _ := newServer(t, func(o *debugapi.Options) { o.Hosts = []string{"Dev.example", "[2001:db8::1]"} })
	exposed, _ := newServer(t, func(o *debugapi.Options) { o.Exposed = true })
	for _, s := range []*debugapi.Server{closed, exposed} {
		s.Add(f)
	}
	callers := map[string]*caller{"closed": login(t, closed), "exposed": login(t, exposed)}
	for name, test := range map[string]struct {
		header          http.Header
		closed, exposed bool
	}{
		"loopback":                {http.Header{"Host": {"127.0.0.1:9"}}, true, true},
		"another loopback":        {http.Header{"Host": {"127.7.7.7"}}, true, true},
		"localhost":               {http.Header{"Host": {"LOCALHOST:1234"}}, true, true},
		"below localhost":         {http.Header{"Host": {"blog.localhost"}}, true, true},
		"IPv6":                    {http.Header{"Host": {"[::1]:80"}}, true, true},
		"a given name":            {http.Header{"Host": {"dev.example:80"}}, true, false},
		"a given address":         {http.Header{"Host": {"[2001:db8::1]"}}, true, true},
		"rebinding":               {http.Header{"Host": {"evil.example"}}, false, false},
		"rebinding with its port": {http.Header{"Host": {"evil.example:5001"}, "Origin": {"http://evil.example:5001"}, "Sec-Fetch-Site": {"same-origin"}}, false, false},
		"a name like an address":  {http.Header{"Host": {"127.0.0.1.evil.example"}}, false, false},
		"a name like ours":        {http.Header{"Host": {"localhost.evil.example"}}, false, false},
		"nip.io":                  {http.Header{"Host": {"127.0.0.1.nip.io"}}, false, false},
		"another address":         {http.Header{"Host": {"192.0.2.1:80"}}, false, true},
		"all addresses":           {http.Header{"Host": {"0.0.0.0:80"}}, false, true},
		"a decimal address":       {http.Header{"Host": {"2130706433"}}, false, false},
		"a user":                  {http.Header{"Host": {"localhost@evil.example"}}, false, false},
		"a tunnel":                {http.Header{"X-Forwarded-For": {"203.0.113.5"}}, false, true},
		"a tunnel, last":          {http.Header{"X-Forwarded-For": {"127.0.0.1, 203.0.113.5"}}, false, true},
		"a tunnel's other header": {http.Header{"X-Real-Ip": {"203.0.113.5"}}, false, true},
		"Cloudflare's":            {http.Header{"Cf-Connecting-Ip": {"203.0.113.5"}}, false, true},
		"Forwarded":               {http.Header{"Forwarded": {"for=203.0.113.5"}}, false, true},
		"a tunnel for a name":     {http.Header{"X-Forwarded-Host": {"evil.example"}}, false, false},
		"a proxy of this machine": {http.Header{"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"localhost"}}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			for which, want := range map[string]bool{"closed": test.closed, "exposed": test.exposed} {
				c := callers[which].sub(t)
				page := test.header.Clone()
				page["Accept"], page["Authorization"] = []string{"text/html"}, nil
				for _, a := range []answer{
					c.do("GET", "/failures", "", test.header), c.do("GET", "/failures/"+f.ID.Full(), "", page), c.do("POST", "/session", `{"pin":"`+testPIN+`"}`, test.header),
				} {
					if want && a.status != 200 || !want && (a.status != http.StatusMisdirectedRequest || a.code() != "host") {
						t.Errorf("%s: %d %s", which, a.status, a.body)
					}
				}
			}
		})
	}
}

// TestToken asks for everything that needs a token, without one.
func TestToken(t *testing.T) {
	t.Parallel()
	s, engine := newServer(t, nil)
	f := newFailure("it failed")
	s.Add(f)
	good := login(t, s)
	base := "/failures/" + f.ID.Full()
	all := map[string]string{
		"/session": "GET", "/failures": "GET", base: "GET", base + "/goroutines": "GET", base + "/markdown": "GET", base + "/text": "GET", base + "/curl": "GET", base + "/test": "GET",
		base + "/variables/0.17": "GET", base + "/frames/0/variables": "GET",
		base + "/evaluate": "POST", base + "/complete": "POST", base + "/attach": "POST", base + "/pin": "POST", base + "/unpin": "POST", base + "/drop": "POST", base + "/replay": "POST",
		"/failures/0123-4567": "GET", "/failures/0123-4567/drop": "POST",
	}
	for name, header := range map[string]http.Header{
		"none": {"Authorization": nil}, "empty": {"Authorization": {"Bearer "}}, "wrong": {"Authorization": {"Bearer " + strings.Repeat("A", len(good.token))}},
		"the PIN": {"Authorization": {"Bearer " + testPIN}}, "basic": {"Authorization": {"Basic " + good.token}}, "alone": {"Authorization": {good.token}},
		"two": {"Authorization": {"Bearer " + good.token, "Bearer x"}}, "cut": {"Authorization": {"Bearer " + good.token[:len(good.token)-1]}},
		"as a cookie": {"Authorization": nil, "Cookie": {"token=" + good.token}}, "in the other case": {"Authorization": {"Bearer " + strings.ToLower(good.token)}},
	} {
		t.Run(name, func(t *testing.T) {
			c := good.sub(t)
			for path, method := range all {
				for _, path := range []string{path, path + "?token=" + good.token + "&pin=" + testPIN} {
					a := c.do(method, path, `{}`, header)
					if a.status != http.StatusUnauthorized || a.code() != "token" {
						t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
					}
				}
			}
		})
	}
	if n, _, _ := engine.counts(); n != 0 {
		t.Error("one of them made a debugger attach")
	}
}

// TestSwitchedOnByARequest tries to have calls made, or things done, in ways that are not documented.
func TestSwitchedOnByARequest(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	f := newFailure("it failed")
	s.Add(f)
	c := login(t, s)
	base := "/failures/" + f.ID.Full()
	for name, test := range map[string]struct {
		method, path, body string
		header             http.Header
		status             int
	}{
		"call in the query":       {"POST", "/evaluate?call=true&debug=1", `{"frame":0,"expression":"f()"}`, nil, 422},
		"call in a header":        {"POST", "/evaluate", `{"frame":0,"expression":"f()"}`, http.Header{"X-Call": {"true"}, "Call": {"true"}, "X-Debug": {"1"}}, 422},
		"call in a cookie":        {"POST", "/evaluate", `{"frame":0,"expression":"f()"}`, http.Header{"Cookie": {"call=true; __debug__=1"}}, 422},
		"by GET":                  {"GET", "/evaluate?frame=0&expression=f()&call=true", "", nil, 405},
		"by HEAD":                 {"HEAD", "/evaluate", "", nil, 405},
		"by PUT":                  {"PUT", "/evaluate", `{"frame":0,"expression":"x"}`, http.Header{"Content-Type": {"application/json"}}, 405},
		"overridden":              {"GET", "/drop", "", http.Header{"X-Http-Method-Override": {"POST"}}, 405},
		"a form":                  {"POST", "/evaluate", `frame=0&expression=f()&call=true`, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 415},
		"plain text":              {"POST", "/evaluate", `{"frame":0,"expression":"x"}`, http.Header{"Content-Type": {"text/plain"}}, 415},
		"plain text of JSON":      {"POST", "/evaluate", `{"frame":0,"expression":"x"}`, http.Header{"Content-Type": {"text/plain; application/json"}}, 415},
		"two types":               {"POST", "/evaluate", `{"frame":0,"expression":"x"}`, http.Header{"Content-Type": {"application/json", "text/plain"}}, 415},
		"no type":                 {"POST", "/evaluate", `{"frame":0,"expression":"x"}`, http.Header{"Content-Type": nil}, 415},
		"Werkzeug's":              {"GET", "?__debugger__=yes&cmd=f()&frm=0&s=" + c.token, "", http.Header{"Authorization": nil}, 401},
		"a page asks for nothing": {"GET", "?pin=" + testPIN, "", http.Header{"Authorization": nil, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"none"}}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.sub(t).do(test.method, base+test.path, test.body, test.header)
			if a.status != test.status {
				t.Errorf("%d %s, want %d", a.status, a.body, test.status)
			}
			if strings.Contains(string(a.body), c.token) || strings.Contains(string(a.body), testPIN) {
				t.Errorf("a secret in %s", a.body)
			}
		})
	}
	if a := c.get(base); a.json["calls"] != 0.0 {
		t.Errorf("%v calls were made", a.json["calls"])
	}
}

// TestPaths are requests for files: there is no address that takes a path.
func TestPaths(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	f := newFailure("it failed")
	s.Add(f)
	c := login(t, s)
	for _, path := range []string{
		"/.fault/../../../../etc/passwd", "/.fault/%2e%2e/%2e%2e/etc/passwd", "/.fault/..%2f..%2fetc%2fpasswd", `/.fault/..\..\etc\passwd`, "/.fault//etc/passwd", "/.fault/",
		"/.fault/debugapi.go", "/.fault/templates/failure.html", "/.fault/static/page.js", "//etc/passwd", "/failures/../../etc/passwd", "/failures/" + f.ID.Full() + "/../../../etc/passwd",
		"/failures/" + f.ID.Full() + "/source?file=/etc/passwd", "/failures/" + f.ID.Full() + "/frames/..%2f..%2fetc/variables", "/etc/passwd", "/failures//", "/failures/" + f.ID.Full() + "/",
		"/./failures", "/failures/" + f.ID.Full() + "/markdown%00", "/.fault/page.js%00.html", "/.fault", "/session/x", "/%66ailures%2f" + f.ID.Full(),
	} {
		for _, accept := range []string{"application/json", "text/html"} {
			a := raw(t, s, "GET "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAccept: "+accept+"\r\nAuthorization: Bearer "+c.token+"\r\n\r\n")
			if !strings.HasPrefix(a, "HTTP/1.1 404 ") && !strings.HasPrefix(a, "HTTP/1.1 400 ") || strings.Contains(a, "root:") {
				t.Errorf("%s: %s", path, a)
			}
		}
	}
	for _, target := range []string{"http://evil.example/failures", "evil.example:80"} {
		a := raw(t, s, "GET "+target+" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer "+c.token+"\r\n\r\n")
		if strings.HasPrefix(a, "HTTP/1.1 200 ") {
			t.Errorf("%s: %s", target, a)
		}
	}
	for _, name := range []string{"page.js", "overlay.css", "icon.svg"} {
		a := c.do("GET", "/.fault/"+name, "", http.Header{"Authorization": nil})
		if a.status != 200 || len(a.body) == 0 {
			t.Errorf("%s: %d", name, a.status)
		}
		if a := c.do("GET", "/.fault/"+name, "", http.Header{"Sec-Fetch-Site": {"cross-site"}}); a.status != 403 {
			t.Errorf("%s for another site: %d", name, a.status)
		}
	}
}

// raw sends bytes and returns what comes back.
func raw(t *testing.T, s *debugapi.Server, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.URL()[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	_, _ = bufio.NewReader(conn).WriteTo(&b)
	return b.String()
}

// TestHostileTexts has texts that would be markup, in all places that come from outside.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	const evil = `</script><script>alert(1)</script><img src=x onerror=alert(2)>"'` + "\u202e\u2028\x1b[2J"
	s, _ := newServer(t, nil)
	f := newFailure(evil)
	f.Request.URL, f.Request.Method = "/"+evil, evil
	f.Request.Header = http.Header{evil: {evil}}
	f.Stack[0].Function, f.Stack[0].File, f.User, f.Host, f.Task = evil, "/"+evil, evil, evil, evil
	f.Excerpts[0][0].Text = evil
	s.Add(f)
	c := login(t, s)
	id := f.ID.Full()
	a := c.until(id, "ready", func(a answer) bool { return a.json["state"] == "ready" })
	ok := func(what string, a answer) {
		t.Helper()
		for _, bad := range []string{"<script>alert", "<img src=x", "\u202e", "\u2028", "\x1b"} {
			if strings.Contains(string(a.body), bad) {
				t.Errorf("%s has %q", what, bad)
			}
		}
		noSniff := a.header.Get("X-Content-Type-Options")
		if noSniff != "nosniff" {
			t.Errorf("%s may be sniffed", what)
		}
	}
	ok("the failure", a)
	if got := a.json["failure"].(map[string]any)["message"]; got != evil {
		t.Errorf("a program reads %q", got)
	}
	ok("the list", c.get("/failures"))
	ok("an error", c.do("POST", "/failures/"+id+"/evaluate", `{"frame":0,"`+url.QueryEscape(evil)+`\u003cscript\u003ealert":1}`, nil))
	ok("a frame's name", c.get("/failures/"+id+"/frames/"+url.PathEscape(`<script>alert`)+"/variables"))
	ok("another host", c.do("GET", "/", "", http.Header{"Host": {"<script>alert(1)"}}))
	page := c.do("GET", "/failures/"+id, "", http.Header{"Authorization": nil, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"none"}})
	if page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") || !strings.Contains(string(page.body), "alert(1)") {
		t.Errorf("%d %v", page.status, page.header)
	}
	ok("the page", page)
}

// TestPage looks at what a browser gets: no secret, no variables, and the application alone may frame it.
func TestPage(t *testing.T) {
	t.Parallel()
	s, engine := newServer(t, nil)
	f := newFailure("it failed")
	s.Add(f)
	c := &caller{t: t, url: s.URL()}
	navigate := func(dest, site string) http.Header {
		return http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {dest}, "Sec-Fetch-Site": {site}, "Accept": {"text/html"}}
	}
	for _, path := range []string{"/", "/failures", "/failures/" + f.ID.Full(), "/failures/" + f.ID.String(), "/failures/" + f.ID.Full() + "?framed=1"} {
		for _, header := range []http.Header{navigate("document", "none"), navigate("document", "cross-site"), navigate("iframe", "same-site"), {"Accept": {"text/html"}}} {
			a := c.do("GET", path, "", header)
			if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
				t.Errorf("%s: %d %v", path, a.status, a.header)
			}
			p := a.header.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors http://127.0.0.1:5000;", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"} {
				if !strings.Contains(p, want) {
					t.Errorf("%s: the policy %q is without %q", path, p, want)
				}
			}
			if strings.Contains(p, "unsafe") || strings.Contains(p, "*") || len(a.header["Content-Security-Policy"]) != 1 {
				t.Errorf("%s: the policy %q", path, p)
			}
			if strings.Contains(string(a.body), testPIN) || strings.Contains(string(a.body), s.PIN()) || strings.Contains(string(a.body), "web.User") {
				t.Errorf("%s: a secret in the page", path)
			}
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Cross-Origin-Opener-Policy") != "same-origin" {
				t.Errorf("%s: %v", path, a.header)
			}
		}
	}
	for _, header := range []http.Header{
		{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-origin"}, "Accept": {"text/html"}}, {"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"script"}, "Sec-Fetch-Site": {"none"}},
		{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"object"}, "Sec-Fetch-Site": {"none"}},
	} {
		if a := c.do("GET", "/failures/"+f.ID.Full(), "", header); a.status != 401 {
			t.Errorf("%v: %d", header, a.status)
		}
	}
	a := c.do("GET", "/failures/"+f.ID.Full(), "", http.Header{"Host": {"localhost:1"}, "Accept": {"text/html"}})
	if p := a.header.Get("Content-Security-Policy"); !strings.Contains(p, "frame-ancestors http://localhost:5000 http://127.0.0.1:5000;") {
		t.Errorf("under another name the policy is %q", p)
	}
	if a := c.do("GET", "/failures/0000-0000", "", navigate("document", "none")); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	if n, _, _ := engine.counts(); n != 0 {
		t.Error("a page load attached without anybody known")
	}
	// A browser that was right makes the debugger attach with its page.
	in := c.post("/session", `{"pin":"`+testPIN+`"}`)
	cookie := in.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q", cookie)
		}
	}
	h := navigate("document", "none")
	value, _, _ := strings.Cut(cookie, ";")
	h["Cookie"] = []string{value}
	c.do("GET", "/failures/"+f.ID.Full(), "", h)
	wait(t, "a debugger", func() bool { n, _, _ := engine.counts(); return n == 1 })
	if a := c.do("GET", "/failures", "", http.Header{"Cookie": {value}}); a.status != 401 {
		t.Errorf("the cookie gives access: %d", a.status)
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	f := newFailure("it failed")
	if got, want := s.Link(f.ID), "<"+s.URL()+"/failures/"+f.ID.Full()+`>; rel="describedby"; type="application/json"; title="debugger"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"127.0.0.1", "127.9.9.9"}, {"127.0.0.1", "::1"}, {"::ffff:127.0.0.1", "::1"}, {"2001:db8::1", "2001:db8::ffff:2"}, {"192.0.2.1", "::ffff:192.0.2.1"}, {"fe80::1%eth0", "fe80::2%lo"},
	} {
		a, _ := debugapi.AddressOf(netip.MustParseAddr(pair[0]), "user 1")
		b, _ := debugapi.AddressOf(netip.MustParseAddr(pair[1]), "user 1")
		if a != b {
			t.Errorf("%s is %q, and %s is %q", pair[0], a, pair[1], b)
		}
	}
	seen := map[string]string{}
	for _, ip := range []string{"127.0.0.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"} {
		a, local := debugapi.AddressOf(netip.MustParseAddr(ip), "")
		if seen[a] != "" || local != (ip == "127.0.0.1") {
			t.Errorf("%s is %q, as %s", ip, a, seen[a])
		}
		seen[a] = ip
	}
}

func FuzzHostName(f *testing.F) {
	for _, s := range []string{"localhost:1", "[::1]:80", "[::1", "a:b:c", "127.0.0.1", "x@y", "[::1%25lo]:1", ":80", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, ok := debugapi.HostName(host)
		if !ok {
			return
		}
		u, err := url.Parse("http://" + host)
		if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Hostname() != name {
			t.Errorf("%q has the name %q, and as an address %v (%v)", host, name, u, err)
		}
	})
}

func FuzzRef(f *testing.F) {
	for _, s := range []string{"0.17", "1.2.3", "-1.2", "1.-2", ".", "1.", "+1.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, ref, ok := debugapi.ParseRef(s); ok && ref <= 0 {
			t.Errorf("%q is the reference %d", s, ref)
		}
	})
}

func FuzzOffset(f *testing.F) {
	f.Add("a𝄞b", 2)
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, s string, units int) {
		at, ok := debugapi.BytesAt(s, units)
		if !ok {
			return
		}
		if at < 0 || at > len(s) || debugapi.UnitsOf(s[:at]) != units {
			t.Fatalf("%q at %d is %d", s, units, at)
		}
		if utf8.ValidString(s) && string(utf16.Decode(utf16.Encode([]rune(s))[:units])) != s[:at] {
			t.Errorf("%q at %d is %q", s, units, s[:at])
		}
	})
}

func FuzzEscaped(f *testing.F) {
	f.Add("\u202ea\U000e0001\u0000\x1b[2J")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		escaped := debugapi.Escaped(b)
		if err := json.Unmarshal(escaped, &got); err != nil || got != want {
			t.Fatalf("%q became %s (%v)", s, escaped, err)
		}
		if strings.ContainsAny(string(escaped), "\u202e\u2066\x1b") {
			t.Errorf("%s", fmt.Sprintf("%q", escaped))
		}
	})
}
