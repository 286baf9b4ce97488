package mailbox_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

// patience is how long a test waits for what must happen. It is long, for machines that are busy.
const patience = 30 * time.Second

// output is what a server prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// server is a running mailbox.
type server struct {
	*mailbox.Server
	t      testing.TB
	out    *output
	direct bool // requests go to the handler without the network
}

func start(t testing.TB, o mailbox.Options) *server {
	t.Helper()
	out := &output{}
	if o.Out == nil {
		o.Out = out
	}
	if o.SMTP == "" {
		o.SMTP = "127.0.0.1:0"
	}
	if o.HTTP == "" {
		o.HTTP = "127.0.0.1:0"
	}
	s, err := mailbox.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error("Close:", err)
		}
	})
	return &server{s, t, out, false}
}

func (s *server) host() string {
	host, _, err := net.SplitHostPort(s.SMTPAddr())
	if err != nil {
		s.t.Fatal(err)
	}
	return host
}

// trusting is a client's TLS configuration that knows the server's certificate and nothing else.
func (s *server) trusting() *tls.Config {
	pem, _ := s.Certificate()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		s.t.Fatal("the certificate cannot be read")
	}
	return &tls.Config{RootCAs: pool, ServerName: s.host()}
}

// send sends one mail by net/smtp.
func (s *server) send(mail string, to ...string) error {
	if len(to) == 0 {
		to = []string{"susan@example.org"}
	}
	return smtp.SendMail(s.SMTPAddr(), nil, "app@example.org", to, []byte(mail))
}

func (s *server) mustSend(mail string, to ...string) {
	s.t.Helper()
	if err := s.send(mail, to...); err != nil {
		s.t.Fatal("sending:", err)
	}
}

// one returns the only mail that is kept.
func (s *server) one() *mailbox.Mail {
	s.t.Helper()
	all := s.Mails()
	if len(all) != 1 {
		s.t.Fatalf("%d mails are kept, want 1", len(all))
	}
	return all[0]
}

// eventually waits for something to be so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not come about within %s: %s", patience, what)
		}
	}
}

func (s *server) printed(text string) {
	s.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(s.out.String(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%q is not printed within %s:\n%s", text, patience, s.out)
		}
	}
}

// answer is what an HTTP request brought.
type answer struct {
	status int
	header http.Header
	body   string
}

func (s *server) get(path string, header ...string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, "", header...)
}

// do makes a request; header are names and values in turn, Host among them.
func (s *server) do(method, path, body string, header ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	if s.direct {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return answer{w.Code, w.Header(), w.Body.String()}
	}
	client := &http.Client{
		Timeout:       patience,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (a answer) json(t testing.TB, into any) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// talk is an SMTP conversation word by word.
type talk struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (s *server) dial() *talk {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.SMTPAddr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	return &talk{s.t, conn, bufio.NewReader(conn)}
}

func (c *talk) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("writing %.40q: %v", text, err)
	}
}

// read returns the next answer without its line ends, all lines of it.
func (c *talk) read() (string, error) {
	var lines []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return strings.Join(lines, "\n"), err
		}
		line = strings.TrimSuffix(line, "\r\n")
		lines = append(lines, line)
		if len(line) < 4 || line[3] == ' ' {
			return strings.Join(lines, "\n"), nil
		}
	}
}

// want reads an answer that begins so.
func (c *talk) want(begin string) string {
	c.t.Helper()
	got, err := c.read()
	if err != nil || !strings.HasPrefix(got, begin) {
		c.t.Fatalf("answer %q, %v; want %q…", got, err, begin)
	}
	return got
}

// ask sends a line and reads an answer that begins so.
func (c *talk) ask(line, begin string) string {
	c.t.Helper()
	c.write(line + "\r\n")
	got, err := c.read()
	if err != nil || !strings.HasPrefix(got, begin) {
		c.t.Fatalf("%.60q: answer %q, %v; want %q…", line, got, err, begin)
	}
	return got
}

// wantEnd expects the end of the connection and no answer before it.
func (c *talk) wantEnd() {
	c.t.Helper()
	if got, err := c.read(); err == nil || got != "" {
		c.t.Fatalf("answer %q, %v; want the end of the connection", got, err)
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		c.t.Fatal("the connection stands still; want its end")
	}
}

// wantSilence expects neither an answer nor the end for a moment.
func (c *talk) wantSilence() {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	defer c.conn.SetReadDeadline(time.Now().Add(patience))
	b, err := c.r.Peek(1)
	if timeout, ok := err.(net.Error); !ok || !timeout.Timeout() {
		c.t.Fatalf("%q, %v; want silence", b, err)
	}
}

const simple = "From: App <app@example.org>\r\nTo: susan@example.org\r\nSubject: Hello\r\n" +
	"Date: Sun, 22 Nov 2026 14:42:52 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHow are you?\r\n"
