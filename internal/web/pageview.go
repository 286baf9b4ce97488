package web

import "strings"

// Place is the entry of the navigation that a page belongs to; at most one is true.
type Place struct {
	Home, Explore, Profile, Desk, Login, Register bool
}

// Place finds the entry of the navigation by the address.
func (l Layout) Place() Place {
	user, isUser := strings.CutPrefix(l.Path, "/user/")
	return Place{
		Home:     l.Path == "/" || l.Path == "/index",
		Explore:  l.Path == "/explore",
		Profile:  isUser && l.Viewer != nil && user == l.Viewer.Username,
		Desk:     l.Path == DeskPath || strings.HasPrefix(l.Path, DeskPath+"/"),
		Login:    l.Path == "/login",
		Register: l.Path == "/register",
	}
}

// Problem is a field that was refused.
type Problem struct {
	Field string // the id of its input
	Name  string // its label
	Text  string
}

// Problems is what the top of a refused form says.
type Problems struct {
	Form   string    // about the form as a whole
	Fields []Problem // only where they are too many to be seen at once: two or more
}

// problems gives nil where there is nothing to say.
func problems(form string, fields []Problem) *Problems {
	var wrong []Problem
	for _, p := range fields {
		if p.Text != "" {
			wrong = append(wrong, p)
		}
	}
	if len(wrong) < 2 {
		wrong = nil
	}
	if form == "" && wrong == nil {
		return nil
	}
	return &Problems{Form: form, Fields: wrong}
}

// focus names the first field that was refused, or "".
func focus(all []Problem) string {
	for _, p := range all {
		if p.Text != "" {
			return p.Field
		}
	}
	return ""
}

// Focus names the field that should have the keyboard's focus, or "". When username and password
// do not belong together, the password is the one that cannot be seen and has to be typed again.
func (p LoginPage) Focus() string {
	if f := focus([]Problem{{"username", "Username", p.Username.Error}, {"password", "Password", p.Password.Error}}); f != "" || p.FormError == "" {
		return f
	}
	return "password"
}

func (p RegisterPage) fields() []Problem {
	return []Problem{
		{"username", "Username", p.Username.Error}, {"email", "Email", p.Email.Error},
		{"password", "Password", p.Password.Error}, {"password2", "Repeat the password", p.Password2.Error},
	}
}

// Focus names the field that should have the keyboard's focus, or "".
func (p RegisterPage) Focus() string { return focus(p.fields()) }

// Problems is what the top of the form says, or nil.
func (p RegisterPage) Problems() *Problems { return problems(p.FormError, p.fields()) }

func (p EditProfilePage) fields() []Problem {
	return []Problem{{"username", "Username", p.Username.Error}, {"about_me", "About me", p.AboutMe.Error}}
}

// Focus names the field that should have the keyboard's focus, or "".
func (p EditProfilePage) Focus() string { return focus(p.fields()) }

// Problems is what the top of the form says, or nil.
func (p EditProfilePage) Problems() *Problems { return problems("", p.fields()) }

func (p AccountPage) fields() []Problem {
	return []Problem{
		{"current_password", "Current password", p.Current.Error},
		{"password", "New password", p.Password.Error}, {"password2", "Repeat the new password", p.Password2.Error},
	}
}

// Focus names the field that should have the keyboard's focus, or "".
func (p AccountPage) Focus() string { return focus(p.fields()) }

// Problems is what the top of the form says, or nil.
func (p AccountPage) Problems() *Problems { return problems(p.FormError, p.fields()) }
