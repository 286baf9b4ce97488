// Package debugapi is the debugger's own server under `fault run`: it keeps failures with the frozen copies of the processes that
// failed, attaches a debugger to those that somebody looks at, and answers the page and tools in JSON. docs/debugger-api.md
// describes it.
//
// Whoever may use it can run code. So it is guarded: see guard.go for who may ask, and pin.go for who may know.
package debugapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/overlay"
)

// Defaults of the Options.
const (
	DefaultListen   = "127.0.0.1:0"
	DefaultKeep     = 20
	DefaultAttached = 3
	DefaultWait     = 20 * time.Second
)

// Options of a Server. The zero value is useful, but for Engine.
type Options struct {
	Listen  string   // HOST:PORT; "" is DefaultListen
	Exposed bool     // allow an address that other machines can reach, and any IP address as a host
	Hosts   []string // further names by which it may be called, without port
	App     string   // origin of the application, "http://127.0.0.1:5000"; "" is none that may frame the page
	PIN     string   // nine digits; "" is random ones, and nothing else should be given but by tests

	Engine   Engine        // nil: nothing can be attached
	Keep     int           // failures at most; 0 is DefaultKeep
	Attached int           // debuggers at most; 0 is DefaultAttached
	Wait     time.Duration // how long a request for something newer is held; 0 is DefaultWait
	Memory   int64         // bytes that the copies may use by themselves; 0 is a quarter of the machine's, 2 GiB at most

	Pages Pages // what browsers get; the zero value is package overlay
	Tools Tools // further parts

	// Log is told what a developer wants to see in the terminal, such as that somebody guesses the PIN; nil is nothing.
	Log func(text string)
}

// Pages are what browsers get. A nil one is the function of package overlay: WriteDebugger, Asset, WriteFailure.
type Pages struct {
	// Debugger writes the page about a failure, or the list if f is nil.
	Debugger func(w http.ResponseWriter, r *http.Request, f *overlay.Failure, d overlay.DebugPage)
	Asset    func(name string) (content []byte, contentType string, ok bool)
	// Failure writes a failure as r asks for it.
	Failure func(w http.ResponseWriter, r *http.Request, f *overlay.Failure, status int, page bool)
}

// Tools are parts that work on a failure. What is nil is answered with 501.
type Tools struct {
	// Explain says what a failure means. call is the index in its stack of the call that is looked at, and lookup gives the values of
	// expressions there; it is nil until the debugger is attached.
	Explain  func(f *overlay.Failure, call int, lookup func(expression string) (value string, ok bool)) []Explanation
	Markdown func(f *overlay.Failure) (string, error)
	Test     func(f *overlay.Failure) (string, error) // a Go test file
	// Replay sends the request to the newest version. cookies are those that the developer's browser has for the same host: they may take the place
	// of ones that are masked.
	Replay func(ctx context.Context, f *overlay.Failure, cookies []*http.Cookie) (Replayed, error)
}

// Explanation says what a failure means.
type Explanation struct {
	Title string        `json:"title"`
	Text  string        `json:"text,omitempty"`
	Try   []string      `json:"try,omitempty"`
	Mark  *explain.Mark `json:"-"` // what of the frame's source failed; nil is not known
}

// Replayed is what came of a request that was sent again.
type Replayed struct {
	Status     int
	Generation int
	Header     http.Header
	Body       []byte
	Cut        bool // there was more of Body
	Took       time.Duration
	Notes      []string // what was not as it was then
	Changed    []string // what of that was masked or not kept: "the cookie session"
	Broke      bool     // the answer broke off
}

// Server is the debugger's server. Its methods may be called from several goroutines.
type Server struct {
	options  Options
	url      string
	port     string
	listener net.Listener
	http     *http.Server
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	work     sync.WaitGroup // all goroutines
	pin      *pin
	children children
	measure  chan struct{} // asks for the copies to be looked after now

	mu       sync.Mutex
	entries  []*entry // newest first
	revision int64
	changed  chan struct{} // closed and replaced whenever revision grows
	uses     int64         // counts uses of debuggers, to know the one that was used last
	closed   bool
}

// New returns a Server that serves.
func New(o Options) (*Server, error) {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	o.Keep = max(o.Keep, 2) // a pinned one and a new one
	if o.Attached <= 0 {
		o.Attached = DefaultAttached
	}
	if o.Wait <= 0 {
		o.Wait = DefaultWait
	}
	if o.Memory <= 0 {
		o.Memory = defaultMemory()
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Pages.Debugger == nil {
		o.Pages.Debugger = overlay.WriteDebugger
	}
	if o.Pages.Asset == nil {
		o.Pages.Asset = overlay.Asset
	}
	if o.Pages.Failure == nil {
		o.Pages.Failure = overlay.WriteFailure
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("the debugger's address %q is not of the form HOST:PORT, such as 127.0.0.1:5001", o.Listen)
	}
	if !o.Exposed && !address.IsLoopback(host) {
		return nil, fmt.Errorf("other machines could reach the debugger at %s, and run code on this one; use an address such as 127.0.0.1:5001", o.Listen)
	}
	if o.App != "" {
		u, err := url.Parse(o.App)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("the application's address %q is not of the form http://HOST:PORT", o.App)
		}
		o.App = u.Scheme + "://" + u.Host
	}
	if o.PIN == "" {
		if o.PIN, err = randomPIN(); err != nil {
			return nil, err
		}
	}
	digits, ok := pinDigits(o.PIN)
	if !ok {
		return nil, errors.New("the debugger's PIN must have nine digits")
	}
	listener, err := address.Listen(o.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, url: address.LocalURL(listener.Addr()), listener: listener, pin: newPIN(digits),
		measure: make(chan struct{}, 1), changed: make(chan struct{}), revision: 1,
	}
	_, s.port, _ = net.SplitHostPort(listener.Addr().String()) // of a listener it can be split
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // what is wrong with a client
	}
	s.work.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			o.Log("the debugger no longer serves: " + err.Error())
		}
	})
	s.work.Go(s.lookAfter)
	return s, nil
}

func randomPIN() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1e9))
	if err != nil {
		return "", fmt.Errorf("choosing a PIN: %w", err)
	}
	return fmt.Sprintf("%09d", n), nil
}

// URL is where the server is, without a slash at the end.
func (s *Server) URL() string { return s.url }

// PIN is the PIN as it is shown: "123-456-789".
func (s *Server) PIN() string {
	d := s.pin.digits
	return d[:3] + "-" + d[3:6] + "-" + d[6:]
}

// FailureURL is where a failure is shown as long as it is kept.
func (s *Server) FailureURL(id fault.ID) string { return s.url + "/failures/" + id.Full() }

// Link is the Link header of the answer that is that failure.
func (s *Server) Link(id fault.ID) string {
	return "<" + s.FailureURL(id) + `>; rel="describedby"; type="application/json"; title="debugger"`
}

// Unlock forgives all wrong tries of the PIN. It is for somebody who sits at the terminal.
func (s *Server) Unlock() { s.pin.unlock() }

// Close ends the debuggers and the copies, and the server. It waits for all of that.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	for _, e := range s.entries {
		s.letGo(e)
	}
	s.entries = nil
	s.mu.Unlock()
	s.cancel()
	err := s.http.Close()
	s.work.Wait()
	return err
}

// say writes a line in the terminal.
func (s *Server) say(format string, args ...any) {
	s.options.Log(strings.TrimSpace(fmt.Sprintf(format, args...)))
}
