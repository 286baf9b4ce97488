package fault_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
)

// What writers offer besides http.ResponseWriter.
type (
	flusher    struct{}
	hijacker   struct{}
	pusher     struct{}
	readerFrom struct{}
)

func (flusher) Flush()                                        {}
func (hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errors.New("no") }
func (pusher) Push(string, *http.PushOptions) error           { return http.ErrNotSupported }
func (readerFrom) ReadFrom(src io.Reader) (int64, error)      { return io.Copy(io.Discard, src) }

func TestExposedInterfaces(t *testing.T) {
	t.Parallel()
	type base struct{ http.ResponseWriter }
	w := func() base { return base{&sink{h: http.Header{}}} }
	kinds := map[string]http.ResponseWriter{
		"": w(),
		"F": struct {
			base
			flusher
		}{base: w()},
		"H": struct {
			base
			hijacker
		}{base: w()},
		"P": struct {
			base
			pusher
		}{base: w()},
		"R": struct {
			base
			readerFrom
		}{base: w()},
		"FH": struct {
			base
			flusher
			hijacker
		}{base: w()},
		"FR": struct {
			base
			flusher
			readerFrom
		}{base: w()},
		"HR": struct {
			base
			hijacker
			readerFrom
		}{base: w()},
		"FHR": struct {
			base
			flusher
			hijacker
			readerFrom
		}{base: w()},
	}
	g := newRig(fault.Options{})
	for want, under := range kinds {
		t.Run("kind "+want, func(t *testing.T) {
			check := func(w http.ResponseWriter) {
				got := ""
				if f, ok := w.(http.Flusher); ok {
					got += "F"
					f.Flush()
				}
				if h, ok := w.(http.Hijacker); ok {
					got += "H"
					_, _, _ = h.Hijack()
				}
				if _, ok := w.(http.Pusher); ok {
					got += "P"
				}
				if r, ok := w.(io.ReaderFrom); ok {
					got += "R"
					if n, err := r.ReadFrom(strings.NewReader(strings.Repeat("x", 1000))); n != 1000 || err != nil {
						t.Errorf("ReadFrom copied %d bytes and returned %v", n, err)
					}
				}
				if got != strings.Trim(want, "P") { // No pushes.
					t.Errorf("the handler sees %q, beneath is %q", got, want)
				}
				if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); !ok || u.Unwrap() == nil {
					t.Error("there is no Unwrap")
				}
				if n, err := io.WriteString(w, "text"); n != 4 || err != nil {
					t.Errorf("WriteString wrote %d bytes and returned %v", n, err)
				}
			}
			g.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { check(w) })).
				ServeHTTP(under, httptest.NewRequest("GET", "/", nil))
			g.Handle(func(w http.ResponseWriter, _ *http.Request) error { check(w); return nil }).
				ServeHTTP(under, httptest.NewRequest("GET", "/", nil))
		})
	}
}

// unwrapper is a middleware's writer that offers nothing but Unwrap.
type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// With a middleware in between whose writer only unwraps, flushing and hijacking must not pass by.
func TestThroughUnwrap(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	between := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(unwrapper{w}, r) })
	}
	srv := start(t, g.Middleware(between(g.Handle(func(w http.ResponseWriter, r *http.Request) error {
		rc := http.NewResponseController(w)
		if err := rc.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
		if r.URL.Path == "/flush" {
			return errors.Join(rc.Flush(), errors.New("late"))
		}
		conn, _, err := rc.Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		return errors.New("after hijacking")
	}))))
	if res, err := try(t, "GET", srv.URL+"/flush", nil); err == nil || strings.Contains(res.body, "Internal") {
		t.Errorf("got %q and %v, want an aborted connection", res.body, err)
	}
	if res := get(t, srv.URL+"/hijack"); res.body != "hi" {
		t.Errorf("got %q, want what the handler wrote to the connection", res.body)
	}
	waitFor(t, func() bool { return len(g.kept.all()) == 2 })
}

// waitFor waits for what happens after a client has its answer.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 10 s")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestServeFile(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	file := filepath.Join(t.TempDir(), "big.bin")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{
		"GET /serve": func(w http.ResponseWriter, r *http.Request) error { http.ServeFile(w, r, file); return nil },
		"GET /copy": func(w http.ResponseWriter, _ *http.Request) error {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, onlyReader{f})
			return err
		},
		"GET /file": func(w http.ResponseWriter, _ *http.Request) error {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = w.(io.ReaderFrom).ReadFrom(f)
			return err
		},
		"GET /broken": func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.Copy(w, brokenReader{})
			return err
		},
	})
	for _, path := range []string{"/serve", "/copy", "/file"} {
		res := get(t, srv.URL+path)
		if res.StatusCode != 200 || res.body != string(content) {
			t.Errorf("%s: %s with %d bytes", path, res.Status, len(res.body))
		}
	}
	// A source that fails before its first byte leaves room for a page.
	get(t, srv.URL+"/broken", "Accept", browser).wants(t, 500, "</html>")
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("bad sector") }

func TestStaleHeaders(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	security := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
			w.Header().Set("Strict-Transport-Security", "max-age=1")
			w.Header().Set("Vary", "Cookie")
			h.ServeHTTP(w, r)
		})
	}
	srv := start(t, security(g.Middleware(g.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		h := w.Header()
		for _, stale := range []string{
			"Content-Encoding", "Content-Disposition", "Etag", "Last-Modified", "Location", "Content-Range", "Accept-Ranges",
			"Content-Language", "Expires", "Trailer", http.TrailerPrefix + "X-Sum", "WWW-Authenticate", "Content-Digest",
		} {
			h.Set(stale, "stale")
		}
		h.Set("Content-Length", "5")
		h.Set("Content-Type", "image/png")
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("Set-Cookie", "a=b")
		h.Set("X-Request-Id", "from-outside")
		return errors.New("no")
	}))))
	res := get(t, srv.URL, "Accept", "text/plain")
	res.wants(t, 500, "500 Internal Server Error\nAn unexpected error has occurred.\n")
	for k, vs := range res.Header {
		if strings.Contains(strings.Join(vs, " "), "stale") {
			t.Errorf("stale %s: %v", k, vs)
		}
	}
	for k, want := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "Set-Cookie": "a=b",
		"Content-Security-Policy": "default-src 'self'", "Strict-Transport-Security": "max-age=1", "X-Request-Id": "from-outside",
		"Content-Length": fmt.Sprint(len(res.body)), "Vary": "Cookie, Accept",
	} {
		if got := strings.Join(res.Header.Values(k), ", "); got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	// The built-in page names its own style, which no other policy allows.
	if csp := get(t, srv.URL, "Accept", browser).Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("the built-in page came with the policy %q", csp)
	}
}

func TestResponseSoFar(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	many := make(http.Header)
	for i := range 70 {
		many.Set(fmt.Sprintf("X-Part-%02d", i), "x")
	}
	for name, test := range map[string]struct {
		handler fault.HandlerFunc
		plain   http.HandlerFunc // in place of it
		options fault.Options
		want    *fault.Response
	}{
		"nothing": {handler: func(http.ResponseWriter, *http.Request) error { return broken }},
		"names without values": {handler: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header()["X-Empty"] = nil
			return broken
		}},
		"headers, with secrets": {
			handler: func(w http.ResponseWriter, _ *http.Request) error {
				http.SetCookie(w, &http.Cookie{Name: "session", Value: "Zk3hYt0vQw9m", Path: "/", HttpOnly: true})
				w.Header().Add("Set-Cookie", "theme=dark")
				w.Header().Set("Content-Type", "image/png")
				w.Header().Set("X-Api-Key", "abcdef")
				w.Header().Set("X-Said", "for the-session-token")
				w.Header().Set("Location", "/reset?token=abcdef")
				return broken
			},
			options: fault.Options{Secrets: func(*http.Request) []string { return []string{"the-session-token"} }},
			want: &fault.Response{Header: http.Header{
				"Set-Cookie": {"session=[masked]; Path=/; HttpOnly", "theme=[masked]"}, "Content-Type": {"image/png"}, "X-Api-Key": {"[masked]"},
				"X-Said": {"for [masked]"}, "Location": {"/reset?token=[masked]"},
			}},
		},
		"headers, and secrets that are not known": {
			handler: func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("X-Said", "for the-session-token")
				return broken
			},
			options: fault.Options{Secrets: func(*http.Request) []string { panic("no session") }},
			want:    &fault.Response{Cut: true},
		},
		"a status": {
			handler: func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(201); return broken },
			want:    &fault.Response{Status: 201},
		},
		"several statuses": {
			handler: func(w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(202)
				return broken
			},
			want: &fault.Response{Status: 202},
		},
		"a status that is invalid": {plain: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(7) }},
		"a body": {
			handler: func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/plain")
				_, err := w.Write([]byte("12345"))
				_, err2 := io.WriteString(w, "678")
				return errors.Join(err, err2, broken)
			},
			want: &fault.Response{Status: 200, Bytes: 8, Header: http.Header{"Content-Type": {"text/plain"}}},
		},
		"a body that was copied": {
			handler: func(w http.ResponseWriter, _ *http.Request) error {
				_, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 100_000)))
				return errors.Join(err, broken)
			},
			want: &fault.Response{Status: 200, Bytes: 100_000},
		},
		"flushed, then a panic": {
			plain: func(w http.ResponseWriter, _ *http.Request) {
				_ = http.NewResponseController(w).Flush()
				panic("boom")
			},
			want: &fault.Response{Status: 200},
		},
		"the mux's own text, then a panic": {
			plain: func(w http.ResponseWriter, r *http.Request) {
				http.NotFound(w, r)
				panic("boom")
			},
			want: &fault.Response{Status: 404, Bytes: 19, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}}},
		},
		"hijacked": {
			handler: func(w http.ResponseWriter, _ *http.Request) error {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					return err
				}
				return errors.Join(conn.Close(), broken)
			},
			want: &fault.Response{Hijacked: true},
		},
		"no answer": {
			handler: func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/html")
				return nil
			},
			want: &fault.Response{Header: http.Header{"Content-Type": {"text/html"}}},
		},
		"too many headers": {
			handler: func(w http.ResponseWriter, _ *http.Request) error { maps.Copy(w.Header(), many); return broken },
			want:    &fault.Response{Cut: true, Header: few(many, 64)},
		},
		"a very long header": {
			handler: func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("X-Long", strings.Repeat("y", 3000))
				return broken
			},
			want: &fault.Response{Cut: true, Header: http.Header{"X-Long": {strings.Repeat("y", 1024) + "… [cut, 3000 bytes]"}}},
		},
	} {
		for under, wrap := range map[string]func(http.ResponseWriter) http.ResponseWriter{
			"":                     func(w http.ResponseWriter) http.ResponseWriter { return w },
			" within a middleware": func(w http.ResponseWriter) http.ResponseWriter { return &unwrapper{w} },
		} {
			if test.plain != nil && under != "" {
				continue // The middleware's writer is all that is known then.
			}
			t.Run(name+under, func(t *testing.T) {
				t.Parallel()
				g := newRig(test.options)
				var h http.Handler = test.plain
				if test.plain == nil {
					h = g.Handle(test.handler)
				}
				caught := g.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrap(w), r) }))
				served := make(chan struct{}, 1)
				srv := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() { served <- struct{}{} }()
					caught.ServeHTTP(w, r)
				}))
				_, _ = try(t, "GET", srv.URL, nil) // It may be cut off.
				<-served
				if got := g.kept.only(t).Response; !reflect.DeepEqual(got, test.want) {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			})
		}
	}
}

// few are the first headers by name.
func few(all http.Header, n int) http.Header {
	some := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(all))[:n] {
		some[name] = all[name]
	}
	return some
}

// What is only reported is not the answer to its request.
func TestNoResponseOfWhatIsReported(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Type", "text/html")
		g.Report(r.Context(), errors.New("on the side"))
		_, err := io.WriteString(w, "fine")
		return err
	}})
	get(t, srv.URL).wants(t, 200, "fine")
	if f := g.kept.only(t); f.Response != nil {
		t.Errorf("got %+v", f.Response)
	}
}

func TestResponseSummary(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]fault.Response{
		"no status yet, nothing of the body":        {Header: http.Header{"X": {"y"}}},
		"201 Created, nothing of the body":          {Status: 201},
		"200 OK, 1 byte of body":                    {Status: 200, Bytes: 1},
		"799, 4096 bytes of body":                   {Status: 799, Bytes: 4096},
		"the handler had taken the connection over": {Hijacked: true},
	} {
		if got := r.Summary(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A middleware that compresses what passes has set Content-Encoding before.
func TestEncodedOutside(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	outside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "x-identity")
		g.Middleware(g.Handle(func(http.ResponseWriter, *http.Request) error { return fault.NotFound("") })).ServeHTTP(w, r)
	})
	w := httptest.NewRecorder()
	outside.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if h := w.Result().Header; h.Get("Content-Encoding") != "x-identity" || h.Get("Content-Length") != "" {
		t.Errorf("got %v", h)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{
		"/fail": func(http.ResponseWriter, *http.Request) error { return fault.With(422, "No.", nil) },
		"/fine": func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(200); return nil },
	})
	do(t, "HEAD", srv.URL+"/fine", nil).wants(t, 200)
	res, like := do(t, "HEAD", srv.URL+"/fail", nil, "Accept", browser), get(t, srv.URL+"/fail", "Accept", browser)
	if res.body != "" || res.StatusCode != 422 {
		t.Errorf("HEAD: %s with %q", res.Status, res.body)
	}
	for k := range like.Header {
		if k != "X-Request-Id" && k != "Date" && res.Header.Get(k) != like.Header.Get(k) {
			t.Errorf("HEAD: %s is %q, GET has %q", k, res.Header.Get(k), like.Header.Get(k))
		}
	}
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	mux := http.NewServeMux()
	mux.Handle("GET /fail", g.Handle(func(http.ResponseWriter, *http.Request) error { return errors.New("no") }))
	mux.Handle("GET /panic", g.Handle(func(http.ResponseWriter, *http.Request) error { panic("no") }))
	mux.Handle("GET /begun", g.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "partial")
		_ = http.NewResponseController(w).Flush()
		return errors.New("late")
	}))
	mux.Handle("GET /kind", g.Handle(func(w http.ResponseWriter, r *http.Request) error {
		_, hijacks := w.(http.Hijacker)
		_, flushes := w.(http.Flusher)
		fmt.Fprintf(w, "%s hijacks=%v flushes=%v", r.Proto, hijacks, flushes)
		return nil
	}))
	srv := httptest.NewUnstartedServer(g.Middleware(mux))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, //nolint:gosec // A test server.
	}}
	t.Cleanup(client.CloseIdleConnections)
	fetch := func(path string) (int, string, error) {
		res, err := client.Get(srv.URL + path)
		if err != nil {
			return 0, "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return res.StatusCode, string(b), err
	}
	if _, body, err := fetch("/kind"); err != nil || body != "HTTP/2.0 hijacks=false flushes=true" {
		t.Errorf("got %q, %v", body, err)
	}
	for _, path := range []string{"/fail", "/panic", "/nowhere"} {
		status, body, err := fetch(path)
		if want := 500; err != nil || status != want && path != "/nowhere" || !strings.Contains(body, `"status":`) {
			t.Errorf("%s: %d %q %v", path, status, body, err)
		}
	}
	if _, body, err := fetch("/begun"); err == nil {
		t.Errorf("the stream ended well after %q", body)
	}
}

// A raw connection shows what is on the wire: an aborted response does not look complete.
