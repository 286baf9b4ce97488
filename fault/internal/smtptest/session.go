package smtptest

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// session is one connection.
type session struct {
	server *Server
	raw    net.Conn
	conn   net.Conn
	r      *bufio.Reader
	number int
	mail   int // number of the transaction
	tls    bool
	user   string
	from   string
	to     []string
	inMail bool
	count  map[Step]int
}

func newSession(s *Server, conn net.Conn, number int) *session {
	return &session{server: s, raw: conn, conn: conn, r: bufio.NewReader(conn), number: number, count: map[Step]int{}}
}

// answer sends the reply, or has the fault that is due. It says whether the conversation goes on.
func (s *session) answer(step Step, arg, reply string) bool {
	f := s.faultAt(step, arg)
	if f == nil {
		return s.send(reply, 0)
	}
	return s.fail(f, reply)
}

func (s *session) faultAt(step Step, arg string) *Fault {
	s.server.mu.Lock()
	fault := s.server.fault
	s.server.mu.Unlock()
	s.count[step]++
	if fault == nil {
		return nil
	}
	return fault(Moment{Step: step, Conn: s.number, Nth: s.count[step], Mail: s.mail, Arg: arg, TLS: s.tls})
}

func (s *session) fail(f *Fault, reply string) bool {
	if f.Wait > 0 {
		time.Sleep(f.Wait)
	}
	if f.Tell != nil {
		f.Tell()
	}
	if f.Reply != "" {
		reply = f.Reply
	}
	if (f.Reply != "" || !f.ends() && f.Raw == "") && !s.send(reply, f.Slow) {
		return false
	}
	f.happen(s.conn, s.raw)
	return !f.ends()
}

func (s *session) send(reply string, slow time.Duration) bool {
	text := strings.ReplaceAll(reply, "\n", "\r\n") + "\r\n"
	if slow == 0 {
		_, err := s.conn.Write([]byte(text))
		return err == nil
	}
	for i := range len(text) {
		time.Sleep(slow)
		if _, err := s.conn.Write([]byte{text[i]}); err != nil {
			return false
		}
	}
	return true
}

// answered answers like answer, and says whether the reply was of the 200s or 300s.
func (s *session) answered(step Step, arg, reply string) (goesOn, positive bool) {
	f := s.faultAt(step, arg)
	if f == nil {
		return s.send(reply, 0), reply[0] < '4'
	}
	if f.Reply != "" {
		reply = f.Reply
	}
	return s.fail(f, reply), reply[0] < '4'
}

func (s *session) handshake() bool {
	if f := s.faultAt(Handshake, ""); f != nil {
		if f.Reply == "" && !f.ends() && f.Raw == "" {
			f.Drop = true
		}
		s.fail(f, "")
		return false
	}
	conn := tls.Server(&buffered{Conn: s.conn, r: s.r}, &tls.Config{Certificates: []tls.Certificate{*s.server.opts.Cert}})
	if err := conn.Handshake(); err != nil {
		return false
	}
	s.conn, s.r, s.tls = conn, bufio.NewReader(conn), true
	return true
}

// buffered reads first what was read ahead.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

func (s *session) line() (string, bool) {
	line, err := s.r.ReadString('\n')
	if err != nil {
		return "", false
	}
	line = strings.TrimRight(line, "\r\n")
	mark := ""
	if s.tls {
		mark = "tls "
	}
	s.server.note(fmt.Sprintf("%d %s%s", s.number, mark, line))
	return line, true
}

func (s *session) run() {
	if s.server.opts.Implicit && !s.handshake() {
		return
	}
	if !s.answer(Greeting, "", "220 mail.example.org ESMTP ready") {
		return
	}
	for {
		line, ok := s.line()
		if !ok || !s.command(line) {
			return
		}
	}
}

// command answers one line and says whether the conversation goes on.
func (s *session) command(line string) bool {
	verb, arg, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); verb {
	case "EHLO", "HELO":
		s.reset()
		reply := "250 mail.example.org"
		if verb == "EHLO" {
			reply = s.ehlo(arg)
		}
		return s.answer(EHLO, arg, reply)
	case "STARTTLS":
		if s.server.opts.Cert == nil || s.tls {
			return s.send("502 5.5.1 not here", 0)
		}
		goesOn, positive := s.answered(StartTLS, arg, "220 2.0.0 go ahead")
		if !goesOn || !positive {
			return goesOn
		}
		s.reset()
		return s.handshake()
	case "AUTH":
		return s.auth(arg)
	case "MAIL":
		s.mail = s.server.begin()
		goesOn, positive := s.answered(MailFrom, arg, "250 2.1.0 sender ok")
		if positive {
			s.from, s.inMail = path(arg), true
		}
		return goesOn
	case "RCPT":
		if !s.inMail {
			return s.send("503 5.5.1 MAIL first", 0)
		}
		goesOn, positive := s.answered(RcptTo, arg, "250 2.1.5 recipient ok")
		if positive {
			s.to = append(s.to, path(arg))
		}
		return goesOn
	case "DATA":
		if len(s.to) == 0 {
			return s.send("554 5.5.1 no valid recipients", 0)
		}
		goesOn, positive := s.answered(Data, arg, "354 go ahead")
		if !goesOn || !positive {
			return goesOn
		}
		return s.body()
	case "RSET":
		s.reset()
		return s.answer(Rset, arg, "250 2.0.0 ok")
	case "NOOP":
		return s.send("250 2.0.0 ok", 0)
	case "QUIT":
		s.answer(Quit, arg, "221 2.0.0 bye")
		return false
	}
	return s.send("500 5.5.2 what?", 0)
}

func (s *session) reset() { s.from, s.to, s.inMail = "", nil, false }

// path is the address in "FROM:<a@b> SIZE=12".
func path(arg string) string {
	_, rest, _ := strings.Cut(arg, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address // quotes and all
}

func (s *session) ehlo(name string) string {
	lines := []string{"mail.example.org greets " + name}
	if s.server.opts.Cert != nil && !s.tls {
		lines = append(lines, "STARTTLS")
	}
	if m := s.server.opts.Mechanisms; len(m) > 0 {
		lines = append(lines, "AUTH "+strings.Join(m, " "))
	}
	lines = append(lines, s.server.opts.Extensions...)
	for i := range lines[:len(lines)-1] {
		lines[i] = "250-" + lines[i]
	}
	lines[len(lines)-1] = "250 " + lines[len(lines)-1]
	return strings.Join(lines, "\n")
}

func (s *session) body() bool {
	f := s.faultAt(Body, "")
	var data bytes.Buffer
	for {
		line, err := s.r.ReadBytes('\n')
		if err != nil {
			return false
		}
		if f != nil && data.Len()+len(line) > f.After {
			goesOn := s.fail(f, "")
			if goesOn {
				f = nil
			} else {
				return false
			}
		}
		if string(line) == ".\r\n" {
			break
		}
		data.Write(bytes.TrimPrefix(line, []byte(".")))
	}
	mail := Mail{Conn: s.number, From: s.from, To: s.to, Data: data.Bytes(), TLS: s.tls, User: s.user}
	s.server.note(fmt.Sprintf("%d <mail>", s.number))
	s.reset()
	reply := "250 2.0.0 taken"
	end := s.faultAt(End, "")
	if end == nil {
		s.server.take(mail)
		return s.send(reply, 0)
	}
	if end.Take || end.Reply == "" && !end.ends() || strings.HasPrefix(end.Reply, "2") {
		s.server.take(mail)
	}
	return s.fail(end, reply)
}

// auth speaks the mechanisms that are offered.
func (s *session) auth(arg string) bool {
	mechanism, initial, _ := strings.Cut(arg, " ")
	if !slices.Contains(s.server.opts.Mechanisms, mechanism) {
		return s.send("504 5.5.4 unrecognized authentication type", 0)
	}
	goesOn, positive := true, true
	switch f := s.faultAt(Auth, arg); {
	case f != nil:
		reply := f.Reply
		return s.fail(f, reply)
	}
	challenge := func(text string) string {
		reply := "334 " + base64.StdEncoding.EncodeToString([]byte(text))
		if goesOn, positive = s.answered(Response, mechanism, reply); !goesOn || !positive {
			return ""
		}
		line, ok := s.line()
		if goesOn = ok; !ok {
			return ""
		}
		decoded, _ := base64.StdEncoding.DecodeString(line)
		return string(decoded)
	}
	o := &s.server.opts
	right := false
	switch mechanism {
	case "PLAIN":
		decoded, _ := base64.StdEncoding.DecodeString(initial)
		right = string(decoded) == "\x00"+o.Username+"\x00"+o.Password
	case "LOGIN":
		user := challenge("Username:")
		if !goesOn || !positive {
			return goesOn
		}
		password := challenge("Password:")
		right = user == o.Username && password == o.Password
	case "CRAM-MD5":
		const nonce = "<1896.697170952@mail.example.org>"
		sum := hmac.New(md5.New, []byte(o.Password))
		sum.Write([]byte(nonce))
		right = challenge(nonce) == fmt.Sprintf("%s %x", o.Username, sum.Sum(nil))
	}
	switch {
	case !goesOn || !positive:
		return goesOn
	case !right:
		return s.send("535 5.7.8 authentication credentials invalid", 0)
	}
	s.user = o.Username
	return s.send("235 2.7.0 welcome", 0)
}
