package desk

import (
	"net/http"

	"example.org/microblog/fault/journal"
	"example.org/microblog/fault/outbox"
	"example.org/microblog/fault/trace"
)

// statusView is the page about the journal, the books and the outbox.
type statusView struct {
	frame
	Sum       string // the balance in one line
	Terms     []term
	NoSQL     bool // there is no database: the state file is the book
	Book      clipped
	Unsettled bool // the state file holds what the database has not taken over
	Journal   *journalView
	Outbox    *outboxView
}

// term is one part of the balance.
type term struct {
	Name  string
	Count int64
	Says  string
}

type journalView struct {
	Waiting, Counted, Captured, NotDurable int64
	Segments                               int
	Bytes, MaxBytes                        string
	Oldest, Newest                         stamp
	Err                                    clipped
}

type outboxView struct {
	Waiting, Delivered, GivenUp, SetAside int
	Bytes, MaxBytes                       string
	Oldest, Next                          stamp
	ServerError                           clipped
	ServerSince                           stamp
	LastError                             clipped
	Entries                               []entryView // what waits and what was given up
	More                                  int         // so many further ones
}

type entryView struct {
	Subject  clipped
	To       clipped
	State    string
	Bad      bool
	Created  stamp
	Attempts int
	Next     stamp
	Err      clipped
}

// shownEntries is how many mails are listed.
const shownEntries = 50

// status is GET …/status.
func (d *desk) status(w http.ResponseWriter, r *http.Request, _ string) error {
	v := statusView{frame: d.frame("Journal and mail")}
	v.frame.Status = true
	totals, err := d.book.Totals(r.Context())
	if err != nil {
		return trace.Wrap(err, "adding up the books")
	}
	v.Sum = totals.String()
	v.Terms = []term{
		{"Captured", totals.Captured, "every failure that was recorded since the books began"},
		{"Mailed", totals.Mailed, "a mail about it was delivered"},
		{"Grouped", totals.Grouped, "covered by a delivered mail about others of its incident"},
		{"Muted", totals.Muted, "nobody wanted to be told"},
		{"Waiting", totals.Waiting, "for a mail, or for its delivery"},
		{"Given up", totals.GivenUp, "the mail that covers it could not be delivered"},
		{"Without mail", totals.NotForMail, "no mail was wanted when it happened"},
	}
	s := d.book.Status()
	v.NoSQL, v.Book, v.Unsettled = !s.SQL, clip(s.Err, 400, 4), s.Unreconciled
	if d.journal != nil {
		v.Journal = d.journalView(d.journal.Status())
	}
	if d.outbox != nil {
		if v.Outbox, err = d.outboxView(); err != nil {
			return err
		}
	}
	return d.render(w, r, http.StatusOK, "status.html", v.Title, v)
}

func (d *desk) journalView(s journal.Status) *journalView {
	return &journalView{
		Waiting: s.Waiting, Counted: s.Counted, Captured: s.Captured, NotDurable: s.NotDurable,
		Segments: s.Segments, Bytes: size(s.Bytes), MaxBytes: size(s.MaxBytes),
		Oldest: d.stamp(s.Oldest), Newest: d.stamp(s.Newest), Err: clip(s.Err, 400, 4),
	}
}

func (d *desk) outboxView() (*outboxView, error) {
	s := d.outbox.Status()
	v := &outboxView{
		Waiting: s.Waiting, Delivered: s.Delivered, GivenUp: s.GivenUp, SetAside: s.SetAside,
		Bytes: size(s.Bytes), MaxBytes: size(s.MaxBytes), Oldest: d.stamp(s.Oldest), Next: d.stamp(s.Next),
		ServerError: clip(s.ServerError, 600, 6), ServerSince: d.stamp(s.ServerSince),
	}
	if s.LastError != s.ServerError {
		v.LastError = clip(s.LastError, 600, 6)
	}
	entries, err := d.outbox.List()
	if err != nil {
		return nil, trace.Wrap(err, "listing the outbox")
	}
	for _, e := range entries {
		switch {
		case e.State == outbox.Delivered:
			continue
		case len(v.Entries) == shownEntries:
			v.More++
			continue
		}
		view := entryView{
			Subject: clip(line(e.Subject), 200, 1), State: label(string(e.State)), Bad: e.State == outbox.GivenUp,
			Created: d.stamp(e.Created), Attempts: e.Attempts, Next: d.stamp(e.Next), Err: clip(e.LastError, 300, 3),
		}
		to := ""
		for n, address := range e.To {
			if n > 0 {
				to += ", "
			}
			to += line(address)
		}
		view.To = clip(to, 120, 1)
		v.Entries = append(v.Entries, view)
	}
	return v, nil
}
