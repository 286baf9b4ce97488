package proxy_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/proxy"
)

const (
	ownHost   = "localhost:5000"
	ownScript = "http://localhost:5000/.fault/client.js"
	ownSocket = "ws://localhost:5000/.fault/events"
	ownFrames = "http://localhost:5000/.fault/problem http://localhost:5000/.fault/failures/"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ policy, want string }{
		"nothing about it":       {"img-src 'self'; frame-ancestors 'none'", "img-src 'self'; frame-ancestors 'none'"},
		"nothing at all":         {"", ""},
		"itself":                 {"default-src 'self'", "default-src 'self'; connect-src 'self' " + ownSocket},
		"none":                   {"default-src 'none'", "default-src 'none'; script-src-elem " + ownScript + "; connect-src " + ownSocket + "; frame-src " + ownFrames},
		"an empty list":          {"script-src;connect-src 'none' ;frame-src", "script-src " + ownScript + ";connect-src " + ownSocket + ";frame-src " + ownFrames},
		"each by name":           {"script-src 'none'; connect-src 'none'; frame-src 'none'", "script-src " + ownScript + "; connect-src " + ownSocket + "; frame-src " + ownFrames},
		"script elements":        {"script-src 'none'; script-src-elem https://cdn.example", "script-src 'none'; script-src-elem https://cdn.example " + ownScript},
		"letters and spaces":     {" \tScript-SRC\f'NONE'\n;; DEFAULT-src *", " \tScript-SRC " + ownScript + ";; DEFAULT-src *; connect-src * " + ownSocket},
		"a directive twice":      {"script-src 'none'; script-src 'self'", "script-src " + ownScript + "; script-src 'self'"},
		"frames by their parent": {"child-src https://x.example", "child-src https://x.example; frame-src https://x.example " + ownFrames},
		"inline scripts":         {"script-src 'unsafe-inline'", "script-src 'unsafe-inline' " + ownScript},
		"a nonce of its own":     {"script-src 'nonce-abc' 'unsafe-inline'", "script-src 'nonce-abc' 'unsafe-inline' " + ownScript},
		"what is trusted loads":  {"script-src 'strict-dynamic' 'nonce-abc' 'unsafe-inline' https:", "script-src 'strict-dynamic' 'nonce-abc' 'unsafe-inline' https: 'nonce-OURS'"},
		"the same by default":    {"default-src 'strict-dynamic' 'self' 'nonce-abc'", "default-src 'strict-dynamic' 'self' 'nonce-abc'; script-src-elem 'strict-dynamic' 'self' 'nonce-abc' 'nonce-OURS'; connect-src 'strict-dynamic' 'self' 'nonce-abc' " + ownSocket},
		"two policies":           {"default-src 'self', script-src 'none'", "default-src 'self'; connect-src 'self' " + ownSocket + ", script-src " + ownScript},
		"everything from there":  {"script-src *; connect-src *; frame-src *", "script-src *; connect-src * " + ownSocket + "; frame-src *"},
		"letters of another kind": {"script-src 'ſelf'; connect-src 'ſelf'; frame-src 'ſelf'",
			"script-src 'ſelf' " + ownScript + "; connect-src 'ſelf' " + ownSocket + "; frame-src 'ſelf' " + ownFrames},
	} {
		amended, nonce := proxy.Amend([]string{test.policy}, ownHost)
		want := test.want
		if strings.Contains(want, "OURS") {
			if nonce == "" {
				t.Errorf("%s: there is no nonce", name)
			}
			want = strings.ReplaceAll(want, "OURS", nonce)
		} else if nonce != "" {
			t.Errorf("%s: a nonce", name)
		}
		if amended[0] != want {
			t.Errorf("%s:\n%s\n%s", name, amended[0], want)
		}
	}
}

// TestPolicyWithoutWords is about a host that no policy can name.
func TestPolicyWithoutWords(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{
		"default-src 'self'":                   "default-src 'self'",
		"script-src 'none'; connect-src x":     "script-src 'nonce-OURS'; connect-src x",
		"script-src 'unsafe-inline'":           "script-src 'unsafe-inline'",
		"script-src 'unsafe-inline' 'nonce-a'": "script-src 'unsafe-inline' 'nonce-a' 'nonce-OURS'",
	} {
		for _, host := range []string{"[::1]:5000", "localhost.:5000", "my_app.localhost"} {
			amended, nonce := proxy.Amend([]string{policy}, host)
			if want := strings.ReplaceAll(want, "OURS", nonce); amended[0] != want {
				t.Errorf("%s: %q, want %q", host, amended[0], want)
			}
		}
	}
}

// FuzzPolicy judges policies before and after by a reading of its own of the standard.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{
		"default-src 'none'; script-src 'self'", "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'", "script-src 'strict-dynamic' 'nonce-page' https:",
		"script-src-elem 'none', default-src *", "child-src 'none'; worker-src 'self'", "sandbox allow-scripts; default-src ws:", ";;,,; script-src",
		"default-src http://localhost:5000/.fault/", "default-src *:5000", "connect-src 'none' 'self'", "default-src 'strict-dynamic' 'sha256-abc'",
	} {
		f.Add(seed, ownHost)
		f.Add(seed, "[::1]:5000")
	}
	f.Fuzz(func(t *testing.T, policy, host string) {
		if host != ownHost && host != "127.0.0.1" && host != "[::1]:5000" {
			host = ownHost
		}
		comparePolicies(t, policy, host)
	})
}

// TestRandomPolicies makes up policies of what real ones consist of.
func TestRandomPolicies(t *testing.T) {
	t.Parallel()
	names := []string{"default-src", "script-src", "script-src-elem", "script-src-attr", "connect-src", "frame-src", "child-src", "worker-src", "img-src", "style-src", "base-uri", "sandbox", "Script-Src"}
	sources := []string{"'self'", "'none'", "*", "https:", "http:", "ws:", "data:", "'unsafe-inline'", "'unsafe-eval'", "'strict-dynamic'", "'nonce-page'", "'sha256-abc'", "cdn.example", "https://*.example/x/", "localhost:*", "'SELF'"}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	for range 4_000 {
		var policies []string
		for range 1 + random.IntN(2) {
			var directives []string
			for range random.IntN(5) {
				parts := []string{pick(names)}
				for range random.IntN(4) {
					parts = append(parts, pick(sources))
				}
				directives = append(directives, strings.Join(parts, " "))
			}
			policies = append(policies, strings.Join(directives, "; "))
		}
		comparePolicies(t, strings.Join(policies, ", "), []string{ownHost, "127.0.0.1", "[::1]:5000"}[random.IntN(3)])
		if t.Failed() {
			return
		}
	}
}

// comparePolicies makes sure that the amended policies allow what the others do, and our own addresses, and nothing else.
func comparePolicies(t *testing.T, text, host string) {
	t.Helper()
	amended, nonce := proxy.Amend([]string{text}, host)
	before, after := parsePolicies([]string{text}), parsePolicies(amended)
	for kind := range directivesOf {
		for _, url := range []string{
			"http://" + host + "/app.js", "http://" + host + "/.fault/other", "http://" + host + "/.fault/client.js/x", "ws://" + host + "/socket", "http://" + host + "/.fault/problem/x",
			"https://cdn.example/x.js", "http://localhost:1/", "wss://a.example/x/y", "data:x", "blob:x", "http://" + host + "/", "INLINE", "EVAL",
		} {
			inline := kind == "script" || kind == "handler" || kind == "style"
			if url == "INLINE" && !inline || (url == "EVAL") != (kind == "eval") || kind == "handler" && url != "INLINE" {
				continue // there is no such thing
			}
			for _, pageNonce := range []string{"", "page", "other"} {
				for _, dynamic := range []bool{false, true} {
					a := attempt{kind, url, pageNonce, dynamic, host}
					if b, now := before.allow(a), after.allow(a); b != now {
						t.Errorf("%+v: allowed %t, then %t\n%s\n%s", a, b, now, text, amended[0])
						return
					}
				}
			}
		}
	}
	ours := attempt{"script", "http://" + host + "/.fault/client.js?g=1", nonce, false, host}
	if !after.allow(ours) && (host != "[::1]:5000" || !strings.Contains(strings.ToLower(text), "'unsafe-inline'")) {
		t.Errorf("our script may not run\n%s\n%s", text, amended[0])
	}
	if host != "[::1]:5000" {
		for _, a := range []attempt{
			{"connect", "ws://" + host + "/.fault/events", "", false, host},
			{"frame", "http://" + host + "/.fault/problem?framed=1", "", false, host}, {"frame", "http://" + host + "/.fault/failures/ID", "", false, host},
		} {
			if !after.allow(a) {
				t.Errorf("%+v is not allowed\n%s\n%s", a, text, amended[0])
			}
		}
	}
	for i, p := range before {
		for name, value := range p {
			if !strings.HasSuffix(name, "-src") && !strings.HasSuffix(name, "-src-elem") && !slices.Equal(value, after[i][name]) {
				t.Errorf("%s has become %q\n%s", name, after[i][name], text)
			}
		}
	}
}

// directivesOf lists the directives that govern a kind of request, the first one that is there counts.
var directivesOf = map[string][]string{
	"script": {"script-src-elem", "script-src", "default-src"}, "handler": {"script-src-attr", "script-src", "default-src"},
	"eval": {"script-src", "default-src"}, "worker": {"worker-src", "child-src", "script-src", "default-src"},
	"connect": {"connect-src", "default-src"}, "frame": {"frame-src", "child-src", "default-src"}, "style": {"style-src-elem", "style-src", "default-src"},
	"img": {"img-src", "default-src"}, "object": {"object-src", "default-src"}, "font": {"font-src", "default-src"}, "manifest": {"manifest-src", "default-src"},
}

// attempt is what a page tries.
type attempt struct {
	kind, url, nonce string
	dynamic          bool // by a script that runs already
	host             string
}

type policies []map[string][]string

func parsePolicies(values []string) policies {
	var all policies
	for _, value := range values {
		for text := range strings.SplitSeq(value, ",") {
			p := map[string][]string{}
			for directive := range strings.SplitSeq(text, ";") {
				fields := strings.FieldsFunc(directive, func(r rune) bool { return strings.ContainsRune(" \t\n\f\r", r) })
				if len(fields) == 0 {
					continue
				}
				name := lowerASCII(fields[0])
				if _, again := p[name]; !again {
					p[name] = fields[1:]
				}
			}
			all = append(all, p)
		}
	}
	return all
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func (all policies) allow(a attempt) bool {
	for _, p := range all {
		for _, name := range directivesOf[a.kind] {
			if sources, ok := p[name]; ok {
				if !allowedBy(sources, a) {
					return false
				}
				break
			}
		}
	}
	return true
}

func allowedBy(sources []string, a attempt) bool {
	has := func(is func(string) bool) bool {
		return slices.ContainsFunc(sources, func(s string) bool { return is(lowerASCII(s)) })
	}
	is := func(word string) bool { return has(func(s string) bool { return s == word }) }
	dynamic := is("'strict-dynamic'")
	script := a.kind == "script" || a.kind == "handler" || a.kind == "worker"
	nonced := a.nonce != "" && (a.kind == "script" || a.kind == "style") && slices.ContainsFunc(sources, func(s string) bool {
		return len(s) > 8 && lowerASCII(s[:7]) == "'nonce-" && s[7:] == a.nonce+"'"
	})
	switch a.url {
	case "INLINE":
		exact := has(func(s string) bool { return strings.HasPrefix(s, "'nonce-") || strings.HasPrefix(s, "'sha") })
		return nonced || is("'unsafe-inline'") && !exact && !(dynamic && script)
	case "EVAL":
		return is("'unsafe-eval'")
	}
	if nonced {
		return true
	}
	if dynamic && script {
		return a.dynamic
	}
	return has(func(s string) bool { return matches(s, a) })
}

// matches tells whether a source expression matches a URL.
func matches(source string, a attempt) bool {
	scheme, rest, _ := strings.Cut(a.url, ":")
	authority, path, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
	path, _, _ = strings.Cut("/"+path, "?")
	network := strings.HasPrefix(rest, "//")
	upgrades := func(from string) bool {
		return from == scheme || from == "http" && scheme == "https" || from == "ws" && (scheme == "wss" || scheme == "http" || scheme == "https") || from == "wss" && scheme == "https"
	}
	switch {
	case source == "'self'":
		return network && authority == a.host && (upgrades("http") || scheme == "ws")
	case source == "*":
		return network
	case strings.HasPrefix(source, "'"):
		return false
	}
	if word, after, ok := strings.Cut(source, ":"); ok && after == "" {
		return upgrades(word)
	}
	if !network {
		return false
	}
	from, expression, ok := strings.Cut(source, "://")
	if !ok {
		from, expression = "http", source
	}
	if !upgrades(from) {
		return false
	}
	wantAuthority, wantPath, hasPath := strings.Cut(expression, "/")
	wantHost, wantPort, _ := strings.Cut(wantAuthority, ":")
	host, port, _ := strings.Cut(authority, ":")
	if suffix, wild := strings.CutPrefix(wantHost, "*"); wild {
		if !strings.HasSuffix(host, suffix) || host == suffix {
			return false
		}
	} else if wantHost != host {
		return false
	}
	if wantPort != "*" && wantPort != port {
		return false
	}
	if !hasPath || wantPath == "" {
		return true
	}
	if wantPath = "/" + wantPath; strings.HasSuffix(wantPath, "/") {
		return strings.HasPrefix(path, wantPath)
	}
	return path == wantPath
}

// TestPolicyOfAPage makes sure that the headers of pages are amended, and no others.
func TestPolicyOfAPage(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html")
		h["Content-Security-Policy"] = []string{"default-src 'none'", "script-src 'strict-dynamic'"}
		h["Content-Security-Policy-Report-Only"] = []string{"script-src 'none'"}
		fmt.Fprint(w, map[bool]string{true: "<p>a part", false: "<!doctype html><title>x</title>"}[r.URL.Path == "/part"])
	})
	header := map[string]string{"Accept": "text/html", "Host": ownHost}
	res, body := f.get("/", header)
	got := res.Header["Content-Security-Policy"]
	if len(got) != 2 || !strings.Contains(got[0], ownScript) || strings.Contains(got[1], ownScript) || res.Header.Get("Content-Security-Policy-Report-Only") != "script-src "+ownScript {
		t.Errorf("%q", res.Header)
	}
	_, rest, _ := strings.Cut(body, ` nonce="`)
	nonce, _, _ := strings.Cut(rest, `"`)
	if nonce == "" || !strings.Contains(got[1], "'nonce-"+nonce+"'") {
		t.Errorf("%q %q", got, body)
	}
	if res, again := f.get("/", header); again == body || strings.Contains(res.Header["Content-Security-Policy"][1], nonce) {
		t.Error("the nonce is the same again")
	}
	if res, _ := f.get("/part", header); res.Header.Get("Content-Security-Policy") != "default-src 'none'" {
		t.Errorf("%q", res.Header)
	}
}
