package outbox_test

import (
	"context"
	"fmt"
	"net/mail"
	"os"

	"example.org/microblog/fault/outbox"
)

func Example() {
	o, err := outbox.Open(outbox.Options{
		Dir:    "data/outbox",
		Server: outbox.Server{Host: "smtp.example.org", TLS: outbox.StartTLS, Username: "app", Password: os.Getenv("MAIL_PASSWORD")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go o.Run(ctx)

	err = o.Put(ctx, outbox.Mail{
		Key:     "reset-4711",
		Class:   "password reset",
		From:    mail.Address{Name: "Microblog", Address: "no-reply@example.org"},
		To:      []mail.Address{{Address: "susan@example.org"}},
		Subject: "Reset your password",
		Text:    "Follow this link: …\n",
	})
	if err != nil {
		fmt.Println(err) // the mail is not queued
	}
}

func ExampleProbe() {
	server := outbox.Server{Host: "smtp.example.org", Port: 465}
	err := outbox.Probe(context.Background(), server, outbox.ProbeOptions{}, func(s outbox.Step) {
		fmt.Println(s.Name, s.OK, s.Said, s.Advice)
	})
	if err != nil {
		fmt.Println(err)
	}
}

func ExampleInspect() {
	status, _, err := outbox.Inspect(os.TempDir() + "/no-such-outbox")
	fmt.Println(status.Waiting, err)
	// Output: 0 <nil>
}
