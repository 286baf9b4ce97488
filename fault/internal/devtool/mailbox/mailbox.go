// Package mailbox is the mail server for development: it takes every mail, sends none on, and shows them in the
// terminal, on a page and by an API; and it fails on purpose, so that a sender can be tried.
package mailbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"example.org/microblog/fault/internal/devtool/address"
)

// Defaults of the Options.
const (
	DefaultSMTP         = "127.0.0.1:8025"
	DefaultHTTP         = "127.0.0.1:8026"
	DefaultKeep         = 200
	DefaultKeepBytes    = 128 << 20
	DefaultMaxMailBytes = 25 << 20
)

const (
	maxConnections = 64 // SMTP
	maxRecipients  = 1000
	printLimit     = time.Second // for what is left to print at the end
)

// Options of a Server. The zero value is useful.
type Options struct {
	SMTP string // HOST:PORT for mails; "" is DefaultSMTP, port 0 any free one
	HTTP string // HOST:PORT of the page and the API; "" is DefaultHTTP

	// Exposed allows addresses that other machines can reach. They can read the mails then.
	Exposed bool
	// Hosts are further names by which the page may be called, without port. The names and addresses of the
	// loopback interface need not be given, nor any address when Exposed.
	Hosts []string

	Keep         int   // the newest so many mails are kept; 0 is DefaultKeep
	KeepBytes    int64 // and about so many bytes of memory; 0 is DefaultKeepBytes
	MaxMailBytes int64 // a larger mail is refused with 552; 0 is DefaultMaxMailBytes

	TLS                TLSMode
	Username, Password string // what AUTH must say, and it must; without a Username anything will do and nothing is fine

	Faults Plan

	Out   io.Writer // mails and events are printed here; nil: nowhere
	Quiet bool      // one line each
}

// OptionError is an option that cannot be.
type OptionError struct {
	Option string // the name of the field
	Text   string
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Text }

// Server is a running mail server. Its methods may be called from several goroutines.
type Server struct {
	options   Options
	faults    *faults
	store     *store
	printer   *printer
	pages     *template.Template
	tlsConfig *tls.Config
	cert      *tls.Certificate

	smtpAddr, httpAddr net.Addr
	smtp               *smtp.Server
	smtpListener       net.Listener
	http               *http.Server

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	loops  sync.WaitGroup // the two that accept connections

	mu     sync.Mutex
	wires  map[*wire]struct{}
	work   sync.WaitGroup // requests and mails under way; added to under mu
	closed bool
	broken error // why a listener ended by itself
}

// Start listens on both addresses and serves until Close. An error is an *OptionError, a *ListenError, or from making
// the certificate.
func Start(options Options) (*Server, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: options,
		faults:  newFaults(options.Faults),
		store:   newStore(options.Keep, options.KeepBytes),
		wires:   map[*wire]struct{}{},
	}
	if s.pages, err = parsePages(); err != nil {
		return nil, fmt.Errorf("reading the page templates: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if options.TLS != TLSOff {
		host, _, err := net.SplitHostPort(options.SMTP)
		if err != nil {
			return nil, err // complete has checked it
		}
		cert, err := newCertificate(host, time.Now())
		if err != nil {
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		s.cert = &cert
		s.tlsConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	smtpListener, err := listen("SMTP", options.SMTP)
	if err != nil {
		return nil, err
	}
	httpListener, err := listen("HTTP", options.HTTP)
	if err != nil {
		return nil, errors.Join(err, smtpListener.Close())
	}
	s.smtpAddr, s.httpAddr = smtpListener.Addr(), httpListener.Addr()
	s.printer = newPrinter(options.Out, options.Quiet, s.URL())
	s.serveSMTP(smtpListener)
	s.serveHTTP(httpListener)
	return s, nil
}

func (s *Server) serveSMTP(l net.Listener) {
	s.smtpListener = l
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.newSession))
	s.smtp.Domain = "localhost"
	s.smtp.MaxMessageBytes = s.options.MaxMailBytes
	s.smtp.MaxRecipients = maxRecipients
	s.smtp.MaxLineLength = 0 // wire limits commands; a long line in a mail is worth a remark, not a refusal
	s.smtp.AllowInsecureAuth = true
	s.smtp.EnableSMTPUTF8 = true
	// What the library logs is of no use: it stumbles over its own session when a client leaves between two chunks.
	// Trouble with taking connections and with reading mails is told by gate and session.
	s.smtp.ErrorLog = log.New(io.Discard, "", 0)
	if s.options.TLS == TLSStartTLS {
		s.smtp.TLSConfig = s.tlsConfig // so that it offers STARTTLS; wire does it
	}
	s.loops.Go(func() { s.ended("mails", s.smtp.Serve(gate{l, s})) })
}

func (s *Server) serveHTTP(l net.Listener) {
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       maxWait + 30*time.Second, // it also ends a request that waits
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // what is wrong with a client
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
	}
	s.loops.Go(func() { s.ended("the page", s.http.Serve(l)) })
}

// ended notes that a listener has ended, and ends everything if nobody wanted that.
func (s *Server) ended(what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.broken == nil {
		s.broken = fmt.Errorf("listening for %s: %w", what, err)
		s.cancel()
	}
}

// Wait blocks until ctx ends, and then returns nil, or until the server can serve no longer, and says why.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.broken
	}
}

// Close ends the server at once, whatever is under way. When it returns, no goroutine of it is left, except one that
// Options.Out does not let go within a second.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	err := errors.Join(ignoreClosed(s.smtpListener.Close()), ignoreClosed(s.http.Close()))
	s.loops.Wait() // now no connection is added any more
	for _, w := range s.allWires() {
		w.kill()
	}
	// The library's own way of waiting for its conversations. They have no connection any more.
	err = errors.Join(err, ignoreClosed(s.smtp.Shutdown(context.Background())))
	s.work.Wait()
	s.printer.close(printLimit)
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// begin counts something that Close has to wait for. It is false if the server is closed.
func (s *Server) begin() (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	s.work.Add(1)
	return s.work.Done, true
}

// within is a context that ends with the server or after d.
func (s *Server) within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, d)
}

// SMTPAddr is where mails go: HOST:PORT.
func (s *Server) SMTPAddr() string { return s.smtpAddr.String() }

// URL is where the page is.
func (s *Server) URL() string { return address.LocalURL(s.httpAddr) }

// Certificate returns the certificate in PEM, without its key, and its SHA-256 fingerprint; nothing without TLS.
func (s *Server) Certificate() (pem []byte, sha256 string) {
	if s.cert == nil {
		return nil, ""
	}
	return certificatePEM(*s.cert), fingerprint(*s.cert)
}

// WriteCertificate writes the certificate, without its key, to a file, in place of an older certificate only.
func (s *Server) WriteCertificate(path string) error {
	if s.cert == nil {
		return errors.New("there is no certificate without TLS")
	}
	return writeCertificate(path, *s.cert)
}

// Mails returns what is kept, newest first.
func (s *Server) Mails() []*Mail { return s.store.snapshot().mails }

// Changed returns a channel that is closed with the next change: a mail, an event, a deletion, another plan.
func (s *Server) Changed() <-chan struct{} { return s.store.snapshot().changed }

// Faults returns what fails on purpose, and how many attempts have by this plan.
func (s *Server) Faults() (Plan, int) { return s.faults.state() }

// SetFaults changes what fails on purpose, begins to count anew, and ends the connections that are kept waiting
// without an answer. An error is an *OptionError.
func (s *Server) SetFaults(p Plan) error {
	if err := s.options.checkPlan(p); err != nil {
		return err
	}
	s.faults.set(p)
	for _, w := range s.allWires() {
		if w.held.Load() {
			w.kill()
		}
	}
	s.event("", "from now on: "+p.String())
	return nil
}

// keep stores and prints a mail.
func (s *Server) keep(m *Mail) {
	s.store.add(m)
	s.printer.mail(m)
}

// event notes and prints something.
func (s *Server) event(client, text string) {
	e := Event{At: time.Now(), Client: client, Text: shorten(text, 500)}
	s.store.addEvent(e)
	s.printer.event(e)
}
