package outbox

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"time"
)

// TLSMode says how the connection to the mail server is encrypted.
type TLSMode int

const (
	// Off sends everything in the clear.
	Off TLSMode = iota
	// StartTLS begins in the clear and requires STARTTLS (RFC 3207): without it nothing is sent.
	StartTLS
	// Implicit begins with TLS (RFC 8314), usually on port 465.
	Implicit
)

// String returns "off", "STARTTLS" or "implicit".
func (m TLSMode) String() string {
	switch m {
	case Off:
		return "off"
	case StartTLS:
		return "STARTTLS"
	case Implicit:
		return "implicit"
	}
	return "TLSMode(" + strconv.Itoa(int(m)) + ")"
}

// Server is a mail server to hand mails to. TLS is at least version 1.2, and the server's certificate
// is always checked.
type Server struct {
	Host     string
	Port     int // 0: 25, with StartTLS 587, with Implicit 465
	TLS      TLSMode
	Username string // "": no AUTH. Else AUTH is required: PLAIN, LOGIN or CRAM-MD5
	Password string // never appears in an error, a log line or a file, unless it has fewer than 6 bytes and the server quotes it
	// PlainAuth allows AUTH without TLS to a server that is not on this machine. Whoever listens on
	// the way gets the password.
	PlainAuth bool
	HELO      string         // the name to give in EHLO; "": the host's name, or its address where that is no full name
	RootCAs   *x509.CertPool // nil: the system's
	Timeouts  Timeouts
	Names     Names
	// Dial connects to the server instead of net.Dialer, say through a proxy.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Timeouts limit how long a server may take. A server that sends a byte now and then gains nothing
// by it.
type Timeouts struct {
	Connect time.Duration // to resolve the name, and to connect; 0: 10 s
	Step    time.Duration // for each command and its answer, and for the handshake of TLS; 0: 30 s
	Accept  time.Duration // for the last answer, after the mail: an early end risks a duplicate; 0: 5 min
	Attempt time.Duration // for one mail and all its steps; 0: 10 min
}

func (t Timeouts) orElse(d Timeouts) Timeouts {
	return Timeouts{
		Connect: positive(t.Connect, d.Connect),
		Step:    positive(t.Step, d.Step),
		Accept:  positive(t.Accept, d.Accept),
		Attempt: positive(t.Attempt, d.Attempt),
	}
}

func positive(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

var (
	deliveryTimeouts = Timeouts{Connect: 10 * time.Second, Step: 30 * time.Second, Accept: 5 * time.Minute, Attempt: 10 * time.Minute}
	probeTimeouts    = Timeouts{Connect: 10 * time.Second, Step: 15 * time.Second, Accept: time.Minute, Attempt: 2 * time.Minute}
)

// Names are what the settings are called where they are made, so that advice can name what to change.
type Names struct {
	Host     string // "": MAIL_SERVER
	Port     string // "": MAIL_PORT
	TLS      string // "": MAIL_USE_TLS
	STARTTLS string // the value of TLS that means StartTLS; "": 1
	Implicit string // the value of TLS that means Implicit; "": implicit
	Username string // "": MAIL_USERNAME
	Password string // "": MAIL_PASSWORD
	From     string // "": MAIL_FROM
	To       string // "": ADMINS
}

func (n Names) withDefaults() Names {
	return Names{
		Host:     cmp.Or(n.Host, "MAIL_SERVER"),
		Port:     cmp.Or(n.Port, "MAIL_PORT"),
		TLS:      cmp.Or(n.TLS, "MAIL_USE_TLS"),
		STARTTLS: cmp.Or(n.STARTTLS, "1"),
		Implicit: cmp.Or(n.Implicit, "implicit"),
		Username: cmp.Or(n.Username, "MAIL_USERNAME"),
		Password: cmp.Or(n.Password, "MAIL_PASSWORD"),
		From:     cmp.Or(n.From, "MAIL_FROM"),
		To:       cmp.Or(n.To, "ADMINS"),
	}
}

// withDefaults fills in what was left open, and returns what is wrong with the rest.
func (s Server) withDefaults(t Timeouts) (Server, error) {
	s.Names, s.Timeouts = s.Names.withDefaults(), s.Timeouts.orElse(t)
	if s.Port == 0 {
		s.Port = map[TLSMode]int{Off: 25, StartTLS: 587, Implicit: 465}[s.TLS]
	}
	switch {
	case s.Host == "":
		return s, fmt.Errorf("no mail server is set: give its name in %s", s.Names.Host)
	case s.Port < 0 || s.Port > 65535:
		return s, fmt.Errorf("%s is %d, but a port is a number from 1 to 65535", s.Names.Port, s.Port)
	case s.TLS < Off || s.TLS > Implicit:
		return s, fmt.Errorf("there is no %v", s.TLS)
	case s.HELO != "" && line(s.HELO, maxAddress) != s.HELO:
		return s, fmt.Errorf("the name for EHLO is %q, which is no host name", s.HELO)
	}
	return s, nil
}

// address is where to connect.
func (s *Server) address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// identity tells servers and ways to use them apart. The password is no part of it.
func (s *Server) identity() string {
	return fmt.Sprintf("%s %v %s", s.address(), s.TLS, s.Username)
}
