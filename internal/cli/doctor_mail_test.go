package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A mailServer answers as a mail server does, by the verb of a command; what it is not told, it grants.
// It notes the mails that it gets.
type mailServer struct {
	answers map[string]string
	tls     *tls.Config // speaks TLS from the first byte; nil: in the clear

	port string
	mu   sync.Mutex
	got  []string
}

func (m *mailServer) start(t *testing.T) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, m.port, _ = net.SplitHostPort(l.Addr().String())
	var conns sync.WaitGroup
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { m.serve(conn) })
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
		conns.Wait()
	})
	return m
}

func (m *mailServer) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if m.tls != nil {
		conn = tls.Server(conn, m.tls)
	}
	say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
	answer := func(verb, standard string) {
		if a, ok := m.answers[verb]; ok {
			standard = a
		}
		say(standard)
	}
	answer("", "220 mail.example.org ready")
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO":
			answer(verb, "250-mail.example.org\r\n250 AUTH PLAIN LOGIN")
		case "AUTH":
			answer(verb, "235 welcome")
		case "DATA":
			answer(verb, "354 go on")
			var mail strings.Builder
			for line := ""; line != ".\r\n"; mail.WriteString(line) {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
			}
			m.mu.Lock()
			m.got = append(m.got, strings.ReplaceAll(mail.String(), "=\r\n", "")) // RFC 2045, 6.7
			m.mu.Unlock()
			answer(".", "250 queued as 4711")
		case "QUIT":
			say("221 bye")
			return
		default:
			answer(verb, "250 fine")
		}
	}
}

func (m *mailServer) mails() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.got...)
}

// settings are what leads to the server.
func (m *mailServer) settings(more ...string) map[string]string {
	s := map[string]string{"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": m.port, "ADMINS": "ann@example.org, bob@example.org", "MAIL_FROM": "blog@example.org"}
	for i := 0; i < len(more); i += 2 {
		s[more[i]] = more[i+1]
	}
	return s
}

// selfSigned is a certificate that nobody trusts.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func TestDoctorMail(t *testing.T) {
	t.Parallel()
	t.Run("up to the mail itself", func(t *testing.T) {
		t.Parallel()
		m := (&mailServer{}).start(t)
		e := doctorJSON(t, t.TempDir(), m.settings("MAIL_USERNAME", "blog", "MAIL_PASSWORD", "hunter-two"))
		for _, step := range []string{"connect", "greeting", "AUTH", "sender", "recipient"} {
			e.expect(t, "mail", fine, step+": ")
		}
		e.expect(t, "mail", fine, "DATA: Stopped before the mail itself", "--send")
		e.expect(t, "mail", fine, "mail.example.org ready")
		if len(m.mails()) != 0 {
			t.Errorf("mails without --send: %q", m.mails())
		}
	})
	t.Run("with a real mail", func(t *testing.T) {
		t.Parallel()
		m := (&mailServer{}).start(t)
		e := doctorJSON(t, t.TempDir(), m.settings("BASE_URL", "https://blog.example.org", "TRUSTED_PROXIES", "127.0.0.1"), "--send")
		e.expect(t, "mail", fine, "sent: A test mail is on its way to ann@example.org, bob@example.org")
		e.expect(t, "mail", fine, "queued as 4711")
		if got := m.mails(); len(got) != 1 || !strings.Contains(got[0], "Subject: [Microblog] Test mail") || !strings.Contains(got[0], "https://blog.example.org") ||
			!strings.Contains(got[0], "ann@example.org") || !strings.Contains(got[0], "bob@example.org") {
			t.Errorf("mails: %q", got)
		}
	})
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		e := doctorJSON(t, t.TempDir(), nil, "--send")
		e.expect(t, "mail", wrong, "MAIL_SERVER is not set", "fault mailbox")
	})
}

// The failures that beginners meet, and what they are told.
func TestDoctorMailAdvice(t *testing.T) {
	t.Parallel()
	const secret = "hunter-two-of-three"
	closed := func(t *testing.T) string {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return port
	}
	for name, tt := range map[string]struct {
		answers map[string]string
		tls     bool
		more    func(t *testing.T) []string
		level   level
		texts   []string
	}{
		"unknown host": {
			more:  func(*testing.T) []string { return []string{"MAIL_SERVER", "smtp.no-such-host.invalid"} },
			level: wrong, texts: []string{"resolve: "},
		},
		"wrong port": {
			more:  func(t *testing.T) []string { return []string{"MAIL_PORT", closed(t)} },
			level: wrong, texts: []string{"connect: ", "nothing accepts connections", "Check MAIL_PORT"},
		},
		"another service on the port": {
			answers: map[string]string{"": "+OK POP3 server ready"},
			level:   wrong, texts: []string{"greeting: ", "no mail server", "MAIL_PORT"},
		},
		"password refused": {
			answers: map[string]string{"AUTH": "535 5.7.8 Username and password not accepted for " + secret},
			more:    func(*testing.T) []string { return []string{"MAIL_USERNAME", "blog", "MAIL_PASSWORD", secret} },
			level:   wrong, texts: []string{"AUTH: ", "refused", "535 5.7.8", "MAIL_PASSWORD", "app password"},
		},
		"no STARTTLS": {
			more:  func(*testing.T) []string { return []string{"MAIL_USE_TLS", "1"} },
			level: wrong, texts: []string{"TLS: ", "does not offer STARTTLS"},
		},
		"implicit TLS to a server without": {
			more:  func(*testing.T) []string { return []string{"MAIL_USE_TLS", "implicit"} },
			level: wrong, texts: []string{"TLS: ", "MAIL_USE_TLS"},
		},
		"a certificate of nobody": {
			tls:   true,
			more:  func(*testing.T) []string { return []string{"MAIL_USE_TLS", "implicit"} },
			level: wrong, texts: []string{"TLS: ", "authority that is not known"},
		},
		"sender refused": {
			answers: map[string]string{"MAIL": "553 5.7.1 not your address"},
			level:   wrong, texts: []string{"sender: ", "553 5.7.1 not your address", "MAIL_FROM"},
		},
		"relay denied": {
			answers: map[string]string{"RCPT": "554 5.7.1 Relay access denied"},
			level:   wrong, texts: []string{"recipient: ", "Relay access denied", "MAIL_USERNAME"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &mailServer{answers: tt.answers}
			if tt.tls {
				server.tls = selfSigned(t)
			}
			server.start(t)
			var more []string
			if tt.more != nil {
				more = tt.more(t)
			}
			e := doctorJSON(t, t.TempDir(), server.settings(more...))
			e.expect(t, "mail", tt.level, tt.texts...)
			for _, f := range e.of("mail") {
				if f.Level == wrong && f.Advice == "" {
					t.Errorf("no advice: %+v", f)
				}
				if strings.Contains(f.Text+f.Said+f.Advice, secret) {
					t.Errorf("the secret is in %+v", f)
				}
			}
		})
	}
	t.Run("no ADMINS", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{}).start(t)
		e := doctorJSON(t, t.TempDir(), server.settings("ADMINS", ""), "--send")
		e.expect(t, "settings", wrong, "ADMINS", "required because MAIL_SERVER is set", "e-mail addresses separated by commas")
		e.expect(t, "mail", fine, "sender: ")
		e.expect(t, "mail", skipped, "recipient: ", "ADMINS")
		if len(server.mails()) != 0 {
			t.Errorf("mails to nobody: %q", server.mails())
		}
	})
}

// What is printed is our advice as it is, and the server's words between quotation marks.
func TestDoctorMailQuotes(t *testing.T) {
	t.Parallel()
	server := (&mailServer{answers: map[string]string{"AUTH": "535 5.7.8 Authentication failed"}}).start(t)
	r := command(t, t.TempDir(), server.settings("MAIL_USERNAME", "blog", "MAIL_PASSWORD", "mail"), "doctor")
	const want = "AUTH: the mail server refused the user name or the password. It said: “535 5.7.8 Authentication failed”. " +
		"Check MAIL_USERNAME and MAIL_PASSWORD. Many providers want an app password here"
	if !strings.Contains(r.out, want) || !strings.Contains(r.out, "It said: “220 mail.example.org ready”.\n") {
		t.Errorf("printed:\n%s", r.out)
	}
}

// An interruption is told as one, and not as trouble of the mail server.
func TestDoctorMailInterrupted(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "220 mail.example.org ESMTP\r\n")
		_, _ = bufio.NewReader(conn).ReadString('\n') // EHLO, which is not answered
		interrupt()
		_, _ = io.Copy(io.Discard, conn)
	}()
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	settings := map[string]string{
		"DATA_DIR": filepath.Join(dir, "data"), "LOG_DIR": filepath.Join(dir, "logs"), "LISTEN": "127.0.0.1:0",
		"MAIL_SERVER": host, "MAIL_PORT": port, "ADMINS": "ann@example.org",
	}
	var out, errs bytes.Buffer
	code := Main(ctx, []string{"doctor", "--json"}, Streams{
		In: strings.NewReader(""), Out: &out, Err: &errs, DotEnv: filepath.Join(dir, ".env"),
		LookupEnv: func(name string) (string, bool) { v, ok := settings[name]; return v, ok },
	})
	var e examined
	if err := json.Unmarshal(out.Bytes(), &e); err != nil || code != exitFailed {
		t.Fatalf("exit code %d, %v: %s%s", code, err, &out, &errs)
	}
	e.expect(t, "mail", wrong, "It was interrupted.")
	for _, f := range e.of("mail") {
		if strings.Contains(f.Text+f.Advice, "again") {
			t.Errorf("%+v", f)
		}
	}
}
