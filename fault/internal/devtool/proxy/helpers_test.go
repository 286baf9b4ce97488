package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/proxy"
)

// patience is how long a test waits for what must happen. It is long, for machines that are busy.
const patience = 30 * time.Second

// pages are plain ones, so that these tests are about the proxy.
func pages() proxy.Pages {
	return proxy.Pages{
		FormatOf: func(r *http.Request) overlay.Format {
			switch accept := r.Header.Get("Accept"); {
			case strings.Contains(accept, "text/html"), r.Header.Get("Sec-Fetch-Mode") == "navigate":
				return overlay.HTML
			case strings.Contains(accept, "json"):
				return overlay.JSON
			}
			return overlay.Text
		},
		Problem: func(w http.ResponseWriter, _ *http.Request, p *problem.Problem, to string, framed bool) {
			if p == nil {
				fmt.Fprint(w, "no problem")
				return
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "PROBLEM %s to=%s framed=%t served=%t SOURCE", p.Title, to, framed, p.Served)
		},
		Wait: func(w http.ResponseWriter, _ *http.Request, v overlay.Waiting) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "WAIT %s", v.Doing)
		},
		Failure: func(w http.ResponseWriter, _ *http.Request, f *overlay.Failure, status int, page bool) {
			w.Header().Del("Content-Length")
			w.Header().Set("Content-Type", "text/plain")
			if page {
				status = http.StatusOK
			}
			w.WriteHeader(status)
			fmt.Fprintf(w, "FAILURE %s answer=%q generation=%d SOURCE", f.Message, f.Answer, f.Generation)
		},
		Overview: func(w http.ResponseWriter, _ *http.Request, o overlay.Overview) {
			fmt.Fprintf(w, "OVERVIEW %s generation=%d failures=%d", o.Package, o.Generation, len(o.Failures))
		},
		Asset: func(name string) ([]byte, string, bool) {
			if name != "client.js" {
				return nil, "", false
			}
			return []byte("/* the script */"), "text/javascript; charset=utf-8", true
		},
	}
}

// fixture is a proxy on a real port, with an application behind it.
type fixture struct {
	*proxy.Server
	t    testing.TB
	http *httptest.Server
	app  *proxy.Backend
}

// start starts a proxy with an application; nil is none.
func start(t testing.TB, o proxy.Options, app http.HandlerFunc) *fixture {
	t.Helper()
	if o.Pages.Asset == nil {
		o.Pages = pages()
	}
	s := proxy.New(o)
	f := &fixture{Server: s, t: t, http: httptest.NewUnstartedServer(s)}
	f.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.http.Start()
	t.Cleanup(func() {
		s.Close()
		f.http.CloseClientConnections()
		f.http.Close()
	})
	if app != nil {
		f.serve(app)
	}
	return f
}

// serve puts an application behind the proxy.
func (f *fixture) serve(app http.HandlerFunc) {
	f.t.Helper()
	f.app = proxy.NewBackend(application(f.t, app), 1)
	f.t.Cleanup(f.app.Close)
	f.Switch(f.app)
}

// application serves a handler and returns its address.
func application(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.Listener.Addr().String()
}

func (f *fixture) address() string { return f.http.Listener.Addr().String() }

// dial connects to the proxy.
func (f *fixture) dial() *wire { return dialTo(f.t, f.address()) }

// wire is a connection that is written to and read from as it is.
type wire struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func dialTo(t testing.TB, address string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &wire{c, t, bufio.NewReader(c)}
}

// say writes lines with CRLF between them.
func (w *wire) say(lines ...string) {
	w.t.Helper()
	if _, err := io.WriteString(w, strings.Join(lines, "\r\n")); err != nil {
		w.t.Fatal(err)
	}
}

// line reads a line without its end.
func (w *wire) line() string {
	w.t.Helper()
	line, err := w.r.ReadString('\n')
	if err != nil {
		w.t.Fatalf("after %q: %v", line, err)
	}
	return strings.TrimRight(line, "\r\n")
}

// head reads until an empty line.
func (w *wire) head() []string {
	w.t.Helper()
	var lines []string
	for {
		line := w.line()
		if line == "" {
			return lines
		}
		lines = append(lines, line)
	}
}

// response reads a response and its body.
func (w *wire) response(method string) (*http.Response, string) {
	w.t.Helper()
	res, err := http.ReadResponse(w.r, &http.Request{Method: method})
	if err != nil {
		w.t.Fatal("reading a response:", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("reading a body: %v after %q", err, body)
	}
	return res, string(body)
}

// asks makes the only request of a connection, and returns all that comes.
func (w *wire) asks(method, path string) string {
	w.t.Helper()
	w.say(method+" "+path+" HTTP/1.1", "Host: x", "Content-Length: 0", "Connection: close", "", "")
	return w.rest()
}

// end tells that the other side closes the connection, and what comes before.
func (w *wire) rest() string {
	w.t.Helper()
	rest, err := io.ReadAll(w.r)
	if err != nil && !isReset(err) {
		w.t.Fatal(err)
	}
	return string(rest)
}

func isReset(err error) bool {
	_, ok := err.(*net.OpError)
	return ok && !err.(*net.OpError).Timeout()
}

// navigation are the headers of a page load in a browser.
var navigation = map[string]string{
	"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document", "Accept": "text/html,*/*;q=0.8",
}

// get makes a request by a connection of its own.
func (f *fixture) get(path string, header map[string]string) (*http.Response, string) {
	f.t.Helper()
	return f.do(http.MethodGet, path, nil, header)
}

func (f *fixture) do(method, path string, body io.Reader, header map[string]string) (*http.Response, string) {
	f.t.Helper()
	r, err := http.NewRequest(method, f.http.URL+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	for name, value := range header {
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	res, err := transport.RoundTrip(r)
	if err != nil {
		f.t.Fatal(method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatal(method, path, err)
	}
	return res, string(text)
}

// with returns headers with further ones.
func with(header map[string]string, more ...string) map[string]string {
	all := map[string]string{}
	for name, value := range header {
		all[name] = value
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

// eventually waits for something to be so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); {
		if time.Now().After(deadline) {
			t.Fatal("it never came to be that " + what)
		}
		time.Sleep(time.Millisecond)
	}
}

// aProblem is one of the newest source.
func aProblem(title string) *problem.Problem {
	p := &problem.Problem{Kind: problem.Build, Title: title, Time: time.Now()}
	p.Identify()
	return p
}
