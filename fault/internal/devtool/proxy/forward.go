package proxy

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

// forwarder sends requests to backends and their answers back.
type forwarder struct {
	s     *Server
	proxy *httputil.ReverseProxy
}

func newForwarder(s *Server) *forwarder {
	f := &forwarder{s: s}
	f.proxy = &httputil.ReverseProxy{
		Rewrite:        f.rewrite,
		Transport:      f,
		FlushInterval:  -1, // nothing is held back
		ModifyResponse: f.answered,
		ErrorHandler:   f.failed,
		ErrorLog:       log.New(io.Discard, "", 0), // what is wrong with a client, or seen by it
		BufferPool:     &buffers{},
	}
	return f
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.newExchange(r)
	if name, ok := ownName(r); ok && x.trusted && s.own(w, x, name) {
		return
	}
	r = s.enter(x)
	defer s.leave(x)
	if !r.ProtoAtLeast(1, 1) {
		w = finalOnly{w}
	}
	control := http.NewResponseController(w)
	stop := context.AfterFunc(x.ctx, func() {
		_ = control.SetWriteDeadline(time.Unix(1, 0)) // a client that does not read would hold us; if it cannot be set, it is gone
	})
	defer stop()
	s.forward.proxy.ServeHTTP(w, r)
	if !stop() {
		panic(http.ErrAbortHandler) // it was cut off, so the connection is of no use
	}
}

// finalOnly keeps informational answers from a client that does not know them.
type finalOnly struct{ http.ResponseWriter }

func (f finalOnly) WriteHeader(status int) {
	if status >= 200 {
		f.ResponseWriter.WriteHeader(status)
	}
}

func (f finalOnly) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// rewrite makes the request for the application: the same, and where it comes from.
func (f *forwarder) rewrite(pr *httputil.ProxyRequest) {
	x := exchangeOf(pr.In.Context())
	in, out := pr.In, pr.Out
	out.URL.Scheme, out.URL.Host = "http", "application"
	out.URL.RawQuery = in.URL.RawQuery
	// The path as the client has written it, even where that is not how Go would.
	if raw, _, _ := strings.Cut(in.RequestURI, "?"); strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") {
		out.URL.Opaque = raw
	}
	out.Host = in.Host
	if in.Trailer != nil {
		out.Trailer = in.Trailer // it is filled while the body is read
	}
	h := out.Header
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := in.Header[name]; ok {
			h[name] = values
		}
	}
	if ip, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
		h.Set("X-Forwarded-For", strings.Join(append(elements(h["X-Forwarded-For"]), ip), ", "))
	}
	if h["X-Forwarded-Host"] == nil {
		h.Set("X-Forwarded-Host", in.Host)
	}
	if h["X-Forwarded-Proto"] == nil {
		h.Set("X-Forwarded-Proto", "http")
		if in.TLS != nil {
			h.Set("X-Forwarded-Proto", "https")
		}
	}
	x.keepBody(out)
	h.Set(devlink.RequestHeader, x.token)
	if x.page {
		h.Set("Accept-Encoding", "identity") // the script is put in
		if x.load && h["Range"] == nil {
			// A kept copy carries the script of an old version, and would be loaded again for ever.
			for _, name := range []string{"If-Match", "If-Modified-Since", "If-None-Match", "If-Unmodified-Since"} {
				h.Del(name)
			}
		}
	}
}

// RoundTrip sends a request to the backend, to the next one if this one takes no connections.
func (f *forwarder) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	if r.Host == "" {
		r.URL.Host = "localhost" // HTTP/1.0 needs no Host, but its successor does
	}
	for {
		b, err := f.s.acquire(x)
		if err != nil {
			return nil, err
		}
		res, err := b.send(r)
		var dial *dialError
		if !errors.As(err, &dial) || r.Context().Err() != nil {
			return res, err
		}
		if err := f.s.release(x); err != nil {
			return nil, err
		}
	}
}

const (
	// crashLimit is how long it may take until it is known of what a backend has ended that takes no connections any more.
	crashLimit = 10 * time.Second
	// dyingLimit is how long a process may take connections that is about to end: it writes its stacks first.
	dyingLimit = 400 * time.Millisecond
)

// failed answers a request to which the application has no answer.
func (f *forwarder) failed(w http.ResponseWriter, out *http.Request, err error) {
	x := exchangeOf(out.Context())
	var (
		instead  *withheld
		replaced *replacedError
		sent     *sendError
	)
	switch {
	case errors.As(err, &replaced):
		f.s.writeFailure(w, x, replaced)
		return
	case errors.As(err, &instead):
		x.writeProblem(w, instead)
		return
	case errors.Is(err, errWaited), errors.Is(err, errTooMany):
		f.s.writeWait(w, x)
		return
	case x.ctx.Err() != nil, errors.Is(err, errServerClosed):
		panic(http.ErrAbortHandler) // nobody is there any more, or we want to go
	case !errors.As(err, &sent):
		unreadable(w, x, err)
		return
	}
	broken := time.Now()
	if !sent.begun || isBroken(err) {
		if p := x.awaitPanic(x.ctx); p != nil && f.panicked(w, x, sent, p) {
			return
		}
	}
	if p := x.backend.awaitCrash(x.ctx, broken); p != nil {
		x.writeProblem(w, &withheld{p})
		return
	}
	if sent.begun && !isBroken(err) {
		unreadable(w, x, err)
		return
	}
	if p := x.panicked.Load(); p != nil && f.panicked(w, x, sent, p) { // a log that is written now and then is late
		return
	}
	panic(http.ErrAbortHandler) // as the application did
}

// panicked answers a request whose handler has panicked, if that is shown to whoever has made it.
func (f *forwarder) panicked(w http.ResponseWriter, x *exchange, sent *sendError, p *failed) bool {
	if sent.first {
		x.backend.singly.Store(false) // the connection was closed for the panic
	}
	if !x.trusted {
		return false
	}
	protect(w.Header())
	f.s.writeFailure(w, x, &replacedError{failure: p, status: http.StatusInternalServerError, shown: p.shown})
	return true
}

// awaitCrash returns of what the process behind a backend has ended that has broken off since then, nil if it goes on.
func (b *Backend) awaitCrash(ctx context.Context, since time.Time) *problem.Problem {
	limit := time.NewTimer(crashLimit)
	defer limit.Stop()
	look := time.NewTicker(dyingLimit / 8)
	defer look.Stop()
	for {
		select {
		case <-b.crashed:
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.crash
		case <-look.C:
		case <-limit.C:
			return nil
		case <-ctx.Done():
			return nil
		}
		if time.Since(since) < dyingLimit {
			continue
		}
		if c, err := b.dial(ctx); err == nil {
			_ = c.Close()
			return nil
		}
	}
}

// isBroken tells that a connection has ended, against an answer that is none.
func isBroken(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// unreadable answers that the application's answer is no HTTP.
func unreadable(w http.ResponseWriter, x *exchange, err error) {
	text := "The application's answer cannot be understood."
	if x.trusted {
		text = "fault run: the application's answer cannot be understood: " + err.Error()
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, http.StatusBadGateway)
}

func (x *exchange) writeProblem(w http.ResponseWriter, p *withheld) {
	if !x.trusted {
		unavailable(w)
		return
	}
	protect(w.Header())
	x.s.options.Pages.Problem(w, x.request, p.problem, localPath(x.request.URL.RequestURI()), false)
}

// writeWait answers a request that has waited long enough.
func (s *Server) writeWait(w http.ResponseWriter, x *exchange) {
	if !x.trusted {
		unavailable(w)
		return
	}
	s.mu.Lock()
	v := overlay.Waiting{Doing: s.doing, Since: x.waiter.since}
	s.mu.Unlock()
	protect(w.Header())
	w.Header().Set("Retry-After", "1")
	s.options.Pages.Wait(w, x.request, v)
}

// unavailable is all that somebody else is told.
func unavailable(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", "1")
	http.Error(w, "The application does not answer at the moment.", http.StatusServiceUnavailable)
}

// buffers are the pieces in which bodies pass.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
