package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

const (
	textInvalidLogin = "Invalid username or password"
	textBusy         = "Microblog is busy right now. Please try again in a moment."
	textCrowded      = "Too many people at your address are logging in or registering right now. Please try again in a moment."
	textLoggedOut    = "You have been logged out."
)

// maxLoginName bounds in bytes what is looked up at log-in; nobody's name or address is as long.
const maxLoginName = 1024

// retryBusy is how long to wait before trying again when too many passwords are being checked.
const retryBusy = 5 * time.Second

const titleLogin = "Log in"

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, next string) *LoginPage {
	page := &LoginPage{Layout: s.layout(w, r, titleLogin)}
	page.Layout.Next = safeNext(next)
	return page
}

// loginForm is GET /login.
func (s *Server) loginForm(w http.ResponseWriter, r *http.Request) error {
	next := ""
	if r.URL.RawQuery != "" {
		next = r.URL.Query().Get("next")
	}
	if stateOf(r).user != nil {
		return redirect(w, r, orHome(safeNext(next)))
	}
	page := s.loginPage(w, r, next)
	if blank := s.pages.set.Load().blankLogin; blank.fits(&page.Layout) {
		return sendPage(w, http.StatusOK, blank)
	}
	return s.render(w, http.StatusOK, page)
}

func orHome(next string) string {
	if next == "" {
		return "/"
	}
	return next
}

// login is POST /login. An unknown name and a wrong password get the same answer after the same time.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r, "username", "password", "remember_me", "next")
	if err != nil {
		return err
	}
	next := form.Get("next")
	if !form.Has("next") {
		next = r.URL.Query().Get("next")
	}
	page := s.loginPage(w, r, next)
	page.Username.Value = form.Get("username")
	page.RememberMe = checked(form.Get("remember_me"))
	name, password := strings.TrimSpace(page.Username.Value), form.Get("password")
	if name == "" {
		page.Username.Error = microblog.TextRequired
	}
	if password == "" {
		page.Password.Error = microblog.TextRequired
	}
	if name == "" || password == "" {
		return s.render(w, http.StatusUnprocessableEntity, page)
	}

	user, err := s.userByLogin(r.Context(), name)
	if err != nil {
		return err
	}
	leave, err := s.turn(r, user.ID)
	if err != nil {
		return s.crowded(w, r, err, page, &page.FormError)
	}
	defer leave()
	wait, ok, err := s.checkPassword(r, user, name, password)
	switch {
	case err != nil:
		return err
	case wait > 0:
		page.FormError = textTooManyLogins(wait)
		return s.tooMany(w, wait, page)
	case !ok:
		page.FormError = textInvalidLogin
		return s.render(w, http.StatusUnprocessableEntity, page)
	}
	if err := s.signIn(w, r, &user, page.RememberMe); err != nil {
		return err
	}
	s.cookies.markDevice(w, r, stateOf(r).https, user.ID)
	return redirect(w, r, orHome(page.Layout.Next))
}

// userByLogin returns the zero User for a name that nobody has.
func (s *Server) userByLogin(ctx context.Context, name string) (microblog.User, error) {
	if len(name) > maxLoginName {
		return microblog.User{}, nil
	}
	user, err := s.store.UserByLogin(ctx, name)
	if errors.Is(err, microblog.ErrNotFound) {
		return microblog.User{}, nil
	}
	return user, trace.Wrap(err, "finding who logs in")
}

// checkPassword says whether password is user's, or how long to wait before it may be tried.
// Failures count for account: at log-in what was typed, never the user it stands for, so that nobody
// learns from the limit which names exist or whose an address is.
func (s *Server) checkPassword(r *http.Request, user microblog.User, account, password string) (wait time.Duration, ok bool, err error) {
	ctx, source := r.Context(), store.LoginSource{Addr: stateOf(r).addr, Device: s.cookies.deviceMark(r, user.ID)}
	if wait, err = s.store.LoginAttempt(ctx, account, source, s.now()); err != nil || wait > 0 {
		return wait, false, trace.Wrap(err, "counting the log-in")
	}
	turn, cancel := context.WithTimeout(ctx, s.hashWait)
	defer cancel()
	ok, err = s.hasher.Verify(turn, user.PasswordHash, password)
	if err != nil {
		s.withdraw(ctx, account, source)
		return 0, false, busy(ctx, err)
	}
	if !ok {
		return 0, false, nil
	}
	if err := s.store.LoginSucceeded(ctx, account, source); err != nil {
		return 0, false, trace.Wrap(err, "forgetting failed log-ins")
	}
	s.rehash(turn, user, password)
	return 0, true, nil
}

// withdraw takes back a log-in that was counted but not tried. It also works for a request whose own
// time is over.
func (s *Server) withdraw(ctx context.Context, account string, source store.LoginSource) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.store.LoginWithdrawn(ctx, account, source); err != nil {
		s.catcher.Report(ctx, trace.Wrap(err, "taking back a log-in that was not tried"))
	}
}

// rehash renews a hash that was made with weaker parameters, where there is time: the log-in does
// not depend on it.
func (s *Server) rehash(ctx context.Context, user microblog.User, password string) {
	if !s.hasher.NeedsRehash(user.PasswordHash) {
		return
	}
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return // no turn in time; the next log-in tries again
	}
	if err := s.store.RehashPassword(ctx, user.ID, user.PasswordHash, hash); err != nil {
		s.catcher.Report(ctx, trace.Wrap(err, "renewing a password's hash"))
	}
}

// busy is the answer for a password that did not get its turn to be hashed. A server with too much
// to do is no failure to look into; a client that left is told by the context's own error.
func busy(request context.Context, err error) error {
	if request.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return trace.Wrap(err, "waiting to hash a password")
	}
	answer := fault.Unavailable(textBusy, retryBusy)
	answer.Err, answer.Expected = err, true
	return answer
}

// tooMany answers a form that was sent too often with the form, so that nothing has to be typed
// again, and the time to wait.
func (s *Server) tooMany(w http.ResponseWriter, wait time.Duration, page any) error {
	w.Header().Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	return s.render(w, http.StatusTooManyRequests, page)
}

func textTooManyLogins(wait time.Duration) string {
	return "Too many failed log-ins. Please try again in " + waitInWords(wait) + "."
}

// logoutForm is GET /logout: it asks, because a link must not change anything.
func (s *Server) logoutForm(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, http.StatusOK, &LogoutPage{Layout: s.layout(w, r, "Log out")})
}

// logout is POST /logout. It also does for whoever is not logged in.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if err := s.signOut(w, r); err != nil {
		return err
	}
	return s.redirectTelling(w, r, "/login", good, textLoggedOut)
}
