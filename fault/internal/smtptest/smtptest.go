// Package smtptest is an SMTP server for tests, which can be told to fail in any way at any step.
package smtptest

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Options are the settings of a Server. The zero value is a server without TLS and AUTH that takes
// every mail.
type Options struct {
	Cert       *tls.Certificate // nil: no TLS
	Implicit   bool             // TLS from the first byte; else STARTTLS is offered if there is a Cert
	Mechanisms []string         // of AUTH: PLAIN, LOGIN, CRAM-MD5; none: AUTH is not offered
	Username   string
	Password   string
	Extensions []string                     // further lines of EHLO's answer, such as "SIZE 1000"
	Fault      func(m Moment) *Fault        // asked at each step; nil, or a nil result: no fault
	Pipe       bool                         // no socket: connections are made by Dial only, in memory, for testing/synctest
	Listen     func() (net.Listener, error) // nil: a free port of 127.0.0.1
}

// Mail is a mail that the server has taken.
type Mail struct {
	Conn int // number of the connection, from 1
	From string
	To   []string
	Data []byte // as it was sent, dots unstuffed
	TLS  bool
	User string // who is logged in
}

// Server is a running SMTP server.
type Server struct {
	opts     Options
	listener net.Listener

	mu       sync.Mutex
	fault    func(Moment) *Fault
	mails    []Mail
	commands []string
	begun    int // transactions
	conns    int
	open     map[net.Conn]bool
	closed   bool
	changed  chan struct{} // closed and replaced when something was added
	done     sync.WaitGroup
}

// Start starts a server, which ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{opts: o, fault: o.Fault, open: map[net.Conn]bool{}, changed: make(chan struct{})}
	if !o.Pipe {
		listen := o.Listen
		if listen == nil {
			listen = func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
		}
		l, err := listen()
		if err != nil {
			t.Fatal(err)
		}
		s.listener = l
		s.done.Go(s.accept)
	}
	t.Cleanup(s.Close)
	return s
}

// Port is where the server listens on 127.0.0.1.
func (s *Server) Port() int {
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	n, _ := strconv.Atoi(port)
	return n
}

// Dial connects in memory, whatever the address.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	here, there := net.Pipe()
	s.serve(there)
	return here, nil
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.serve(conn)
	}
}

func (s *Server) serve(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return
	}
	s.conns++
	s.open[conn] = true
	n := s.conns
	s.notify()
	s.done.Go(func() {
		defer func() {
			conn.Close()
			s.mu.Lock()
			delete(s.open, conn)
			s.notify()
			s.mu.Unlock()
		}()
		newSession(s, conn, n).run()
	})
}

// Close ends all connections and waits for their goroutines.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for conn := range s.open {
		conn.Close()
	}
	s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
	}
	s.done.Wait()
}

// SetFault changes how the server fails; nil: not at all.
func (s *Server) SetFault(f func(Moment) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Mails are those taken so far, in order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Commands are the lines that clients sent so far, each with the number of its connection, and with
// "tls" where it came encrypted: "1 EHLO [127.0.0.1]", "1 tls QUIT".
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.commands...)
}

// Conns is how many connections were made so far.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// Open is how many connections are open.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Wait waits until ok says so of the server, asked after each change, and fails the test if that
// takes 20 s.
func (s *Server) Wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited too long for %s; the server got:\n%v", what, s.Commands())
		}
	}
}

// WaitMails waits until n mails were taken.
func (s *Server) WaitMails(t testing.TB, n int) []Mail {
	t.Helper()
	s.Wait(t, strconv.Itoa(n)+" mails", func() bool { return len(s.Mails()) >= n })
	return s.Mails()
}

// notify tells those that wait. s.mu is held.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, line)
	s.notify()
}

func (s *Server) take(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	s.notify()
}

// begin counts a transaction and returns its number.
func (s *Server) begin() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	return s.begun
}
