package incident

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.org/microblog/fault"
)

// errAgain says that what a transaction has read has changed meanwhile, so that it must run again.
var errAgain = errors.New("the incidents changed at the same moment, again and again")

// session is one transaction's work. Everything that changes the books goes through one: the same code
// for SQL and for the state file.
type session struct {
	t       txn
	u       *rules
	keep    *Retention
	suffix  string // of the keys of notices
	records map[string]*record
	before  map[string]Totals // the books of those that were there
	changed map[string]bool
	born    map[string]bool // incidents that began with a key of this transaction; true: joined
	window  *window
	ch      changes
	// doubtful tells whether the database may have counted an item already; nil: it cannot have.
	doubtful func(*item) bool
}

func newSession(t txn, u *rules, keep *Retention, suffix string) *session {
	return &session{
		t: t, u: u, keep: keep, suffix: suffix,
		records: map[string]*record{}, before: map[string]Totals{}, changed: map[string]bool{}, born: map[string]bool{},
	}
}

// load locks the incidents and makes their records available.
func (s *session) load(ctx context.Context, ids []string) error {
	found, err := s.t.load(ctx, slices.Sorted(slices.Values(ids)))
	if err != nil {
		return err
	}
	for id, r := range found {
		if s.records[id] == nil {
			s.records[id] = r
			s.before[id] = r.sums()
		}
	}
	return nil
}

// finish returns what is to be written.
func (s *session) finish() *changes {
	s.ch.Now = s.u.now
	for _, id := range slices.Sorted(maps.Keys(s.changed)) {
		r := s.records[id]
		r.Version++
		r.Due = r.due(s.u)
		s.ch.Records = append(s.ch.Records, r)
		s.ch.sums.add(r.sums())
		s.ch.sums.plus(-1, s.before[id])
	}
	for _, id := range s.ch.Removed {
		s.ch.sums.plus(-1, s.before[id])
	}
	if s.window != nil {
		s.ch.Window = s.window
	}
	return &s.ch
}

// tell makes a notice if the hour has one left.
func (s *session) tell(ctx context.Context, r *record, kind NoticeKind, sample fault.ID) error {
	w, err := s.hour(ctx)
	if err != nil {
		return err
	}
	if w.Sent >= s.u.PerHour {
		if r.Uncovered > 0 {
			r.Deferred = w.Hour
		}
		return nil
	}
	w.Sent++
	n := &noticeRow{Notice: r.tell(kind, s.u), State: Pending, Sample: sample, Version: r.Version + 1}
	n.Key = fmt.Sprintf("%s.%d%s", r.ID, n.Seq, s.suffix)
	s.ch.Notices = append(s.ch.Notices, n)
	s.ch.Covers = append(s.ch.Covers, cover{n.Key, r.ID, n.Covers})
	return nil
}

// hour returns the window of this hour. All who decide notices take turns from here on.
func (s *session) hour(ctx context.Context) (*window, error) {
	if s.window == nil {
		w, err := s.t.window(ctx)
		if err != nil {
			return nil, err
		}
		s.window = &w
	}
	if hour := hourOf(s.u.now); hour > s.window.Hour {
		s.window.Hour, s.window.Sent = hour, 0
	}
	return s.window, nil
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// apply counts a batch.
func (s *session) apply(ctx context.Context, b *batch) error {
	items, err := s.fresh(ctx, b)
	if err != nil || len(items) == 0 {
		return err
	}
	incidents, err := s.assign(ctx, items)
	if err != nil {
		return err
	}
	newer, err := s.registerBuilds(ctx, items)
	if err != nil {
		return err
	}
	if err := s.load(ctx, slices.Compact(slices.Sorted(slices.Values(incidents)))); err != nil {
		return err
	}
	d := newDetails(s)
	for i := range items {
		it, id := &items[i], incidents[i]
		r := s.records[id]
		if r == nil {
			joined, born := s.born[id]
			if !born {
				return errAgain // It was removed since its key was read.
			}
			r = newRecord(id, it.group, it.Failure)
			r.Joined = joined
			s.records[id] = r
		}
		s.changed[id] = true
		first, last := it.span(s.u.now)
		kind := r.add(occurrence{
			n: it.Count, at: first, last: last, id: it.Failure.ID, build: it.Failure.Build,
			newer: func(t time.Time) bool { return newer[it.build].After(t) },
		}, s.u)
		if kind != "" {
			if err := s.tell(ctx, r, kind, it.Failure.ID); err != nil {
				return err
			}
		}
		if s.doubtful != nil && s.doubtful(it) {
			s.ch.Doubtful = append(s.ch.Doubtful, doubt{
				Stream: it.At.Stream, Offset: it.At.Offset, Incident: id, ID: it.Failure.ID, N: it.Count,
				First: first, Last: last, User: it.user, Route: it.route,
			})
		}
		if err := d.add(r, it, first, last); err != nil {
			return err
		}
	}
	return d.finish(ctx)
}

// fresh returns the items that are not counted yet.
func (s *session) fresh(ctx context.Context, b *batch) ([]item, error) {
	done, err := s.t.done(ctx, b.stream)
	if err != nil {
		return nil, err
	}
	if to := b.to(); to > done {
		s.ch.Streams = map[string]int64{b.stream: to}
	}
	items := make([]item, 0, len(b.items))
	var unsure []fault.ID // that may have been captured twice
	for _, it := range b.items {
		if it.At.Offset <= done {
			continue
		}
		if it.Failure.Kind == fault.KindCrash || it.Failure.Kind == fault.KindEnded {
			unsure = append(unsure, it.Failure.ID)
		}
		items = append(items, it)
	}
	if len(unsure) == 0 {
		return items, nil
	}
	counted, err := s.t.counted(ctx, unsure)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(items, func(it item) bool {
		if !slices.Contains(unsure, it.Failure.ID) {
			return false
		}
		twice := counted[it.Failure.ID]
		counted[it.Failure.ID] = true
		return twice
	}), nil
}

// registerBuilds returns when each of the items' builds was first seen, for those that matter.
func (s *session) registerBuilds(ctx context.Context, items []item) (map[string]time.Time, error) {
	var names []string
	for _, it := range items {
		if it.build != "" && !slices.Contains(names, it.build) {
			names = append(names, it.build)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	seen, err := s.t.builds(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, ok := seen[name]; !ok {
			seen[name] = s.u.now
			s.ch.Builds = append(s.ch.Builds, buildSeen{name, s.u.now})
		}
	}
	return seen, nil
}
