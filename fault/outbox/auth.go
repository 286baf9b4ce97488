package outbox

import (
	"encoding/base64"
	"net"
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// The mechanisms of AUTH that we speak, in the order of preference. Through TLS the simple ones are
// first, because some servers offer CRAM-MD5 and keep no password that it could be checked against.
var (
	mechanismsTLS   = []string{"PLAIN", "LOGIN", "CRAM-MD5"}
	mechanismsPlain = []string{"CRAM-MD5", "PLAIN", "LOGIN"}
)

// login logs in (RFC 4954). It returns the mechanism and the server's words.
func (c *conversation) login() (mechanism, said string, t *trouble) {
	offered := strings.Fields(c.ext["AUTH"])
	if !c.secure && !c.server.PlainAuth && !c.onThisMachine() {
		t := &trouble{kind: plainAuth}
		if _, ok := c.ext["STARTTLS"]; ok {
			t.more = "the server offers STARTTLS"
		}
		return "", "", t
	}
	if len(offered) == 0 {
		return "", "", &trouble{kind: noAuth}
	}
	order := mechanismsPlain
	if c.secure {
		order = mechanismsTLS
	}
	last := &trouble{kind: noMechanism, more: line(strings.Join(offered, ", "), 200)}
	for _, m := range order {
		if !slices.Contains(offered, m) {
			continue
		}
		r, t := c.exchange(m)
		switch {
		case t != nil:
			return m, "", t
		case r.code == 235:
			return m, r.String(), nil
		}
		t = &trouble{kind: authRefused, code: r.code, said: r.String()}
		switch {
		case r.code < 500:
			t.kind = authFailed
		case r.code == 530 || r.code == 538:
			t.kind = authRequired
		case r.code == 534 || r.code <= 504:
			// Not in this way. A refused password is not tried in another way: it would count as
			// another failed login.
			last = t
			continue
		}
		return m, "", t
	}
	return "", "", last
}

// onThisMachine says whether the server is at a loopback address.
func (c *conversation) onThisMachine() bool {
	addr, ok := c.guard.RemoteAddr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// exchange goes through one mechanism and returns the final reply.
func (c *conversation) exchange(mechanism string) (reply, *trouble) {
	var auth smtp.Auth
	s := &c.server
	switch mechanism { // whether it may be done without TLS is decided already
	case "PLAIN":
		auth = smtp.PlainAuth("", s.Username, s.Password, s.Host, true)
	case "LOGIN":
		auth = smtp.LoginAuth(s.Username, s.Password, s.Host, true)
	case "CRAM-MD5":
		auth = smtp.CRAMMD5Auth(s.Username, s.Password)
	}
	_, initial, err := auth.Start(&smtp.ServerInfo{Name: s.Host, TLS: c.secure})
	if err != nil {
		return reply{}, &trouble{kind: authFailed, err: err}
	}
	first := "AUTH " + mechanism
	if initial != nil {
		first += " " + base64.StdEncoding.EncodeToString(initial)
	}
	r, t := c.command(s.Timeouts.Step, "%s", first)
	for ; t == nil && r.code == 334; r, t = c.command(s.Timeouts.Step, "%s", first) {
		challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.raw))
		if err != nil && mechanism != "LOGIN" { // whose challenges say nothing
			return c.abort(r)
		}
		answer, err := auth.Next(challenge, true)
		if err != nil {
			return c.abort(r)
		}
		first = base64.StdEncoding.EncodeToString(answer)
	}
	if t == nil && r.code < 400 && r.code != 235 {
		t = &trouble{kind: garbled, said: r.String()}
	}
	return r, t
}

// abort ends an exchange that makes no sense.
func (c *conversation) abort(r reply) (reply, *trouble) {
	if _, t := c.command(c.server.Timeouts.Step, "*"); t != nil {
		return reply{}, t
	}
	return reply{}, &trouble{kind: garbled, said: r.String()}
}
