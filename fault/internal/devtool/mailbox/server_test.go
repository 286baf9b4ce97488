package mailbox_test

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options mailbox.Options
		option  string
	}{
		"no port":              {mailbox.Options{SMTP: "127.0.0.1"}, "SMTP"},
		"a port too high":      {mailbox.Options{HTTP: "127.0.0.1:70000"}, "HTTP"},
		"a port's name":        {mailbox.Options{SMTP: "127.0.0.1:smtp"}, "SMTP"},
		"all addresses":        {mailbox.Options{SMTP: ":8025"}, "Exposed"},
		"all IPv4 addresses":   {mailbox.Options{HTTP: "0.0.0.0:8026"}, "Exposed"},
		"a name of elsewhere":  {mailbox.Options{HTTP: "localhost.example.org:8026"}, "Exposed"},
		"one for both":         {mailbox.Options{SMTP: "127.0.0.1:8025", HTTP: "127.0.0.1:8025"}, "HTTP"},
		"fewer than none":      {mailbox.Options{Keep: -1}, "Keep"},
		"less than nothing":    {mailbox.Options{KeepBytes: -1}, "KeepBytes"},
		"one more than all":    {mailbox.Options{KeepBytes: 10, MaxMailBytes: 11}, "MaxMailBytes"},
		"a password of nobody": {mailbox.Options{Password: "x"}, "Username"},
		"a way of TLS":         {mailbox.Options{TLS: "ssl"}, "TLS"},
		"a host with a scheme": {mailbox.Options{Hosts: []string{"http://x"}}, "Hosts"},
		"a plan":               {mailbox.Options{Faults: mailbox.Plan{First: 1}}, "Faults"},
		"STARTTLS":             {mailbox.Options{Faults: mailbox.Plan{Rules: []mailbox.Rule{{Mode: mailbox.Drop, Step: mailbox.AtStartTLS}}}}, "Faults"},
	} {
		s, err := mailbox.Start(test.options)
		if err == nil {
			s.Close()
		}
		var option *mailbox.OptionError
		if !errors.As(err, &option) || option.Option != test.option {
			t.Errorf("%s: %v, want an error about %s", name, err, test.option)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, options := range []mailbox.Options{
		{SMTP: l.Addr().String(), HTTP: "127.0.0.1:0"},
		{SMTP: "127.0.0.1:0", HTTP: l.Addr().String()},
	} {
		s, err := mailbox.Start(options)
		if err == nil {
			s.Close()
		}
		var listen *mailbox.ListenError
		if !errors.As(err, &listen) || !listen.InUse || listen.Address != l.Addr().String() {
			t.Fatalf("%#v", err)
		}
		if want := (options.HTTP == listen.Address); want != (listen.Option == "HTTP") {
			t.Errorf("it is %s's address", listen.Option)
		}
		if runtime.GOOS == "linux" && !strings.Contains(listen.Holder, "(process "+strconv.Itoa(os.Getpid())+")") {
			t.Errorf("the holder is %q; want this process, %d", listen.Holder, os.Getpid())
		}
		if text := err.Error(); !strings.Contains(text, "in use by") || !strings.Contains(text, l.Addr().String()) {
			t.Error(text)
		}
	}
	// what was taken before the second address failed has been given back
	port := freePort(t)
	if _, err := mailbox.Start(mailbox.Options{SMTP: port, HTTP: l.Addr().String()}); err == nil {
		t.Fatal("it started")
	}
	again, err := net.Listen("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestCloseLeavesNothing closes a server in the middle of everything.
func TestCloseLeavesNothing(t *testing.T) {
	for round := range 3 {
		s := start(t, mailbox.Options{TLS: mailbox.TLSStartTLS, Faults: plan(t, 0, 0, "silent@rcpt", "slow=1h@data")})
		held, say := s.talkTo(mailbox.AtRcpt)
		held.write(say + "\r\n")
		s.printed("not answered on purpose")
		idle := s.dial()
		idle.want("220 ")
		handshake := s.dial()
		handshake.want("220 ")
		handshake.ask("EHLO me", "250-")
		handshake.ask("STARTTLS", "220 ")
		if err := s.SetFaults(plan(t, 0, 0, "slow=1h@dot")); err != nil {
			t.Fatal(err)
		}
		slow, say := s.talkTo(mailbox.AtDot)
		slow.write(say + "\r\n")
		text, _ := s.talkTo(mailbox.AtDot)
		text.write("Subject: half")
		chunk, _ := s.talkTo(mailbox.AtData)
		chunk.write("BDAT 100 LAST\r\nSubject: half")
		s.printed("answered slowly on purpose")
		waiting := make(chan struct{})
		go func() {
			defer close(waiting)
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Write([]byte("GET /api/mails?count=99&wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n"))
			_, _ = conn.Read(make([]byte, 1))
		}()
		time.Sleep(time.Duration(round) * 5 * time.Millisecond)
		began := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > patience/2 {
			t.Errorf("Close took %s", took)
		}
		select {
		case <-waiting:
		case <-time.After(patience):
			t.Fatal("a request still waits")
		}
		if err := s.Close(); err != nil {
			t.Error("the second Close:", err)
		}
		eventually(t, "no goroutine of it is left", func() bool { return goroutines() == 0 })
	}
}

// goroutines counts those that work for any server.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	n := 0
	for _, g := range strings.Split(string(stacks), "\n\n") {
		if strings.Contains(g, "mailbox.(*") || strings.Contains(g, "go-smtp") || strings.Contains(g, "http.(*conn)") {
			n++
		}
	}
	return n
}

func TestWait(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx); err != nil {
		t.Error(err)
	}
	done := make(chan error)
	go func() { done <- s.Wait(context.Background()) }()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	changed := s.Changed()
	s.mustSend(simple)
	select {
	case <-changed:
	case <-time.After(patience):
		t.Fatal("a mail is no change")
	}
}

func TestSlowOutputStopsNothing(t *testing.T) {
	t.Parallel()
	r, w := net.Pipe() // nobody reads
	defer r.Close()
	s, err := mailbox.Start(mailbox.Options{SMTP: "127.0.0.1:0", HTTP: "127.0.0.1:0", Out: w, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	c := (&server{s, t, nil, false}).dial()
	c.want("220 ")
	c.ask("EHLO me", "250-")
	for range 400 {
		c.write("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
		c.want("250 ")
		c.want("250 ")
		c.want("354 ")
		c.ask("\r\nx\r\n.", "250 ")
	}
	if n := len(s.Mails()); n != 200 {
		t.Errorf("%d mails", n)
	}
	w.Close() // as a terminal that went away
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestCertificateFile(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{TLS: mailbox.TLSStartTLS})
	path := filepath.Join(t.TempDir(), "mailbox.pem")
	for range 2 { // the second time in place of the first
		if err := s.WriteCertificate(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(rest) != 0 {
		t.Errorf("%s", text)
	}
	if err := os.WriteFile(path, []byte("something dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteCertificate(path); err == nil {
		t.Error("a file that is no certificate was overwritten")
	}
	if err := start(t, mailbox.Options{}).WriteCertificate(path); err == nil {
		t.Error("a certificate was written that is none")
	}
}
