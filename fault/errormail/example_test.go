package errormail_test

import (
	"fmt"
	"net/mail"
	"strings"

	"example.org/microblog/fault/errormail"
	"example.org/microblog/fault/incident"
)

func ExampleCompose() {
	m := errormail.Compose(errormail.Options{
		App:  "Microblog",
		From: mail.Address{Address: "no-reply@blog.example.org"},
		To:   []mail.Address{{Address: "admin@blog.example.org"}},
		Link: func(id string) string { return "https://blog.example.org/admin/incidents/" + id },
	}, notice(incident.First, failure()), errormail.Facts{})

	fmt.Println(m.Subject)
	first, _, _ := strings.Cut(m.Text, "\n")
	fmt.Println(first)
	// Output:
	// [Microblog Failure] POST /user/{username}: loading the profile: reading user "susan": database is locked (5) (SQLITE_BUSY)
	// Microblog: this is new: 1 failure so far
}

func ExampleNew() {
	// Book and Outbox are those that the application has opened and runs.
	_, err := errormail.New(errormail.Options{
		From: mail.Address{Address: "no-reply@blog.example.org"},
	})
	fmt.Println(err)
	// Output:
	// error mail needs Options.Book
	// error mail needs Options.Outbox
	// error mail needs somebody in Options.To
}
