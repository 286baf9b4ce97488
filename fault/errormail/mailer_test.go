package errormail_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

func TestMailWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	h := open(t, setup{})
	h.run(t)
	var took time.Duration
	for i := range 5 { // A machine that is busy with something else once is no failure.
		begun := time.Now()
		f := numbered(i)
		h.record(t, f)
		m := read(t, h.smtp.WaitMails(t, i+1)[i])
		if took = time.Since(begun); m.Get("Fault-Id") != f.ID.String() {
			t.Fatalf("a mail about %s, not %s", m.Get("Fault-Id"), f.ID)
		}
		if took < 2*time.Second {
			break
		}
	}
	if took >= 2*time.Second {
		t.Errorf("the first mail took %v, again and again", took)
	}
	eventually(t, "the balance", func() bool { x := h.totals(t); return x.Waiting == 0 && x.Mailed == x.Captured })
	eventually(t, "the outcomes to be forgotten", func() bool { return len(must(h.outbox.Settled())(t)) == 0 })
}

// One incident from its first failure to its return.
func TestThread(t *testing.T) {
	t.Parallel()
	h := open(t, setup{policy: incident.Policy{QuietAfter: 1500 * time.Millisecond}})
	h.run(t)
	const storm = 200
	var wg sync.WaitGroup
	for i := range storm {
		wg.Go(func() {
			f := failure()
			f.ID[0], f.Time = byte(i), time.Now().UTC()
			f.User = fmt.Sprintf("user%d", i%7)
			h.record(t, f)
		})
	}
	wg.Wait()
	first := read(t, h.smtp.WaitMails(t, 1)[0])
	if want := `[Microblog Failure] POST /user/{username}: loading the profile: reading user "susan": database is locked (5) (SQLITE_BUSY)`; first.subject(t) != want {
		t.Errorf("subject %q", first.subject(t))
	}
	contains(t, "the first mail", first.text, "this is new", "internal/store/users.go:8", "curl -i", "--data-urlencode 'password=[masked]'")

	stopped := read(t, h.smtp.WaitMails(t, 2)[1])
	contains(t, "the second mail", stopped.text, fmt.Sprintf("it stopped: %d failures, 7 people, from ", storm))
	eventually(t, "the balance", func() bool { return h.totals(t).Waiting == 0 })
	if x := h.totals(t); x.Captured != storm || x.Mailed+x.Grouped != storm {
		t.Errorf("%s", x)
	}

	list := must(h.book.List(t.Context(), incident.Query{}))(t)
	if len(list.Items) != 1 {
		t.Fatalf("%d incidents", len(list.Items))
	}
	letters := []letter{first, stopped}
	switch err := h.book.Resolve(t.Context(), list.Items[0].ID, "ann", false); {
	case errors.Is(err, incident.ErrNoSQL):
	case err != nil:
		t.Fatal(err)
	default:
		again := failure()
		again.ID[0], again.ID[1], again.Time = 1, 1, time.Now().UTC()
		h.record(t, again)
		back := read(t, h.smtp.WaitMails(t, 3)[2])
		contains(t, "the third mail", back.text, "it is back after it was resolved by ann", fmt.Sprintf("%d failures", storm+1))
		letters = append(letters, back)
	}

	seen := map[string]bool{}
	for i, l := range letters {
		id := l.Get("Message-Id")
		if id == "" || seen[id] {
			t.Errorf("mail %d: Message-ID %q", i, id)
		}
		seen[id] = true
		if l.subject(t) != first.subject(t) {
			t.Errorf("mail %d: subject %q", i, l.subject(t))
		}
		thread := "<" + list.Items[0].ID + ".thread@blog.example.org>"
		want, reply := thread, ""
		if i > 0 {
			reply = first.Get("Message-Id")
			want += " " + reply
		}
		if l.Get("References") != want || l.Get("In-Reply-To") != reply {
			t.Errorf("mail %d: References %q, In-Reply-To %q", i, l.Get("References"), l.Get("In-Reply-To"))
		}
		if l.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("mail %d: %v", i, l.Header)
		}
	}
	if n := len(h.smtp.Mails()); n != len(letters) {
		t.Errorf("%d mails", n)
	}
}

// What the application knows to be secret, and what strangers send as one, is in no mail.
func TestNoSecrets(t *testing.T) {
	t.Parallel()
	h := open(t, setup{})
	h.run(t)
	secrets := map[string]string{
		"SECRET_KEY": "canary-key-4f1c9a7e2b", "MAIL_PASSWORD": "canary/mail+pass=word?", "database password": "canary:db@pass",
		"session": "canary-session-77aa88bb", "form": "canary-form-p4ssw0rd", "token": "canary-token-zz91",
	}
	catcher := fault.New(fault.Options{
		Recorder: h.journal, Logger: discard(), Module: "example.org/microblog/fault",
		Redactor: redact.New(redact.Options{Values: []string{secrets["SECRET_KEY"], secrets["MAIL_PASSWORD"], secrets["database password"]}}),
		Secrets:  func(*http.Request) []string { return []string{secrets["session"]} },
		User:     func(*http.Request) string { return "susan " + secrets["session"] },
	})
	handler := catcher.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if err := r.ParseForm(); err != nil {
			return err
		}
		trace.Note(r.Context(), trace.Step{Kind: "sql", Text: "UPDATE users SET password_hash = $1", Args: []string{secrets["form"]}, Time: time.Now()})
		trace.Note(r.Context(), trace.Step{Kind: "log", Text: "connecting to postgres://me:" + url.QueryEscape(secrets["database password"]) + "@db/x", Time: time.Now()})
		return trace.Wrap(fmt.Errorf("dialling with %s and %s (%s)", secrets["MAIL_PASSWORD"], base64.StdEncoding.EncodeToString([]byte(secrets["SECRET_KEY"])),
			url.QueryEscape(secrets["MAIL_PASSWORD"])), "saving "+secrets["session"])
	})
	body := url.Values{"password": {secrets["form"]}, "about_me": {"hello " + secrets["session"]}}.Encode()
	r := httptest.NewRequest("POST", "/edit_profile?token="+secrets["token"], strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Cookie", "session="+secrets["session"]+"; theme=dark")
	r.Header.Set("Authorization", "Bearer "+secrets["token"])
	catcher.Middleware(handler).ServeHTTP(httptest.NewRecorder(), r)

	m := read(t, h.smtp.WaitMails(t, 1)[0])
	contains(t, "text", m.text, "[masked]", "-H 'Authorization: ", "--data-urlencode 'password=[masked]'", "UPDATE users SET password_hash")
	all := m.raw + m.text + m.html + m.subject(t) + h.log.String()
	for name, secret := range secrets {
		for form, s := range map[string]string{
			"as it is": secret, "as base64": base64.StdEncoding.EncodeToString([]byte(secret)), "URL-encoded": url.QueryEscape(secret),
		} {
			if strings.Contains(all, s) {
				t.Errorf("the %s is there, %s", name, form)
			}
		}
	}
}

// The largest failure there is still is a mail that every server takes and no program cuts.
func TestLargeFailure(t *testing.T) {
	t.Parallel()
	h := open(t, setup{})
	h.run(t)
	h.record(t, hostile("\U0001F600").Failure)
	m := h.smtp.WaitMails(t, 1)[0]
	if len(m.Data) >= 100_000 {
		t.Errorf("%d bytes", len(m.Data))
	}
	for line := range strings.Lines(string(m.Data)) {
		if len(line) > 1000 {
			t.Fatalf("a line of %d bytes", len(line))
		}
	}
	contains(t, "text", read(t, m).text, "this is new", "Where it failed", "Causes")
}

// While the outbox takes nothing, notices wait; nothing is lost or told twice.
func TestOutboxFull(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	h := open(t, setup{maxBytes: 30 << 10, fault: func(m smtptest.Moment) *smtptest.Fault {
		select {
		case <-closed:
			return nil
		default:
			if m.Step == smtptest.MailFrom {
				return &smtptest.Fault{Reply: "451 4.3.0 later"}
			}
			return nil
		}
	}})
	h.run(t)
	const incidents = 6
	for i := range incidents {
		h.record(t, numbered(i))
	}
	eventually(t, "the log to say so", func() bool {
		return strings.Contains(h.log.String(), "Error mail must wait: putting an error mail into the outbox")
	})
	if x := h.totals(t); x.Waiting != incidents {
		t.Errorf("%s", x)
	}
	close(closed)
	h.smtp.WaitMails(t, incidents)
	eventually(t, "the balance", func() bool { x := h.totals(t); return x.Mailed == incidents && x.Waiting == 0 })
	told := map[string]bool{}
	for _, m := range h.smtp.Mails() {
		id := read(t, m).Get("Fault-Id")
		if told[id] {
			t.Errorf("%s was told twice", id)
		}
		told[id] = true
	}
	if n := strings.Count(h.log.String(), "Error mail must wait: putting an error mail into the outbox"); n > 2*incidents {
		t.Errorf("the log says %d times that the outbox is full", n)
	}
	contains(t, "log", h.log.String(), "Error mail works again: putting an error mail into the outbox")
}

// A mail that the server refuses for good is given up, and the books know.
func TestRefused(t *testing.T) {
	t.Parallel()
	h := open(t, setup{fault: smtptest.Always(smtptest.RcptTo, smtptest.Fault{Reply: "550 5.1.1 no such user"})})
	h.run(t)
	h.record(t, failure())
	eventually(t, "the balance", func() bool { x := h.totals(t); return x.GivenUp == 1 && x.Waiting == 0 })
}

// What was decided before a shutdown is mailed by Flush, and sent after the next start.
func TestFlushAndRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, setup{dir: dir})
	h.record(t, failure())
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- h.book.Run(ctx) }()
	eventually(t, "the notice to be in the outbox", func() bool {
		if err := h.mailer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return h.outbox.Status().Waiting == 1
	})
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.journal.Close(), h.book.Close()); err != nil {
		t.Fatal(err)
	}
	next := open(t, setup{dir: dir})
	next.run(t)
	next.smtp.WaitMails(t, 1)
	eventually(t, "the balance", func() bool { x := next.totals(t); return x.Mailed == 1 && x.Waiting == 0 })
}

// The application's own mails go through the same outbox; their outcomes are its own.
func TestOtherMails(t *testing.T) {
	t.Parallel()
	h := open(t, setup{})
	h.run(t)
	err := h.outbox.Put(t.Context(), outbox.Mail{
		Key: "welcome-1", Class: "welcome", From: mail.Address{Address: "no-reply@blog.example.org"},
		To: []mail.Address{{Address: "susan@example.org"}}, Subject: "Welcome", Text: "Hello",
	})
	if err != nil {
		t.Fatal(err)
	}
	h.record(t, failure())
	h.smtp.WaitMails(t, 2)
	eventually(t, "the balance", func() bool { x := h.totals(t); return x.Mailed == 1 })
	eventually(t, "one outcome to stay", func() bool {
		outcomes := must(h.outbox.Settled())(t)
		return len(outcomes) == 1 && outcomes[0].Key == "welcome-1"
	})
}

func TestRunEndsWhileTheServerIsSilent(t *testing.T) {
	t.Parallel()
	h := open(t, setup{fault: smtptest.Always(smtptest.Greeting, smtptest.Fault{Silent: true})})
	stop := h.run(t)
	h.record(t, failure())
	h.smtp.Wait(t, "a connection", func() bool { return h.smtp.Conns() > 0 })
	stop() // It fails the test if something does not end.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.mailer.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
