package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/microblog/fault/internal/devtool/problem"
)

const (
	dialLimit = 10 * time.Second
	// streamGrace is how long a stream may go on that would never end by itself, once its backend is drained.
	streamGrace = 500 * time.Millisecond
	// continueLimit is how long the application may take to ask for the body of a request with
	// Expect: 100-continue. Programs that know nothing of it wait for the body.
	continueLimit = 5 * time.Second
	// Connections without a request are kept for a moment: an application may still be busy in a handler whose
	// answer is complete, and would see the request cancelled.
	idleLimit = 2 * time.Second
	maxIdle   = 32
)

// Reasons for which a request is cut off.
var (
	errBackendClosed = errors.New("the version of the application that served this request was ended")
	errServerClosed  = errors.New("the proxy was closed")
)

// Backend is one version of the application. Its methods may be called from several goroutines.
type Backend struct {
	network, address string
	generation       int
	grace            time.Duration // see streamGrace
	transport        *http.Transport
	heard            func(ctx context.Context) bool // see SetHeard; nil: it is not known
	// singly is set once a request on a kept connection was not answered: then each request has one of its own.
	singly atomic.Bool

	mu        sync.Mutex
	running   map[*exchange]struct{}
	byAddress map[string]*use // of the connections that are in use or were lately, by our end
	late      []*use          // of those the ones whose request is over, the oldest first
	ended     chan struct{}   // holds a value when a request has ended lately
	idle      []*conn         // the one used last at the end
	sweeper   *time.Timer
	leaving   bool // it keeps no connections any more
	crash     *problem.Problem
	crashed   chan struct{} // closed when crash is set
}

// NewBackend returns the backend at an address, HOST:PORT or "unix:" and a path. generation says which version it is,
// counted from 1. Nothing is connected to yet.
func NewBackend(address string, generation int) *Backend {
	b := &Backend{
		network: "tcp", address: address, generation: generation, grace: streamGrace, running: map[*exchange]struct{}{},
		byAddress: map[string]*use{}, ended: make(chan struct{}, 1), crashed: make(chan struct{}),
	}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		b.network, b.address = "unix", path
	}
	dialer := &net.Dialer{Timeout: dialLimit}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	b.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, b.network, b.address)
			if err != nil {
				return nil, err
			}
			return newSocket(ctx, c), nil
		},
		Protocols:             protocols,
		DisableCompression:    true, // bodies pass as they are
		ExpectContinueTimeout: continueLimit,
		ReadBufferSize:        32 << 10,
		WriteBufferSize:       32 << 10,
	}
	return b
}

// Generation is which version it is, counted from 1.
func (b *Backend) Generation() int { return b.generation }

func (b *Backend) begin(x *exchange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running[x] = struct{}{}
}

func (b *Backend) end(x *exchange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, x)
	b.unuse(x)
	select {
	case b.ended <- struct{}{}:
	default:
	}
}

func (b *Backend) setCrash(p *problem.Problem) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.crash == nil {
		b.crash = p
		close(b.crashed)
	}
}

// Drain waits until the requests of a backend that serves no longer are finished. Streams, which would never be
// (WebSockets, server-sent events), are ended after a short grace. An error is that of ctx: some still run, and Close cuts them off.
func (b *Backend) Drain(ctx context.Context) error {
	b.keepNone()
	next := time.NewTimer(b.grace)
	defer next.Stop()
	for {
		b.mu.Lock()
		n := len(b.running)
		b.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-b.ended:
		case <-next.C:
			b.endStreams()
			next.Reset(b.grace / 4) // an answer may turn out to be a stream later
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// each calls f for the requests that run.
func (b *Backend) each(f func(*exchange)) {
	b.mu.Lock()
	running := make([]*exchange, 0, len(b.running))
	for x := range b.running {
		running = append(running, x)
	}
	b.mu.Unlock()
	for _, x := range running {
		f(x)
	}
}

func (b *Backend) endStreams() { b.each((*exchange).endStream) }

// Close cuts off what still runs on the backend and closes all connections to it.
func (b *Backend) Close() {
	b.keepNone()
	b.each(func(x *exchange) { x.cancel(errBackendClosed) })
}

// keepNone closes the connections that are not in use, and keeps none from here on.
func (b *Backend) keepNone() {
	b.mu.Lock()
	b.leaving = true
	b.mu.Unlock()
	b.sweep(0)
}
