package redact_test

import (
	"fmt"
	"net/http"

	"example.org/microblog/fault/redact"
)

func ExampleRedactor_Text() {
	r := redact.New(redact.Options{Values: []string{"correct-horse"}})
	fmt.Println(r.Text("cannot connect to postgres://bob:hunter2@db/app"))
	fmt.Println(r.Text(`bad request: {"user":"bob","password":"hunter2"}`))
	fmt.Println(r.Text("535 rejected Y29ycmVjdC1ob3JzZQ==")) // the same in base64
	// Output:
	// cannot connect to postgres://bob:[masked]@db/app
	// bad request: {"user":"bob","password":"[masked]"}
	// 535 rejected [masked]
}

func ExampleRedactor_With() {
	all := redact.New(redact.Options{})
	request := all.With("the-session-token")
	fmt.Println(request.Text("no session the-session-token"))
	// Output: no session [masked]
}

func ExampleRedactor_Header() {
	var r *redact.Redactor // masks by the default names
	h := r.Header(http.Header{"Authorization": {"Bearer abc"}, "Cookie": {"session=abc; theme=dark"}})
	fmt.Println(h.Get("Authorization"))
	fmt.Println(h.Get("Cookie"))
	// Output:
	// Bearer [masked]
	// session=[masked]; theme=[masked]
}
