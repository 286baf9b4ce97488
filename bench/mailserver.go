package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/emersion/go-smtp"
)

// mailServer takes every mail and counts it, or is silent: it accepts connections and says nothing.
type mailServer struct {
	listener net.Listener
	server   *smtp.Server // nil: silent
	taken    atomic.Int64
	served   chan error

	mu    sync.Mutex
	conns []net.Conn // held by a silent one
}

// startMailServer starts one on a free port of this machine.
func startMailServer(silent bool) (*mailServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting a mail server: %w", err)
	}
	m := &mailServer{listener: l, served: make(chan error, 1)}
	if silent {
		go m.keepSilent()
		return m, nil
	}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{m}, nil }))
	m.server.Domain = "localhost"
	go func() { m.served <- m.server.Serve(l) }()
	return m, nil
}

func (m *mailServer) keepSilent() {
	for {
		conn, err := m.listener.Accept()
		if err != nil {
			m.served <- nil // stop has closed the listener
			return
		}
		m.mu.Lock()
		m.conns = append(m.conns, conn)
		m.mu.Unlock()
	}
}

// settings make Microblog send its error mails here.
func (m *mailServer) settings() []string {
	host, port, err := net.SplitHostPort(m.listener.Addr().String())
	if err != nil {
		panic(err) // the address of a TCP listener has this form
	}
	return []string{"MAIL_SERVER=" + host, "MAIL_PORT=" + port, "MAIL_FROM=microblog@example.com", "ADMINS=admin@example.com"}
}

func (m *mailServer) stop() error {
	var err error
	if m.server != nil {
		err = m.server.Close()
	} else {
		err = m.listener.Close()
	}
	if served := <-m.served; served != nil && !errors.Is(served, smtp.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	for _, conn := range m.conns {
		_ = conn.Close()
	}
	return err
}

// mailSession is one connection.
type mailSession struct{ server *mailServer }

func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }
func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (s mailSession) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	if err == nil {
		s.server.taken.Add(1)
	}
	return err
}
