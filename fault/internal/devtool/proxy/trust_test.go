package proxy_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/proxy"
)

// app answers everything, so that it shows whose turn it was.
func app(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "APPLICATION "+r.URL.Path)
}

// fetch are the headers of a request by a script of a page.
var fetch = map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty", "Accept": "*/*"}

// TestStrangersGetTheApplication asks for what only the developer may see, as others would. All get the
// application's own answer.
func TestStrangersGetTheApplication(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{Hosts: []string{"app.test"}}, app)
	f.SetProblem(aProblem("secret source"))
	f.Failed("", aFailure("secret failure"))
	cross := func(more ...string) map[string]string {
		return with(map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, more...)
	}
	paths := []string{
		"/.fault/", "/.fault/problem", "/.fault/problem?framed=1", "/.fault/client.js", "/.fault/events", "/.fault/last-good?to=/", "/.fault/nothing",
		"/.fault/failures/" + failureID.Full(), "/.fault/failures/" + failureID.Full() + "/answer", "/.fault", "/%2efault/problem", "/page",
	}
	for name, header := range map[string]map[string]string{
		"a rebound name":                     {"Host": "evil.example"},
		"a rebound name, as a page":          with(navigation, "Host", "evil.example"),
		"a rebound name, same origin":        with(fetch, "Host", "evil.example:5000", "Origin", "http://evil.example:5000"),
		"a name that begins like ours":       {"Host": "localhost.evil.example"},
		"a name that ends like ours":         {"Host": "evillocalhost"},
		"an address that begins like ours":   {"Host": "127.0.0.1.evil.example"},
		"another known name's end":           {"Host": "xapp.test"},
		"an address of elsewhere":            {"Host": "192.0.2.1:5000"},
		"all addresses":                      {"Host": "0.0.0.0:5000"},
		"a port that is none":                {"Host": "localhost:5000.evil.example"},
		"a user":                             {"Host": "localhost:5000@evil.example"},
		"a script of another site":           cross(),
		"a script of another port":           cross("Sec-Fetch-Site", "same-site"),
		"a frame of another site":            cross("Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"),
		"a fetch of another site":            cross("Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Origin", "https://evil.example"),
		"a fetch without fetch metadata":     {"Origin": "https://evil.example"},
		"a fetch of a page without origin":   {"Origin": "null"},
		"a fetch of another port":            {"Origin": "http://127.0.0.1:1"},
		"a fetch of an origin like ours":     {"Origin": "ftp://" + f.address()},
		"a page load with an origin":         with(navigation, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"),
		"somebody at the end of a tunnel":    {"X-Forwarded-For": "192.0.2.1"},
		"somebody at a tunnel's address":     {"X-Forwarded-Host": "x.tunnel.example"},
		"somebody behind a standard proxy":   {"Forwarded": "for=192.0.2.1"},
		"two answers of where it comes from": {"X-Forwarded-For": "127.0.0.1, 192.0.2.1"},
	} {
		for _, path := range paths {
			res, body := f.get(path, header)
			if res.StatusCode != http.StatusOK || !strings.HasPrefix(body, "APPLICATION /") || strings.Contains(body, "SOURCE") {
				t.Errorf("%s: %s: %s %q", name, path, res.Status, body)
			}
			if res.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %s: a cookie was set", name, path)
			}
		}
		for _, path := range []string{"/.fault/dismiss", "/.fault/problem"} {
			if res, body := f.do("POST", path, strings.NewReader("id=x"), with(header, "Content-Type", "application/x-www-form-urlencoded")); !strings.HasPrefix(body, "APPLICATION /") {
				t.Errorf("%s: POST %s: %s %q", name, path, res.Status, body)
			}
		}
	}
	// without a backend there is no answer of the application, and still no word of the source
	f.Down()
	res, body := f.get("/.fault/problem", map[string]string{"Host": "evil.example"})
	if res.StatusCode != 503 || strings.Contains(body, "SOURCE") || strings.Contains(body, "secret") {
		t.Errorf("%s %q", res.Status, body)
	}
}

func TestTheDeveloperIsTrusted(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{Hosts: []string{"App.test"}, Package: "./x"}, app)
	f.SetProblem(aProblem("mistake"))
	for name, header := range map[string]map[string]string{
		"curl":                        nil,
		"localhost":                   {"Host": "LocalHost.:5000"},
		"a name of the loopback":      {"Host": "app.localhost:5000"},
		"IPv6":                        {"Host": "[::1]:5000"},
		"a name that was given":       {"Host": "app.TEST:443"},
		"a page load":                 navigation,
		"a script of the page":        fetch,
		"a link on another site":      with(navigation, "Sec-Fetch-Site", "cross-site"),
		"a proxy at this machine":     {"Host": "localhost", "X-Forwarded-Host": "app.test", "X-Forwarded-For": "127.0.0.1, [::1]:4000", "X-Forwarded-Proto": "https"},
		"a page of the same, by TLS":  {"Host": "app.test", "Origin": "https://app.test"},
		"an origin in other letters":  {"Host": "app.test", "Origin": "http://APP.test"},
		"an old browser's page fetch": {"Origin": f.http.URL},
	} {
		if res, body := f.get("/.fault/problem", header); res.StatusCode != 503 || !strings.HasPrefix(body, "PROBLEM mistake to=/ ") {
			t.Errorf("%s: %s %q", name, res.Status, body)
		}
		if _, body := f.get("/.fault/", header); body != "OVERVIEW ./x generation=1 failures=0" {
			t.Errorf("%s: %q", name, body)
		}
	}
	res, body := f.get("/.fault/client.js", nil)
	if body != "/* the script */" || res.Header.Get("Content-Type") != "text/javascript; charset=utf-8" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%q %v", body, res.Header)
	}
	if res, _ := f.get("/.fault/client.js", map[string]string{"If-None-Match": res.Header.Get("Etag")}); res.StatusCode != 304 {
		t.Error("the script is sent again:", res.Status)
	}
	if res, _ := f.get("/.fault/nothing", nil); res.StatusCode != 404 {
		t.Error(res.Status)
	}
	if res, _ := f.do("POST", "/.fault/problem", nil, nil); res.StatusCode != 405 {
		t.Error(res.Status)
	}
	if res, _ := f.get("/.fault/dismiss", nil); res.StatusCode != 405 {
		t.Error(res.Status)
	}
	if res, body := f.get("/.fault/events", nil); res.StatusCode != http.StatusUpgradeRequired {
		t.Error(res.Status, body)
	}
}

func TestExposed(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{Exposed: true}, app)
	f.SetProblem(aProblem("mistake"))
	for host, trusted := range map[string]bool{
		"192.0.2.1:5000": true, "[2001:db8::1]:5000": true, "localhost": true,
		"evil.example": false, "machine.local": false, "192.0.2.1.evil.example": false, "2130706433": false, "0x7f.1": false,
	} {
		_, body := f.get("/.fault/problem", map[string]string{"Host": host, "X-Forwarded-For": "192.0.2.7"})
		if got := strings.HasPrefix(body, "PROBLEM"); got != trusted {
			t.Errorf("%s: %q", host, body)
		}
	}
}

// TestPathTricks asks for paths that could be taken for ours, or for others, by one side only.
func TestPathTricks(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, app)
	f.SetProblem(aProblem("mistake"))
	for path, ours := range map[string]bool{
		"/.fault/problem": true, "/.fault": true, "/%2efault/problem": true, "/.fault/%70roblem": true,
		"/.fault/../problem": false, "/.fault/..": false, "/.fault//problem": false, "/.fault/./problem": false, "/.fault/%2e%2e/problem": false,
		"//.fault/problem": false, "/x/../.fault/problem": false, "/./.fault/problem": false, "/.faults/problem": false, "/.FAULT/problem": false,
		"/.fault/problem/": false, "/.fault/failures/../problem": false, "/x/.fault/problem": false,
	} {
		c := f.dial()
		c.say("GET "+path+" HTTP/1.1", "Host: localhost", "", "")
		_, body := c.response("GET")
		if got := !strings.HasPrefix(body, "APPLICATION"); got != ours {
			t.Errorf("%s: %q", path, body)
		}
		c.Close()
	}
}

func TestLastGood(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, app)
	p := aProblem("mistake")
	f.SetProblem(p)
	for to, want := range map[string]string{
		"/a?b=c": "/a?b=c", "/": "/", "/a/b#c": "/a/b#c", "/a?b=//x": "/a?b=//x", "/%2f%2fhost": "/%2f%2fhost", "/a:b": "/a:b",
		"": "/", "//host": "/", "///host": "/", `/\host`: "/", `\/host`: "/", `/a\..\b`: "/", "https://host/": "/", "host": "/", "javascript:alert(1)": "/",
		"/\t/host": "/", "/\n/host": "/", "\t//host": "/", " //host": "/", "/\x00": "/", "/ /host": "/", "/.fault/last-good?to=/": "/", "/.fault/problem": "/",
		"/x/../.fault/": "/", "/%2efault/": "/", "/.fault": "/", "/a%zz": "/", "/\r\nSet-Cookie: a=b": "/", "/" + strings.Repeat("a", 10_000): "/",
	} {
		res, _ := f.get("/.fault/last-good?to="+url.QueryEscape(to), nil)
		if got := res.Header.Get("Location"); res.StatusCode != 303 || got != want {
			t.Errorf("%q: %s to %q, want %q", to, res.Status, got, want)
		}
	}
	res, _ := f.get("/.fault/last-good?to=/a", navigation)
	cookie := res.Header.Get("Set-Cookie")
	if cookie != proxy.AsideName+"="+p.ID+"; Path=/; HttpOnly; SameSite=Lax" {
		t.Fatal(cookie)
	}
	if res, body := f.get("/.fault/last-good?to=/a", with(navigation, "Sec-Fetch-Site", "cross-site")); res.StatusCode != 403 || res.Header.Get("Set-Cookie") != "" {
		t.Errorf("a link on another site: %s %q", res.Status, body)
	}
	header := with(navigation, "Cookie", proxy.AsideName+"="+p.ID)
	if _, body := f.get("/a", navigation); !strings.HasPrefix(body, "PROBLEM mistake to=/a framed=false served=true") {
		t.Error(body)
	}
	if _, body := f.get("/a", header); !strings.Contains(body, "APPLICATION /a") {
		t.Error(body)
	}
	f.SetProblem(aProblem("another mistake"))
	if _, body := f.get("/a?b", header); !strings.HasPrefix(body, "PROBLEM another mistake to=/a?b ") {
		t.Error(body)
	}
}

func TestDismiss(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, app)
	p := aProblem("mistake")
	f.SetProblem(p)
	form := with(fetch, "Content-Type", "application/x-www-form-urlencoded", "Origin", f.http.URL)
	res, _ := f.do("POST", "/.fault/dismiss", strings.NewReader("id="+p.ID), form)
	if res.StatusCode != 204 || !strings.Contains(res.Header.Get("Set-Cookie"), p.ID) {
		t.Errorf("%v", res)
	}
	res, _ = f.do("POST", "/.fault/dismiss", strings.NewReader("id=other"), form)
	if res.StatusCode != 204 || res.Header.Get("Set-Cookie") != "" {
		t.Errorf("%v", res)
	}
	if res, _ := f.do("POST", "/.fault/dismiss", strings.NewReader("x=y"), form); res.StatusCode != 400 {
		t.Error(res.Status)
	}
	if res, _ := f.do("POST", "/.fault/dismiss", io.LimitReader(zeros{}, 1<<20), form); res.StatusCode != 400 {
		t.Error(res.Status)
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/", "/a?b#c", "//x", "/\\x", "/\t/x", "http://x", "/.fault/x", "/%2e%2e//x", "/..//x", "/;@x", "/?//x"} {
		f.Add(seed)
	}
	base, err := url.Parse("http://localhost:5000/.fault/last-good")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to string) {
		got := proxy.LocalPath(to)
		if again := proxy.LocalPath(got); again != got {
			t.Errorf("%q, then %q", got, again)
		}
		// what browsers do before they read an address
		cleaned := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(strings.TrimSpace(got))
		target, err := base.Parse(cleaned)
		if err != nil || target.Host != "localhost:5000" || target.Scheme != "http" || target.User != nil {
			t.Errorf("%q leads to %v, %v", to, target, err)
		}
		if strings.HasPrefix(target.Path, "/.fault") && (len(target.Path) == 7 || target.Path[7] == '/') {
			t.Errorf("%q leads to a page of ours", to)
		}
	})
}

func FuzzHostName(f *testing.F) {
	for _, seed := range []string{"localhost", "localhost:80", "[::1]:80", "[::1", "a:b:c", ":80", "127.0.0.1:", "x y", "a,b", "[fe80::1%eth0]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, ok := proxy.HostName(host)
		if !ok {
			return
		}
		if name == "" || strings.ContainsAny(name, " \t\r\n,;'\"<>@/?#[]%\\") {
			t.Errorf("%q is called %q", host, name)
		}
		u, err := url.Parse("http://" + host + "/")
		if err != nil || u.Hostname() != name {
			t.Errorf("%q is called %q; others read %v, %v", host, name, u, err)
		}
	})
}
