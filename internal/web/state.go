package web

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// state is what the server knows about one request. It is made once, before everything else, and
// reached from anywhere by the request's context. Its fields are written by the middlewares and by
// the handler, in that order and on one goroutine.
type state struct {
	ctx requestContext
	w   responseWriter

	origin
	requestID string
	start     time.Time
	desk      bool // there is one; see Options.Desk

	user       *microblog.User // who is signed in; nil: nobody
	viewer     Viewer          // the same, as pages show it
	token      string          // of the session the cookie stands for; "" when it stands for none
	session    store.Session
	idles      bool            // the session ends when it is not used for a while
	scs        context.Context // holds the session's data for scs; nil when no session was loaded
	sessionErr error           // why the session could not be loaded
}

type stateKey struct{}

// stateOf returns the state of a request that went through a Server, else nil.
func stateOf(r *http.Request) *state {
	st, _ := r.Context().Value(stateKey{}).(*state)
	return st
}

// CurrentViewer returns who is signed in, or nil. It makes no query. It is meant for Pages.Errors.
func CurrentViewer(r *http.Request) *Viewer {
	if st := stateOf(r); st != nil {
		return st.currentViewer()
	}
	return nil
}

func (st *state) currentViewer() *Viewer {
	if st.user == nil {
		return nil
	}
	return &st.viewer
}

// CurrentUserLabel returns name and id of who is signed in, as "susan (3)", or "". It makes no
// query. It is meant for fault.Options.User.
func CurrentUserLabel(r *http.Request) string {
	st := stateOf(r)
	if st == nil || st.user == nil {
		return ""
	}
	return st.user.Username + " (" + strconv.FormatInt(st.user.ID, 10) + ")"
}

// RequestSecrets returns what of this request must not be recorded: the values of its own cookies.
// It is meant for fault.Options.Secrets.
func RequestSecrets(r *http.Request) []string {
	var secrets []string
	for _, c := range r.Cookies() {
		if isOwnCookie(c.Name) && c.Value != "" {
			secrets = append(secrets, c.Value)
		}
	}
	if st := stateOf(r); st != nil && st.token != "" {
		secrets = append(secrets, st.token)
	}
	return secrets
}

// RequestID returns the id of a request: the X-Request-Id that a trusted proxy gave, else a random
// one; "" for a request that did not go through a Server. It is meant for fault.Options.RequestID.
func RequestID(r *http.Request) string {
	if st := stateOf(r); st != nil {
		return st.requestID
	}
	return ""
}

// setUser makes user the one who is signed in for the rest of the request.
func (st *state) setUser(user *microblog.User) {
	st.user = user
	if user != nil {
		st.viewer = Viewer{ID: user.ID, Username: user.Username, Admin: user.Admin, Desk: user.Admin && st.desk}
	}
}

// requestContext is the context of a request. It holds the state, and it ends a time limit after
// the request began, so that nothing a request waits for can hold it for ever. The timer is made
// when something first waits: many requests are answered without waiting for anything.
type requestContext struct {
	context.Context // of the connection's request
	state           *state
	deadline        time.Time

	mu     sync.Mutex
	timed  context.Context
	cancel context.CancelFunc
	ended  bool
}

func (c *requestContext) Value(key any) any {
	if key == (stateKey{}) {
		return c.state
	}
	return c.Context.Value(key)
}

func (c *requestContext) Deadline() (time.Time, bool) {
	if d, ok := c.Context.Deadline(); ok && d.Before(c.deadline) {
		return d, true
	}
	return c.deadline, true
}

func (c *requestContext) Done() <-chan struct{} { return c.withTimer().Done() }

func (c *requestContext) Err() error {
	c.mu.Lock()
	timed := c.timed
	c.mu.Unlock()
	if timed != nil {
		return timed.Err()
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(c.deadline) {
		return c.withTimer().Err()
	}
	return nil
}

func (c *requestContext) withTimer() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		c.timed, c.cancel = context.WithDeadline(c.Context, c.deadline)
		if c.ended {
			c.cancel()
		}
	}
	return c.timed
}

// end releases the timer. What still uses the context then sees it as cancelled.
func (c *requestContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.cancel != nil {
		c.cancel()
	}
}

// responseWriter counts what is answered, for the access log.
type responseWriter struct {
	http.ResponseWriter
	status int // 0: nothing was answered yet
	bytes  int64
}

func (w *responseWriter) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// FlushError sends what was written so far. It is for http.ResponseController; the catcher offers
// http.Flusher on top of it.
func (w *responseWriter) FlushError() error {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
