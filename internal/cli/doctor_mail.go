package cli

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"slices"
	"strings"

	"example.org/microblog/fault/outbox"
	"example.org/microblog/fault/redact"
	"example.org/microblog/internal/app"
)

// mailHowTo is how to switch error mail on.
const mailHowTo = "To switch it on, set MAIL_SERVER and ADMINS, and MAIL_PORT, MAIL_USE_TLS, MAIL_USERNAME and MAIL_PASSWORD as the mail server needs them. " +
	"To try it without one, fault mailbox is a mail server that shows what it gets: MAIL_SERVER=127.0.0.1, MAIL_PORT=8025."

// mail tries the mail server step by step.
func (d *doctor) mail(ctx context.Context) {
	m := d.cfg.Mail
	if !m.Enabled() {
		as, text := warning, "Error mail is off, because MAIL_SERVER is not set: with these settings, nobody is told of failures."
		if d.send {
			as, text = wrong, "No mail can be sent, because MAIL_SERVER is not set."
		}
		d.add(as, text, mailHowTo)
		return
	}
	o := outbox.ProbeOptions{From: m.From, To: d.cfg.Admins, Send: d.send, Mail: d.testMail()}
	if d.unusable["MAIL_FROM"] {
		o.From, o.To = mail.Address{}, nil
		d.note(finding{Level: skipped, Step: outbox.StepSender, Text: "Not checked: the setting MAIL_FROM cannot be used."})
	}
	if d.unusable["ADMINS"] {
		o.To, o.Send = nil, false
		d.note(finding{Level: skipped, Step: outbox.StepRecipient, Text: "Not checked: the setting ADMINS is missing or cannot be used."})
	}
	if tell := d.tell; tell != nil {
		d.tell = func(f finding) { tell(quoting(f)) }
		defer func() { d.tell = tell }()
	}
	failed := false
	err := outbox.Probe(ctx, app.MailServer(d.cfg), o, func(s outbox.Step) {
		failed = failed || !s.OK
		d.mailStep(ctx, s)
	})
	switch {
	case err != nil && !failed:
		d.add(wrong, "The mail server could not be tried: "+sentence(d.errText(err)), "")
	case err != nil:
	case d.send && o.Send:
		d.note(finding{Level: fine, Step: "sent", Text: "A test mail is on its way to " + addresses(o.To) + ". If it does not arrive, look into the folder for spam."})
	case len(o.To) > 0:
		d.note(finding{Level: fine, Step: outbox.StepData, Text: "Stopped before the mail itself.", Advice: "With --send, microblog doctor sends a real one to ADMINS."})
	}
}

// quoting puts a server's words into the text, between quotation marks, so that they cannot be taken for
// ours.
func quoting(f finding) finding {
	if f.Said != "" {
		f.Text, f.Said = f.Text+" It said: “"+f.Said+"”.", ""
	}
	return f
}

// mailStep tells of one step. Masked are the server's words and what was found out, but not our own
// advice, which names settings.
func (d *doctor) mailStep(ctx context.Context, s outbox.Step) {
	f := finding{Level: fine, Step: s.Name, Text: sentence(d.redactor.Text(s.Detail)), Said: d.redactor.Text(s.Said), Advice: s.Advice, TookMS: s.Took.Milliseconds()}
	if f.Text == "" {
		f.Text = "Done."
	}
	switch {
	case s.OK && f.Advice != "":
		f.Level = warning
	case s.Err != nil && errors.Is(ctx.Err(), context.Canceled), errors.Is(s.Err, context.Canceled):
		f.Level, f.Text, f.Advice = wrong, "It was interrupted.", ""
	case s.Err != nil:
		// The step and the server's words are shown apart from what went wrong.
		text := strings.TrimPrefix(s.Err.Error(), s.Name+": ")
		f.Level, f.Text = wrong, sentence(d.withoutSecrets(strings.TrimSuffix(text, " (it said: "+s.Said+")")))
	}
	d.note(f)
}

// withoutSecrets masks the secrets themselves in a text that is mostly ours, and says "password" in
// earnest. Like the redactor it leaves those that are so short that they stand in any text.
func (d *doctor) withoutSecrets(s string) string {
	const least = 6 // bytes
	for _, secret := range d.secrets {
		if len(secret) >= least {
			s = strings.ReplaceAll(s, secret, redact.Mask)
		}
	}
	return s
}

// testMail is what --send sends.
func (d *doctor) testMail() outbox.Mail {
	host, err := os.Hostname()
	if err != nil {
		host = "a machine without a name"
	}
	where := ""
	if d.cfg.BaseURL != nil {
		where = " (" + d.cfg.BaseURL.String() + ")"
	}
	return outbox.Mail{
		Class:   "test",
		Subject: "[Microblog] Test mail of microblog doctor",
		Text: fmt.Sprintf("This is a test mail. Somebody has run microblog doctor --send on %s%s at %s.\n\n"+
			"It shows that mails about failures reach you. There is nothing to do.\n", host, where, d.now().Format("2006-01-02 15:04:05 -0700")),
		Header: map[string]string{"Auto-Submitted": "auto-generated"},
	}
}

// addresses lists who gets a mail.
func addresses(to []mail.Address) string {
	all := make([]string, len(to))
	for i, a := range to {
		all[i] = a.Address
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
