package errormail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/outbox"
)

// Mailer carries notices to the outbox, and what becomes of the mails back to the incidents.
type Mailer struct {
	o       Options
	held    []held          // notices that are claimed but not done with
	noFacts time.Time       // until then nothing is looked up
	trouble map[string]bool // what went wrong at the last attempt, so that it is logged once
	turn    chan struct{}   // held by whoever works
}

// held is a notice with its mail.
type held struct {
	mail  outbox.Mail
	put   bool // the outbox has it
	never bool // the outbox will never take it
	until time.Time
}

// How the work is bounded.
const (
	maxClaim = 16
	// holdFor is less than the minute for which a claimed notice is ours: after it somebody else may
	// have it, and so it is claimed again.
	holdFor     = 40 * time.Second
	factsTime   = time.Second      // for all that is looked up for one mail
	factsPause  = 10 * time.Second // without looking up, after that was not enough
	putTime     = 10 * time.Second
	bookTime    = 5 * time.Second
	maxSettling = 500
)

// New returns a Mailer. Run it.
func New(o Options) (*Mailer, error) {
	o.defaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	return &Mailer{o: o, trouble: map[string]bool{}, turn: make(chan struct{}, 1)}, nil
}

// Run works until ctx ends, and then returns nil: it puts a mail into the outbox for each notice, at
// once, and tells the incidents of the mails that were delivered or given up. What fails is tried
// again. It is the receiver of the channels of the Book and the Outbox. Outcomes of mails of another
// Class are left in the outbox.
func (m *Mailer) Run(ctx context.Context) error {
	tick := time.NewTicker(m.o.Retry)
	defer tick.Stop()
	for {
		_ = m.Flush(ctx) // What could not be done was logged, and is tried again.
		select {
		case <-ctx.Done():
			return nil
		case <-m.o.Book.Changed():
		case <-m.o.Outbox.Changed():
		case <-tick.C:
		}
	}
}

// Flush does what there is to do now, such as before the program ends, and returns what it could not
// do, which was logged. It may be called while Run runs.
func (m *Mailer) Flush(ctx context.Context) error {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return errors.Join(m.settle(ctx), m.deliver(ctx))
}

// settle tells the incidents what became of mails.
func (m *Mailer) settle(ctx context.Context) error {
	outcomes, err := m.o.Outbox.Settled()
	if !m.fine(ctx, "reading the outcomes of error mails", err) {
		return err
	}
	var done []string
	for _, out := range outcomes {
		if out.Class != Class {
			continue
		}
		if len(done) == maxSettling {
			break
		}
		err = m.call(ctx, bookTime, func(ctx context.Context) error {
			return m.o.Book.Settle(ctx, out.Key, out.Delivered)
		})
		if !m.fine(ctx, "noting the outcome of an error mail", err) {
			break
		}
		done = append(done, out.Key)
	}
	if len(done) == 0 {
		return err
	}
	forget := m.o.Outbox.Forget(done...)
	m.fine(ctx, "forgetting the outcomes of error mails", forget)
	return errors.Join(err, forget)
}

// deliver puts mails for the notices into the outbox. While the outbox takes none, no further notices
// are claimed: another process may be better off.
func (m *Mailer) deliver(ctx context.Context) error {
	for {
		if err := m.work(ctx); err != nil {
			return err
		}
		var notices []incident.Notice
		err := m.call(ctx, bookTime, func(ctx context.Context) (err error) {
			notices, err = m.o.Book.Claim(ctx, maxClaim)
			return err
		})
		if !m.fine(ctx, "claiming notices", err) || len(notices) == 0 {
			return err
		}
		until := time.Now().Add(holdFor)
		for _, n := range notices {
			m.held = append(m.held, held{mail: m.compose(ctx, n), until: until})
		}
	}
}

// work brings the claimed notices further, and keeps those that it cannot.
func (m *Mailer) work(ctx context.Context) error {
	var errs []error
	now := time.Now()
	kept := m.held[:0]
	for _, h := range m.held {
		if now.After(h.until) {
			continue
		}
		if err := m.hand(ctx, &h); err != nil {
			errs = append(errs, err)
			kept = append(kept, h)
		}
	}
	clear(m.held[len(kept):])
	m.held = kept
	return errors.Join(errs...)
}

// hand puts one mail into the outbox and says so.
func (m *Mailer) hand(ctx context.Context, h *held) error {
	if !h.put && !h.never {
		err := m.call(ctx, putTime, func(ctx context.Context) error { return m.o.Outbox.Put(ctx, h.mail) })
		switch {
		case errors.Is(err, outbox.ErrInvalid):
			h.never = true
			m.o.Logger.ErrorContext(ctx, "An error mail is given up, it can never be sent: "+err.Error(), "notice", h.mail.Key)
		case !m.fine(ctx, "putting an error mail into the outbox", err):
			return err
		default:
			h.put = true
		}
	}
	err := m.call(ctx, bookTime, func(ctx context.Context) error {
		if h.never {
			return m.o.Book.Settle(ctx, h.mail.Key, false)
		}
		return m.o.Book.Queued(ctx, h.mail.Key)
	})
	m.fine(ctx, "noting that an error mail is in the outbox", err)
	return err
}

// compose returns the mail for a notice, with what can be found out about its incident in a short time.
func (m *Mailer) compose(ctx context.Context, n incident.Notice) (mail outbox.Mail) {
	defer func() {
		if v := recover(); v != nil { // A mail that says little is better than none.
			m.o.Logger.ErrorContext(ctx, "Composing an error mail panicked", "notice", n.Key, "panic", fmt.Sprint(v))
			bare := incident.Notice{Key: n.Key, Kind: n.Kind, IncidentID: n.IncidentID, At: n.At, Covers: n.Covers, Count: n.Count, Spell: n.Spell}
			bare.Incident.Title = n.Incident.Title
			o := m.o
			o.Link, o.Source = nil, nil
			mail = Compose(o, bare, Facts{})
		}
	}()
	return Compose(m.o, n, m.facts(ctx, n))
}

func (m *Mailer) facts(ctx context.Context, n incident.Notice) (facts Facts) {
	if n.IncidentID == "" || time.Now().Before(m.noFacts) {
		return facts
	}
	ctx, cancel := context.WithTimeout(ctx, factsTime)
	defer cancel()
	defer func() {
		if ctx.Err() != nil { // The database may be the failure, and the other mails are in a hurry, too.
			m.noFacts = time.Now().Add(factsPause)
		}
	}()
	// Once something is not to be had, the rest is not tried.
	if n.Seq != 1 {
		told, err := m.o.Book.Notices(ctx, n.IncidentID)
		if err != nil {
			return facts
		}
		if len(told) > 0 {
			facts.FirstNotice = told[len(told)-1].Key
		}
		samples, err := m.o.Book.Samples(ctx, n.IncidentID, 0)
		if err != nil {
			return facts
		}
		for _, f := range samples {
			if f.ID == n.Incident.FirstID {
				facts.First = f
			}
		}
	}
	first, last := n.Incident.First, n.Incident.Last
	if n.Kind == incident.Stopped {
		first, last = n.Spell.First, n.Spell.Last
	}
	if n.Incident.Count > 1 && !first.IsZero() && !last.IsZero() {
		from, to, step := historySpan(first, last)
		counts, err := m.o.Book.History(ctx, n.IncidentID, from, to, step)
		if err != nil {
			return facts
		}
		facts.History = History{From: from, Step: step, Counts: counts}
	}
	var err error
	if n.Incident.Routes > 1 || n.Kind == incident.Stopped {
		if facts.Routes, err = m.o.Book.Routes(ctx, n.IncidentID); err != nil {
			return facts
		}
	}
	if n.Incident.Users > 1 || n.Kind == incident.Stopped {
		facts.Users, _ = m.o.Book.Users(ctx, n.IncidentID) // The mail goes without them, too.
	}
	return facts
}

// call calls fn with a deadline of its own.
func (m *Mailer) call(ctx context.Context, max time.Duration, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, max)
	defer cancel()
	return fn(ctx)
}

// fine tells whether doing something went well. The log is told when it begins to fail and when it
// goes again.
func (m *Mailer) fine(ctx context.Context, doing string, err error) bool {
	switch {
	case err == nil && m.trouble[doing]:
		delete(m.trouble, doing)
		m.o.Logger.InfoContext(ctx, "Error mail works again: "+doing)
	case err == nil || ctx.Err() != nil || m.trouble[doing]:
	default:
		m.trouble[doing] = true
		m.o.Logger.WarnContext(ctx, "Error mail must wait: "+doing+": "+err.Error(), "retry", m.o.Retry.String())
	}
	return err == nil
}
