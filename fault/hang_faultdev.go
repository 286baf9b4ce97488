//go:build faultdev

package fault

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/microblog/fault/internal/freeze"
	"example.org/microblog/fault/trace"
)

// How long the deferred functions of a panic may take before the request is answered without them: if they wait for
// a lock or a channel, which nobody may ever come by, and else.
const (
	patience     = 2 * time.Second
	longPatience = 10 * time.Second
)

// A watch sees to it that a request whose handler has panicked is answered. The panic may never get as far as the Catcher: a
// deferred function waits for what the panicking one holds, as a deferred Rows.Close does when an sql.Scanner panics.
// The handler keeps its goroutine then, and loses its response.
//
// The methods of a nil watch do nothing.
type watch struct {
	st     *state
	taken  atomic.Int64 // how many calls of the response are under way; below 0: it was taken
	mu     sync.Mutex
	ended  bool
	panics []*hanging
}

// hanging is a panic that has begun and was not recovered.
type hanging struct {
	value     any
	goroutine int64
	pcs       []uintptr
	began     time.Time
	timer     *time.Timer
}

// enter begins a call of the response, and tells whether it is still the handler's.
func (r asked) enter() bool {
	w := r.watch
	if w == nil {
		return true
	}
	for {
		n := w.taken.Load()
		if n < 0 {
			if r.lost() {
				return false
			}
			continue
		}
		if w.taken.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (r asked) leave() {
	if r.watch != nil {
		r.watch.taken.Add(-1)
	}
}

// lost tells whether the response was taken from the handler. While that is being decided it waits: net/http finishes the
// response of a handler that returns.
func (r asked) lost() bool {
	w := r.watch
	if w == nil || w.taken.Load() >= 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken.Load() < 0
}

// connect takes the connection of a response that was taken, or gives the response back to the handler: if that has written to
// it before, or the connection cannot be had. The caller holds w.mu.
func (w *watch) connect() (c connection, ok bool) {
	if !w.st.res.answered() { // Nobody can change that any more.
		c = guarded(w.hijack)
	}
	if c.conn == nil {
		w.taken.Store(0) // Only the handler can answer.
		return c, false
	}
	return c, true
}

// connection is that of a request whose response was taken.
type connection struct {
	conn net.Conn
	out  *bufio.Writer
}

func (w *watch) hijack() connection {
	conn, buffered, err := http.NewResponseController(w.st.res.ResponseWriter).Hijack()
	if err != nil {
		return connection{}
	}
	return connection{conn, buffered.Writer}
}

// panicked begins to watch a panic, on the goroutine that panics.
func (w *watch) panicked(value any) {
	if !mayFail(value, "") {
		return
	}
	h := &hanging{value: value, goroutine: goroutine(), began: time.Now(), pcs: make([]uintptr, maxFrames+32)}
	h.pcs = h.pcs[:runtime.Callers(1, h.pcs)]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	w.panics = append(w.panics, h)
	h.timer = time.AfterFunc(patience, func() { w.look(h) })
}

// recovered ends the watch of a panic.
func (w *watch) recovered(value any) {
	on := goroutine()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, h := range slices.Backward(w.panics) {
		if h.goroutine == on && identical(h.value, value) {
			h.timer.Stop()
			w.panics = slices.Delete(w.panics, i, i+1)
			return
		}
	}
}

// end ends the watch, with the request.
func (w *watch) end() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	for _, h := range w.panics {
		h.timer.Stop()
	}
	w.panics = nil
}

func (w *watch) watches(h *hanging) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.ended && slices.Contains(w.panics, h)
}

// look answers the request if the panic has not come to an end, and else looks again later, as long as the handler is in it.
func (w *watch) look(h *hanging) {
	if !w.watches(h) || w.st.dev.lost() {
		return
	}
	// One that was recovered meanwhile is no longer watched, so what is seen now is a panic that goes on.
	where, found := freeze.DeferredOf(h.goroutine, ownPackage+".(*middleware).ServeHTTP", ownPackage+".(*handler).ServeHTTP")
	if !found || w.st.res.answered() {
		return
	}
	if c, ok := w.claim(h, where.Waits || time.Since(h.began) >= longPatience); ok {
		w.answer(h, where, c)
	}
}

// claim takes the response for a panic, if that is due; else it is looked at again later. A panic that is recovered at
// the same moment leaves the response to the handler, and one that another panic may have replaced leaves it to that.
func (w *watch) claim(h *hanging, due bool) (c connection, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.Index(w.panics, h)
	if w.ended || at < 0 {
		return c, false
	}
	later := slices.ContainsFunc(w.panics[at+1:], func(o *hanging) bool { return o.goroutine == h.goroutine })
	if !due || later || !w.taken.CompareAndSwap(0, -1) { // It is about to write.
		h.timer.Reset(patience)
		return c, false
	}
	return w.connect()
}

// answer answers the request in the handler's place.
func (w *watch) answer(h *hanging, where freeze.Deferred, on connection) {
	st, c := w.st, w.st.catcher
	c.pending.begin()
	defer c.pending.end()
	defer func() { _ = recover() }() // What the application's functions do here must not end the process.
	defer on.conn.Close()            // The answer is complete or nobody reads it.
	instead := &instead{conn: on.conn, out: on.out, header: http.Header{}}
	ev := event{
		kind: KindPanic, err: asError(h.value), stackOf: StackPanic, stack: stackBelowPanic(trace.Frames(h.pcs)),
		beside: c.hangs(where), on: h.goroutine, at: h.began,
	}
	// The response that the handler has is not to be touched: it may come back to it at any time.
	r := st.req.Clone(st)
	own := &state{Context: st.Context, catcher: c, req: r, method: st.method, path: st.path, rawPath: st.rawPath, id: st.requestID(), dev: asked{token: st.dev.token, scope: st.dev.scope}}
	own.matched(st.pattern(r))
	own.res = response{ResponseWriter: instead, st: own}
	c.fail(own, &own.res, r, ev)
	instead.send()
}

// hangs says where the handler hangs.
func (c *Catcher) hangs(d freeze.Deferred) error {
	text := "the handler hangs: since the panic a deferred function runs and does not return"
	if d.Waits {
		text = "the handler hangs: since the panic a deferred function waits for what may never come (" + d.State + ")"
	}
	between := ": in "
	for i, call := range d.Calls {
		if strings.HasPrefix(call, "internal/") { // how the standard library does it
			continue
		}
		text += between + call
		between = ", called by "
		if i < len(d.Places) {
			text += " at " + c.short(call, d.Places[i])
		}
	}
	return &hang{text + ". The request was answered without it"}
}

// short is a place as the runtime writes it for people.
func (c *Catcher) short(function, place string) string {
	colon := strings.LastIndexByte(place, ':')
	line, err := strconv.Atoi(place[colon+1:])
	if colon < 0 || err != nil {
		return place
	}
	return trace.Frame{Function: function, File: place[:colon], Line: line}.Short(c.module)
}

// instead is the response to a request whose handler hangs, on its connection.
type instead struct {
	conn   net.Conn
	out    *bufio.Writer
	header http.Header
	status int
	body   bytes.Buffer
}

func (i *instead) Header() http.Header { return i.header }

func (i *instead) WriteHeader(code int) {
	if i.status == 0 {
		i.status = code
	}
}

func (i *instead) Write(p []byte) (int, error) {
	i.WriteHeader(http.StatusOK)
	return i.body.Write(p)
}

func (i *instead) send() {
	if i.status == 0 {
		return
	}
	i.header.Set("Connection", "close")
	i.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if i.header.Get("Content-Length") == "" {
		i.header.Set("Content-Length", strconv.Itoa(i.body.Len()))
	}
	_ = i.conn.SetWriteDeadline(time.Now().Add(longPatience)) // Without one it takes as long as it takes.
	_, _ = i.out.WriteString("HTTP/1.1 " + strconv.Itoa(i.status) + " " + http.StatusText(i.status) + "\r\n")
	_ = i.header.Write(i.out) // Whoever does not get it is gone.
	_, _ = i.out.WriteString("\r\n")
	_, _ = i.out.Write(i.body.Bytes())
	if err := i.out.Flush(); err != nil {
		return
	}
	// What was not read of the request would have the kernel throw the answer away.
	if c, ok := i.conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		_ = i.conn.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, io.LimitReader(i.conn, 1<<20))
	}
}

// stackBelowPanic is the stack of a panic without what the runtime does because of it.
func stackBelowPanic(s trace.Stack) trace.Stack {
	for i, f := range s {
		if f.Function == "runtime.gopanic" {
			s = s[i+1:]
			break
		}
	}
	for len(s) > 0 && strings.HasPrefix(s[0].Function, "runtime.") {
		s = s[1:]
	}
	return s[:min(len(s), maxFrames)]
}
