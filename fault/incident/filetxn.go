package incident

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault"
)

// fileTxn is a transaction on the state file. The file's lock is held all the time.
type fileTxn struct {
	m      *memory
	ledger string
	seed   *known // nil: there is none
}

var _ txn = (*fileTxn)(nil)

func (t *fileTxn) done(_ context.Context, stream string) (int64, error) {
	return t.m.streams[stream].done, nil
}

func (t *fileTxn) lockGroups(context.Context) error { return nil }

func (t *fileTxn) keys(_ context.Context, keys []string) (rows []*keyRow, err error) {
	for _, key := range keys {
		k := t.m.keys[key]
		if k == nil && t.seed != nil {
			k = t.seed.keys[key]
		}
		if k != nil {
			rows = append(rows, k.clone())
		}
	}
	return rows, nil
}

func (t *fileTxn) related(_ context.Context, places []string) (rows []*keyRow, err error) {
	for _, place := range places {
		for _, k := range t.m.places[place] {
			rows = append(rows, k.clone())
		}
		if t.seed == nil {
			continue
		}
		for _, k := range t.seed.places[place] {
			if t.m.keys[k.Key] == nil {
				rows = append(rows, k.clone())
			}
		}
	}
	return rows, nil
}

func (t *fileTxn) load(_ context.Context, ids []string) (map[string]*record, error) {
	found := make(map[string]*record, len(ids))
	for _, id := range ids {
		if r := t.m.records[id]; r != nil {
			found[id] = r.clone()
		} else if t.seed != nil && t.seed.records[id] != nil {
			found[id] = t.seed.records[id].seed()
		}
	}
	return found, nil
}

func (t *fileTxn) known(_ context.Context, tallies []tallyKey) (map[tallyKey]bool, error) {
	known := map[tallyKey]bool{}
	for _, k := range tallies {
		if t.m.tallies[k.Incident][k] != nil {
			known[k] = true
		}
	}
	return known, nil
}

func (t *fileTxn) counted(_ context.Context, ids []fault.ID) (map[fault.ID]bool, error) {
	counted := map[fault.ID]bool{}
	for _, id := range ids {
		if _, ok := t.m.ids[id]; ok {
			counted[id] = true
		}
	}
	return counted, nil
}

func (t *fileTxn) builds(_ context.Context, names []string) (map[string]time.Time, error) {
	builds := map[string]time.Time{}
	for _, name := range names {
		if at, ok := t.m.builds[name]; ok {
			builds[name] = at
		} else if t.seed != nil {
			if at, ok := t.seed.Builds[name]; ok {
				builds[name] = at
			}
		}
	}
	return builds, nil
}

func (t *fileTxn) notice(_ context.Context, key string) (*noticeRow, error) {
	if n := t.m.notices[key]; n != nil {
		return n.clone(), nil
	}
	return nil, nil
}

func (t *fileTxn) covers(_ context.Context, key string) ([]cover, error) {
	return t.m.covers[key], nil
}

func (t *fileTxn) window(context.Context) (w window, err error) {
	if t.m.hour != nil {
		w = *t.m.hour
	}
	return w, nil
}

// where returns the IDs of the incidents that fn accepts, those first that come first by less.
func (t *fileTxn) where(fn func(*record) bool, less func(a, b *record) int) []string {
	var all []*record
	for _, r := range t.m.records {
		if fn(r) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *record) int { return cmp.Or(less(a, b), cmp.Compare(a.ID, b.ID)) })
	ids := make([]string, len(all))
	for i, r := range all {
		ids[i] = r.ID
	}
	return ids
}

func byDue(a, b *record) int  { return a.Due.Compare(b.Due) }
func byLast(a, b *record) int { return a.Last.Compare(b.Last) }

func (t *fileTxn) dueBy(_ context.Context, now time.Time, limit int) ([]string, error) {
	ids := t.where(func(r *record) bool { return !r.Due.IsZero() && !r.Due.After(now) }, byDue)
	return ids[:min(len(ids), limit)], nil
}

func (t *fileTxn) deferredBefore(_ context.Context, hour int64) ([]string, error) {
	return t.where(func(r *record) bool { return r.Uncovered > 0 && r.Deferred != 0 && r.Deferred < hour }, byLast), nil
}

func (t *fileTxn) uncovered(_ context.Context, since time.Time) ([]string, error) {
	late := func(r *record) bool { return r.Uncovered > 0 && r.Deferred == 0 && !r.Since.After(since) }
	if len(t.where(late, byLast)) == 0 {
		return nil, nil
	}
	return t.where(func(r *record) bool { return r.Uncovered > 0 }, byLast), nil
}

func (t *fileTxn) excess(_ context.Context, unseen time.Time, keep, limit int) ([]string, error) {
	busy := map[string]bool{gone: true}
	for _, n := range t.m.notices {
		if !n.settled() {
			busy[n.IncidentID] = true
		}
	}
	all := t.where(func(r *record) bool { return r.ID != gone }, byLast)
	over := len(all) - keep
	var ids []string
	for i, id := range all {
		if (i < over || t.m.records[id].Last.Before(unseen)) && !busy[id] && len(ids) < limit {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (t *fileTxn) lost(_ context.Context, before time.Time, limit int) (keys []string, err error) {
	for key, n := range t.m.notices {
		if n.State == InOutbox && n.At.Before(before) && len(keys) < limit {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (t *fileTxn) noticesWhere(fn func(*noticeRow) bool) (rows []*noticeRow) {
	for _, n := range t.m.notices {
		if n.State == Pending && fn(n) {
			rows = append(rows, n.clone())
		}
	}
	slices.SortFunc(rows, func(a, b *noticeRow) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Key, b.Key)) })
	return rows
}

func (t *fileTxn) claimable(_ context.Context, now time.Time, max int) ([]*noticeRow, error) {
	rows := t.noticesWhere(func(n *noticeRow) bool { return n.Lease.Before(now) })
	return rows[:min(len(rows), max)], nil
}

func (t *fileTxn) claimedBy(_ context.Context, prefix string) ([]*noticeRow, error) {
	return t.noticesWhere(func(n *noticeRow) bool { return strings.HasPrefix(n.Owner, prefix) && !n.Lease.IsZero() }), nil
}
