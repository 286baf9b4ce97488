package web_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/fault/logfile"
	"example.org/microblog/internal/web"
)

func TestAccessLog(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill, behindProxy)
	susan := s.member("susan")
	b := s.browser()
	login := b.get("/login")
	home := b.request("GET", "/?before=7", nil)
	home.Header.Set("Cookie", "session="+susan.cookie("session"))
	s.access.wait(t, 3)
	for name, test := range map[string]struct {
		request *http.Request
		want    map[string]any
	}{
		"a page": {b.request("GET", "/login", nil),
			map[string]any{"method": "GET", "path": "/login", "status": int64(200), "bytes": int64(len(login.body)), "user": "-", "remote": "127.0.0.1"}},
		"HEAD": {b.request("HEAD", "/login", nil),
			map[string]any{"method": "HEAD", "status": int64(200), "bytes": int64(0)}},
		"signed in": {home,
			map[string]any{"path": "/?before=7", "status": int64(200), "user": "susan"}},
		"a page that is not there": {b.request("GET", "/nothing", nil),
			map[string]any{"path": "/nothing", "status": int64(404)}},
		"refused": {b.request("POST", "/login", nil),
			map[string]any{"method": "POST", "status": int64(403)}},
		"a redirect": {b.request("GET", "/", nil),
			map[string]any{"status": int64(303)}},
		"a failure": {b.request("GET", "/drill/panic", nil),
			map[string]any{"path": "/drill/panic", "status": int64(500)}},
		"a secret in the query": {b.request("GET", "/login?password=hunter22&token=abcdefgh&next=%2Fexplore", nil),
			map[string]any{"status": int64(200)}},
		"an escaped path": {b.request("GET", "/user/%0a%22", nil),
			map[string]any{"path": "/user/%0a%22", "status": int64(404)}},
	} {
		a := s.browser().do(test.request)
		line := s.access.wait(t, 1)[0]
		for key, want := range test.want {
			if line[key] != want {
				t.Errorf("%s: %s=%v, want %v", name, key, line[key], want)
			}
		}
		if line["msg"] != "request" || line["level"] != slog.LevelInfo {
			t.Errorf("%s: %v", name, line)
		}
		if ms, ok := line["ms"].(float64); !ok || ms < 0 || ms > 60_000 {
			t.Errorf("%s: ms=%v", name, line["ms"])
		}
		if id, _ := line["request"].(string); id == "" || a.header.Get("X-Request-Id") != "" && a.header.Get("X-Request-Id") != id {
			t.Errorf("%s: request=%v, and the answer says %q", name, line["request"], a.header.Get("X-Request-Id"))
		}
		if _, aborted := line["aborted"]; aborted {
			t.Errorf("%s: aborted", name)
		}
		if text := fmt.Sprint(line); strings.Contains(text, "hunter22") || strings.Contains(text, "abcdefgh") {
			t.Errorf("%s: a secret is in the log: %s", name, text)
		}
	}
}

// TestAccessLogOfAnAbortedRequest: what is cut off in the middle leaves a line as well.
func TestAccessLogOfAnAbortedRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	b := s.browser()
	if a := b.get("/drill/after-headers").wants(200); a.err == nil {
		t.Error("the client takes the page for whole")
	}
	line := s.access.wait(t, 1)[0]
	if line["aborted"] != true || line["status"] != int64(200) || line["bytes"].(int64) == 0 {
		t.Errorf("%v", line)
	}
}

// TestRequestID: a trusted proxy's id is kept where it is well formed; anybody else's is not.
func TestRequestID(t *testing.T) {
	t.Parallel()
	trusting, other := newSite(t, behindProxy), newSite(t)
	for name, test := range map[string]struct {
		site *site
		ids  []string
		kept bool
	}{
		"by the proxy":          {trusting, []string{"4bf92f3577b34da6a3ce929d0e0e4736"}, true},
		"by a stranger":         {other, []string{"4bf92f3577b34da6a3ce929d0e0e4736"}, false},
		"with a blank":          {trusting, []string{"a b"}, false},
		"with other letters":    {trusting, []string{"é"}, false},
		"too long":              {trusting, []string{strings.Repeat("a", 129)}, false},
		"as long as may be":     {trusting, []string{strings.Repeat("a", 128)}, true},
		"empty":                 {trusting, []string{""}, false},
		"twice":                 {trusting, []string{"a1", "a2"}, false},
		"with all that may be ": {trusting, []string{"Root=1-67891233:abc/_.+@"}, true},
	} {
		r := test.site.browser().request("GET", "/nothing", nil)
		r.Header["X-Request-Id"] = test.ids
		a := test.site.browser().do(r)
		got := test.site.access.wait(t, 1)[0]["request"].(string)
		if (got == test.ids[0]) != test.kept || got == "" {
			t.Errorf("%s: the request is called %q", name, got)
		}
		if said := a.header.Get("X-Request-Id"); said != got {
			t.Errorf("%s: the answer says %q, the log %q", name, said, got)
		}
	}
}

// TestAccessLogLines: whatever path a client sends, one request is one line of the log.
func TestAccessLogLines(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	s := newSite(t, func(o *web.Options) {
		o.AccessLog = slog.New(logfile.NewHandler(logfile.ToWriter(&out), logfile.HandlerOptions{}))
	})
	targets := []string{
		"/a%0a2026-11-22%20forged", "/a%1b%5b31m", "/?a=%0a&b=\"x\"", "/" + strings.Repeat("%0d", 500), "/\x1b[2J", "/a\"b=c", "/%E2%80%A8", "//evil.example/%2e%2e", "*",
		"/a?\x01\x02", "/é", "/a?password=hunter22%0a", "http://evil.example/x", "/=", "/?=", "/a b",
	}
	for _, target := range targets {
		raw(t, s.Listener.Addr().String(), "GET "+target+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUser-Agent: a\tb\r\n\r\n")
	}
	eventually(t, "all lines are written", func() bool { return strings.Count(out.String(), "request=") >= 13 })
	for line := range strings.Lines(out.String()) {
		text := strings.TrimSuffix(line, "\n")
		if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f || c == 0x2028 }) {
			t.Errorf("control characters in %q", line)
		}
		if !strings.Contains(text, " INFO: request method=GET path=") {
			t.Errorf("a line is no record: %q", line)
		}
		for _, key := range []string{" status=", " bytes=", " ms=", " request=", " user=-", " remote=127.0.0.1"} {
			if !strings.Contains(text, key) {
				t.Errorf("no%s in %q", key, line)
			}
		}
		if strings.Contains(text, "hunter22") {
			t.Errorf("a secret in %q", line)
		}
	}
}

// raw sends bytes as they are and reads the answer's first line.
func raw(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
