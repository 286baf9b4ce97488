package mailbox

import (
	"net/http"
	"time"
)

// Handler is the page and the API, without the network.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Take keeps a mail as if it had come by SMTP, without the limits that the protocol has.
func (s *Server) Take(source []byte) *Mail {
	m := readMail(source, Envelope{From: "a@b.example", To: []string{"c@d.example"}, Client: "127.0.0.1:1", HELO: "x"}, time.Now())
	s.keep(m)
	return m
}

// Printed is what is printed of a mail, both ways.
func (s *Server) Printed(m *Mail) string { return s.printer.pageOf(m) + lineOf(m) }
