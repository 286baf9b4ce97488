package web

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// How long a session lasts. With "remember me" it outlives the browser and ends rememberedLifetime
// after the log-in. Without, it ends with the browser, after browserIdle without a request, and in
// any case browserLifetime after the log-in.
const (
	rememberedLifetime = 30 * 24 * time.Hour
	browserLifetime    = 7 * 24 * time.Hour
	browserIdle        = 24 * time.Hour

	// touchEvery is how far a session's end may lag behind the last request: it is not written for
	// every one.
	touchEvery = time.Hour
)

// rememberKey is the session value that says whether the cookie outlives the browser.
const rememberKey = "remember"

// tokenLength is the length of a session token of scs: 32 random bytes in base64.
const tokenLength = 43

// newSessionManager returns scs on our database. Its LoadAndSave is not used: it wraps each response
// and creates a session for each visitor. A session is loaded for a request that has a token, with
// its user in one query, and written where it changes: at log-in, log-out and change of password.
func newSessionManager(db *store.Store, now func() time.Time) *scs.SessionManager {
	m := scs.New()
	m.Store = sessionStore{db, now}
	m.Codec = sessionCodec{}
	m.Lifetime = browserLifetime
	return m
}

// loadSession finds out who is signed in. An error is kept for the handlers that must know: the
// others can do without, such as a page that was not found.
func (s *Server) loadSession(r *http.Request) {
	token := s.cookies.sessionToken(r)
	if token == "" {
		return
	}
	st := stateOf(r)
	ctx, err := s.scs.Load(r.Context(), token)
	if err != nil {
		st.setUser(nil)
		st.sessionErr = trace.Wrap(err, "loading the session")
		return
	}
	if st.user == nil {
		return
	}
	st.scs, st.token = ctx, token
	st.idles = !s.scs.GetBool(ctx, rememberKey)
	now := s.now()
	s.seen.note(st.user.ID, st.user.LastSeen, now)
	if st.idles && st.session.Expiry.Sub(now) < browserIdle-touchEvery {
		s.touch(st, now)
	}
}

// signIn begins a session for user on this browser, under a new token; what session it had before
// is over, so that nobody can have prepared it.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, user *microblog.User, remember bool) error {
	st := stateOf(r)
	ctx := st.scs
	if ctx == nil {
		var err error
		if ctx, err = s.scs.Load(r.Context(), ""); err != nil {
			return trace.Wrap(err, "starting a session")
		}
	}
	if err := s.scs.RenewToken(ctx); err != nil {
		return trace.Wrap(err, "renewing the session's token")
	}
	if err := s.scs.Clear(ctx); err != nil {
		return trace.Wrap(err, "clearing the session")
	}
	lifetime := browserLifetime
	if remember {
		lifetime = rememberedLifetime
		s.scs.Put(ctx, rememberKey, true)
	}
	st.idles = !remember
	s.scs.SetDeadline(ctx, s.now().Add(lifetime))
	st.session = store.Session{UserID: user.ID, Generation: user.Generation}
	st.setUser(user)
	token, expiry, err := s.scs.Commit(ctx)
	if err != nil {
		st.setUser(nil)
		return trace.Wrap(err, "storing the session")
	}
	st.scs, st.token = ctx, token
	var keep time.Duration
	if remember {
		keep = expiry.Sub(s.now())
	}
	s.cookies.setSession(w, st.https, token, keep)
	return nil
}

// signOut ends the request's session and takes its cookie away.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	st := stateOf(r)
	if st.scs != nil {
		if err := s.scs.Destroy(st.scs); err != nil {
			return trace.Wrap(err, "ending the session")
		}
	}
	st.setUser(nil)
	st.scs, st.token, st.session = nil, "", store.Session{}
	if s.cookies.hasSession(r) {
		s.cookies.dropSession(w, st.https)
	}
	return nil
}

// touch moves the end of a session that lasts as long as it is used, off the request's path.
func (s *Server) touch(st *state, now time.Time) {
	deadline := s.scs.Deadline(st.scs)
	if st.session.Expiry.Equal(deadline) {
		return
	}
	renewed := st.session
	renewed.Expiry = earlier(deadline, now.Add(browserIdle))
	token := st.token
	s.seen.do(token, func(ctx context.Context) error {
		return trace.Wrap(s.store.CommitSession(ctx, token, renewed), "extending a session")
	})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// sessionStore lets scs keep sessions in our database. The methods need a context with a state:
// what scs reads and writes is the state's session and user.
type sessionStore struct {
	db  *store.Store
	now func() time.Time
}

var errNoState = errors.New("web: a session is only to be had within a request")

// FindCtx is for scs: it loads the session with its user. The store compares the generations.
func (s sessionStore) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	st, ok := ctx.Value(stateKey{}).(*state)
	if !ok {
		return nil, false, errNoState
	}
	sess, user, found, err := s.db.SessionUser(ctx, token)
	if err != nil || !found || user == nil {
		return nil, false, err
	}
	st.session = sess
	st.setUser(user)
	return sess.Data, true, nil
}

// CommitCtx is for scs: it stores the session of the state.
func (s sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	st, ok := ctx.Value(stateKey{}).(*state)
	if !ok {
		return errNoState
	}
	if st.idles {
		expiry = earlier(expiry, s.now().Add(browserIdle))
	}
	st.session.Data, st.session.Expiry = data, expiry
	return s.db.CommitSession(ctx, token, st.session)
}

// DeleteCtx is for scs.
func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	if token == "" {
		return nil
	}
	return s.db.DeleteSession(ctx, token)
}

// Find, Commit and Delete complete scs.Store; scs calls those that take a context.
func (s sessionStore) Find(string) ([]byte, bool, error)      { return nil, false, errNoState }
func (s sessionStore) Commit(string, []byte, time.Time) error { return errNoState }
func (s sessionStore) Delete(string) error                    { return errNoState }

// sessionCodec writes a session's deadline as 8 bytes, microseconds since 1970, big-endian, and its
// values as JSON, nothing where there are none. It is read for each request of whoever is signed in,
// and gob, the default of scs, takes many times as long.
type sessionCodec struct{}

func (sessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	data := binary.BigEndian.AppendUint64(nil, uint64(deadline.UnixMicro()))
	if len(values) == 0 {
		return data, nil
	}
	text, err := json.Marshal(values)
	return append(data, text...), err
}

func (sessionCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	if len(data) < 8 {
		return time.Time{}, nil, errors.New("web: the session's data is cut off")
	}
	deadline := time.UnixMicro(int64(binary.BigEndian.Uint64(data))).UTC()
	values := map[string]any{}
	if len(data) > 8 {
		if err := json.Unmarshal(data[8:], &values); err != nil {
			return time.Time{}, nil, err
		}
		if values == nil { // of a JSON null, and scs writes into the map
			values = map[string]any{}
		}
	}
	return deadline, values, nil
}
