package incident

import (
	"context"
	"time"

	"example.org/microblog/fault"
)

// details gathers what is kept of failures beside their numbers.
type details struct {
	s       *session
	minutes map[minuteKey]int64
	order   []minuteKey
	tallies map[tallyKey]*tallyCount
	names   []tallyKey
	newest  map[string][]*item // by incident, the last ones
}

type minuteKey struct {
	incident string
	minute   int64
}

func newDetails(s *session) *details {
	return &details{s: s, minutes: map[minuteKey]int64{}, tallies: map[tallyKey]*tallyCount{}, newest: map[string][]*item{}}
}

func (d *details) add(r *record, it *item, first, last time.Time) error {
	spread(first, last, it.Count, func(minute, n int64) {
		k := minuteKey{r.ID, minute}
		if d.minutes[k] == 0 {
			d.order = append(d.order, k)
		}
		d.minutes[k] += n
	})
	d.tally(tallyKey{r.ID, tallyRoute, it.route}, it.Count, first, last)
	d.tally(tallyKey{r.ID, tallyUser, it.user}, it.Count, first, last)
	d.s.ch.IDs = append(d.s.ch.IDs, failureID{it.Failure.ID, r.ID, first})
	if r.created && r.FirstID == it.Failure.ID && d.newest[r.ID] == nil {
		d.newest[r.ID] = []*item{}
		return d.sample(r, 0, it)
	}
	list := append(d.newest[r.ID], it)
	if keep := d.s.keep.Samples; len(list) >= 2*keep {
		list = append(list[:0], list[len(list)-keep:]...)
	}
	d.newest[r.ID] = list
	return nil
}

func (d *details) tally(k tallyKey, n int64, first, last time.Time) {
	if k.Name == "" {
		return
	}
	t := d.tallies[k]
	if t == nil {
		t = &tallyCount{tallyKey: k, First: first, Last: last}
		d.tallies[k] = t
		d.names = append(d.names, k)
	}
	t.N += n
	t.First = earlier(t.First, first)
	if last.After(t.Last) {
		t.Last = last
	}
}

func (d *details) sample(r *record, slot int64, it *item) error {
	data := it.data
	if data == nil {
		var err error
		if data, err = pack(it.Failure); err != nil {
			return err
		}
	}
	d.s.ch.Samples = append(d.s.ch.Samples, sample{Incident: r.ID, Slot: slot, ID: it.Failure.ID, At: it.Failure.Time.UTC().Truncate(time.Microsecond), Data: data})
	return nil
}

// finish adds everything to the changes.
func (d *details) finish(ctx context.Context) error {
	for _, k := range d.order {
		d.s.ch.Minutes = append(d.s.ch.Minutes, minuteCount{k.incident, k.minute, d.minutes[k]})
	}
	for id, list := range d.newest {
		r := d.s.records[id]
		for _, it := range list[max(0, len(list)-d.s.keep.Samples):] {
			if err := d.sample(r, 1+r.Slots%int64(d.s.keep.Samples), it); err != nil {
				return err
			}
			r.Slots++
		}
	}
	tallies := make([]tallyCount, len(d.names))
	for i, k := range d.names {
		tallies[i] = *d.tallies[k]
	}
	return d.s.addTallies(ctx, tallies)
}

// addTallies adds to people and routes, as many as are told apart.
func (s *session) addTallies(ctx context.Context, tallies []tallyCount) error {
	keys := make([]tallyKey, 0, len(tallies))
	for _, t := range tallies {
		if r := s.records[t.Incident]; !r.created {
			keys = append(keys, t.tallyKey)
		}
	}
	known, err := s.t.known(ctx, keys)
	if err != nil {
		return err
	}
	for _, t := range tallies {
		r := s.records[t.Incident]
		count, most := &r.Users, int64(s.keep.Users)
		if t.Of == tallyRoute {
			count, most = &r.Routes, int64(s.keep.Routes)
		}
		if !known[t.tallyKey] {
			if *count >= most {
				continue
			}
			*count++
		}
		s.ch.Tallies = append(s.ch.Tallies, t)
	}
	return nil
}

// idRange returns the first and the last failure ID that begin with a canonical prefix.
func idRange(prefix string) (from, to fault.ID) {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	for i := range to {
		to[i] = 0xff
	}
	for i, c := range prefix {
		value := byte(0)
		for j, a := range alphabet {
			if a == c {
				value = byte(j)
			}
		}
		for bit := range 5 {
			at := 5*i + bit
			if at >= 8*len(from) {
				break
			}
			mask := byte(1) << (7 - at%8)
			if value&(1<<(4-bit)) != 0 {
				from[at/8] |= mask
			} else {
				to[at/8] &^= mask
			}
		}
	}
	return from, to
}
