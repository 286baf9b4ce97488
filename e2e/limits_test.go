package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// dial opens a connection to the server, as it is.
func (s *server) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(2*patience)))
	return conn
}

func TestHugeHeader(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for name, header := range map[string]http.Header{
		"one field":   {"X-Long": {strings.Repeat("x", 100<<10)}},
		"many fields": manyFields(),
		"cookies":     {"Cookie": {strings.Repeat("a=b; ", 20<<10)}},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.client(t).do("GET", "/explore", nil, header).want(http.StatusRequestHeaderFieldsTooLarge)
			if leak := internals.FindString(r.body); leak != "" {
				t.Errorf("the answer tells %q: %s", leak, r.body)
			}
		})
	}
	// What a browser may well send is no problem.
	s.client(t).do("GET", "/explore", nil, http.Header{"Cookie": {strings.Repeat("a=b; ", 2000)}}).want(http.StatusOK)
}

func manyFields() http.Header {
	h := http.Header{}
	for i := range 4000 {
		h.Set(fmt.Sprintf("X-Field-%d", i), strings.Repeat("x", 20))
	}
	return h
}

func TestHugeBody(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "talker")
	large := strings.Repeat("x", 1<<20)
	for _, path := range []string{"/", "/edit_profile", "/account", "/login", "/register"} {
		c.post(path, form("post", large, "username", "x")).want(http.StatusRequestEntityTooLarge).inLayout()
	}
	t.Run("of unknown length", func(t *testing.T) {
		req, err := http.NewRequest("POST", c.base+"/edit_profile", io.MultiReader(strings.NewReader("about_me="), strings.NewReader(large)))
		must(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", c.base)
		req.Header.Set("Accept", browserAccept)
		resp, err := c.http.Do(req)
		must(t, err)
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", resp.StatusCode)
		}
	})
	t.Run("multipart with a file", func(t *testing.T) {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		part, err := w.CreateFormFile("post", "x.txt")
		must(t, err)
		_, err = part.Write([]byte("x"))
		must(t, err)
		must(t, w.Close())
		req, err := http.NewRequest("POST", c.base+"/", &body)
		must(t, err)
		req.Header.Set("Content-Type", w.FormDataContentType())
		req.Header.Set("Origin", c.base)
		resp, err := c.http.Do(req)
		must(t, err)
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d, want 400", resp.StatusCode)
		}
	})
	if !c.signedIn(c.name) {
		t.Error("the session did not survive it")
	}
}

// A client that sends its request a byte at a time is cut off, and so is one that never begins.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it waits for time limits")
	}
	s := shared(t)
	for name, beginning := range map[string]string{
		"in the middle of the header": "GET /explore HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"before the first byte":       "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := s.dial(t)
			_, err := io.WriteString(conn, beginning)
			must(t, err)
			begin := time.Now()
			stop := make(chan struct{})
			defer close(stop)
			go func() {
				for beginning != "" {
					select {
					case <-stop:
						return
					case <-time.After(500 * time.Millisecond):
						if _, err := io.WriteString(conn, "x"); err != nil {
							return
						}
					}
				}
			}()
			_, err = io.ReadAll(conn)
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				t.Fatalf("the connection is open after %v", time.Since(begin))
			}
			if took := time.Since(begin); took < 2*time.Second {
				t.Errorf("the connection was cut after %v, too soon for slow networks", took)
			}
		})
	}
}

// What is no HTTP gets an answer that says so, and the server goes on.
func TestNoHTTP(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for _, sent := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // the beginning of TLS
		"GET / HTTP/9.9\r\n\r\n",
		"GET  /  HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n", // without a host
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"\r\n\r\n\r\n\x00\xff\xfe",
	} {
		conn := s.dial(t)
		_, err := io.WriteString(conn, sent+"\r\n\r\n")
		must(t, err)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
		answer, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) && !isReset(err) {
			t.Errorf("%q: %v", sent, err)
		}
		if answer != "" && !strings.Contains(answer, " 4") && !strings.Contains(answer, " 5") {
			t.Errorf("%q was answered %q", sent, answer)
		}
		if strings.Contains(answer, " 500") {
			t.Errorf("%q was answered %q", sent, answer)
		}
	}
	if status, _, err := s.probe("/healthz"); err != nil || status != http.StatusOK {
		t.Errorf("the server is not well afterwards: %d %v", status, err)
	}
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || os.IsTimeout(err)
}

// Addresses nobody types: each gets a page, none a failure.
func TestOddAddresses(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.person(t, "odd")
	for _, path := range []string{
		"/user/", "/user/%00", "/user/%ff%fe", "/user/..%2f..%2fetc%2fpasswd", "/user/" + strings.Repeat("x", 5000), "/user/%2e%2e",
		"/user/" + url.PathEscape("a\u202eb"), "/post/0", "/post/-1", "/post/99999999999999999999", "/post/1e3", "/post/x/delete", "/post/9223372036854775807",
		"/explore?before=", "/explore?before=x", "/explore?before=-1", "/explore?before=1&after=1", "/explore?before=99999999999999999999",
		"/explore?%zz", "/explore?before=1;after=2", "/?after=9223372036854775807", "/static/", "/static/../../etc/passwd", "/static/%2e%2e/app.css",
		"/avatar/0.svg", "/avatar/x.svg", "/avatar/9223372036854775808.svg", "/avatar/1", "//", "//explore", "/explore/", "/EXPLORE", "/favicon.ico/", "/.env", "/.git/config",
		"/login?next=" + url.QueryEscape(strings.Repeat("/", 3000)), "/user/odd%0d%0aSet-Cookie:%20x=y",
	} {
		for _, who := range []*client{c, s.client(t)} {
			r := who.get(path)
			if r.status >= 500 || r.status < 200 {
				t.Errorf("GET %s: status %d: %s", path, r.status, tail(r.body))
			}
			if r.status >= 400 {
				r.inLayout()
				harmless(t, path, r.doc())
			}
			if r.header.Get("Set-Cookie") != "" && strings.Contains(r.header.Get("Set-Cookie"), "x=y") {
				t.Errorf("GET %s sets a cookie of the address", path)
			}
		}
	}
}
