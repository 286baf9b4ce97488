// Package errormail tells people by mail what failed: it composes the mails of the incidents' notices,
// puts them into the outbox, and tells the incidents what became of them.
//
// What a mail says of a failure was masked when the failure was captured; lines of source code are
// masked by Options.Mask. A mail is never longer than 100 KB, however much there is to tell.
//
// All mails of an incident have one subject, so that mail programs show them as one conversation. Why a
// mail was written stands in the beginning of its text, which lists of mails show beside the subject, and
// for filters in the header field Fault-Notice: first, more, stopped, back, summary or digest, which
// [incident.NoticeKind] explains. The field Fault-Id names the failure that the mail shows.
package errormail

import (
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/outbox"
	"example.org/microblog/fault/source"
)

// Class is the outbox.Mail.Class of the mails of this package.
const Class = "failure"

// Options configure [New] and [Compose]. Needed are From and To, and for New also Book and Outbox.
type Options struct {
	Book   *incident.Book
	Outbox *outbox.Outbox

	App  string // the application's name; "": "Application"
	From mail.Address
	To   []mail.Address // one mail goes to all of them
	// Link returns the address of an incident's page, "" if it has none; nil: no page is known.
	Link func(incidentID string) string
	// Show is the command that shows an incident in a terminal, to which the incident's ID is added:
	// "microblog incidents show". "": none is known.
	Show string
	// BaseURL is where the application is reached, "https://blog.example.org", for the requests as
	// commands. "": the Host header that the failing request came with.
	BaseURL string
	// Source finds the source lines around the application's frames; nil: the mails have none.
	Source *source.Finder
	// Mask masks secrets in source lines, such as redact.Redactor.Text; nil: they are shown as they
	// are. Everything else was masked when it was captured.
	Mask func(string) string
	// Location is the zone in which times are told, beside UTC; nil: time.Local.
	Location *time.Location
	Logger   *slog.Logger  // nil: slog.Default()
	Retry    time.Duration // how long until what could not be done is tried again; 0: 5 s
}

func (o *Options) defaults() {
	if o.App == "" {
		o.App = "Application"
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Retry <= 0 {
		o.Retry = 5 * time.Second
	}
}

func (o *Options) check() error {
	var errs []error
	if o.Book == nil {
		errs = append(errs, errors.New("error mail needs Options.Book"))
	}
	if o.Outbox == nil {
		errs = append(errs, errors.New("error mail needs Options.Outbox"))
	}
	if !strings.Contains(o.From.Address, "@") {
		errs = append(errs, fmt.Errorf("the sender of the error mail must be an e-mail address, not %q", o.From.Address))
	}
	if len(o.To) == 0 {
		errs = append(errs, errors.New("error mail needs somebody in Options.To"))
	}
	for _, to := range o.To {
		if !strings.Contains(to.Address, "@") {
			errs = append(errs, fmt.Errorf("the recipient of the error mail must be an e-mail address, not %q", to.Address))
		}
	}
	return errors.Join(errs...)
}

// guarded calls one of the application's functions, which may panic: a mail with less in it is better
// than none.
func guarded(fn func(string) string, arg string) (result string) {
	if fn == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			result = ""
		}
	}()
	return fn(arg)
}
