package web

import (
	"context"
	"net/http"

	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

const (
	titleRegister  = "Register"
	textRegistered = "Congratulations, you are now a registered user!"
)

// registerForm is GET /register.
func (s *Server) registerForm(w http.ResponseWriter, r *http.Request) error {
	if stateOf(r).user != nil {
		return redirect(w, r, "/")
	}
	page := s.registerPage(w, r)
	if blank := s.pages.set.Load().blankRegister; blank.fits(&page.Layout) {
		return sendPage(w, http.StatusOK, blank)
	}
	return s.render(w, http.StatusOK, page)
}

func (s *Server) registerPage(w http.ResponseWriter, r *http.Request) *RegisterPage {
	page := &RegisterPage{Layout: s.layout(w, r, titleRegister)}
	page.Layout.Next = "" // not back to this form
	return page
}

// register is POST /register. The password is hashed only for a form with nothing wrong in it, and
// the database has the last word on who gets a name.
func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r, "username", "email", "password", "password2")
	if err != nil {
		return err
	}
	if stateOf(r).user != nil {
		return redirect(w, r, "/")
	}
	page := s.registerPage(w, r)
	page.Username.Value, page.Email.Value = form.Get("username"), form.Get("email")
	password := form.Get("password")

	fields := page.byName()
	username, errName := microblog.CheckUsername(page.Username.Value)
	email, errEmail := microblog.CheckEmail(page.Email.Value)
	bad := showErrors(fields, errName, errEmail,
		microblog.CheckPassword(password, page.Username.Value, page.Email.Value),
		microblog.CheckPassword2(password, form.Get("password2")))
	if errName != nil {
		username = ""
	}
	if errEmail != nil {
		email = ""
	}
	err = s.store.CheckFree(r.Context(), username, email)
	if taken := showErrors(fields, err); err != nil && !taken {
		return trace.Wrap(err, "checking whether the name is free")
	} else if taken || bad {
		return s.render(w, http.StatusUnprocessableEntity, page)
	}

	leave, err := s.turn(r, 0)
	if err != nil {
		return s.crowded(w, r, err, page, &page.FormError)
	}
	defer leave()
	wait, err := s.store.RegistrationAttempt(r.Context(), stateOf(r).addr, s.now())
	if err != nil {
		return trace.Wrap(err, "counting the registration")
	}
	if wait > 0 {
		page.FormError = "Too many people have registered from your address. Please try again in " + waitInWords(wait) + "."
		return s.tooMany(w, wait, page)
	}
	hash, err := s.hash(r.Context(), password)
	if err != nil {
		return err
	}
	_, err = s.store.CreateUser(r.Context(), store.NewUser{Username: username, Email: email, PasswordHash: hash})
	if showErrors(fields, err) {
		return s.render(w, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return trace.Wrap(err, "registering")
	}
	return s.redirectTelling(w, r, "/login", good, textRegistered)
}

func (p *RegisterPage) byName() map[string]*Field {
	return map[string]*Field{
		microblog.FieldUsername: &p.Username, microblog.FieldEmail: &p.Email,
		microblog.FieldPassword: &p.Password, microblog.FieldPassword2: &p.Password2,
	}
}

// hash hashes a new password, in its turn.
func (s *Server) hash(ctx context.Context, password string) (string, error) {
	turn, cancel := context.WithTimeout(ctx, s.hashWait)
	defer cancel()
	hash, err := s.hasher.Hash(turn, password)
	if err != nil {
		return "", busy(ctx, err)
	}
	return hash, nil
}

// showErrors puts what the domain and the store say about fields beside those fields, and reports
// whether there was anything. The first text for a field stays. Other errors are not shown.
func showErrors(fields map[string]*Field, errs ...error) bool {
	shown := false
	for _, err := range errs {
		for _, wrong := range microblog.FieldErrorsOf(err) {
			if field := fields[wrong.Field]; field != nil {
				if field.Error == "" {
					field.Error = wrong.Text
				}
				shown = true
			}
		}
	}
	return shown
}
