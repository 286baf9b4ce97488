package proxy

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/microblog/fault/internal/devtool/overlay"
)

// maxKept is how much of a body is kept while a request runs, in bytes.
const maxKept = 64 << 10

const (
	// lateLimit is how long after its answer a handler may be told to have panicked, as one does that has answered before, and maxLate of
	// how many requests that are over it is still known where they were answered.
	lateLimit = 2 * time.Second
	maxLate   = 32
)

// use is the use of one connection to a backend by one request. Backend.mu guards over and panicked.
type use struct {
	x        *exchange
	address  string        // of our end of the connection
	over     time.Time     // when the request was; zero: it is under way
	panicked bool          // a Panic was taken of it
	settled  chan struct{} // closed when it is known what came of it: what follows is then not changed
	unread   bool          // the application has not read the request, which goes on elsewhere
	begun    bool          // an answer has begun
}

func (u *use) settle(unread, begun bool) {
	u.unread, u.begun = unread, begun
	close(u.settled)
}

// uses notes that the request uses a connection from here on.
func (b *Backend) uses(c *conn, x *exchange) *use {
	u := &use{x: x, settled: make(chan struct{})}
	if at := c.socket.LocalAddr(); at != nil && x != nil {
		u.address = at.String()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.byAddress[u.address] = u
		x.uses = append(x.uses, u)
	}
	return u
}

// unuse notes that a request is over. Which connections it has used is known for a while, unless they are used again. b.mu is held.
func (b *Backend) unuse(x *exchange) {
	for _, u := range x.uses {
		if u.unread {
			b.forget(u)
			continue
		}
		u.over = time.Now()
		b.late = append(b.late, u)
	}
	x.uses = nil
	for len(b.late) > maxLate {
		b.forget(b.late[0])
		b.late[0] = nil
		b.late = b.late[1:]
	}
}

func (b *Backend) forget(u *use) {
	if b.byAddress[u.address] == u {
		delete(b.byAddress, u.address)
	}
}

// A Panic is that the handler of a request has panicked, as far as the connection is known on which the application was answering it.
type Panic struct {
	b *Backend
	u *use
}

// Panicked returns the panic of the handler that answers on the connection which comes from the address client, as the application
// sees it; nil if no request is under way there, nor was a moment ago, or its panic has been told of. It must be handed to
// [Server.Panicked], or forgotten by Forget: until then the request waits.
func (b *Backend) Panicked(client string) *Panic {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.byAddress[client]
	if u == nil || u.panicked || !u.over.IsZero() && time.Since(u.over) > lateLimit {
		return nil
	}
	u.panicked = true
	u.x.panicking.Add(1)
	return &Panic{b, u}
}

// Await waits until it is known whether the request is the one that has failed: one that is sent on a kept connection may find the
// request before it still running there. begun says that its answer has begun.
func (p *Panic) Await(ctx context.Context) (begun, ok bool) {
	select {
	case <-p.u.settled:
		return p.u.begun, !p.u.unread
	case <-ctx.Done():
		return false, false
	}
}

// Forget lets the request go on without the panic.
func (p *Panic) Forget() { p.u.x.panicking.Add(-1) }

// Request is the client's request, which must not be changed.
func (p *Panic) Request() *http.Request { return p.u.x.request }

// Began is when the request came, before the application was asked.
func (p *Panic) Began() time.Time { return p.u.x.began }

// Body is the body of the request if that is a form or another text, as far as it was sent; whole says that it is all of it.
func (p *Panic) Body() (body []byte, whole bool) { return p.u.x.s.bodyOf(p.u.x) }

// Body is the body of a request that is under way if that is a form or another text, as far as it was sent; whole says that it is all
// of it. request is what the header [devlink.RequestHeader] named the request.
func (s *Server) Body(request string) (body []byte, whole bool) {
	s.mu.Lock()
	x := s.exchanges[request]
	s.mu.Unlock()
	if x == nil {
		return nil, false
	}
	return s.bodyOf(x)
}

// bodyLimit is how long the rest of a body is waited for, of which the handler may have read nothing.
const bodyLimit = 100 * time.Millisecond

func (s *Server) bodyOf(x *exchange) (body []byte, whole bool) {
	s.mu.Lock()
	kept := x.body
	s.mu.Unlock()
	if kept == nil {
		return nil, true
	}
	limit := time.NewTimer(bodyLimit)
	defer limit.Stop()
	select {
	case <-kept.ended:
	case <-limit.C:
	case <-x.ctx.Done():
	}
	return kept.sent()
}

// Panicked notes the failure that a panic is. If the answer has not begun, the developer is shown the failure as the answer.
func (s *Server) Panicked(p *Panic, f *overlay.Failure) {
	x := p.u.x
	kept := &failed{shown: f, seen: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(kept)
	if x.failure == nil || x.failure.shown.Reported {
		x.failure = kept
	}
	_, waits := s.exchanges[x.token]
	if !x.load || !x.trusted || x.answered || !waits {
		s.tell(overlay.Event{Type: overlay.FailureNoted, ID: kept.id(), Title: title(f.Failure)})
	}
	x.panicked.Store(kept)
	x.panicking.Add(-1)
}

const (
	// panicLimit is how long a broken answer waits at least for what the application says of that, and unheardLimit where it is not known
	// whether all that it has said has been read.
	panicLimit   = 30 * time.Millisecond
	unheardLimit = 300 * time.Millisecond
	panicLook    = 5 * time.Millisecond
)

// SetHeard gives the backend a function that waits until what its process had written when it was called has been read, and each
// panic in it told to Panicked; it returns false where that is not known. It is called before the backend serves.
func (b *Backend) SetHeard(heard func(ctx context.Context) bool) { b.heard = heard }

// awaitPanic returns the failure that a panic of the request's handler is, nil if it is none. It is called when the answer has broken off: a
// server logs the panic before it closes the connection.
func (x *exchange) awaitPanic(ctx context.Context) *failed {
	ctx, cancel := context.WithTimeout(ctx, crashLimit)
	defer cancel()
	heard := make(chan bool, 1)
	if x.backend.heard == nil {
		heard <- false
	} else {
		go func() { heard <- x.backend.heard(ctx) }()
	}
	look := time.NewTicker(panicLook)
	defer look.Stop()
	limit := crashLimit
	for since := time.Now(); ; {
		// What is told is counted before it is heard.
		if f := x.panicked.Load(); f != nil {
			return f
		}
		if x.panicking.Load() == 0 && time.Since(since) > limit {
			return nil
		}
		select {
		case all := <-heard:
			if limit = unheardLimit; all {
				limit = panicLimit
			}
		case <-look.C:
		case <-x.backend.crashed:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// awaitWhy waits until it is known why an answer is broken off, if that is said at all.
func (x *exchange) awaitWhy() {
	x.s.mu.Lock()
	known := x.failure != nil
	x.s.mu.Unlock()
	if !known {
		x.awaitPanic(x.ctx)
	}
}

// keptBody is the body of a request that is a form or another text, whose beginning is kept while it is sent.
type keptBody struct {
	io.ReadCloser
	length int64         // in bytes, -1 if that is not known
	ended  chan struct{} // closed when it is whole, or too long to be kept

	mu   sync.Mutex
	kept []byte
	cut  bool
	over bool // ended is closed
}

// keepBody has the body kept, of which r is to be sent, if it is a form or another text.
func (x *exchange) keepBody(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch _, subtype, _ := strings.Cut(kind, "/"); {
	case kind == "application/x-www-form-urlencoded", kind == "multipart/form-data", strings.HasPrefix(kind, "text/"),
		subtype == "json", subtype == "xml", strings.HasSuffix(subtype, "+json"), strings.HasSuffix(subtype, "+xml"):
		kept := &keptBody{ReadCloser: r.Body, length: r.ContentLength, ended: make(chan struct{})}
		r.Body = kept
		x.s.mu.Lock()
		x.body = kept
		x.s.mu.Unlock()
	}
}

func (f *keptBody) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	room := min(n, maxKept-len(f.kept))
	f.kept = append(f.kept, p[:room]...)
	f.cut = f.cut || room < n
	if !f.over && (f.cut || errors.Is(err, io.EOF) || int64(len(f.kept)) == f.length) {
		f.over = true
		close(f.ended)
	}
	return n, err
}

func (f *keptBody) sent() (body []byte, whole bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept[:len(f.kept):len(f.kept)], f.over && !f.cut
}

// panicState is what an exchange has of the panics of its handler.
type panicState struct {
	panicking atomic.Int32           // how many are known and not shown yet
	panicked  atomic.Pointer[failed] // nil: none
	body      *keptBody              // nil: the request has none; Server.mu guards which
	uses      []*use                 // its connections so far; only the goroutine that forwards it has to do with them
}
