package incident

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"example.org/microblog/fault"
)

// reconcile takes the state file over into the database, in one transaction, and removes the file. It
// returns how many failures that were. Whatever fails, and at whatever moment, it can be done again:
// the database knows which files it has taken over.
func (b *Book) reconcile(ctx context.Context) (count int64, err error) {
	err = b.file.takeOver(ctx, func(m *memory, ledger string, f *os.File) error {
		u := b.rules()
		var ch *changes
		err := b.sql.update(ctx, func(ctx context.Context, t txn) (*changes, error) {
			s := newSession(t, u, &b.keep, "")
			im := &importing{session: s, m: m, f: f, targets: map[string]string{}, counted: map[string]int64{}}
			done, err := t.(*sqlTxn).imported(ctx, ledger, u.now)
			if err != nil || done {
				count, ch = 0, nil
				return nil, err
			}
			if err := im.run(ctx); err != nil {
				return nil, err
			}
			count, ch = im.count, s.finish()
			return ch, nil
		})
		if err == nil && ch != nil {
			b.learn(ch)
		}
		return err
	})
	return count, err
}

// imported notes that a state file is taken over in this transaction, and tells whether it was already.
func (t *sqlTxn) imported(ctx context.Context, ledger string, now time.Time) (bool, error) {
	res, err := t.q.ExecContext(ctx, `INSERT INTO fault_imports (ledger, imported_at) VALUES ($1, $2) ON CONFLICT (ledger) DO NOTHING`,
		ledger, micros(now))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 0, err
}

// importing is one takeover.
type importing struct {
	*session
	m *memory
	f *os.File

	targets map[string]string // the database's incident of each of the file's
	doubts  []doubt           // what the database has counted, too
	counted map[string]int64  // of those the failures, by the file's incident
	twice   map[fault.ID]bool // of those the IDs
	covers  []cover
	count   int64 // failures that are new to the database
}

func (im *importing) run(ctx context.Context) error {
	if err := im.streams(ctx); err != nil {
		return err
	}
	if err := im.groups(ctx); err != nil {
		return err
	}
	ids := append(slices.Collect(maps.Values(im.targets)), gone)
	if err := im.load(ctx, ids); err != nil {
		return err
	}
	if err := im.cancel(ctx); err != nil {
		return err
	}
	im.notices()
	for _, id := range slices.Sorted(maps.Keys(im.m.records)) {
		im.incident(im.m.records[id])
	}
	im.ch.Covers = append(im.ch.Covers, im.covers...)
	if err := im.details(ctx); err != nil {
		return err
	}
	return im.hours(ctx)
}

// streams compares how far the streams are counted here and there.
func (im *importing) streams(ctx context.Context) error {
	im.ch.Streams = map[string]int64{}
	im.twice = map[fault.ID]bool{}
	for _, name := range slices.Sorted(maps.Keys(im.m.streams)) {
		done, err := im.t.done(ctx, name)
		if err != nil {
			return err
		}
		im.ch.Streams[name] = im.m.streams[name].done
		for _, d := range im.m.doubts {
			if d.Stream == name && d.Offset <= done {
				im.doubts = append(im.doubts, d)
				im.counted[d.Incident] += d.N
				im.twice[d.ID] = true
			}
		}
	}
	return nil
}

// groups finds the database's incidents for the file's.
func (im *importing) groups(ctx context.Context) error {
	if err := im.t.lockGroups(ctx); err != nil {
		return err
	}
	keys := slices.SortedFunc(maps.Values(im.m.keys), func(a, b *keyRow) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Key, b.Key))
	})
	wanted, places := map[string]bool{}, map[string]bool{}
	for _, k := range keys {
		wanted[k.Key], wanted[joinedPrefix+k.Place] = true, true
		places[k.Place] = true
	}
	rows, err := im.lookup(ctx, wanted)
	if err != nil {
		return err
	}
	found, err := im.t.related(ctx, slices.Sorted(maps.Keys(places)))
	if err != nil {
		return err
	}
	related := map[string][]*keyRow{}
	for _, k := range found {
		related[k.Place] = append(related[k.Place], k)
	}
	for id, r := range im.m.records {
		if r.SeedAt > 0 || id == gone {
			im.targets[id] = id // It came from there, and is made again if it was removed.
			im.born[id] = r.Joined
		}
	}
	for _, k := range keys {
		row := rowOf(rows, Group{Key: k.Key, Place: k.Place})
		target, ok := im.targets[k.Incident]
		if row == nil {
			row = k.clone()
			switch {
			case ok:
				row.Incident = target
			default:
				row = assign(Group{Key: k.Key, Coarse: k.Coarse, Place: k.Place, Line: k.Line}, newestBuild(k), related[k.Place], k.At)
			}
			rows[row.Key] = row
			related[row.Place] = append(related[row.Place], row)
			im.ch.Keys = append(im.ch.Keys, row)
		}
		if !ok {
			im.targets[k.Incident] = row.Incident
			im.born[row.Incident] = im.m.records[k.Incident] != nil && im.m.records[k.Incident].Joined
		}
	}
	for id := range im.m.records {
		if im.targets[id] == "" {
			im.targets[id] = id
		}
	}
	return nil
}

func newestBuild(k *keyRow) string {
	if len(k.Builds) == 0 {
		return ""
	}
	return k.Builds[0]
}

// notices takes over the file's notices and what they cover.
func (im *importing) notices() {
	for _, key := range slices.Sorted(maps.Keys(im.m.notices)) {
		n := im.m.notices[key].clone()
		if n.IncidentID != "" {
			n.IncidentID = im.target(n.IncidentID)
		}
		im.ch.Notices = append(im.ch.Notices, n)
		sum := map[string]int64{}
		for _, c := range im.m.covers[key] {
			sum[im.target(c.Incident)] += c.N
		}
		for _, id := range slices.Sorted(maps.Keys(sum)) {
			im.covers = append(im.covers, cover{key, id, sum[id]})
		}
	}
}

// target returns the database's incident for one of the file's; the books of what is no longer kept
// where there is none.
func (im *importing) target(id string) string { return im.targets[id] }

// incident adds the file's books of an incident to the database's.
func (im *importing) incident(from *record) {
	id := im.target(from.ID)
	twice := im.counted[from.ID]
	im.count += from.Count - from.SeedCount - twice
	r := im.records[id]
	if r == nil {
		r = from.begin(id)
		im.records[id] = r
	}
	im.changed[id] = true
	r.merge(from, twice)
	if over := r.uncover(twice); over > 0 {
		r.reduce(over, func(most int64) int64 { return im.uncover(id, most) })
	}
	if r.State == Muted || r.State == Resolved {
		r.drop()
	}
}

// uncover takes failures out of what the file's notices under way cover, and returns how many.
func (im *importing) uncover(id string, most int64) (taken int64) {
	for i := range im.covers {
		c := &im.covers[i]
		if c.Incident != id || im.m.notices[c.Notice].settled() {
			continue
		}
		n := min(c.N, most-taken)
		c.N -= n
		taken += n
	}
	return taken
}

// details takes over what is kept of failures beside their numbers.
func (im *importing) details(ctx context.Context) error {
	minutes := map[minuteKey]int64{}
	tallies := map[tallyKey]*tallyCount{}
	for id, counts := range im.m.minutes {
		for minute, n := range counts {
			minutes[minuteKey{im.target(id), minute}] += n
		}
	}
	for _, of := range im.m.tallies {
		for _, t := range of {
			k := tallyKey{im.target(t.Incident), t.Of, t.Name}
			if sum := tallies[k]; sum != nil {
				sum.N += t.N
				sum.First = earlier(sum.First, t.First)
				if t.Last.After(sum.Last) {
					sum.Last = t.Last
				}
			} else {
				c := *t
				c.tallyKey = k
				tallies[k] = &c
			}
		}
	}
	for _, d := range im.doubts {
		id := im.target(d.Incident)
		spread(d.First, d.Last, d.N, func(minute, n int64) { minutes[minuteKey{id, minute}] -= n })
		for _, k := range []tallyKey{{id, tallyUser, d.User}, {id, tallyRoute, d.Route}} {
			if t := tallies[k]; t != nil {
				t.N -= d.N
			}
		}
	}
	for k, n := range minutes {
		if n > 0 && im.records[k.incident] != nil {
			im.ch.Minutes = append(im.ch.Minutes, minuteCount{k.incident, k.minute, n})
		}
	}
	var list []tallyCount
	for _, t := range tallies {
		if t.N > 0 && im.records[t.Incident] != nil {
			list = append(list, *t)
		}
	}
	if err := im.addTallies(ctx, list); err != nil {
		return err
	}
	for _, id := range im.m.order {
		f := im.m.ids[id]
		f.Incident = im.target(f.Incident)
		im.ch.IDs = append(im.ch.IDs, f)
	}
	return im.samples()
}

func (im *importing) samples() error {
	for _, id := range slices.Sorted(maps.Keys(im.m.samples)) {
		r := im.records[im.target(id)]
		if r == nil {
			continue
		}
		list := slices.SortedFunc(maps.Values(im.m.samples[id]), func(a, b sample) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Slot, b.Slot))
		})
		for _, sm := range list {
			if im.twice[sm.ID] {
				continue
			}
			data, err := sm.packed(im.f)
			if err != nil {
				continue // A damaged file costs a sample and not the books.
			}
			sm.Data, sm.Incident = data, r.ID
			if sm.Slot != 0 || !r.created || r.FirstID != sm.ID {
				sm.Slot = 1 + r.Slots%int64(im.keep.Samples)
				r.Slots++
			}
			im.ch.Samples = append(im.ch.Samples, sm)
		}
	}
	// One statement must not write the same slot twice.
	last := map[slotName]int{}
	for i, sm := range im.ch.Samples {
		last[slotKey(sm)] = i
	}
	kept := im.ch.Samples[:0]
	for i, sm := range im.ch.Samples {
		if last[slotKey(sm)] == i {
			kept = append(kept, sm)
		}
	}
	im.ch.Samples = kept
	return nil
}

// hours adds the mails of this hour, and the builds.
func (im *importing) hours(ctx context.Context) error {
	for build, at := range im.m.builds {
		im.ch.Builds = append(im.ch.Builds, buildSeen{build, at})
	}
	if im.m.hour == nil {
		return nil
	}
	w, err := im.hour(ctx)
	if err != nil {
		return err
	}
	if im.m.hour.Hour == w.Hour {
		w.Sent += im.m.hour.Sent
	}
	return nil
}
