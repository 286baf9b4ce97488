package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// conn is a connection to a backend. The requests on it follow one another.
type conn struct {
	*http.ClientConn
	socket *socket
	since  time.Time // when it was last used
}

// dialError says that no connection could be made: the request has not been sent.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

// sendError says that a request may have arrived, but was not answered.
type sendError struct {
	error
	begun bool // an answer had begun
	first bool // because of it, connections are not kept any more
}

func (e *sendError) Unwrap() error { return e.error }

// send sends a request. The error is a *dialError or a *sendError.
//
// A request that the application may have read is not sent again: it may have had effects. A kept connection is looked at before,
// and left for another one if the application has closed it. Should it do so at this very moment, the system tells: it resets a
// connection of which something was not read, against that of a handler which gives no answer. That is not trusted with a request
// that has effects by its method: it goes through a connection of its own.
func (b *Backend) send(r *http.Request) (*http.Response, error) {
	if harmless(r) && !b.singly.Load() {
		for c := b.take(); c != nil; c = b.take() {
			res, u, err := b.sendOn(c, r)
			if err == nil {
				u.settle(false, true)
				return res, nil
			}
			if r.Context().Err() != nil {
				u.settle(true, false) // Whether it has been read is not known.
				return nil, err
			}
			unread := !err.begun && c.socket.seal()
			u.settle(unread, false)
			if unread {
				continue
			}
			if !err.begun {
				err.first = b.singly.CompareAndSwap(false, true)
				b.sweep(0)
			}
			return nil, err
		}
	}
	c, err := b.dial(r.Context())
	if err != nil {
		return nil, &dialError{err}
	}
	res, u, sendErr := b.sendOn(c, r)
	u.settle(false, sendErr == nil)
	return res, orNil(sendErr)
}

func orNil(err *sendError) error {
	if err == nil {
		return nil
	}
	return err
}

// harmless tells a request that has no effects by its method, and is complete with its header.
func harmless(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return (r.Body == nil || r.Body == http.NoBody) && r.Header.Get("Upgrade") == ""
	}
	return false
}

func (b *Backend) dial(ctx context.Context) (*conn, error) {
	var d dialed
	cc, err := b.transport.NewClientConn(withDialed(ctx, &d), "http", "application:80") // the transport knows the address
	if err != nil {
		return nil, fmt.Errorf("connecting to the application at %s: %w", b.address, err)
	}
	return &conn{ClientConn: cc, socket: d.socket}, nil
}

// sendOn sends a request on a connection. What came of it is to be settled.
func (b *Backend) sendOn(c *conn, r *http.Request) (*http.Response, *use, *sendError) {
	u := b.uses(c, exchangeOf(r.Context()))
	var begun atomic.Bool
	trace := &httptrace.ClientTrace{GotFirstResponseByte: func() { begun.Store(true) }}
	res, err := c.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		_ = c.Close() // it is of no use any more
		return nil, u, &sendError{error: err, begun: begun.Load()}
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res, u, nil // the body is the connection
	}
	res.Body = &connBody{ReadCloser: res.Body, b: b, c: c}
	return res, u, nil
}

// connBody is the body of an answer, whose end frees the connection.
type connBody struct {
	io.ReadCloser
	b     *Backend
	c     *conn
	freed atomic.Bool
}

func (d *connBody) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil {
		d.free()
	}
	return n, err
}

func (d *connBody) Close() error {
	err := d.ReadCloser.Close()
	d.free()
	return err
}

func (d *connBody) free() {
	if !d.freed.Swap(true) {
		d.b.put(d.c)
	}
}

// take returns a kept connection, nil if there is none.
func (b *Backend) take() *conn {
	for {
		b.mu.Lock()
		n := len(b.idle)
		if n == 0 {
			b.mu.Unlock()
			return nil
		}
		c := b.idle[n-1]
		b.idle[n-1] = nil
		b.idle = b.idle[:n-1]
		b.mu.Unlock()
		if c.Available() > 0 && time.Since(c.since) < idleLimit {
			return c
		}
		_ = c.Close()
	}
}

// put keeps a connection if it can be used again.
func (b *Backend) put(c *conn) {
	if c.Available() == 0 || !b.keep(c) {
		_ = c.Close()
	}
}

func (b *Backend) keep(c *conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !keepsConnections || b.leaving || len(b.idle) >= maxIdle {
		return false
	}
	c.socket.rest()
	c.since = time.Now()
	b.idle = append(b.idle, c)
	if b.sweeper == nil {
		b.sweeper = time.AfterFunc(idleLimit, func() { b.sweep(idleLimit) })
	}
	return true
}

// sweep closes the connections that were not used for so long.
func (b *Backend) sweep(age time.Duration) {
	b.mu.Lock()
	old := 0
	for old < len(b.idle) && time.Since(b.idle[old].since) >= age {
		old++
	}
	gone := append([]*conn(nil), b.idle[:old]...)
	b.idle = append(b.idle[:0], b.idle[old:]...)
	if b.sweeper != nil {
		b.sweeper.Stop()
		b.sweeper = nil
	}
	if len(b.idle) > 0 {
		b.sweeper = time.AfterFunc(idleLimit, func() { b.sweep(idleLimit) })
	}
	b.mu.Unlock()
	for _, c := range gone {
		_ = c.Close()
	}
}
