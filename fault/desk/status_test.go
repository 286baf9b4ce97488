package desk_test

import (
	"log/slog"
	"net/mail"
	"testing"
	"time"

	"example.org/microblog/fault/desk"
	"example.org/microblog/fault/journal"
	"example.org/microblog/fault/outbox"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	j, err := journal.Open(journal.Options{Dir: t.TempDir(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	o, err := outbox.Open(outbox.Options{Dir: t.TempDir(), Server: outbox.Server{Host: "127.0.0.1", Port: 1}, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, siteOptions{desk: func(d *desk.Options) { d.Journal, d.Outbox, d.Now = j, o, nil }})
	a := s.get(prefix+"/status").wants(200).shows(
		"captured 0 = mailed 0 + grouped into a sent mail 0 + muted 0 + waiting 0", "The books are kept in a file",
		"<dt>Waiting to be counted</dt><dd>0 failures</dd>", "of 64.0 MiB", "<dt>Oldest</dt><dd>–</dd>", "<dt>Waiting</dt><dd>0</dd>", `aria-current="page">Journal and mail`,
	).hides("What waits and what was given up", "role=\"alert\"")
	harmless(t, a)
	sound(t, a)

	if receipt := j.Record(t.Context(), failure(7, start, "in the journal")); !receipt.Durable {
		t.Fatalf("%+v", receipt)
	}
	s.happen(failure(1, start, "apples"), failure(2, start, "apples"))
	if err := o.Put(t.Context(), outbox.Mail{
		Key: "notice-1", Class: "failure", From: mail.Address{Address: "no-reply@shop.example"}, To: []mail.Address{{Name: "Grace <script>", Address: "grace@shop.example"}},
		Subject: "[Shop Failure] <b>POST</b> /basket", Text: "It failed.",
	}); err != nil {
		t.Fatal(err)
	}
	a = s.get(prefix+"/status").wants(200).shows(
		"captured 2 = mailed 0 + grouped into a sent mail 0 + muted 0 + waiting 2", `<tr><th scope="row">Captured</th><td class="desk-num">2</td>`,
		"<dt>Waiting to be counted</dt><dd>1 failure</dd>", "<dt>Captured since this process began</dt><dd>1</dd>",
		"<dt>Waiting</dt><dd>1</dd>", "What waits and what was given up", "&lt;b&gt;POST&lt;/b&gt; /basket", "grace@shop.example", "<dt>Next attempt</dt><dd>at once</dd>",
	).hides("<b>")
	harmless(t, a)
	sound(t, a)
}

// TestMails: an incident's page tells which mails were sent about it, and what became of them.
func TestMails(t *testing.T) {
	t.Parallel()
	o, err := outbox.Open(outbox.Options{Dir: t.TempDir(), Server: outbox.Server{Host: "127.0.0.1", Port: 1}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, siteOptions{desk: func(d *desk.Options) { d.Outbox = o }})
	s.happen(failure(1, start, "apples"))
	page := prefix + "/" + s.only().ID
	s.get(page).wants(200).shows("<h2 id=\"mails\">Mails</h2>", "Of 1 failure: 1 waiting.", "It began", "Being written")

	notices, err := s.book.Claim(t.Context(), 10)
	if err != nil || len(notices) != 1 {
		t.Fatalf("%d notices, %v", len(notices), err)
	}
	key := notices[0].Key
	if err := o.Put(t.Context(), outbox.Mail{Key: key, From: mail.Address{Address: "a@shop.example"}, To: []mail.Address{{Address: "b@shop.example"}}, Subject: "x", Text: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := s.book.Queued(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	s.get(page).wants(200).shows("In the outbox")
	s.clock.advance(time.Minute)
	if err := s.book.Settle(t.Context(), key, true); err != nil {
		t.Fatal(err)
	}
	s.get(page).wants(200).shows("Delivered", "Of 1 failure: 1 mailed.")
	s.get(prefix + "/status").wants(200).shows("captured 1 = mailed 1 + grouped into a sent mail 0 + muted 0 + waiting 0")
}
