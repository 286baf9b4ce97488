package reproduce_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

const canary = "canary-0123456789"

type keeper struct {
	mu   sync.Mutex
	last *fault.Failure
}

func (k *keeper) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last = f
	return fault.Receipt{}
}

// fail sends a request as it stands to an application that fails, and returns the failure and what its handler saw.
func fail(t *testing.T, raw string) (*fault.Failure, description) {
	t.Helper()
	var k keeper
	var seen description
	c := fault.New(fault.Options{Recorder: &k, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Module: "example.org/microblog/fault/internal/devtool/reproduce"})
	s := httptest.NewUnstartedServer(c.Middleware(c.Handle(func(w http.ResponseWriter, r *http.Request) error {
		seen = describe(r)
		w.Header().Set("Content-Type", "text/csv")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: canary})
		trace.Note(r.Context(), trace.Step{Kind: "sql", Text: "SELECT `a`\nFROM b", Args: []string{"1"}, Err: "no such table"})
		return trace.Wrap(errors.New("the `disk` is full\n```\n<img src=x> @everyone"), "saving")
	})))
	s.Config.DisableGeneralOptionsHandler = true
	s.Start()
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(raw, "\n\n")
	head = strings.Replace(head, "LENGTH", strconv.Itoa(len(body)), 1)
	if _, err := io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: strings.Fields(raw)[0]})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if k.last == nil {
		t.Fatalf("the request was answered %s and is no failure", res.Status)
	}
	if seen.Header.Get("X-Kept") != "" {
		k.last.Request.Body = body
	}
	return k.last, seen
}

// requests are what is made again.
var requests = map[string]string{
	"query":     "GET /user/susan?page=2&tag=a%20b&tag=%C3%BC&empty HTTP/1.1\nHost: blog.example.org\nAccept: text/html\n\n",
	"path":      "GET //a/../b%2Fc;d%22?x=%zz&y=\"quoted`\" HTTP/1.1\nHost: blog.example.org:5000\n\n",
	"form":      "POST /post HTTP/1.1\nHost: localhost\nContent-Type: application/x-www-form-urlencoded\nContent-Length: LENGTH\n\nbody=%22quoted%22+%60back%60+%5C+%0D%0A+%E2%80%AE+%22%2B%22&empty=&name%5B%5D=1&name%5B%5D=2&%3D=%26&u=%C3%BC",
	"no fields": "POST /post HTTP/1.1\nHost: localhost\nContent-Type: application/x-www-form-urlencoded\nContent-Length: LENGTH\n\n",
	"files": "POST /photo HTTP/1.1\nHost: localhost\nContent-Type: multipart/form-data; boundary=b\nContent-Length: LENGTH\n\n" +
		"--b\r\nContent-Disposition: form-data; name=\"about\"\r\n\r\nMe & \"you\"\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"../a \\\"b\\\" ü.png\"\r\nContent-Type: image/png\r\n\r\n12345\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"empty.png\"\r\nContent-Type: image/png\r\n\r\n\r\n--b--\r\n",
	"json":    "PUT /api/post HTTP/1.1\nHost: localhost\nContent-Type: application/json\nContent-Length: LENGTH\n\n{\"a\": \"b c\"}",
	"kept":    "PATCH /api/kept HTTP/1.1\nHost: localhost\nX-Kept: 1\nContent-Type: application/json\nContent-Length: LENGTH\n\n{\"it's\": \"`b` \\u00fc $c\"}",
	"secrets": "POST /login?token=" + canary + "&a=+&page=2 HTTP/1.1\nHost: localhost\nAuthorization: Bearer " + canary + "\nCookie: session=" + canary + "; theme=" + canary + "\nContent-Type: application/x-www-form-urlencoded\nContent-Length: LENGTH\n\nuser=susan&password=" + canary + "&next=%2F",
	"methods": "PURGE /cache HTTP/1.0\nHost: localhost\nX-Empty:\nX-Quote: it's \"so\" `x` $HOME \\ %s\nX-Two: 1\nX-Two: 2\n\n",
	"options": "OPTIONS * HTTP/1.1\nHost: localhost\n\n",
	"head":    "HEAD / HTTP/1.1\nHost: localhost\n\n",
	"whole":   "GET http://other.example.org/x?y=1 HTTP/1.1\nHost: ignored\n\n",
	"long":    "GET /" + strings.Repeat("x", 3000) + " HTTP/1.1\nHost: localhost\nAccept: */*\n\n",
}

// expected is a description of what can be known of a request once it is recorded.
func expected(t *testing.T, seen description) description {
	t.Helper()
	text, err := json.Marshal(seen)
	if err != nil {
		t.Fatal(err)
	}
	var d description
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), canary, "[masked]")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}
