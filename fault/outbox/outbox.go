// Package outbox is a durable queue of mails and their delivery by SMTP: what it has accepted is
// delivered, given up for a reason that is told, or still there after the process was killed.
//
// The queue is a directory of files, so that it works when a database does not. [Outbox.Put] composes
// a mail and writes it there. [Outbox.Run] delivers: it tries again after anything but a refusal of the
// mail itself, for four days. A recipient who is refused for good does not keep the mail from the
// others, and one who is put off does not get the others a second copy. The outcome is kept until it
// is forgotten.
//
// A mail is sent twice only where nobody can know better: when the connection or the process ends
// after the mail went out and before the server's answer came. Both copies have the same Message-ID.
//
// Several processes may share the directory. A mail in delivery is locked; the lock ends with its
// process.
package outbox

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/mail"
	"sync/atomic"
	"time"
)

// Errors of this package, for errors.Is.
var (
	// ErrFull is returned by [Outbox.Put] when what waits has reached Options.MaxBytes.
	ErrFull = errors.New("the outbox is full")
	// ErrInvalid is returned for a mail that can never be sent: a bad key, a bad address, too big.
	ErrInvalid = errors.New("invalid mail")
	// ErrRunning is returned by [Outbox.Run] if it runs already.
	ErrRunning = errors.New("the outbox is running already")
)

// Options are the settings of an Outbox.
type Options struct {
	// Dir holds the queue; it is made if missing, with mode 0700. Several processes may share it,
	// each with an Outbox of its own.
	Dir string
	// Server is where mails are handed over.
	Server Server
	// Logger is told what goes wrong; nil: slog.Default().
	Logger *slog.Logger
	// MaxAge is how long delivery is tried before a mail is given up; 0: 4 days (RFC 5321 4.5.4.1).
	MaxAge time.Duration
	// MaxBytes limits what waits in Dir; 0: 64 MiB. Several processes sharing a Dir may together
	// exceed it by what they put within a second.
	MaxBytes int64
	// Retry is the waiting time between attempts.
	Retry Retry
	// Now tells the time; nil: time.Now. Waiting is done by the real clock.
	Now func() time.Time
}

// Retry is an exponential waiting time: First, then twice as long after each failed attempt, up to
// Max, each with a jitter of a quarter. It is the same for a mail that was told to come later and for
// a server that cannot be used, except that such a server is tried every 5 min at least: all mails
// wait for it.
type Retry struct {
	First time.Duration // 0: 5 s
	Max   time.Duration // 0: 30 min
}

// serverRetry is the longest time for which a server is left alone.
const serverRetry = 5 * time.Minute

func (r Retry) withDefaults() Retry {
	r.First, r.Max = positive(r.First, 5*time.Second), positive(r.Max, 30*time.Minute)
	return r
}

// after is how long to wait after so many failed attempts in a row.
func (r Retry) after(failed int, most time.Duration) time.Duration {
	most = min(most, r.Max)
	d := min(r.First, most)
	for ; failed > 1 && d < most; failed-- {
		d = min(2*d, most)
	}
	return d*3/4 + rand.N(d/2+1)
}

// Mail is a mail to be sent.
type Mail struct {
	// Key identifies the mail: [A-Za-z0-9._-]{1,128}. A Mail with the Key of one that waits, or was
	// settled less than 7 days ago, is no second mail.
	Key string
	// Class says what the mail is about, for whoever reads the outcome: "failure", or a word of the
	// application's own. At most 64 bytes.
	Class     string
	MessageID string // without <>; "": one is made
	From      mail.Address
	To        []mail.Address // one mail to all of them
	Subject   string         // control characters become spaces, and it is cut to 200 characters
	Text      string         // the text/plain body
	HTML      string         // the text/html alternative; "": none
	// Header are further fields, such as References or Auto-Submitted. Those that are made from the
	// other fields here cannot be set; values are cleaned like the Subject.
	Header map[string]string
}

// Outcome is how a mail ended.
type Outcome struct {
	Key       string
	Class     string
	MessageID string // without <>
	Delivered bool   // the server has taken it for one recipient at least
	At        time.Time
	Attempts  int // those are included that did not get as far as the mail
	// Reason is why it was given up, or, of a delivered mail, which recipients were refused and why;
	// "" if everybody got it.
	Reason  string
	Refused []string // addresses that were given up
}

// State is where a mail is on its way.
type State string

// The states of a mail.
const (
	Waiting   State = "waiting"
	Delivered State = "delivered"
	GivenUp   State = "given up"
)

// Entry is a mail that waits, or one that was settled and whose outcome is kept: for 7 days, or, if it is
// not forgotten, 30.
type Entry struct {
	Key       string
	Class     string
	MessageID string
	Subject   string
	To        []string
	State     State
	Created   time.Time
	Attempts  int
	Next      time.Time // of the next attempt, of a mail that waits; zero: at once
	Settled   time.Time // of one that does not wait
	LastError string    // of the last attempt, or why it was given up
	Bytes     int64     // the composed mail's size, while it waits
}

// Status sums an outbox up.
type Status struct {
	Dir       string
	Waiting   int
	Oldest    time.Time // when the oldest waiting mail was put; zero if none waits
	Next      time.Time // of the next attempt; zero if none waits or it is made at once
	Delivered int       // mails that were, and whose outcome is kept; see Entry
	GivenUp   int       // likewise
	Bytes     int64     // of what waits
	MaxBytes  int64     // 0 in what Inspect returns
	SetAside  int       // files that were found damaged or foreign, and were moved out of the way
	// ServerError is why the mail server could not be used at the last attempt; "" if it could.
	ServerError string
	ServerSince time.Time // when that trouble began
	LastError   string    // the last error of any attempt that has not been followed by a success
}

// Outbox is a queue of mails. Its methods may be called by several goroutines at once. It needs no
// closing: without Run it has no goroutine and no open file.
type Outbox struct {
	store  store
	server Server
	logger *slog.Logger
	opts   Options
	now    func() time.Time

	writing chan struct{} // a place for each Put that writes
	wake    chan struct{} // a mail was put
	changed chan struct{}
	running atomic.Bool

	index index
}

// Open opens the outbox in o.Dir. Nothing is delivered before Run.
func Open(o Options) (*Outbox, error) {
	if o.Dir == "" {
		return nil, errors.New("opening the outbox: it has no directory")
	}
	server, err := o.Server.withDefaults(deliveryTimeouts)
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	o.MaxAge = positive(o.MaxAge, 4*24*time.Hour)
	o.Retry = o.Retry.withDefaults()
	ob := &Outbox{
		store: store{o.Dir}, server: server, logger: o.Logger, opts: o, now: o.Now,
		writing: make(chan struct{}, 4), wake: make(chan struct{}, 1), changed: make(chan struct{}, 1),
	}
	if err := ob.store.make(); err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	ob.index.init()
	return ob, nil
}

// signal fills a channel that has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
