package mailbox

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"example.org/microblog/fault/internal/visible"
)

// session is one SMTP session; its methods are what the library calls for a client's commands.
type session struct {
	server *Server
	wire   *wire
	helo   string
	user   string
	authed bool

	mu   sync.Mutex // a chunked mail is read beside the connection
	from string
	to   []string
	utf8 bool
}

func (s *Server) newSession(c *smtp.Conn) (smtp.Session, error) {
	w, ok := c.Conn().(*wire)
	if !ok {
		return nil, errors.New("no connection of this server")
	}
	return &session{server: s, wire: w, helo: c.Hostname()}, nil
}

// Reset forgets the mail under way.
func (s *session) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from, s.to, s.utf8 = "", nil, false
}

// Logout ends the session.
func (s *session) Logout() error { return nil }

// Mail begins a mail.
func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	if s.server.options.Username != "" && !s.authed {
		s.wire.event("sent a mail without AUTH, which --user demands")
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication is required"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from, s.utf8 = from, opts != nil && opts.UTF8
	return nil
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = append(s.to, to)
	return nil
}

// Data takes the mail.
func (s *session) Data(r io.Reader) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.wire.event("a mail could not be read, which is a mistake in fault mailbox: %v", p)
			err = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "A mistake in this server"}
		}
	}()
	done, ok := s.server.begin()
	if !ok {
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Shutting down"}
	}
	defer done()
	s.mu.Lock()
	envelope := Envelope{From: s.from, To: s.to, UTF8: s.utf8}
	s.mu.Unlock()
	raw, err := io.ReadAll(r)
	if err != nil {
		if errors.Is(err, smtp.ErrDataTooLarge) {
			s.wire.event("sent a mail of more than %d bytes; refused", s.server.options.MaxMailBytes)
		}
		return err
	}
	envelope.HELO, envelope.Client = s.helo, s.wire.RemoteAddr().String()
	envelope.TLS, envelope.User = s.wire.tlsVersion(), s.user
	m := readMail(raw, envelope, time.Now())
	if rule, fails := s.server.faults.at(&s.wire.attempt, AtDot); fails {
		if rule.Mode == Refuse || rule.Mode == TempFail {
			s.wire.failed(rule, AtDot)
			code, enhanced, text := rule.reply(AtDot)
			return refusal(code, enhanced, text)
		}
		s.wire.ending = &rule
		m.Unanswered = true
	}
	s.server.keep(m)
	return nil
}

func refusal(code int, enhanced, text string) error {
	e := &smtp.SMTPError{Code: code, Message: text}
	if _, err := fmt.Sscanf(enhanced, "%d.%d.%d", &e.EnhancedCode[0], &e.EnhancedCode[1], &e.EnhancedCode[2]); err != nil {
		e.EnhancedCode = smtp.EnhancedCodeNotSet
	}
	return e
}

// AuthMechanisms names what AUTH offers now.
func (s *session) AuthMechanisms() []string {
	if s.plainBeforeTLS() {
		return nil
	}
	return []string{sasl.Plain, sasl.Login, cramMD5}
}

func (s *session) plainBeforeTLS() bool {
	return s.server.options.TLS == TLSStartTLS && s.wire.tls() == nil
}

// Auth begins an authentication.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if s.plainBeforeTLS() {
		s.wire.event("wanted AUTH before STARTTLS; refused")
		return nil, &smtp.SMTPError{Code: 538, EnhancedCode: smtp.EnhancedCode{5, 7, 11}, Message: "AUTH needs STARTTLS first"}
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error {
			return s.login(mechanism, user, equal(password, s.server.options.Password))
		}), nil
	case sasl.Login:
		return &loginServer{check: func(user, password string) error {
			return s.login(mechanism, user, equal(password, s.server.options.Password))
		}}, nil
	case cramMD5:
		return &cramServer{check: func(user, challenge, digest string) error {
			mac := hmac.New(md5.New, []byte(s.server.options.Password))
			mac.Write([]byte(challenge))
			return s.login(mechanism, user, equal(digest, hex.EncodeToString(mac.Sum(nil))))
		}}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// login decides about a user name and whether the password was right.
func (s *session) login(mechanism, user string, right bool) error {
	if want := s.server.options.Username; want != "" && (user != want || !right) {
		what := "the password is not the one of --password"
		if user != want {
			what = "the user name is not the one of --user"
		}
		s.wire.event("AUTH %s as %s refused: %s", mechanism, visible.Line(shorten(user, 100)), what)
		return smtp.ErrAuthFailed
	}
	s.user, s.authed = shorten(user, 200), true
	return nil
}

const cramMD5 = "CRAM-MD5"

// loginServer is the server's side of LOGIN (draft-murchison-sasl-login).
type loginServer struct {
	check func(user, password string) error
	user  *string
}

// Next takes the client's response to the last challenge.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case l.user == nil:
		user := string(response)
		l.user = &user
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(*l.user, string(response))
}

// cramServer is the server's side of CRAM-MD5 (RFC 2195).
type cramServer struct {
	check     func(user, challenge, digest string) error
	challenge string
}

// Next takes the client's response to the challenge.
func (c *cramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if c.challenge == "" {
		if response != nil {
			return nil, false, sasl.ErrUnexpectedClientResponse
		}
		c.challenge = fmt.Sprintf("<%s.%d@localhost>", rand.Text(), time.Now().Unix())
		return []byte(c.challenge), false, nil
	}
	i := strings.LastIndexByte(string(response), ' ')
	if i < 0 {
		return nil, false, smtp.ErrAuthFailed
	}
	return nil, true, c.check(string(response[:i]), c.challenge, string(response[i+1:]))
}
