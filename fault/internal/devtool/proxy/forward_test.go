package proxy_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/devtool/proxy"
)

// echo answers with the request as it arrived.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	r.Header.Del(devlink.RequestHeader)
	_ = r.Header.Write(w)
	fmt.Fprintf(w, "Length: %d\nEncoding: %v\n%s", r.ContentLength, r.TransferEncoding, body)
	if len(r.Trailer) > 0 {
		fmt.Fprint(w, "\nTrailer: ")
		_ = r.Trailer.Write(w)
	}
}

func TestRequestsArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, echo)
	for name, test := range map[string]struct {
		request  []string
		want     []string
		unwanted []string
	}{
		"host, fetch metadata and origin": {
			[]string{"GET /a?b=c HTTP/1.1", "Host: app.localhost:81", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", "Origin: http://app.localhost:81", "", ""},
			[]string{"GET /a?b=c\n", "Host: app.localhost:81\n", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", "Origin: http://app.localhost:81",
				"X-Forwarded-For: 127.0.0.1\r", "X-Forwarded-Host: app.localhost:81", "X-Forwarded-Proto: http\r"},
			[]string{"User-Agent", "Accept-Encoding"},
		},
		"a strange path and query": {
			[]string{"GET //a%2Fb/./c|d/%zz.. HTTP/1.1", "Host: x", "", ""},
			[]string{"400"}, nil, // Go's own server refuses it, as in front of the application
		},
		"a path that Go would write otherwise": {
			[]string{"GET /a|b/../%7e/%2F;x=1//y?a;b=%zz&&c HTTP/1.1", "Host: x", "", ""},
			[]string{"GET /a|b/../%7e/%2F;x=1//y?a;b=%zz&&c\n"}, nil,
		},
		"two slashes": {
			[]string{"GET //host/a?b HTTP/1.1", "Host: x", "", ""},
			[]string{"GET //host/a?b\n"}, nil,
		},
		"an empty query": {
			[]string{"GET /? HTTP/1.1", "Host: x", "", ""},
			[]string{"GET /?\n"}, nil,
		},
		"an absolute address": {
			[]string{"GET http://other.example/a?b HTTP/1.1", "Host: x", "", ""},
			[]string{"GET /a?b\n", "Host: other.example\n"}, nil,
		},
		"other proxies": {
			[]string{"GET / HTTP/1.1", "Host: x", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2", "X-Forwarded-Proto: https", "X-Forwarded-Host: public.example", "Forwarded: for=192.0.2.1", "", ""},
			[]string{"X-Forwarded-For: 192.0.2.1, 192.0.2.2, 127.0.0.1\r", "X-Forwarded-Proto: https\r", "X-Forwarded-Host: public.example\r", "Forwarded: for=192.0.2.1\r"}, nil,
		},
		"our cookie": {
			[]string{"GET / HTTP/1.1", "Host: x", "Cookie: a=b;  fault-run-aside=1; c = \"d\";e", "", ""},
			[]string{"Cookie: a=b; c = \"d\";e\r"}, []string{"fault-run-aside"},
		},
		"our cookie alone": {
			[]string{"GET / HTTP/1.1", "Host: x", "Cookie: fault-run-aside=1", "", ""},
			nil, []string{"Cookie"},
		},
		"cookies of debuggers on this host": {
			[]string{"GET / HTTP/1.1", "Host: x", "Cookie: fault-debugger-1=x; a=b; fault-debugger-65535=y", "", ""},
			[]string{"Cookie: a=b\r"}, []string{"fault-debugger"},
		},
		"a cookie named like ours": {
			[]string{"GET / HTTP/1.1", "Host: x", "Cookie: xfault-run-aside=1; fault-run-asides=2", "", ""},
			[]string{"Cookie: xfault-run-aside=1; fault-run-asides=2\r"}, nil,
		},
		"a body with its length": {
			[]string{"POST /p HTTP/1.1", "Host: x", "Content-Length: 5", "", "hello"},
			[]string{"Length: 5\n", "Encoding: []\nhello"}, nil,
		},
		"a body in chunks, with trailers": {
			[]string{"PUT /p HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Trailer: Sum", "", "5", "hello", "1", "!", "0", "Sum: 42", "", ""},
			[]string{"Length: -1\n", "Encoding: [chunked]\nhello!", "Trailer: Sum: 42"}, nil,
		},
		"an empty body": {
			[]string{"POST /p HTTP/1.1", "Host: x", "Content-Length: 0", "", ""},
			[]string{"POST /p\n", "Length: 0\n"}, nil,
		},
		"HTTP/1.0": {
			[]string{"GET /old HTTP/1.0", "", ""},
			[]string{"GET /old\n"}, nil,
		},
		"a method of one's own": {
			[]string{"PURGE /x HTTP/1.1", "Host: x", "", ""},
			[]string{"PURGE /x\n"}, nil,
		},
	} {
		c := f.dial()
		c.say(test.request...)
		res, body := c.response("GET")
		text := fmt.Sprint(res.StatusCode) + "\n" + body
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: there is no %q in:\n%s", name, want, text)
			}
		}
		for _, unwanted := range test.unwanted {
			if strings.Contains(text, unwanted) {
				t.Errorf("%s: %q is in:\n%s", name, unwanted, text)
			}
		}
		c.Close()
	}
}

func TestAnswersPassAsTheyAre(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		switch r.URL.Path {
		case "/length":
			h.Set("Content-Length", "5")
			h["X-Two"] = []string{"1", "2"}
			fmt.Fprint(w, "hello")
		case "/chunks":
			h.Set("Trailer", "Sum")
			fmt.Fprint(w, "hello")
			_ = http.NewResponseController(w).Flush()
			fmt.Fprint(w, " there")
			h.Set("Sum", "42")
			h.Set(http.TrailerPrefix+"Late", "43")
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/unchanged":
			h.Set("Etag", `"1"`)
			w.WriteHeader(http.StatusNotModified)
		case "/hints":
			h.Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			h.Del("Link")
			fmt.Fprint(w, "done")
		case "/gzip":
			h.Set("Content-Encoding", "gzip")
			h.Set("Content-Type", "text/html")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, "<html><head>")
			z.Close()
		}
	})
	c := f.dial() // all on one connection
	ask := func(method, path string) (*http.Response, string) {
		t.Helper()
		c.say(method+" "+path+" HTTP/1.1", "Host: localhost", "", "")
		return c.response(method)
	}
	if res, body := ask("GET", "/length"); body != "hello" || res.ContentLength != 5 || !slices.Equal(res.Header["X-Two"], []string{"1", "2"}) {
		t.Errorf("%q %v", body, res)
	}
	if res, body := ask("HEAD", "/length"); body != "" || res.ContentLength != 5 {
		t.Errorf("%q %v", body, res)
	}
	res, body := ask("GET", "/chunks")
	if body != "hello there" || res.Trailer.Get("Sum") != "42" || res.Trailer.Get("Late") != "43" {
		t.Errorf("%q %v", body, res.Trailer)
	}
	if res, _ := ask("GET", "/empty"); res.StatusCode != 204 {
		t.Error(res.Status)
	}
	if res, _ := ask("GET", "/unchanged"); res.StatusCode != 304 || res.Header.Get("Etag") != `"1"` {
		t.Error(res.Status)
	}
	if res, body := ask("GET", "/gzip"); res.Header.Get("Content-Encoding") != "gzip" || body[:2] != "\x1f\x8b" {
		t.Errorf("%q %v", body, res)
	}
	c.say("GET /hints HTTP/1.1", "Host: localhost", "", "")
	if head := c.head(); !strings.HasPrefix(head[0], "HTTP/1.1 103") || !slices.Contains(head, "Link: </a.css>; rel=preload") {
		t.Errorf("%q", head)
	}
	if res, body := c.response("GET"); body != "done" || res.Header.Get("Link") != "" {
		t.Errorf("%q %v", body, res)
	}
	// a client of HTTP/1.0 knows neither chunks nor hints
	old := f.dial()
	old.say("GET /hints HTTP/1.0", "", "")
	if head := old.head(); !strings.HasPrefix(head[0], "HTTP/1.0 200") {
		t.Errorf("%q", head)
	}
	if rest := old.rest(); rest != "done" {
		t.Errorf("%q", rest)
	}
	old = f.dial()
	old.say("GET /length HTTP/1.0", "Connection: keep-alive", "", "")
	if res, body := old.response("GET"); body != "hello" || res.Close {
		t.Errorf("%q %v", body, res)
	}
	old.say("GET /length HTTP/1.0", "Connection: keep-alive", "", "")
	if _, body := old.response("GET"); body != "hello" {
		t.Errorf("%q", body)
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		echo(w, r)
	})
	c := f.dial()
	c.say("POST /taken HTTP/1.1", "Host: x", "Expect: 100-continue", "Content-Length: 5", "", "")
	if head := c.head(); len(head) != 1 || head[0] != "HTTP/1.1 100 Continue" {
		t.Fatalf("%q", head)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if res, body := c.response("POST"); res.StatusCode != 200 || !strings.HasSuffix(body, "hello") {
		t.Errorf("%s %q", res.Status, body)
	}
	c = f.dial()
	c.say("POST /refused HTTP/1.1", "Host: x", "Expect: 100-continue", "Content-Length: 5", "", "")
	if res, _ := c.response("POST"); res.StatusCode != http.StatusExpectationFailed {
		t.Errorf("%s: the body was asked for", res.Status)
	}
}

func TestStreamsAreFlushedAtOnce(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		if n := r.URL.Query().Get("length"); n != "" {
			w.Header().Set("Content-Length", n)
		}
		_ = http.NewResponseController(w).Flush()
		for text := range next {
			if text == "" {
				return
			}
			fmt.Fprint(w, text)
			_ = http.NewResponseController(w).Flush()
		}
	})
	for name, query := range map[string]string{
		"server-sent events": "?type=text/event-stream", "text": "?type=text/plain", "of a known length": "?type=video/mp4&length=26",
	} {
		res, err := http.Get(f.http.URL + "/" + query)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			want := fmt.Sprintf("data: event %d\n", i)[:13]
			next <- want
			got := make([]byte, len(want))
			if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		next <- ""
		if rest, err := io.ReadAll(res.Body); err != nil || len(rest) != 0 {
			t.Errorf("%s: %q, %v", name, rest, err)
		}
		res.Body.Close()
	}
}

func TestClientGone(t *testing.T) {
	t.Parallel()
	arrived, cancelled := make(chan struct{}), make(chan struct{})
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begun" {
			fmt.Fprint(w, "begun")
			_ = http.NewResponseController(w).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done()
		cancelled <- struct{}{}
	})
	for _, path := range []string{"/", "/begun"} {
		c := f.dial()
		c.say("GET "+path+" HTTP/1.1", "Host: x", "", "")
		<-arrived
		c.Close()
		select {
		case <-cancelled:
		case <-time.After(patience):
			t.Fatalf("%s: the application does not see that the client is gone", path)
		}
	}
	eventually(t, "no request is under way", func() bool { _, running, _ := f.State(); return running == 0 })
}

func TestApplicationAborts(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/chunks":
			fmt.Fprint(w, "half")
			_ = http.NewResponseController(w).Flush()
		case "/length":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	})
	for path, want := range map[string]string{"/silent": "", "/chunks": "4\r\nhalf\r\n", "/length": "half"} {
		asked.Store(0)
		c := f.dial()
		c.say("POST "+path+" HTTP/1.1", "Host: x", "Content-Length: 0", "", "")
		rest := c.rest()
		_, body, _ := strings.Cut(rest, "\r\n\r\n")
		if body != want || path == "/silent" && rest != "" {
			t.Errorf("%s: %q", path, rest)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("%s: the application was asked %d times", path, n)
		}
	}
}

func TestNoHTTP(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, "220 mail.example ESMTP\r\n")
				_, _ = io.Copy(io.Discard, c)
			}()
		}
	}()
	f := start(t, proxy.Options{}, nil)
	b := proxy.NewBackend(l.Addr().String(), 1)
	defer b.Close()
	f.Switch(b)
	res, body := f.do("POST", "/", strings.NewReader("x"), nil)
	if res.StatusCode != http.StatusBadGateway || !strings.Contains(body, "cannot be understood") {
		t.Errorf("%s %q", res.Status, body)
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skip("no unix sockets here:", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(echo)}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	f := start(t, proxy.Options{}, nil)
	b := proxy.NewBackend("unix:"+path, 1)
	defer b.Close()
	f.Switch(b)
	if _, body := f.get("/by-socket", nil); !strings.HasPrefix(body, "GET /by-socket\n") {
		t.Error(body)
	}
}

// TestInformational makes sure of Go's own client, too.
func TestInformational(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusProcessing)
		_, _ = io.Copy(w, r.Body)
	})
	var codes []int
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		codes = append(codes, code)
		return nil
	}})
	r, err := http.NewRequestWithContext(ctx, "POST", f.http.URL, bytes.NewReader([]byte("body")))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); string(body) != "body" || !slices.Contains(codes, 102) {
		t.Errorf("%q %v", body, codes)
	}
}
