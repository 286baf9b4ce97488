package web

import (
	"net/http"
	"net/url"
	"strings"

	"example.org/microblog/fault"
)

// handler answers a request or says why it cannot; the catcher then answers.
type handler = fault.HandlerFunc

// routes is the table of all addresses. What has to be so before a handler runs is checked around
// the catcher's Handle and not in a function around the handler, so that a record of a failure
// names the handler.
func (s *Server) routes(drill bool) http.Handler {
	mux := http.NewServeMux()
	add := func(around func(http.Handler) http.Handler, routes map[string]handler) {
		for pattern, h := range routes {
			mux.Handle(pattern, around(s.catcher.Handle(h)))
		}
	}
	add(s.everybody, map[string]handler{
		"GET /explore":                   s.explore,
		"GET /user/{username}":           s.profile,
		"GET /user/{username}/followers": s.followers,
		"GET /user/{username}/following": s.following,
		"GET /post/{id}":                 s.post,
		"GET /login":                     s.loginForm,
		"POST /login":                    s.login,
		"GET /logout":                    s.logoutForm,
		"POST /logout":                   s.logout,
		"GET /register":                  s.registerForm,
		"POST /register":                 s.register,
	})
	add(s.members, map[string]handler{
		"GET /{$}":                  s.home,
		"GET /index":                s.home,
		"POST /{$}":                 s.createPost,
		"POST /index":               s.createPost,
		"GET /post/{id}/delete":     s.deletePostForm,
		"POST /post/{id}/delete":    s.deletePost,
		"POST /follow/{username}":   s.follow,
		"POST /unfollow/{username}": s.unfollow,
		"GET /edit_profile":         s.editProfileForm,
		"POST /edit_profile":        s.editProfile,
		"GET /account":              s.accountForm,
		"POST /account":             s.changePassword,
		"POST /logout_everywhere":   s.logoutEverywhere,
	})
	add(alike, map[string]handler{
		"GET /static/":       s.pages.Static(),
		"GET /favicon.ico":   s.pages.Static(),
		"GET /avatar/{file}": avatar,
		"GET /robots.txt":    robots,
		"GET /healthz":       healthz,
		"GET /readyz":        s.readyz,
	})
	if s.desk != nil {
		desk := s.administrators(s.desk)
		mux.Handle(DeskPath, desk)
		mux.Handle(DeskPath+"/", desk)
	}
	if drill {
		add(s.withForm, s.drillRoutes())
	}
	return mux
}

// alike is for what is the same for everybody; see sessionless.
func alike(next http.Handler) http.Handler { return next }

// everybody is for what is open to all, and different for whoever is signed in. Where that could not
// be found out the request fails, rather than that a member is treated as a stranger.
func (s *Server) everybody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := stateOf(r).sessionErr; err != nil {
			s.catcher.Answer(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// members is for what takes being signed in. Others are sent to the log-in page, which leads back to
// where they wanted to go.
func (s *Server) members(next http.Handler) http.Handler {
	return s.everybody(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stateOf(r).user != nil {
			next.ServeHTTP(w, r)
			return
		}
		s.cookies.setNotice(w, stateOf(r).https, Notice{Kind: info, Text: textLoginFirst}, s.now())
		_ = redirect(w, r, loginPath(wanted(r)))
	}))
}

// wanted is the page that r is about. What only takes a form cannot be opened, so that its page is
// another one.
func wanted(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return safeNext(r.URL.RequestURI())
	}
	if name := r.PathValue("username"); name != "" { // /follow/… and /unfollow/…
		return safeNext(userPath(name))
	}
	if r.URL.Path == "/logout_everywhere" {
		return "/account"
	}
	if below, ok := strings.CutPrefix(r.URL.Path, DeskPath+"/"); ok { // …/{incident}/resolve and the like
		id, _, _ := strings.Cut(below, "/")
		return safeNext(DeskPath + "/" + url.PathEscape(id))
	}
	return safeNext(r.URL.EscapedPath())
}
