package web

import (
	"net/http"
	"strconv"

	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/microblog"
)

const (
	fieldCurrentPassword = "current_password"

	textWrongPassword       = "This is not your current password."
	textPasswordChanged     = "Your password has been changed, and you are logged out everywhere else."
	textLoggedOutEverywhere = "You have been logged out everywhere."
)

func (s *Server) accountPage(w http.ResponseWriter, r *http.Request) *AccountPage {
	noStore(w)
	return &AccountPage{Layout: s.layout(w, r, "Password and sessions"), Email: stateOf(r).user.Email}
}

// accountForm is GET /account.
func (s *Server) accountForm(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, http.StatusOK, s.accountPage(w, r))
}

// changePassword is POST /account. It ends all sessions but this one, which gets a new token. Wrong
// current passwords are limited as failed log-ins are, so that a borrowed session is no way to guess.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r, fieldCurrentPassword, "password", "password2")
	if err != nil {
		return err
	}
	st := stateOf(r)
	page := s.accountPage(w, r)
	user := *st.user
	fields := map[string]*Field{
		fieldCurrentPassword:    &page.Current,
		microblog.FieldPassword: &page.Password, microblog.FieldPassword2: &page.Password2,
	}
	current, password := form.Get(fieldCurrentPassword), form.Get("password")
	wrong := showErrors(fields,
		microblog.CheckPassword(password, user.Username, user.Email),
		microblog.CheckPassword2(password, form.Get("password2")))
	if current == "" {
		page.Current.Error, wrong = microblog.TextRequired, true
	}
	if wrong {
		return s.render(w, http.StatusUnprocessableEntity, page)
	}

	if user, err = s.store.UserByID(r.Context(), user.ID); err != nil { // with the password's hash
		return trace.Wrap(err, "loading the account")
	}
	leave, err := s.turn(r, user.ID)
	if err != nil {
		return s.crowded(w, r, err, page, &page.FormError)
	}
	defer leave()
	wait, ok, err := s.checkPassword(r, user, ownAccount(user.ID), current)
	switch {
	case err != nil:
		return err
	case wait > 0:
		page.FormError = textTooManyLogins(wait)
		return s.tooMany(w, wait, page)
	case !ok:
		page.Current.Error = textWrongPassword
		return s.render(w, http.StatusUnprocessableEntity, page)
	}
	hash, err := s.hash(r.Context(), password)
	if err != nil {
		return err
	}
	if user.Generation, err = s.store.SetPassword(r.Context(), user.ID, hash); err != nil {
		return trace.Wrap(err, "changing the password")
	}
	if err := s.signIn(w, r, &user, !st.idles); err != nil {
		return err
	}
	return s.redirectTelling(w, r, "/account", good, textPasswordChanged)
}

// ownAccount is what wrong current passwords of a user count for. No form has a NUL, so that nobody
// reaches it at log-in.
func ownAccount(userID int64) string { return "\x00" + strconv.FormatInt(userID, 10) }

// logoutEverywhere is POST /logout_everywhere: all sessions end, this one too.
func (s *Server) logoutEverywhere(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.store.EndSessions(r.Context(), stateOf(r).user.ID); err != nil {
		return trace.Wrap(err, "ending all sessions")
	}
	if err := s.signOut(w, r); err != nil {
		return err
	}
	return s.redirectTelling(w, r, "/login", good, textLoggedOutEverywhere)
}
