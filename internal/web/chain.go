package web

import (
	"net/http"
	"strings"
	"time"
)

// chain puts the middlewares around the routes: the state of the request, the access log and the
// security headers; then the catcher; inside it, where a refusal gets its page, the check of where
// a changing request comes from, and the session.
func (s *Server) chain(routes http.Handler) http.Handler {
	return s.outer(s.catcher.Middleware(s.inner(routes)))
}

// outer is one handler for what is done to each request outside the catcher: being one, it makes
// one context and one response writer.
func (s *Server) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		st := &state{start: time.Now(), origin: s.proxies.origin(r), desk: s.desk != nil}
		st.requestID = requestID(r, st.trusted)
		st.ctx = requestContext{Context: r.Context(), state: st, deadline: st.start.Add(s.requestTimeout)}
		st.w.ResponseWriter = w
		r = r.WithContext(&st.ctx)
		if st.host != "" {
			r.Host = st.host
		}
		if st.unclear {
			s.unclear.Do(func() {
				s.logger.Warn("A trusted proxy named two different clients, in X-Forwarded-For and in Forwarded, so it counts as the client itself; let it remove the header that it does not write")
			})
		}
		aborted := true
		defer func() {
			st.ctx.end()
			if s.access != nil {
				s.access.write(r, st, aborted)
			}
		}()
		setSecurityHeaders(w.Header(), s.hsts)
		next.ServeHTTP(&st.w, r)
		aborted = false
	})
}

// inner is what is done to each request within the catcher, before the routes.
func (s *Server) inner(routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.cross.check(r); err != nil {
			s.catcher.Answer(w, r, err)
			return
		}
		if !sessionless(r.URL.Path) {
			s.loadSession(r)
		}
		routes.ServeHTTP(w, r)
	})
}

// sessionless reports whether the answer at this path is the same for everybody, so that nobody's
// session is looked up for it.
func sessionless(path string) bool {
	switch path {
	case "/healthz", "/readyz", "/favicon.ico", "/robots.txt":
		return true
	}
	return strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/avatar/")
}
