package proxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/proxy"
)

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tab connects as a tab does.
func (f *fixture) tab(header http.Header) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, f.http.URL+"/.fault/events", &websocket.DialOptions{HTTPHeader: header})
	if err == nil {
		f.t.Cleanup(func() { _ = c.CloseNow() })
	}
	return c, err
}

// next reads what a tab is told.
func next(t testing.TB, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, text, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTabs(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, nil)
	origin := http.Header{"Origin": {f.http.URL}, "Sec-Fetch-Site": {"same-origin"}}
	c, err := f.tab(origin)
	if err != nil {
		t.Fatal(err)
	}
	var hello overlay.Event
	if err := json.Unmarshal([]byte(next(t, c)), &hello); err != nil || hello.Type != overlay.Hello || hello.Run == "" || hello.Generation != 0 || hello.Problem != nil {
		t.Errorf("%+v, %v", hello, err)
	}
	f.SetDoing("building ./x")
	f.SetDoing("building ./x") // once is enough
	b := proxy.NewBackend(application(t, app), 7)
	defer b.Close()
	f.Switch(b)
	f.Reload()
	p := aProblem("mistake")
	f.SetProblem(p)
	again := *p
	f.SetProblem(&again) // the same
	f.SetProblem(nil)
	f.SetProblem(nil)
	f.Styles([]string{"static/a.css"})
	f.Reload() // a template
	f.Switch(proxy.NewBackend("127.0.0.1:1", 8))
	f.Reload()
	f.Failed("", aFailure("oh\nno"))
	for _, want := range []string{
		`{"type":"doing","doing":"building ./x"}`,
		`{"type":"reload","generation":1}`,
		fmt.Sprintf(`{"type":"problem","problem":{"id":"%s","kind":"build","title":"mistake","served":true,"newest":false}}`, p.ID),
		`{"type":"mended"}`,
		`{"type":"style","files":["static/a.css"]}`,
		`{"type":"reload","generation":2}`,
		`{"type":"reload","generation":3}`,
		fmt.Sprintf(`{"type":"failure","id":"%s","title":"GET /x: oh"}`, failureID.Full()),
	} {
		if got := next(t, c); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f.SetProblem(p)
	late, err := f.tab(http.Header{"Cookie": {proxy.AsideName + "=" + p.ID}})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"type":"hello","run":"%s","generation":3,"problem":{"id":"%s","kind":"build","title":"mistake","served":true,"newest":false,"aside":true},"doing":"building ./x"}`, hello.Run, p.ID)
	if got := next(t, late); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, _, tabs := f.State(); tabs != 2 {
		t.Errorf("%d tabs", tabs)
	}
	_ = late.CloseNow()
	eventually(t, "the tab that went is forgotten", func() bool { _, _, tabs := f.State(); return tabs == 1 })
}

// TestEditions makes sure that a page tells what it was served by.
func TestEditions(t *testing.T) {
	t.Parallel()
	page := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><head>") }
	f := start(t, proxy.Options{}, page)
	look := func(want int) {
		t.Helper()
		if _, body := f.get("/", navigation); !strings.Contains(body, fmt.Sprintf("client.js?g=%d&amp;", want)) {
			t.Errorf("%q, want %d", body, want)
		}
	}
	look(1)
	f.Reload() // the tabs have not been told of the first version
	look(1)
	f.Reload()
	look(2)
	f.Switch(f.app)
	look(2)
	b := proxy.NewBackend(application(t, page), 2)
	defer b.Close()
	f.Switch(b)
	look(3)
	f.Reload()
	look(3)
}

// TestSlowTab has a tab that does not listen. Nobody waits for it.
func TestSlowTab(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, app)
	c, err := f.tab(nil)
	if err != nil {
		t.Fatal(err)
	}
	next(t, c)
	long := strings.Repeat("x", 1<<20)
	for i := range 200 {
		f.SetDoing(fmt.Sprint(i, long))
	}
	eventually(t, "the tab is given up", func() bool { _, _, tabs := f.State(); return tabs == 0 })
}

func TestWebSocketsOfStrangers(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, app)
	for name, header := range map[string]http.Header{
		"another site":    {"Origin": {"https://evil.example"}},
		"another port":    {"Origin": {"http://127.0.0.1:1"}, "Sec-Fetch-Site": {"same-site"}},
		"no origin":       {"Origin": {"null"}},
		"a page load":     {"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}},
		"a rebound name":  {"Host": {"evil.example"}, "Origin": {"http://evil.example"}},
		"two origins":     {"Origin": {f.http.URL, "https://evil.example"}},
		"metadata alone":  {"Sec-Fetch-Site": {"cross-site"}},
		"mixed metadata":  {"Sec-Fetch-Site": {"same-origin", "cross-site"}},
		"a sibling's":     {"Origin": {"http://evil.localhost"}},
		"by another port": {"Origin": {strings.Replace(f.http.URL, "127.0.0.1", "localhost", 1)}},
	} {
		c := f.dial()
		host := "Host: " + f.address()
		if h := header.Get("Host"); h != "" {
			host = "Host: " + h
			header.Del("Host")
		}
		lines := []string{"GET /.fault/events HTTP/1.1", host, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}
		for name, values := range header {
			for _, value := range values {
				lines = append(lines, name+": "+value)
			}
		}
		c.say(append(lines, "", "")...)
		if res, body := c.response("GET"); res.StatusCode == http.StatusSwitchingProtocols || res.StatusCode != 403 && !strings.HasPrefix(body, "APPLICATION") {
			t.Errorf("%s: %s %q", name, res.Status, body)
		}
		c.Close()
	}
	if _, _, tabs := f.State(); tabs != 0 {
		t.Errorf("%d tabs", tabs)
	}
}
