package incident

import "time"

// begin returns the record that a record of the state file is merged into where the database has none.
func (r *record) begin(id string) *record {
	c := r.clone()
	c.ID, c.created = id, true
	c.Count = r.SeedCount
	c.Uncovered, c.Mailed, c.Grouped, c.Muted, c.GivenUp, c.NotForMail = 0, 0, 0, 0, 0, 0
	c.Users, c.Routes, c.Slots, c.Since = 0, 0, 0, time.Time{}
	c.Version = r.SeedAt // so that it counts as unchanged
	if r.SeedCount > 0 {
		// What the database knew of it is in the books of what is no longer kept.
		c.Count = 0
		c.Noticed, c.Base = max(r.Noticed-r.SeedCount, 0), max(r.Base-r.SeedCount, 0)
	}
	c.SeedCount, c.SeedAt = 0, 0
	return c
}

// merge adds the books of a record of the state file, of whose failures so many are counted here
// already. The sum of the books is too high by that afterwards.
func (r *record) merge(from *record, twice int64) {
	count := from.Count - from.SeedCount - twice
	unchanged := r.Version == from.SeedAt && twice == 0 && r.ID != gone
	r.Count += count
	r.Mailed += from.Mailed
	r.Grouped += from.Grouped
	r.Muted += from.Muted
	r.GivenUp += from.GivenUp
	r.NotForMail += from.NotForMail
	if from.Uncovered > 0 {
		if r.Uncovered == 0 || from.Since.Before(r.Since) {
			r.Since = from.Since
		}
		r.Uncovered += from.Uncovered
		r.Deferred = max(r.Deferred, from.Deferred)
	}
	if !from.First.IsZero() && (r.First.IsZero() || from.First.Before(r.First)) {
		r.First, r.FirstID, r.FirstBuild = from.First, from.FirstID, from.FirstBuild
	}
	later := from.Last.After(r.Last)
	switch {
	case r.ID == gone:
	case unchanged && !r.created:
		r.takePolicy(from)
	case !r.created:
		r.mergePolicy(from, count, later)
	}
	if later {
		r.Last, r.LastID, r.LastBuild = from.Last, from.LastID, from.LastBuild
	}
}

// takePolicy takes over everything by which the policy decides, from a record that went on where this
// one is.
func (r *record) takePolicy(from *record) {
	r.State, r.MuteUntil, r.MuteLeft = from.State, from.MuteUntil, from.MuteLeft
	r.ResolvedAt, r.NextBuild, r.Regressions = from.ResolvedAt, from.NextBuild, from.Regressions
	r.SpellFirst, r.SpellCount, r.SpellTold = from.SpellFirst, from.SpellCount, from.SpellTold
	r.Seq, r.Told, r.NoticedAt, r.Noticed, r.Base = from.Seq, from.Told, from.NoticedAt, from.Noticed, from.Base
	r.TellNext, r.CameBack = from.TellNext, from.CameBack
}

// mergePolicy brings two records together that both went on.
func (r *record) mergePolicy(from *record, count int64, later bool) {
	bothActive := r.active() && from.active()
	acted := r.ChangedAt.After(from.ChangedAt) // somebody has, and counts more than the file
	switch {
	case acted && r.State == Resolved && !r.NextBuild && from.Last.After(r.ResolvedAt):
		r.State, r.Base = Regressed, r.Count
		r.Regressions++
	case acted || r.State == Muted || r.State == Resolved:
	case later && (from.active() || !r.active()):
		r.State = from.State
	}
	switch {
	case bothActive:
		r.SpellFirst = earlier(r.SpellFirst, from.SpellFirst)
		r.SpellCount += count
	case later:
		r.SpellFirst, r.SpellCount = from.SpellFirst, from.SpellCount
	}
	r.SpellTold = r.SpellTold || from.SpellTold
	r.Told = r.Told || from.Told
	r.Seq = max(r.Seq, from.Seq)
	if from.NoticedAt.After(r.NoticedAt) {
		r.NoticedAt, r.Noticed = from.NoticedAt, r.Count-from.Uncovered
		r.TellNext, r.CameBack = from.TellNext, from.CameBack
	}
}

// uncover takes failures out of the books that nobody was told of, and returns how many are left to be
// taken.
func (r *record) uncover(n int64) int64 {
	for _, book := range []*int64{&r.Uncovered, &r.Muted, &r.NotForMail} {
		part := min(n, *book)
		*book -= part
		n -= part
	}
	if r.Uncovered == 0 {
		r.Since, r.Deferred = time.Time{}, 0
	}
	return n
}

// reduce takes failures out of the other books: first, by underWay, of notices that are not settled.
func (r *record) reduce(n int64, underWay func(most int64) int64) {
	n -= underWay(n)
	for _, book := range []*int64{&r.Grouped, &r.GivenUp, &r.Mailed} {
		part := min(n, *book)
		*book -= part
		n -= part
	}
}

// slotKey names a sample's place.
func slotKey(s sample) slotName { return slotName{s.Incident, s.Slot} }

type slotName struct {
	incident string
	slot     int64
}
