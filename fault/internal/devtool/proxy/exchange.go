package proxy

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// exchange is one request on its way through the application.
type exchange struct {
	s       *Server
	request *http.Request // as it came, but for our own cookies
	token   string        // what the application is told its name is
	began   time.Time     // before the application was asked
	known   bool          // it was sent to this server by its own name
	trusted bool          // and by the developer: what is shown stays here
	page    bool          // its answer is to be a page in a browser
	load    bool          // and it can be had again: a GET
	aside   string        // the problem that was put aside

	ctx    context.Context // ends with the request, its client or its backend
	cancel context.CancelCauseFunc

	waiter  waiter
	backend *Backend // nil: none was taken
	edition int      // of the pages, when it was
	nonce   string   // of our script

	failure  *failed // guarded by s.mu
	answered bool    // the answer's header has passed; guarded by s.mu
	panicState

	streamMu sync.Mutex
	stream   io.Closer // what ends the answer, which is one that would go on for ever
	ended    bool      // it was ended by us
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request that the Server has let in.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// newExchange judges a request.
func (s *Server) newExchange(r *http.Request) *exchange {
	x := &exchange{s: s, request: withoutOurs(r), known: s.trustsHost(r)}
	x.trusted = x.known && (sameOrigin(r) || topLevel(r))
	x.page = x.known && s.isPage(r)
	x.load = x.page && isRead(r)
	x.aside = aside(r)
	return x
}

// enter notes an exchange that is to be forwarded. It returns the request with a context of its own.
func (s *Server) enter(x *exchange) *http.Request {
	x.token, x.began = rand.Text(), time.Now()
	x.ctx, x.cancel = context.WithCancelCause(context.WithValue(x.request.Context(), exchangeKey{}, x))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exchanges[x.token] = x
	return x.request.WithContext(x.ctx)
}

func (s *Server) leave(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.exchanges, x.token)
	s.unwait(x)
	if x.waiter.timer != nil {
		x.waiter.timer.Stop()
	}
	if x.backend != nil {
		x.backend.end(x)
	}
	x.cancel(nil)
}

// Began returns when a request came that the application is asked just now, before it is asked. request is what the header
// [devlink.RequestHeader] names it; of another the time is zero.
func (s *Server) Began(request string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.exchanges[request]; x != nil {
		return x.began
	}
	return time.Time{}
}

// UnderWay are the requests that the backend was sent and that are not over, the oldest first: those whose answer is under way, and, when
// its process has ended, those that were cut off by that and not answered yet. They are the clients' and must not be changed.
func (b *Backend) UnderWay() []*http.Request {
	var running []*exchange
	b.each(func(x *exchange) { running = append(running, x) })
	slices.SortFunc(running, func(a, b *exchange) int { return a.began.Compare(b.began) })
	requests := make([]*http.Request, len(running))
	for i, x := range running {
		requests[i] = x.request
	}
	return requests
}

// isStream notes that the answer goes on until it is ended. end ends it; nil: only cutting it off does.
func (x *exchange) isStream(end io.Closer) {
	x.streamMu.Lock()
	defer x.streamMu.Unlock()
	x.stream = end
	if end == nil {
		x.stream = cutter{x}
	}
}

// cutter cuts an exchange off.
type cutter struct{ x *exchange }

func (c cutter) Close() error {
	c.x.cancel(errBackendClosed)
	return nil
}

// endStream ends the answer if it is a stream.
func (x *exchange) endStream() {
	x.streamMu.Lock()
	stream := x.stream
	x.stream = nil
	if stream != nil {
		x.ended = true
	}
	x.streamMu.Unlock()
	if stream != nil {
		_ = stream.Close() // whatever it says, it is over
	}
}

func (x *exchange) wasEnded() bool {
	x.streamMu.Lock()
	defer x.streamMu.Unlock()
	return x.ended
}
