package incident

import (
	"time"

	"example.org/microblog/fault"
)

// newFor is how long an incident is New.
const newFor = 24 * time.Hour

// occurrence is one failure, or several of which only the first is known, as the policy sees it.
type occurrence struct {
	n     int64
	at    time.Time // of the first of them
	last  time.Time
	id    fault.ID
	build fault.Build
	// newer tells whether the build was first seen after that time.
	newer func(time.Time) bool
}

// rules is what a decision depends on beside the record.
type rules struct {
	Policy
	mail bool
	now  time.Time
}

// add counts an occurrence. It returns the kind of the notice that it makes due, or "".
func (r *record) add(o occurrence, u *rules) NoticeKind {
	// Clocks of other machines may be ahead; nothing has happened in the future.
	at, last := earlier(o.at, u.now), earlier(o.last, u.now)
	if last.Before(at) {
		last = at
	}
	r.endMute(u)
	gap := at.Sub(r.Last)
	regression := r.State == Resolved && at.After(r.ResolvedAt) && (!r.NextBuild || o.newer(r.ResolvedAt))
	switch {
	case regression:
		r.State, r.Base, r.CameBack = Regressed, r.Count, true
		r.Regressions++
		r.NextBuild = false
		r.beginSpell(at)
	case r.Count == 0:
		r.beginSpell(at)
	case r.State == Quiet || gap > u.QuietAfter:
		r.beginSpell(at)
		if r.State == Quiet || r.State == New {
			r.State = Ongoing
		}
		if gap >= u.Digest {
			r.Base, r.TellNext = r.Count, true
		}
	}
	r.count(o, at, last)
	switch {
	case r.State == Muted:
		r.Muted += o.n
		if r.MuteLeft > 0 {
			if r.MuteLeft -= o.n; r.MuteLeft <= 0 {
				r.unmute()
			}
		}
		return ""
	case r.State == Resolved: // Of a build that is known to have it, or from before it was mended.
		r.Muted += o.n
		return ""
	case !u.mail:
		r.NotForMail += o.n
		return ""
	}
	if r.Uncovered == 0 {
		r.Since = u.now
	}
	r.Uncovered += o.n
	return r.wants(u)
}

func (r *record) beginSpell(at time.Time) {
	r.SpellFirst, r.SpellCount, r.SpellTold = at, 0, false
}

func (r *record) count(o occurrence, at, last time.Time) {
	r.Count += o.n
	r.SpellCount += o.n
	if r.Count == o.n || at.Before(r.First) {
		r.First = at
	}
	if at.Before(r.SpellFirst) {
		r.SpellFirst = at
	}
	if !last.Before(r.Last) {
		r.Last, r.LastID, r.LastBuild = last, o.id, o.build
	}
}

// wants returns the kind of notice that is due for the uncovered failures, or "".
func (r *record) wants(u *rules) NoticeKind {
	switch {
	case !u.mail || r.Uncovered == 0 || r.Deferred != 0 || r.State == Muted || r.State == Resolved:
		return ""
	case r.CameBack:
		return Back
	case !r.Told:
		return First
	case r.TellNext:
		return More
	case r.doubled() && !u.now.Before(r.NoticedAt.Add(u.LeastInterval)):
		return More
	}
	return ""
}

// doubled tells whether there are twice as many failures as at the last notice.
func (r *record) doubled() bool { return r.Count-r.Base >= 2*(r.Noticed-r.Base) }

// pass does what time alone brings about. It returns the kind of the notice that this makes due.
func (r *record) pass(u *rules) NoticeKind {
	r.endMute(u)
	if r.State == New && !u.now.Before(r.First.Add(newFor)) {
		r.State = Ongoing
	}
	if r.active() && !u.now.Before(r.Last.Add(u.QuietAfter)) {
		r.State = Quiet
		if u.mail && r.SpellCount > 1 && r.SpellTold && r.Deferred == 0 {
			return Stopped
		}
	}
	return r.wants(u)
}

func (r *record) endMute(u *rules) {
	if r.State == Muted && !r.MuteUntil.IsZero() && !u.now.Before(r.MuteUntil) {
		r.unmute()
	}
}

// unmute ends a mute: what happens from now on is told again, and at once.
func (r *record) unmute() {
	r.State, r.MuteUntil, r.MuteLeft = Ongoing, time.Time{}, 0
	r.Base, r.TellNext = r.Count, true
}

// due returns when pass has something to do, the zero time for never. Summaries and digests have their
// own times.
func (r *record) due(u *rules) time.Time {
	var next time.Time
	at := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	switch {
	case r.ID == gone:
		return next
	case r.State == Muted && !r.MuteUntil.IsZero():
		at(r.MuteUntil)
	case r.active():
		at(r.Last.Add(u.QuietAfter))
	}
	if r.State == New {
		at(r.First.Add(newFor))
	}
	if r.Uncovered > 0 && r.Deferred == 0 && u.mail && (r.active() || r.State == Quiet) && r.Told && r.doubled() {
		at(r.NoticedAt.Add(u.LeastInterval))
	}
	return next
}

// tell makes the notice of that kind, which covers what no other one does.
func (r *record) tell(kind NoticeKind, u *rules) Notice {
	n := Notice{
		Kind: kind, IncidentID: r.ID, At: u.now, Covers: r.Uncovered, Count: r.Count,
		Spell: Spell{First: r.SpellFirst, Last: r.Last, Count: r.SpellCount},
	}
	r.Seq++
	n.Seq = r.Seq
	r.covered(u)
	return n
}

// covered notes that a notice, its own or a summary, has told of all that happened.
func (r *record) covered(u *rules) (n int64) {
	n = r.Uncovered
	r.Uncovered, r.Since, r.Deferred = 0, time.Time{}, 0
	r.Told, r.SpellTold, r.TellNext, r.CameBack = true, true, false, false
	r.NoticedAt, r.Noticed = u.now, r.Count
	return n
}

// settle notes what became of a notice that covers so many failures; own tells whether it was about
// this incident alone.
func (r *record) settle(covers int64, own, delivered bool) {
	switch {
	case !delivered:
		r.GivenUp += covers
	case own && covers > 0:
		r.Mailed++
		r.Grouped += covers - 1
	default:
		r.Grouped += covers
	}
}

// drop takes the uncovered failures out of what somebody is to be told.
func (r *record) drop() {
	r.Muted += r.Uncovered
	r.Uncovered, r.Since, r.Deferred, r.CameBack = 0, time.Time{}, 0, false
}

func (r *record) resolve(by string, nextBuild bool, u *rules) {
	r.drop()
	r.State, r.ResolvedAt, r.NextBuild = Resolved, u.now, nextBuild
	r.MuteUntil, r.MuteLeft, r.TellNext = time.Time{}, 0, false
	r.ChangedBy, r.ChangedAt = by, u.now
}

func (r *record) mute(by string, until time.Time, count int64, u *rules) {
	r.drop()
	r.State, r.MuteUntil, r.MuteLeft = Muted, until, max(count, 0)
	r.NextBuild, r.TellNext, r.SpellTold = false, false, false
	r.ChangedBy, r.ChangedAt = by, u.now
}

func (r *record) reopen(by string, u *rules) {
	r.unmute()
	r.NextBuild = false
	if !u.now.Before(r.Last.Add(u.QuietAfter)) {
		r.State = Quiet
	}
	r.ChangedBy, r.ChangedAt = by, u.now
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
