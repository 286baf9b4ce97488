package microblog

import "errors"

// What can be wrong with a request as such. They are returned bare or inside
// a chain; ask with errors.Is.
var (
	ErrNotFound      = errors.New("not found")
	ErrNotOwner      = errors.New("belongs to somebody else")
	ErrUsernameTaken = errors.New("username taken")
	ErrEmailTaken    = errors.New("email address taken")
	ErrSelfFollow    = errors.New("nobody can follow themselves")
)

// The names of the form fields that a FieldError speaks of.
const (
	FieldUsername  = "username"
	FieldEmail     = "email"
	FieldPassword  = "password"
	FieldPassword2 = "password2"
	FieldAboutMe   = "about_me"
	FieldPost      = "post"
)

// Texts that are part of the interface.
const (
	TextUsernameTaken = "Please use a different username."
	TextEmailTaken    = "Please use a different email address."
	TextRequired      = "This field is required."
	TextInvalidEmail  = "Invalid email address."
	TextNotEqual      = "Field must be equal to password."
)

// FieldError says what is wrong with one field of a form, in words for the
// person who filled it in.
type FieldError struct {
	Field string // one of the Field constants, or another form field's name
	Text  string // one sentence, plain text
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Text }

// FieldErrorsOf turns what a Check function or the store said into the texts
// to show beside the fields: FieldErrors as they are, ErrUsernameTaken and
// ErrEmailTaken as their texts, also when err joins several. It returns nil
// when err holds none of them.
func FieldErrorsOf(err error) []*FieldError {
	if err == nil {
		return nil
	}
	var found []*FieldError
	switch e := err.(type) {
	case *FieldError:
		return []*FieldError{e}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			found = append(found, FieldErrorsOf(one)...)
		}
		return found
	case interface{ Unwrap() error }:
		return FieldErrorsOf(e.Unwrap())
	}
	switch err {
	case ErrUsernameTaken:
		return []*FieldError{{FieldUsername, TextUsernameTaken}}
	case ErrEmailTaken:
		return []*FieldError{{FieldEmail, TextEmailTaken}}
	}
	return nil
}
