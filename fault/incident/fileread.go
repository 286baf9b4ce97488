package incident

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault"
)

// read calls fn with what the file holds now, and with the open file, nil if there is none. It takes no
// lock: what is there is whole, and what is being added counts from when it is.
func (s *fileStore) read(fn func(m *memory, f *os.File) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.open(os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("state file %s: %w", s.path(), err)
	}
	if f != nil {
		defer f.Close()
	}
	return fn(s.mem, f)
}

func (s *fileStore) list(_ context.Context, q Query) (page Incidents, err error) {
	var after *cursor
	if q.Cursor != "" {
		c, err := parseCursor(q.Cursor)
		if err != nil {
			return page, err
		}
		after = &c
	}
	words := searchWords(q.Search)
	err = s.read(func(m *memory, _ *os.File) error {
		for _, r := range m.records {
			if r.ID == gone || len(q.States) > 0 && !slices.Contains(q.States, r.State) || !m.matches(r, words) {
				continue
			}
			if last := micros(r.Last); after != nil && (last > after.last || last == after.last && r.ID >= after.id) {
				continue
			}
			page.Items = append(page.Items, r.Incident)
		}
		return nil
	})
	slices.SortFunc(page.Items, func(a, b Incident) int {
		return cmp.Or(cmp.Compare(micros(b.Last), micros(a.Last)), cmp.Compare(b.ID, a.ID))
	})
	page.Items = page.Items[:min(len(page.Items), q.Limit+1)]
	return cutPage(page, q.Limit), err
}

func (m *memory) matches(r *record, words []string) bool {
	for _, word := range words {
		found := strings.Contains(r.words(), word)
		for k := range m.tallies[r.ID] {
			found = found || k.Of == tallyRoute && strings.Contains(strings.ToLower(k.Name), word)
		}
		if !found {
			return false
		}
	}
	return true
}

func (s *fileStore) counts(context.Context) (map[State]int64, error) {
	counts := map[State]int64{}
	err := s.read(func(m *memory, _ *os.File) error {
		for _, r := range m.records {
			if r.ID != gone {
				counts[r.State]++
			}
		}
		return nil
	})
	return counts, err
}

func (s *fileStore) incident(_ context.Context, id string) (r *record, err error) {
	err = s.read(func(m *memory, _ *os.File) error {
		if found := m.records[id]; found != nil {
			r = found.clone()
		}
		return nil
	})
	return r, err
}

func (s *fileStore) samples(_ context.Context, id string, limit int) (all []*fault.Failure, err error) {
	err = s.read(func(m *memory, f *os.File) error {
		var ring []sample
		for slot, sm := range m.samples[id] {
			if slot > 0 {
				ring = append(ring, sm)
			}
		}
		slices.SortFunc(ring, func(a, b sample) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Slot, a.Slot)) })
		ring = ring[:min(len(ring), limit)]
		if first, ok := m.samples[id][0]; ok {
			ring = append(ring, first)
		}
		for _, sm := range ring {
			if failure, err := sm.read(f); err == nil { // Where the file is damaged there is one less.
				all = append(all, failure)
			}
		}
		return nil
	})
	return all, err
}

// read reads a sample from the state file.
func (s sample) read(f *os.File) (*fault.Failure, error) {
	data, err := s.packed(f)
	if err != nil {
		return nil, err
	}
	return unpack(data)
}

func (s sample) packed(f *os.File) ([]byte, error) {
	_, data, err := readFrame(f, s.Ref.Offset-frameOverhead, s.Ref.Offset+s.Ref.Length)
	if err != nil {
		return nil, fmt.Errorf("reading a sample at byte %d: %w", s.Ref.Offset, err)
	}
	return data, nil
}

func (s *fileStore) sample(_ context.Context, id string, failure fault.ID) (found *fault.Failure, err error) {
	err = s.read(func(m *memory, f *os.File) error {
		for _, sm := range m.samples[id] {
			if sm.ID == failure {
				found, _ = sm.read(f) // Where the file is damaged it is as if it were not kept.
			}
		}
		return nil
	})
	return found, err
}

func (s *fileStore) history(_ context.Context, ids []string, from, step int64, n int) (map[string][]int64, error) {
	all := make(map[string][]int64, len(ids))
	err := s.read(func(m *memory, _ *os.File) error {
		for _, id := range ids {
			counts := make([]int64, n)
			for minute, count := range m.minutes[id] {
				if i := (minute - from) / step; minute >= from && i < int64(n) {
					counts[i] += count
				}
			}
			all[id] = counts
		}
		return nil
	})
	return all, err
}

func (s *fileStore) tallies(_ context.Context, id, of string) (all []Tally, err error) {
	err = s.read(func(m *memory, _ *os.File) error {
		for k, t := range m.tallies[id] {
			if k.Of == of {
				all = append(all, Tally{Name: t.Name, Count: t.N, First: t.First, Last: t.Last})
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last), cmp.Compare(a.Name, b.Name))
	})
	return all, err
}

func (s *fileStore) people(_ context.Context, id string, since time.Time) (n int64, err error) {
	err = s.read(func(m *memory, _ *os.File) error {
		for k, t := range m.tallies[id] {
			if k.Of == tallyUser && !t.Last.Before(since) {
				n++
			}
		}
		return nil
	})
	return n, err
}

func (s *fileStore) told(_ context.Context, id string) (all []Told, err error) {
	err = s.read(func(m *memory, _ *os.File) error {
		for key, covers := range m.covers {
			n := m.notices[key]
			for _, c := range covers {
				if n != nil && c.Incident == id {
					all = append(all, n.told(c.N))
				}
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Told) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Key, a.Key)) })
	return all[:min(len(all), maxTold)], err
}

func (s *fileStore) find(_ context.Context, from, to fault.ID, limit int) (all []failureID, err error) {
	err = s.read(func(m *memory, _ *os.File) error {
		for id, f := range m.ids {
			if bytes.Compare(id[:], from[:]) >= 0 && bytes.Compare(id[:], to[:]) <= 0 {
				all = append(all, f)
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b failureID) int { return b.At.Compare(a.At) })
	return all[:min(len(all), limit)], err
}

func (s *fileStore) items(_ context.Context, key string) (items []Item, err error) {
	err = s.read(func(m *memory, _ *os.File) error {
		for _, c := range m.covers[key] {
			it := Item{Covers: c.N}
			if r := m.records[c.Incident]; r != nil {
				it.Incident = r.Incident
			}
			items = append(items, it)
		}
		return nil
	})
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(b.Covers, a.Covers), cmp.Compare(a.Incident.ID, b.Incident.ID))
	})
	return items, err
}

func (s *fileStore) sums(context.Context) (t Totals, err error) {
	err = s.read(func(m *memory, _ *os.File) error {
		for _, r := range m.records {
			t.add(r.sums())
		}
		return nil
	})
	return t, err
}

func (s *fileStore) next(context.Context) (n next, err error) {
	first := func(t *time.Time, at time.Time) {
		if t.IsZero() || at.Before(*t) {
			*t = at
		}
	}
	err = s.read(func(m *memory, _ *os.File) error {
		for _, r := range m.records {
			if !r.Due.IsZero() {
				first(&n.due, r.Due)
			}
			switch {
			case r.Uncovered == 0:
			case r.Deferred == 0:
				first(&n.since, r.Since)
			case n.deferred == 0 || r.Deferred < n.deferred:
				n.deferred = r.Deferred
			}
		}
		for _, row := range m.notices {
			if row.State == Pending {
				first(&n.lease, row.Lease.Add(time.Microsecond)) // not the zero time
			}
		}
		return nil
	})
	return n, err
}
