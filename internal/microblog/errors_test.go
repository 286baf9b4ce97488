package microblog_test

import (
	"errors"
	"fmt"
	"testing"

	"example.org/microblog/internal/microblog"
)

func TestFieldErrorsOf(t *testing.T) {
	about := &microblog.FieldError{Field: microblog.FieldAboutMe, Text: "Too long."}
	username := microblog.FieldError{Field: microblog.FieldUsername, Text: microblog.TextUsernameTaken}
	email := microblog.FieldError{Field: microblog.FieldEmail, Text: microblog.TextEmailTaken}
	for _, c := range []struct {
		name string
		err  error
		want []microblog.FieldError
	}{
		{"nil", nil, nil},
		{"another", errors.New("disk full"), nil},
		{"itself", about, []microblog.FieldError{*about}},
		{"wrapped", fmt.Errorf("saving: %w", about), []microblog.FieldError{*about}},
		{"username taken", fmt.Errorf("saving: %w", microblog.ErrUsernameTaken), []microblog.FieldError{username}},
		{"both taken", errors.Join(microblog.ErrUsernameTaken, microblog.ErrEmailTaken), []microblog.FieldError{username, email}},
		{"joined with another", errors.Join(errors.New("x"), fmt.Errorf("y: %w", errors.Join(about, microblog.ErrEmailTaken))),
			[]microblog.FieldError{*about, email}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []microblog.FieldError
			for _, fe := range microblog.FieldErrorsOf(c.err) {
				got = append(got, *fe)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
