package smtptest

import (
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// Step is a moment at which the server answers.
type Step string

// The steps, in their order.
const (
	Greeting  Step = "greeting"
	EHLO      Step = "EHLO" // and HELO
	StartTLS  Step = "STARTTLS"
	Handshake Step = "handshake" // of TLS
	Auth      Step = "AUTH"      // the first line
	Response  Step = "response"  // to a challenge of AUTH
	MailFrom  Step = "MAIL"
	RcptTo    Step = "RCPT"
	Data      Step = "DATA"
	Body      Step = "body" // while the mail comes in
	End       Step = "end"  // after its last line
	Rset      Step = "RSET"
	Quit      Step = "QUIT"
)

// Steps are all of them, in order.
var Steps = []Step{Greeting, EHLO, StartTLS, Handshake, Auth, Response, MailFrom, RcptTo, Data, Body, End, Rset, Quit}

// Moment is when a fault may happen.
type Moment struct {
	Step Step
	Conn int    // number of the connection, from 1
	Nth  int    // how often this step came on the connection, from 1
	Mail int    // number of the transaction, from 1, over all connections; 0 before the first MAIL of a connection
	Arg  string // what follows the command's verb: "TO:<a@example.org>"
	TLS  bool
}

// Fault is what goes wrong. Its parts happen in the order of the fields.
type Fault struct {
	Take  bool          // at End: the mail is kept in Mails, whatever is answered
	After int           // at Body: when so many bytes have come
	Wait  time.Duration // before anything
	Tell  func()        // is called then; nil: nothing
	// Reply is sent instead of the usual answer: lines divided by \n, such as "451 4.3.0 later".
	Reply  string
	Slow   time.Duration // between the bytes of the reply, the usual one if Reply is ""
	Raw    string        // these very bytes after it
	Flood  bool          // then bytes without a line end for as long as the client reads
	Drip   time.Duration // then a byte each so often for as long as the client reads
	Silent bool          // then nothing, until the client closes the connection
	Drop   bool          // then the connection is closed
	Reset  bool          // then it is closed with a TCP reset
}

// Always has the fault at each occurrence of a step.
func Always(step Step, f Fault) func(Moment) *Fault {
	return func(m Moment) *Fault {
		if m.Step != step {
			return nil
		}
		return &f
	}
}

// Times has it at the first n occurrences of a step.
func Times(n int, step Step, f Fault) func(Moment) *Fault {
	var seen atomic.Int64
	return func(m Moment) *Fault {
		if m.Step != step || seen.Add(1) > int64(n) {
			return nil
		}
		return &f
	}
}

// Recipient has the fault when a recipient with this address is named.
func Recipient(address string, f Fault) func(Moment) *Fault {
	return func(m Moment) *Fault {
		if m.Step != RcptTo || !strings.Contains(m.Arg, "<"+address+">") {
			return nil
		}
		return &f
	}
}

// Any has the first of several faults that applies.
func Any(faults ...func(Moment) *Fault) func(Moment) *Fault {
	return func(m Moment) *Fault {
		for _, f := range faults {
			if found := f(m); found != nil {
				return found
			}
		}
		return nil
	}
}

// ends says whether nothing follows the fault on the connection.
func (f *Fault) ends() bool {
	return f.Flood || f.Drip > 0 || f.Silent || f.Drop || f.Reset
}

// happen does what the fault says after the reply. It returns when the connection is of no use any more,
// or at once if it still is.
func (f *Fault) happen(conn, raw net.Conn) {
	if f.Raw != "" {
		conn.Write([]byte(f.Raw))
	}
	switch {
	case f.Flood:
		chunk := []byte(strings.Repeat("2", 4096))
		for {
			if _, err := conn.Write(chunk); err != nil {
				return
			}
		}
	case f.Drip > 0:
		for {
			time.Sleep(f.Drip)
			if _, err := conn.Write([]byte("2")); err != nil {
				return
			}
		}
	case f.Silent:
		sink := make([]byte, 4096)
		for {
			if _, err := raw.Read(sink); err != nil {
				return
			}
		}
	case f.Reset:
		if tcp, ok := raw.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		raw.Close()
	case f.Drop:
		raw.Close()
	}
}
