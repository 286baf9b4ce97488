package incident

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"example.org/microblog/fault"
)

const (
	// maxDue is for how many incidents time passes in one transaction.
	maxDue = 100
	// maxRemoved is how many incidents are removed in one transaction.
	maxRemoved = 100
	// lostAfter is when a notice that was handed over counts as given up if nobody has said what became
	// of it: an outbox does not try for so long.
	lostAfter = 14 * 24 * time.Hour
)

// pass does what time has brought about for some incidents and tells whether there may be more.
func (s *session) pass(ctx context.Context) (more bool, err error) {
	ids, err := s.t.dueBy(ctx, s.u.now, maxDue)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	if err := s.load(ctx, ids); err != nil {
		return false, err
	}
	for _, id := range slices.Sorted(slices.Values(ids)) {
		r := s.records[id]
		if r == nil {
			continue
		}
		s.changed[id] = true // Even if nothing else does, its next time changes.
		if kind := r.pass(s.u); kind != "" {
			if err := s.tell(ctx, r, kind, fault.ID{}); err != nil {
				return false, err
			}
		}
	}
	return len(ids) == maxDue, nil
}

// summarise makes one notice of all that earlier hours had no mail left for.
func (s *session) summarise(ctx context.Context) error {
	ids, err := s.t.deferredBefore(ctx, hourOf(s.u.now))
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.tellAll(ctx, Summary, ids, func(r *record) bool { return r.Deferred != 0 && r.Deferred < hourOf(s.u.now) })
}

// digest makes one notice of all that none has covered for long.
func (s *session) digest(ctx context.Context) error {
	ids, err := s.t.uncovered(ctx, s.u.now.Add(-s.u.Digest))
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.tellAll(ctx, Digest, ids, func(r *record) bool { return r.Uncovered > 0 && r.Deferred == 0 })
}

// tellAll makes one notice of several incidents.
func (s *session) tellAll(ctx context.Context, kind NoticeKind, ids []string, wanted func(*record) bool) error {
	if err := s.load(ctx, ids); err != nil {
		return err
	}
	var all []*record
	for _, id := range ids {
		if r := s.records[id]; r != nil && wanted(r) {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return nil // Another process was first.
	}
	w, err := s.hour(ctx)
	if err != nil {
		return err
	}
	w.Seq++
	n := &noticeRow{Notice: Notice{Key: string(kind) + "." + strconv.FormatInt(w.Seq, 10) + s.suffix, Kind: kind, At: s.u.now}, State: Pending}
	slices.SortFunc(all, func(a, b *record) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range all {
		s.changed[r.ID] = true
		n.Count += r.Count
		covers := r.covered(s.u)
		n.Covers += covers
		s.ch.Covers = append(s.ch.Covers, cover{n.Key, r.ID, covers})
	}
	s.ch.Notices = append(s.ch.Notices, n)
	return nil
}

// expire removes what is not kept any longer and tells whether there may be more. The books of removed
// incidents are added up.
func (s *session) expire(ctx context.Context) (more bool, err error) {
	ids, err := s.t.excess(ctx, s.u.now.Add(-s.keep.Unseen), s.keep.Incidents, maxRemoved)
	if err != nil {
		return false, err
	}
	s.ch.Expire = &expiry{
		Minutes: s.u.now.Add(-s.keep.Minutes).Unix() / 60,
		Notices: s.u.now.Add(-s.keep.Notices),
		Streams: s.u.now.Add(-4 * s.keep.Unseen),
		IDs:     s.keep.IDs,
		Slots:   int64(s.keep.Samples),
	}
	if len(ids) == 0 {
		return false, nil
	}
	if err := s.load(ctx, append(ids, gone)); err != nil {
		return false, err
	}
	total := s.records[gone]
	if total == nil {
		total = newGone()
		s.records[gone] = total
	}
	for _, id := range ids {
		if r := s.records[id]; r != nil {
			total.take(r, s.u)
			s.ch.Removed = append(s.ch.Removed, id)
		}
	}
	s.changed[gone] = true
	return len(ids) == maxRemoved, nil
}

// take adds the books of a record that is to be removed.
func (r *record) take(from *record, u *rules) {
	r.Count += from.Count - from.SeedCount
	r.Mailed += from.Mailed
	r.Grouped += from.Grouped
	r.Muted += from.Muted
	r.GivenUp += from.GivenUp
	r.NotForMail += from.NotForMail
	if from.Uncovered > 0 {
		if r.Uncovered == 0 {
			r.Since = u.now
		}
		if !from.Since.IsZero() {
			r.Since = earlier(r.Since, from.Since)
		}
		r.Deferred = max(r.Deferred, from.Deferred)
		r.Uncovered += from.Uncovered
	}
	r.Last = u.now
}

// settle notes what became of a notice.
func (s *session) settle(ctx context.Context, key string, delivered bool) (found bool, err error) {
	covers, err := s.t.covers(ctx, key)
	if err != nil {
		return false, err
	}
	ids := []string{gone}
	for _, c := range covers {
		ids = append(ids, c.Incident)
	}
	if err := s.load(ctx, ids); err != nil {
		return false, err
	}
	n, err := s.t.notice(ctx, key)
	if err != nil || n == nil || n.settled() {
		return n != nil, err
	}
	n.State, n.Settled = GivenUp, s.u.now
	if delivered {
		n.State = Delivered
	}
	s.ch.Notices = append(s.ch.Notices, n)
	for _, c := range covers {
		r := s.records[c.Incident]
		if r == nil {
			r = s.records[gone] // It was removed meanwhile.
		}
		if r == nil {
			return true, fmt.Errorf("the books of notice %s are incomplete: incident %s is missing", key, c.Incident)
		}
		r.settle(c.N, n.own(), delivered)
		s.changed[r.ID] = true
	}
	return true, nil
}

// owner is a process that claims notices. A process that has ended is told by its directory, which the
// next one has as well.
type owner struct {
	dir, process string
}

func (o owner) String() string { return o.dir + "/" + o.process }

// claim leases notices to an owner. Those that processes of its directory have are free where release
// says so.
func (s *session) claim(ctx context.Context, o owner, release func(*noticeRow) bool, max int) ([]*noticeRow, error) {
	claimed, err := s.t.claimedBy(ctx, o.dir+"/")
	if err != nil {
		return nil, err
	}
	var rows []*noticeRow
	for _, n := range claimed {
		if release(n) {
			n.Owner, n.Lease = "", time.Time{}
			rows = append(rows, n)
		}
	}
	s.ch.Notices = append(s.ch.Notices, rows...)
	rows = rows[:min(len(rows), max)]
	if len(rows) < max {
		free, err := s.t.claimable(ctx, s.u.now, max-len(rows))
		if err != nil {
			return nil, err
		}
		for _, n := range free {
			if !slices.ContainsFunc(rows, func(r *noticeRow) bool { return r.Key == n.Key }) {
				rows = append(rows, n)
				s.ch.Notices = append(s.ch.Notices, n)
			}
		}
	}
	for _, n := range rows {
		n.Owner, n.Lease = o.String(), s.u.now.Add(leaseFor)
	}
	return rows, nil
}

// forsake gives up on a notice that was handed over so long ago that nobody can be delivering it any
// more, and tells whether there may be another one.
func (s *session) forsake(ctx context.Context) (more bool, err error) {
	keys, err := s.t.lost(ctx, s.u.now.Add(-lostAfter), 1)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	return s.settle(ctx, keys[0], false)
}

// queued notes that a notice is on its way.
func (s *session) queued(ctx context.Context, key string) (found bool, err error) {
	n, err := s.t.notice(ctx, key)
	if err != nil || n == nil {
		return false, err
	}
	if n.State == Pending {
		n.State = InOutbox
		s.ch.Notices = append(s.ch.Notices, n)
	}
	return true, nil
}

// change lets a person change an incident.
func (s *session) change(ctx context.Context, id string, fn func(*record)) error {
	if err := s.load(ctx, []string{id}); err != nil {
		return err
	}
	r := s.records[id]
	if r == nil || id == gone {
		return ErrNotFound
	}
	fn(r)
	s.changed[id], s.ch.acted = true, true
	return nil
}
