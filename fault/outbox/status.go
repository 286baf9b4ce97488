package outbox

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Status sums up what the outbox holds. It does not fail: what cannot be read is as it was last.
func (o *Outbox) Status() Status {
	o.scan()
	last, server := o.index.get()
	s := last.status(server)
	s.Dir, s.MaxBytes = o.store.dir, o.opts.MaxBytes
	return s
}

// List returns what waits, oldest first, and then what was settled and whose outcome is kept, newest
// first.
func (o *Outbox) List() ([]Entry, error) {
	if err := o.scan(); err != nil {
		return nil, err
	}
	last, server := o.index.get()
	return o.store.list(last, server)
}

// Inspect is Status and List of a directory, from outside: it changes nothing there, needs no
// permission to write, and may be called while others deliver from it. A missing directory is an empty
// outbox.
func Inspect(dir string) (Status, []Entry, error) {
	s := store{dir}
	survey, err := s.survey(nil)
	if err != nil {
		return Status{Dir: dir}, nil, err
	}
	server := s.readServer()
	status := survey.status(server)
	status.Dir = dir
	entries, err := s.list(survey, server)
	return status, entries, err
}

func (s *survey) status(server serverState) Status {
	st := Status{Delivered: s.delivered, GivenUp: s.givenUp, Bytes: s.bytes, SetAside: s.aside}
	if server.Failed > 0 {
		st.ServerError, st.ServerSince = server.Error, server.Since
		st.LastError = server.Error
	}
	var lastMade time.Time
	first := true
	for _, it := range s.items {
		if it.settled {
			continue
		}
		st.Waiting++
		if created := it.envelope.Created; st.Oldest.IsZero() || created.Before(st.Oldest) {
			st.Oldest = created
		}
		next := later(it.attempts.Next, server.Next)
		if first || next.Before(st.Next) {
			st.Next = next
		}
		first = false
		if a := it.attempts; a.LastError != "" && server.Failed == 0 && a.Next.After(lastMade) {
			lastMade, st.LastError = a.Next, a.LastError
		}
	}
	return st
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// list describes each mail.
func (s store) list(survey *survey, server serverState) ([]Entry, error) {
	var entries []Entry
	for _, it := range survey.items {
		if it.settled {
			continue
		}
		e, a := it.envelope, it.attempts
		entry := Entry{Key: e.Key, Class: e.Class, MessageID: e.MessageID, Subject: e.Subject, To: e.To, State: Waiting,
			Created: e.Created, Attempts: totalAttempts(e, a, server.Tries), Next: later(a.Next, server.Next),
			LastError: a.LastError, Bytes: it.mail.size}
		if server.Failed > 0 {
			entry.LastError = server.Error
		}
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Key, b.Key))
	})
	var ended []Entry
	for _, dir := range []string{dirSettled, dirKept} {
		outcomes, _, err := s.outcomes(dir)
		if err != nil {
			return entries, err
		}
		for i := range outcomes {
			ended = append(ended, outcomes[i].entry())
		}
	}
	slices.SortFunc(ended, func(a, b Entry) int { return b.Settled.Compare(a.Settled) })
	return append(entries, ended...), nil
}
