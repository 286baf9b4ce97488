package incident

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// assign returns the incident of each item, and notes the keys that are new or seen in a new build.
func (s *session) assign(ctx context.Context, items []item) ([]string, error) {
	wanted := map[string]bool{}
	for i := range items {
		wanted[items[i].group.Key] = true
		wanted[joinedPrefix+items[i].group.Place] = true
	}
	rows, err := s.lookup(ctx, wanted)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(items, func(it item) bool { return rowOf(rows, it.group) == nil }) {
		// Nobody else may add keys from here on; somebody may have done so just now.
		if err := s.t.lockGroups(ctx); err != nil {
			return nil, err
		}
		if rows, err = s.lookup(ctx, wanted); err != nil {
			return nil, err
		}
		if err := s.assignUnknown(ctx, items, rows); err != nil {
			return nil, err
		}
	}
	incidents := make([]string, len(items))
	changed := map[*keyRow]bool{}
	for _, row := range s.ch.Keys {
		changed[row] = true
	}
	for i := range items {
		row := rowOf(rows, items[i].group)
		if items[i].build != "" && row.seenIn(items[i].build, s.u.now) && !changed[row] {
			changed[row] = true
			s.ch.Keys = append(s.ch.Keys, row)
		}
		incidents[i] = row.Incident
	}
	return incidents, nil
}

func (s *session) lookup(ctx context.Context, keys map[string]bool) (map[string]*keyRow, error) {
	found, err := s.t.keys(ctx, slices.Sorted(maps.Keys(keys)))
	if err != nil {
		return nil, err
	}
	rows := make(map[string]*keyRow, len(found))
	for _, k := range found {
		rows[k.Key] = k
	}
	return rows, nil
}

// rowOf returns the row that a group belongs to: its own, or else that of everything from its place.
func rowOf(rows map[string]*keyRow, g Group) *keyRow {
	if row := rows[g.Key]; row != nil {
		return row
	}
	return rows[joinedPrefix+g.Place]
}

// assignUnknown adds rows for the groups that have none.
func (s *session) assignUnknown(ctx context.Context, items []item, rows map[string]*keyRow) error {
	places := map[string]bool{}
	for i := range items {
		if g := items[i].group; rowOf(rows, g) == nil {
			places[g.Place] = true
		}
	}
	found, err := s.t.related(ctx, slices.Sorted(maps.Keys(places)))
	if err != nil {
		return err
	}
	related := map[string][]*keyRow{}
	for _, k := range found {
		related[k.Place] = append(related[k.Place], k)
	}
	for i := range items {
		// In the order of the failures, and what one adds the next one finds.
		g := items[i].group
		if rowOf(rows, g) != nil {
			continue
		}
		row := assign(g, items[i].build, related[g.Place], s.u.now)
		rows[row.Key] = row
		related[g.Place] = append(related[g.Place], row)
		s.ch.Keys = append(s.ch.Keys, row)
		if row.Incident == newID(row.Key) {
			s.born[row.Incident] = strings.HasPrefix(row.Key, joinedPrefix)
		}
	}
	return nil
}
