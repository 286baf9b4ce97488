package web

import (
	"net/http"

	"example.org/microblog/fault"
)

// handler answers a request or says why it cannot; the catcher then answers.
type handler = fault.HandlerFunc

// routes is the table of all addresses.
func (s *Server) routes(drill bool) http.Handler {
	mux := http.NewServeMux()
	// Open to everybody, and different for whoever is signed in.
	for pattern, h := range map[string]handler{
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

		"GET /{$}":                  s.member(s.home),
		"GET /index":                s.member(s.home),
		"POST /{$}":                 s.member(s.createPost),
		"POST /index":               s.member(s.createPost),
		"GET /post/{id}/delete":     s.member(s.deletePostForm),
		"POST /post/{id}/delete":    s.member(s.deletePost),
		"POST /follow/{username}":   s.member(s.follow),
		"POST /unfollow/{username}": s.member(s.unfollow),
		"GET /edit_profile":         s.member(s.editProfileForm),
		"POST /edit_profile":        s.member(s.editProfile),
		"GET /account":              s.member(s.accountForm),
		"POST /account":             s.member(s.changePassword),
		"POST /logout_everywhere":   s.member(s.logoutEverywhere),
	} {
		mux.Handle(pattern, s.catcher.Handle(withSession(h)))
	}
	// The same for everybody; see sessionless.
	for pattern, h := range map[string]handler{
		"GET /static/":       s.pages.Static(),
		"GET /favicon.ico":   s.pages.Static(),
		"GET /avatar/{file}": avatar,
		"GET /robots.txt":    robots,
		"GET /healthz":       healthz,
		"GET /readyz":        s.readyz,
	} {
		mux.Handle(pattern, s.catcher.Handle(h))
	}
	if drill {
		for pattern, h := range s.drillRoutes() {
			mux.Handle(pattern, s.catcher.Handle(h))
		}
	}
	return mux
}

// withSession is for handlers that must know who is signed in: where that could not be found out,
// they fail, rather than treat a member as a stranger.
func withSession(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := stateOf(r).sessionErr; err != nil {
			return err
		}
		return h(w, r)
	}
}
