package web_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestSlowForm: a form that does not arrive in time is not called badly encoded.
func TestSlowForm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	server := httptest.NewUnstartedServer(s.web.Load())
	server.Config.ReadTimeout = 200 * time.Millisecond
	server.Start()
	defer server.Close()
	for name, form := range map[string]struct{ kind, begun string }{
		"URL-encoded": {"application/x-www-form-urlencoded", "username=su"},
		"multipart":   {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nsu"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprintf(c, "POST /login HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Type: %s\r\nContent-Length: 500\r\n\r\n%s", server.Listener.Addr(), server.URL, form.kind, form.begun)
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusRequestTimeout {
				t.Errorf("status %d", res.StatusCode)
			}
		})
	}
}
