package mailbox

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// Write takes one line of an answer from the library and gives it to the client, unless something else is to happen.
func (w *wire) Write(p []byte) (int, error) {
	select {
	case <-w.closed:
		return 0, net.ErrClosed
	default:
	}
	step := w.answering
	if !w.greeted {
		w.greeted = true
		if said, err := w.greet(); said || err != nil {
			return len(p), err
		}
	}
	if w.ending != nil && step == AtDot {
		rule := *w.ending
		w.ending = nil
		return 0, w.stop(rule, AtDot)
	}
	if step == AtHelo && bytes.Equal(p, []byte("250-STARTTLS\r\n")) && w.tls() != nil {
		return len(p), nil // the library does not know that it has been done
	}
	w.follow(p)
	return w.say(p, step)
}

// follow learns from an answer what the client sends next.
func (w *wire) follow(p []byte) {
	switch {
	case bytes.HasPrefix(p, []byte("354 ")):
		w.expect, w.answering = theText, AtDot
		return
	case bytes.HasPrefix(p, []byte("334 ")):
		w.expect = aResponse
		return
	case w.expect == theText || w.expect == aResponse:
		w.expect = aCommand
	}
	if w.answering == AtDot {
		w.endMail()
	}
}

// greet does what comes before the greeting, and reports whether something was said in its place.
func (w *wire) greet() (said bool, err error) {
	rule, fails := w.server.faults.at(&w.attempt, AtConnect)
	if fails && (rule.Mode == Silent || rule.Mode == Drop) {
		return true, w.stop(rule, AtConnect)
	}
	if w.server.options.TLS == TLSImplicit {
		if err := w.handshake(); err != nil {
			return true, err
		}
	}
	if !fails {
		return false, nil
	}
	w.expect = aGoodbye
	return true, w.instead(rule, AtConnect)
}

// startTLS answers STARTTLS (RFC 3207).
func (w *wire) startTLS() error {
	switch {
	case w.server.options.TLS != TLSStartTLS:
		w.event("asked for STARTTLS, which is not offered (--tls starttls offers it)")
		w.answer(502, "5.5.1", "STARTTLS is not offered here")
		return nil
	case w.tls() != nil:
		w.answer(503, "5.5.1", "TLS is in use already")
		return nil
	case w.in.Buffered() > 0:
		// What was sent before the handshake must not count as sent under it.
		w.event("sent more after STARTTLS without waiting for the answer; connection closed")
		w.answer(421, "4.7.0", "Nothing may follow STARTTLS before TLS is in use")
		_ = w.Close()
		return io.EOF
	}
	w.answer(220, "2.0.0", "Begin with TLS")
	return w.handshake()
}

// handshake changes to TLS.
func (w *wire) handshake() error {
	conn := tls.Server(deadlined{w.raw}, w.server.tlsConfig)
	ctx, cancel := w.server.within(handshakeLimit)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		w.event("%s", explainHandshake(err))
		w.kill()
		return io.EOF
	}
	w.secureMu.Lock()
	w.secure = conn
	w.secureMu.Unlock()
	w.in, w.out, w.rest = bufio.NewReaderSize(conn, maxCommandLine), conn, nil
	return nil
}

// explainHandshake says why TLS did not come about.
func explainHandshake(err error) string {
	var (
		record tls.RecordHeaderError
		remote *net.OpError
	)
	switch {
	case errors.As(err, &record):
		return "spoke plain text where TLS was expected (without --tls implicit this port begins in plain text)"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return "refused TLS: " + remote.Err.Error() + " (is this server's certificate known to it? --tls-cert writes it to a file)"
	case errors.Is(err, io.EOF):
		return "went away during the TLS handshake (is this server's certificate known to it? --tls-cert writes it to a file)"
	}
	return "TLS failed: " + err.Error()
}

// say writes p, as slowly as the plan wants it.
func (w *wire) say(p []byte, step Step) (int, error) {
	for i := range p {
		each := w.server.faults.pace(&w.attempt, step)
		if each == 0 {
			n, err := w.out.Write(p[i:])
			return i + n, err
		}
		if !w.slowTold {
			w.slowTold = true
			w.event("answered slowly on purpose (a byte in %s)", each)
		}
		if _, err := w.out.Write(p[i : i+1]); err != nil {
			return i, err
		}
		if !w.pause(each) {
			return i + 1, net.ErrClosed
		}
	}
	return len(p), nil
}

// pause waits for d or until the plan changes, and reports whether the connection still stands.
func (w *wire) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.server.faults.planChange():
		return true
	case <-w.closed:
		return false
	}
}
