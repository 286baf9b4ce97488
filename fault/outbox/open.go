package outbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// open connects to the server and goes as far as AUTH. It tells of each step, if tell is not nil.
func open(ctx context.Context, s Server, tell func(Step)) (*conversation, *trouble) {
	p := progress{tell: tell, server: &s}
	conn, t := dial(ctx, &s, &p)
	if t != nil {
		return nil, t
	}
	c := newConversation(ctx, s, conn)
	if t := c.open(ctx, &p); t != nil {
		c.close()
		return nil, t
	}
	return c, nil
}

func (c *conversation) open(ctx context.Context, p *progress) *trouble {
	s := &c.server
	if s.TLS == Implicit {
		p.begin(StepTLS)
		version, t := c.handshake(ctx)
		if t = p.end(version, "", t); t != nil {
			return t
		}
	}
	p.begin(StepGreeting)
	t := c.greet()
	if t != nil && t.kind == silentGreeting && !c.secure && speaksTLS(ctx, s) {
		t.kind = silentTLS
	}
	if t = p.end("", c.said, t); t != nil {
		return t
	}
	switch s.TLS {
	case StartTLS:
		p.begin(StepTLS)
		version, t := c.startTLS(ctx)
		if t = p.end(version, "", t); t != nil {
			return t
		}
	case Off:
		p.begin(StepTLS)
		advice := ""
		if _, offered := c.ext["STARTTLS"]; offered {
			advice = fmt.Sprintf("The server offers STARTTLS. Set %s=%s, so that mails are not sent for everybody on the way to read.", s.Names.TLS, s.Names.STARTTLS)
		}
		p.note("not used", advice)
	}
	p.begin(StepAuth)
	if s.Username == "" {
		p.note("not used", "")
		return nil
	}
	mechanism, said, t := c.login()
	return p.end(mechanism, said, t)
}

// dial looks the server's name up and connects.
func dial(ctx context.Context, s *Server, p *progress) (net.Conn, *trouble) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeouts.Connect)
	defer cancel()
	connect := s.Dial
	if connect == nil {
		if _, err := netip.ParseAddr(s.Host); err != nil {
			p.begin(StepResolve)
			addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.Host)
			if t := p.end(list(addrs), "", resolveTrouble(s, err)); t != nil {
				return nil, t
			}
		}
		connect = (&net.Dialer{}).DialContext
	}
	p.begin(StepConnect)
	conn, err := connect(ctx, "tcp", s.address())
	where := s.address()
	if err == nil {
		where = conn.RemoteAddr().String()
	}
	return conn, p.end(where, "", connectTrouble(s, err))
}

func list(addrs []netip.Addr) string {
	var texts []string
	for _, a := range addrs {
		if text := a.Unmap().String(); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}

func resolveTrouble(s *Server, err error) *trouble {
	if err == nil {
		return nil
	}
	t := &trouble{kind: noResolver, more: s.Host, err: err}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		t.kind = unknownHost
	}
	if errors.Is(err, context.Canceled) {
		t.kind = cutShort
	}
	return t
}

func connectTrouble(s *Server, err error) *trouble {
	if err == nil {
		return nil
	}
	is := func(one error) bool { return errors.Is(err, one) }
	t := &trouble{kind: connFailed, more: s.address(), err: err}
	var netErr net.Error
	var dns *net.DNSError
	switch {
	case is(context.Canceled):
		t.kind = cutShort
	case errors.As(err, &dns):
		return resolveTrouble(s, err)
	case slices.ContainsFunc(errRefused, is):
		t.kind = connRefused
	case slices.ContainsFunc(errUnreachable, is):
		t.kind = connUnreachable
	case errors.As(err, &netErr) && netErr.Timeout():
		t.kind = connTimeout
	}
	return t
}

// speaksTLS tries whether a server that does not greet wants TLS from the first byte.
func speaksTLS(ctx context.Context, s *Server) bool {
	ctx, cancel := context.WithTimeout(ctx, min(s.Timeouts.Step, 5*time.Second))
	defer cancel()
	connect := s.Dial
	if connect == nil {
		connect = (&net.Dialer{}).DialContext
	}
	conn, err := connect(ctx, "tcp", s.address())
	if err != nil {
		return false
	}
	defer conn.Close()
	// Nothing is sent but the greeting of TLS, so it does not matter who is there.
	return tls.Client(conn, &tls.Config{ServerName: s.Host, InsecureSkipVerify: true}).HandshakeContext(ctx) == nil
}

// startTLS asks for STARTTLS and goes on with TLS, or not at all (RFC 3207).
func (c *conversation) startTLS(ctx context.Context) (string, *trouble) {
	if _, ok := c.ext["STARTTLS"]; !ok {
		return "", &trouble{kind: noStartTLS}
	}
	r, t := c.command(c.server.Timeouts.Step, "STARTTLS")
	switch {
	case t != nil:
		return "", t
	case r.code != 220:
		return "", &trouble{kind: startTLSRefused, code: r.code, said: r.String()}
	case c.text.R.Buffered() > 0:
		// It would be taken for what the server says through TLS.
		return "", &trouble{kind: injected}
	}
	version, t := c.handshake(ctx)
	if t != nil {
		return "", t
	}
	return version, c.ehlo() // what was told before is not to be trusted
}

// handshake goes on with TLS. It returns what was agreed upon.
func (c *conversation) handshake(ctx context.Context) (string, *trouble) {
	c.guard.step(c.server.Timeouts.Step, false)
	conn := tls.Client(c.guard, &tls.Config{ServerName: c.server.Host, RootCAs: c.server.RootCAs, MinVersion: tls.VersionTLS12})
	if err := conn.HandshakeContext(ctx); err != nil {
		return "", c.tlsTrouble(err)
	}
	c.text, c.secure = textproto.NewConn(conn), true
	state := conn.ConnectionState()
	return fmt.Sprintf("%s, certificate for %s until %s", tls.VersionName(state.Version),
		names(state.PeerCertificates[0]), state.PeerCertificates[0].NotAfter.Format(time.DateOnly)), nil
}

// tlsTrouble says why TLS failed.
func (c *conversation) tlsTrouble(err error) *trouble {
	var record tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &verification):
		return certTrouble(c.server.Host, verification)
	case errors.As(err, &record):
		// The first bytes are what the server said instead.
		t := &trouble{kind: handshake, err: err}
		if c.server.TLS == Implicit {
			t.kind, t.said = plainPort, c.words(string(record.RecordHeader[:]))
		}
		return t
	}
	t := c.broken(err)
	var network *net.OpError
	if t.kind == dropped && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) &&
		(!errors.As(err, &network) || network.Op == "remote error") {
		t.kind = handshake
	}
	return t
}

// certTrouble names what is wrong with the server's certificate.
func certTrouble(host string, err *tls.CertificateVerificationError) *trouble {
	t := &trouble{kind: certInvalid, err: err}
	var wrongName x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var noRoots x509.SystemRootsError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &wrongName):
		t.kind = certName
		t.more = fmt.Sprintf("it is for %s, not for %s", names(wrongName.Certificate), line(host, maxAddress))
	case errors.As(err, &unknown):
		t.kind = certAuthority
		if cert := err.UnverifiedCertificates; len(cert) > 0 {
			t.more = "it was signed by " + line(cert[0].Issuer.String(), 200)
		}
	case errors.As(err, &noRoots):
		t.kind = certAuthority
		t.more = "this system has no list of certificate authorities"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		t.kind, t.more = certExpired, "it was valid until "+invalid.Cert.NotAfter.UTC().Format(time.DateTime)+" UTC"
		if time.Now().Before(invalid.Cert.NotBefore) {
			t.kind, t.more = certNotYet, "it is valid from "+invalid.Cert.NotBefore.UTC().Format(time.DateTime)+" UTC on"
		}
	}
	return t
}

// names are those that a certificate is for.
func names(cert *x509.Certificate) string {
	all := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "nobody"
	}
	if len(all) > 4 {
		all = append(all[:4], "…")
	}
	return line(strings.Join(all, ", "), 200)
}
