package smtptest_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"

	"example.org/microblog/fault/internal/smtptest"
)

// Another client than the one that is tested with this server gets along with it.
func TestAnotherClient(t *testing.T) {
	t.Parallel()
	authority := smtptest.NewAuthority(t)
	for _, tt := range []struct {
		name     string
		implicit bool
		auth     gomail.SMTPAuthType
		password string
		works    bool
	}{
		{"PLAIN", false, gomail.SMTPAuthPlain, "right", true},
		{"LOGIN", true, gomail.SMTPAuthLogin, "right", true},
		{"CRAM-MD5", false, gomail.SMTPAuthCramMD5, "right", true},
		{"wrong PLAIN", true, gomail.SMTPAuthPlain, "wrong", false},
		{"wrong LOGIN", false, gomail.SMTPAuthLogin, "wrong", false},
		{"wrong CRAM-MD5", false, gomail.SMTPAuthCramMD5, "wrong", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.Start(t, smtptest.Options{Cert: authority.Good(t), Implicit: tt.implicit,
				Mechanisms: []string{"PLAIN", "LOGIN", "CRAM-MD5"}, Username: "u", Password: "right"})
			options := []gomail.Option{gomail.WithPort(s.Port()), gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithHELO("client.example.org"),
				gomail.WithTLSConfig(&tls.Config{RootCAs: authority.Pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}),
				gomail.WithSMTPAuth(tt.auth), gomail.WithUsername("u"), gomail.WithPassword(tt.password), gomail.WithTimeout(10 * time.Second)}
			if tt.implicit {
				options = append(options, gomail.WithSSL())
			}
			client, err := gomail.NewClient("127.0.0.1", options...)
			if err != nil {
				t.Fatal(err)
			}
			msg := gomail.NewMsg()
			msg.From("a@example.org")
			msg.To("b@example.org", "c@example.org")
			msg.SetBodyString(gomail.TypeTextPlain, ".\n..\nend\n", gomail.WithPartEncoding(gomail.NoEncoding))
			err = client.DialAndSend(msg)
			if (err == nil) != tt.works {
				t.Fatalf("sending: %v", err)
			}
			got := s.Mails()
			if !tt.works {
				if len(got) != 0 {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].User != "u" || !got[0].TLS || got[0].From != "a@example.org" || fmt.Sprint(got[0].To) != "[b@example.org c@example.org]" {
				t.Fatalf("%+v", got)
			}
			if !bytes.HasSuffix(got[0].Data, []byte("\r\n.\r\n..\r\nend\r\n")) {
				t.Errorf("%q", got[0].Data)
			}
		})
	}
}
