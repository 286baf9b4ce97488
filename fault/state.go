package fault

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"example.org/microblog/fault/trace"
)

// state is what a Catcher knows of one request. It is the request's context as well, so that it
// costs one allocation; contexts outlive their requests, so it is never used again.
type state struct {
	context.Context
	catcher *Catcher
	req     *http.Request // as it was handed down
	res     response
	body    body
	dev     asked
	// Of the request as it came; a handler may change its own.
	method, path, rawPath string

	route    atomic.Pointer[string] // the pattern of the Handle that was reached
	mu       sync.Mutex
	id       string // request id, once somebody asked
	answered any    // the error or panic that was answered last
	reported []reported
}

type stateKey struct{}

func (st *state) Value(key any) any {
	if key == (stateKey{}) {
		return st
	}
	return st.Context.Value(key)
}

func stateOf(ctx context.Context) *state {
	st, _ := ctx.Value(stateKey{}).(*state)
	return st
}

// begin starts the state of a request, and returns the writer and the request to hand down.
func (c *Catcher) begin(w http.ResponseWriter, r *http.Request) (*state, http.ResponseWriter, *http.Request) {
	st := &state{
		Context: trace.Begin(r.Context()), catcher: c,
		method: r.Method, path: r.URL.Path, rawPath: r.URL.RawPath,
	}
	st.res = response{ResponseWriter: w, st: st, encoded: isEncoded(w)}
	st.req = r.WithContext(st)
	st.dev = c.dev.begin(st)
	if r.Body != nil && r.Body != http.NoBody {
		st.body.ReadCloser = r.Body
		st.req.Body = &st.body
	}
	return st, st.res.exposed(), st.req
}

// progress is what the handler did with res, or somebody before it with the response beneath.
func (st *state) progress(res *response) progress {
	if res.answered() || !st.res.answered() {
		return res.progress()
	}
	return st.res.progress()
}

// matched notes that a handler of ours was reached, and by which pattern.
func (st *state) matched(pattern string) {
	if st.route.Load() == nil {
		st.route.Store(&pattern)
	}
}

// pattern is the route's, for the record.
func (st *state) pattern(r *http.Request) string {
	if r.Pattern != "" {
		return r.Pattern
	}
	if p := st.route.Load(); p != nil {
		return *p
	}
	return ""
}

// once tells whether what is to be reported was not reported already.
func (st *state) once(what any) bool {
	if p, ok := what.(*panicked); ok {
		what = p.value
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if same(st.answered, what) {
		return false
	}
	st.answered = what
	return true
}

// reported is an error that Report has recorded.
type reported struct {
	err error
	rec recording
}

// maxReported bounds how many reported errors a request remembers, the last ones.
const maxReported = 8

func (st *state) remember(err error, rec recording) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.reported) == maxReported {
		st.reported = slices.Clone(st.reported[1:]) // Somebody may be reading the old one.
	}
	st.reported = append(st.reported, reported{err, rec})
}

// recalled returns the recording of err, or of what it wraps, if Report has made one in this request.
func (st *state) recalled(err error) (rec recording, ok bool) {
	st.mu.Lock()
	known := st.reported[:len(st.reported):len(st.reported)]
	st.mu.Unlock()
	if len(known) == 0 {
		return recording{}, false
	}
	walk(err, func(e error) bool {
		for _, k := range known {
			if same(k.err, e) {
				rec, ok = k.rec, true
				return true
			}
		}
		return false
	})
	return rec, ok
}

// RequestID returns the identity of the request that the context belongs to, "" outside one. It is
// the one in the log, the record and the X-Request-Id header of error answers.
func RequestID(ctx context.Context) string {
	if st := stateOf(ctx); st != nil {
		return st.requestID()
	}
	return ""
}

// FromContext returns the Catcher around the request that the context belongs to, nil outside one,
// so that code far from it can report.
func FromContext(ctx context.Context) *Catcher {
	if st := stateOf(ctx); st != nil {
		return st.catcher
	}
	return nil
}

func (st *state) requestID() string {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.id == "" {
		if f := st.catcher.requestID; f != nil {
			st.id = usableID(guarded(func() string { return f(st.req) }))
		}
		if st.id == "" {
			st.id = randomRequestID()
		}
	}
	return st.id
}

const maxRequestID = 128

// usableID returns the id if it may stand in a header and a log line as it is.
func usableID(id string) string {
	if len(id) > maxRequestID {
		return ""
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] >= 0x7f {
			return ""
		}
	}
	return id
}

// randomRequestID returns 16 characters of 80 random bits. It need not be hard to guess.
func randomRequestID() string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	var id [16]byte
	hi, lo := rand.Uint64(), rand.Uint64()
	for i := range 8 {
		id[i] = alphabet[hi>>(5*i)&31]
		id[8+i] = alphabet[lo>>(5*i)&31]
	}
	return string(id[:])
}

// guarded calls one of the application's functions. If it panics, the zero value is its result.
func guarded[T any](f func() T) (v T) {
	ok := false
	defer func() {
		if !ok {
			_ = recover()
			var zero T
			v = zero
		}
	}()
	v = f()
	ok = true
	return v
}

// body is a request's body that remembers why it could not be read: that is not the server's fault.
type body struct {
	io.ReadCloser
	err atomic.Pointer[error]
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, http.ErrBodyReadAfterClose) {
		b.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// failed returns the status for err if it is that the body could not be read.
func (b *body) failed(err error) (status int, ok bool) {
	p := b.err.Load()
	if p == nil || !is(err, *p) {
		return 0, false
	}
	if errors.Is(*p, os.ErrDeadlineExceeded) {
		return http.StatusRequestTimeout, true
	}
	return http.StatusBadRequest, true
}
