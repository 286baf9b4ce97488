package mailbox

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxCommandLine  = 16 << 10         // bytes; RFC 4954, 4 wants 12288 for AUTH
	idleLimit       = 5 * time.Minute  // RFC 5321, 4.5.3.2.7
	handshakeLimit  = 30 * time.Second // for TLS
	shortWriteLimit = 30 * time.Second // for the client to take an answer
	partingLimit    = time.Second      // for the client to take the last words

	tlsHandshakeRecord = 0x16 // RFC 8446, 5.1
)

// expectation is what the client's next bytes are.
type expectation int

const (
	aCommand expectation = iota
	aResponse
	theText
	aChunk
	aGoodbye // the greeting was a refusal: RFC 5321, 3.1
)

// wire is one client's connection as the SMTP library sees it: plain text always, and never more than one line at
// a time, so that each command can be looked at before the library gets it, and each answer before the client does.
// TLS and everything that fails on purpose happens here.
//
// Read and Write are for one goroutine; Close and kill may be called by others.
type wire struct {
	raw    net.Conn
	server *Server
	in     *bufio.Reader // of the client's plain text
	out    io.Writer     // the same way back

	secureMu sync.Mutex
	secure   *tls.Conn // nil without TLS

	rest      []byte // of the line that the library has begun to read; it lies in the buffer of in
	expect    expectation
	chunk     int64 // bytes to come of a BDAT chunk
	inMail    bool  // between MAIL and the end of the mail
	chunked   bool  // that mail comes by BDAT
	lastChunk bool  // and its last chunk is under way
	cut       bool  // the connection is to be dropped in the text
	greeted   bool
	answering Step // what the library's next answer is to
	attempt   attempt
	mails     int   // MAIL commands so far
	commands  int   // of any kind
	ending    *Rule // what happens instead of the answer to the final dot

	slowTold bool        // that this attempt is answered slowly
	held     atomic.Bool // nothing is said to this client any more
	ended    atomic.Bool
	closed   chan struct{}
}

func newWire(raw net.Conn, s *Server) *wire {
	w := &wire{raw: raw, server: s, answering: AtConnect, closed: make(chan struct{})}
	w.plain()
	return w
}

func (w *wire) plain() {
	conn := deadlined{w.raw}
	w.in, w.out = bufio.NewReaderSize(conn, maxCommandLine), conn
}

// deadlined is a connection where each read and write has its time.
type deadlined struct{ net.Conn }

func (c deadlined) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(idleLimit)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c deadlined) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(shortWriteLimit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// The rest of a net.Conn. The deadlines are wire's own business.

func (w *wire) LocalAddr() net.Addr              { return w.raw.LocalAddr() }
func (w *wire) RemoteAddr() net.Addr             { return w.raw.RemoteAddr() }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// Close ends the connection in good order.
func (w *wire) Close() error {
	w.end(func() {
		if conn := w.tls(); conn != nil {
			_ = conn.SetWriteDeadline(time.Now().Add(partingLimit))
			_ = conn.Close() // also the connection below
		}
		_ = w.raw.Close()
	})
	return nil
}

// kill ends the connection at once.
func (w *wire) kill() { w.end(func() { _ = w.raw.Close() }) }

func (w *wire) end(how func()) {
	if !w.ended.CompareAndSwap(false, true) {
		_ = w.raw.Close() // a Close that waits for the client gives way to a kill
		return
	}
	close(w.closed)
	how()
	w.server.forget(w)
}

func (w *wire) tls() *tls.Conn {
	w.secureMu.Lock()
	defer w.secureMu.Unlock()
	return w.secure
}

// Read gives the library the next line, or what there is of the text of a mail.
func (w *wire) Read(p []byte) (int, error) {
	for {
		if len(w.rest) > 0 {
			n := copy(p, w.rest)
			w.rest = w.rest[n:]
			return n, nil
		}
		if w.expect == aChunk {
			return w.readChunk(p)
		}
		if w.commands == 0 && w.expect == aCommand {
			if first, err := w.in.Peek(1); err == nil && first[0] == tlsHandshakeRecord {
				return 0, w.sendAway("began with TLS where plain text was expected (--tls implicit expects TLS)")
			}
		}
		line, err := w.in.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !full {
			return 0, w.gone(err)
		}
		switch {
		case w.expect == theText:
			if w.cut {
				return 0, w.stop(Rule{Mode: Drop}, AtData)
			}
			w.rest = line
		case full:
			w.event("a command line of more than %d bytes; connection closed", maxCommandLine)
			w.answer(500, "5.5.2", "A command line that long is none")
			_ = w.Close()
			return 0, io.EOF
		case w.expect == aResponse:
			w.rest = line
		default:
			pass, err := w.command(line)
			if err != nil {
				return 0, err
			}
			if pass {
				w.rest = line
			}
		}
	}
}

// readChunk reads a part of a BDAT chunk. Its end before it is whole is never io.EOF, which the library would take for
// the end of the mail.
func (w *wire) readChunk(p []byte) (int, error) {
	if w.cut {
		_ = w.stop(Rule{Mode: Drop}, AtData)
		return 0, io.ErrUnexpectedEOF
	}
	if int64(len(p)) > w.chunk {
		p = p[:w.chunk]
	}
	n, err := w.in.Read(p)
	if w.chunk -= int64(n); w.chunk == 0 {
		w.expect = aCommand
	}
	if err != nil && n == 0 {
		_ = w.gone(err)
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

// gone tells of a client that went in the middle of something. The library need not know more than that it went.
func (w *wire) gone(err error) error {
	select {
	case <-w.closed:
		return io.EOF // we closed it
	default:
	}
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		w.event("said nothing for %s; connection closed", idleLimit)
		w.answer(421, "4.4.2", "You said nothing for a long time")
	case w.expect == theText || w.expect == aChunk:
		w.event("went away in the middle of a mail")
	}
	_ = w.Close()
	return io.EOF
}

// command looks at a command before the library does, and reports whether the library is to have it.
func (w *wire) command(line []byte) (pass bool, err error) {
	w.commands++
	text := strings.ToUpper(strings.TrimSpace(string(line)))
	if w.commands == 1 {
		if strings.Contains(text, " HTTP/1.") {
			return false, w.sendAway("spoke HTTP: this port is for mail, and the page is at " + w.server.URL())
		}
	}
	verb, args, _ := strings.Cut(text, " ")
	if w.expect == aGoodbye {
		if verb == "QUIT" {
			w.answer(221, "2.0.0", "Goodbye")
			_ = w.Close()
			return false, io.EOF
		}
		w.answer(503, "5.5.1", "This server has refused to serve")
		return false, nil
	}
	step := stepOf(verb)
	if strings.HasPrefix(text, "STARTTLS") { // as the library cuts it
		step = AtStartTLS
	}
	switch verb {
	case "MAIL":
		if w.mails > 0 {
			w.attempt, w.slowTold = attempt{}, false // a further mail of this connection is an attempt of its own
		}
		w.mails++
		w.endMail()
		w.inMail = true
	case "RSET", "EHLO", "HELO":
		w.endMail()
	case "BDAT":
		if w.chunked {
			step = "" // the mail's first chunk was asked about
		}
		w.chunked = w.inMail
		w.beginChunk(args)
	}
	w.answering = step
	if step == "" {
		if verb == "BDAT" && w.lastChunk {
			w.answering = AtDot
		}
		return true, nil
	}
	if rule, fails := w.server.faults.at(&w.attempt, step); fails {
		if rule.Mode != Drop || step != AtData {
			return false, w.instead(rule, step)
		}
		w.cut = true
	}
	if step == AtStartTLS {
		return false, w.startTLS()
	}
	if verb == "BDAT" && w.lastChunk {
		w.answering = AtDot
	}
	return true, nil
}

func stepOf(verb string) Step {
	switch verb {
	case "EHLO", "HELO":
		return AtHelo
	case "AUTH":
		return AtAuth
	case "MAIL":
		return AtMail
	case "RCPT":
		return AtRcpt
	case "DATA", "BDAT":
		return AtData
	}
	return ""
}

// sendAway tells of a client that speaks something else than SMTP, and closes the connection.
func (w *wire) sendAway(event string) error {
	w.event("%s", event)
	w.answer(554, "5.5.1", "This port is for mail")
	_ = w.Close()
	return io.EOF
}

func (w *wire) endMail() {
	w.inMail, w.chunked, w.lastChunk, w.cut, w.ending = false, false, false, false, nil
}

// beginChunk notes how many bytes follow a BDAT command (RFC 3030, 2). The library refuses what is not one.
func (w *wire) beginChunk(args string) {
	fields := strings.Fields(args)
	if len(fields) == 0 {
		return
	}
	size, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil || size == 0 {
		size = 0
	}
	w.lastChunk = len(fields) > 1
	w.chunk = int64(size)
	if size > 0 {
		w.expect = aChunk
	}
}

// instead does what rule wants instead of giving the library the command of step. An error ends the connection.
func (w *wire) instead(rule Rule, step Step) error {
	if rule.Mode == Silent || rule.Mode == Drop {
		return w.stop(rule, step)
	}
	if w.expect == aChunk { // the chunk follows whatever the answer is
		if _, err := io.CopyN(io.Discard, w.in, w.chunk); err != nil {
			return w.gone(err)
		}
		w.expect, w.chunk, w.chunked = aCommand, 0, false
	}
	code, enhanced, text := rule.reply(step)
	w.failed(rule, step)
	w.answer(code, enhanced, text)
	if code == 421 {
		_ = w.Close()
		return io.EOF
	}
	return nil
}

// stop ends the conversation without an answer: at once, or when the client or the plan has had enough.
func (w *wire) stop(rule Rule, step Step) error {
	w.failed(rule, step)
	if rule.Mode == Silent {
		w.held.Store(true)
		if w.server.faults.current(w.attempt) { // else whoever changed the plan may not have seen that this is held
			_ = w.raw.SetReadDeadline(time.Time{})
			_, _ = io.Copy(io.Discard, w.raw) // until it goes
		}
	}
	w.kill()
	return io.EOF
}

// failed tells what was done on purpose.
func (w *wire) failed(rule Rule, step Step) {
	what := map[Mode]string{
		Refuse: "refused", TempFail: "refused for now", Silent: "not answered", Drop: "dropped",
	}[rule.Mode]
	if rule.Step == "" {
		rule.Step = step
	}
	w.event("%s on purpose (%s)", what, rule)
}

// answer speaks to the client in place of the library.
func (w *wire) answer(code int, enhanced, text string) {
	_, _ = w.say(fmt.Appendf(nil, "%d %s %s\r\n", code, enhanced, text), w.answering)
}

func (w *wire) event(format string, args ...any) {
	w.server.event(w.raw.RemoteAddr().String(), fmt.Sprintf(format, args...))
}
