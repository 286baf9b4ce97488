// Package fault turns whatever goes wrong in a web application into one Failure and one answer.
//
// Handlers are functions that return an error ([HandlerFunc]). A [Catcher] answers a returned error
// or a panic with a page, a problem document or plain text, whichever the client can read, writes
// one log record with the stack, and hands the [Failure] to a [Recorder]. What a stranger sees says
// nothing of the cause; what is kept has its secrets masked.
//
//	catcher := fault.New(fault.Options{Logger: logger})
//	mux.Handle("GET /user/{username}", catcher.Handle(profile)) // func(w, r) error
//	server.Handler = catcher.Middleware(mux)                    // also panics, 404 and 405
package fault

import (
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"time"

	"example.org/microblog/fault/redact"
)

// Options configure a [Catcher]. The zero value works: built-in pages and records in the default
// log.
//
// The functions are called while a failure is being answered. They must not query a database, which
// may be what failed. One that panics is treated as if it were absent.
type Options struct {
	// Pages makes the HTML of error pages. Nil means the built-in ones.
	Pages Pages
	// Logger gets one record for each failure. Nil means slog.Default() at that moment.
	Logger *slog.Logger
	// Recorder keeps failures durably. Nil means that the log is all there is.
	Recorder Recorder
	// User names who made the request, for the record: a user name or "".
	User func(*http.Request) string
	// RequestID returns the identity of the request if the application has given it one already. It
	// is called at most once per request, with the request as Middleware (or Handle, without one) got
	// it. Nil, "" or anything but 1 to 128 visible ASCII characters means a random one.
	RequestID func(*http.Request) string
	// Redactor masks secrets in everything that is kept or shown. Nil masks by the default names.
	Redactor *redact.Redactor
	// Secrets returns the values that are secret in this request only, such as its session token.
	Secrets func(*http.Request) []string
	// Translate gives the application's errors a status and a public text. It is asked about errors
	// without an *[Error] in their tree; nil means that it does not know this one.
	Translate func(error) *Error
	// RecordTimeout bounds how long an answer waits for the Recorder. 0 means 250 ms.
	RecordTimeout time.Duration
	// Module is the module path of the application, which tells its own code from its libraries' in
	// a stack. "" means the main module of the build.
	Module string
}

// A Catcher answers and records what goes wrong. It is made by [New] and may be used by several
// goroutines at once. There is nothing to close; [Catcher.Wait] waits for what is under way.
type Catcher struct {
	pages     Pages // nil: built-in
	resort    resort
	logger    *slog.Logger
	recorder  Recorder
	timeout   time.Duration
	slots     chan struct{} // one for each call of the Recorder under way
	user      func(*http.Request) string
	requestID func(*http.Request) string
	redactor  *redact.Redactor
	secrets   func(*http.Request) []string
	translate func(error) *Error
	module    string
	build     Build
	host      string
	dev       development
	pending   pending
}

// New returns a Catcher. It renders the application's pages once, so that there is one to show when
// they fail later; if they fail already now, it says so in the log as a warning and the built-in
// ones take that place.
func New(o Options) *Catcher {
	c := &Catcher{
		pages:     o.Pages,
		logger:    o.Logger,
		recorder:  o.Recorder,
		timeout:   o.RecordTimeout,
		slots:     make(chan struct{}, maxRecording),
		user:      o.User,
		requestID: o.RequestID,
		redactor:  o.Redactor,
		secrets:   o.Secrets,
		translate: o.Translate,
		module:    o.Module,
		build:     ReadBuild(),
	}
	if c.timeout <= 0 {
		c.timeout = defaultRecordTimeout
	}
	if c.module == "" {
		c.module = c.build.Module
	}
	host, _ := os.Hostname() // Without a name the record has none.
	c.host = c.clean(c.redactor, host, maxValue)
	c.dev.open(c)
	c.prepareResort()
	return c
}

// HandlerFunc is a handler that may fail. It either answers the request through w and returns nil,
// or returns an error, which the [Catcher] answers. One that does neither is a failure itself.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// Handle returns h as an http.Handler. It works by itself and inside [Catcher.Middleware].
//
// An error becomes an answer: an *[Error] anywhere in its tree decides the status; then
// Options.Translate is asked; a *http.MaxBytesError is 413, a body that could not be read 400 or
// 408, context.DeadlineExceeded 503, everything else 500. If the response has begun already, the
// connection is aborted instead, so that the client can tell. An error because the client went away
// is no failure; it leaves status 499 for an access log. http.ErrAbortHandler, returned or as a
// panic, wrapped or not, aborts the connection and is not recorded.
//
// Handle panics if h is nil, as http.Handle does.
func (c *Catcher) Handle(h HandlerFunc) http.Handler {
	if h == nil {
		panic("fault: Handle was called with a nil handler")
	}
	var pc [1]uintptr
	runtime.Callers(2, pc[:])
	return &handler{c: c, fn: h, registered: pc[0]}
}

// handler is a HandlerFunc as an http.Handler.
type handler struct {
	c          *Catcher
	fn         HandlerFunc
	registered uintptr // where Handle was called
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	st := stateOf(r.Context())
	if st == nil || st.catcher != h.c {
		st, w, r = h.c.begin(w, r)
		defer h.c.dev.end(st.dev)
	}
	st.matched(r.Pattern)
	res := responseOf(st, w)
	if res == nil {
		res = &response{ResponseWriter: w, st: st, encoded: isEncoded(w)}
		w = res.exposed()
	}
	defer removeUploads(r) // After the recording of a panic, which tells what was uploaded.
	finished := false
	defer func() {
		if !finished {
			h.c.caught(recover(), st, res, r)
		}
	}()
	err := h.fn(w, r)
	finished = true
	switch {
	case err != nil:
		h.c.fail(st, res, r, event{kind: KindError, err: err, handler: h})
	case !res.answered() && !st.res.begun.Load() && !st.res.hijacked.Load():
		h.c.fail(st, res, r, event{kind: KindNoAnswer, err: noAnswer(h.place()[0].Name(), r), handler: h})
	}
}

func (h *handler) name() string {
	return funcName(reflect.ValueOf(h.fn).Pointer())
}

// Middleware returns next with everything caught that it lets through: panics are answered and
// recorded as in [Catcher.Handle], and the mux's own plain 404 and 405 become the pages. Inside,
// [RequestID] and [FromContext] know the request, and trace.Note its record. The response writer
// offers http.Flusher, http.Hijacker and io.ReaderFrom where the one beneath does, and Unwrap.
//
// Whatever a plain handler answers by itself is left alone. An answer is taken for the mux's own if
// it is net/http's in status, header and every byte of the body, no handler of [Catcher.Handle] was
// reached, and the request that Middleware handed down matched no pattern. So a mux that is mounted
// in another one, as with http.StripPrefix, keeps its plain texts: give it a handler of
// [Catcher.Handle] for "/". And behind a middleware that copies the request, which hides the
// pattern, http.NotFound in a plain handler becomes the page too.
func (c *Catcher) Middleware(next http.Handler) http.Handler {
	if next == nil {
		panic("fault: Middleware was called with a nil handler")
	}
	return &middleware{c: c, next: next}
}

type middleware struct {
	c    *Catcher
	next http.Handler
}

func (m *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if st := stateOf(r.Context()); st != nil && st.catcher == m.c {
		m.next.ServeHTTP(w, r) // A second one around the same request has nothing to add.
		return
	}
	st, w, r := m.c.begin(w, r)
	defer m.c.dev.end(st.dev)
	res := &st.res
	res.outermost = true
	defer removeUploads(r) // After the recording of a panic, which tells what was uploaded.
	finished := false
	defer func() {
		if !finished {
			m.c.caught(recover(), st, res, r)
		}
	}()
	m.next.ServeHTTP(w, r)
	finished = true
	if status := int(res.held.Load()); status != 0 {
		if !res.replace.Load() {
			res.release()
			return
		}
		m.c.fail(st, res, r, event{kind: KindError, err: &Error{Status: status}})
	}
}

// removeUploads removes the uploaded files that were too large for memory. net/http does so for its
// own request only, not for a copy of it, and not after a panic.
func removeUploads(r *http.Request) {
	if r.MultipartForm != nil {
		_ = r.MultipartForm.RemoveAll() // What cannot be removed now, nobody can later.
	}
}

// Answer answers the request with an error, for middlewares and plain handlers: what
// [Catcher.Handle] does with a returned error. It must be the last thing they do with w. If the
// response has begun, Answer panics with http.ErrAbortHandler.
func (c *Catcher) Answer(w http.ResponseWriter, r *http.Request, err error) {
	st := stateOf(r.Context())
	if st == nil || st.catcher != c {
		st, w, r = c.begin(w, r)
		defer c.dev.end(st.dev)
	}
	res := responseOf(st, w)
	if res == nil {
		res = &response{ResponseWriter: w, st: st, encoded: isEncoded(w)}
	}
	if err == nil {
		err = errNilAnswer
	}
	var pcs [maxFrames]uintptr
	n := runtime.Callers(2, pcs[:])
	c.fail(st, res, r, event{kind: KindError, err: err, pcs: pcs[:n]})
}
