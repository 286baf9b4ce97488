package incident

import (
	"time"

	"example.org/microblog/fault"
)

// maxBatch is how many captured failures are counted in one transaction.
const maxBatch = 500

// batch is captured failures of one stream, with all that can be made ready before a transaction.
type batch struct {
	stream string
	items  []item
}

// item is one captured failure.
type item struct {
	fault.Captured
	group Group
	build string
	route string // what it touched: the route that matched, or the task
	user  string
	data  []byte // packed; nil where it is most likely not needed as a sample
}

// prepare groups captured failures and packs those that may become samples: of each group the first
// and the newest.
func prepare(captured []fault.Captured, samples int) (*batch, error) {
	b := &batch{items: make([]item, 0, len(captured))}
	left := map[string]int{} // how many of a group are still to come
	for _, c := range captured {
		b.stream = c.At.Stream
		if c.Failure == nil {
			continue
		}
		it := item{Captured: c, group: GroupOf(c.Failure), build: buildKey(c.Failure.Build),
			route: text(touched(c.Failure)), user: text(c.Failure.User)}
		it.Count = max(it.Count, 1)
		left[it.group.Key]++
		b.items = append(b.items, it)
	}
	began := map[string]bool{}
	for i := range b.items {
		it := &b.items[i]
		if left[it.group.Key] <= samples || !began[it.group.Key] {
			var err error
			if it.data, err = pack(it.Failure); err != nil {
				return nil, err
			}
		}
		began[it.group.Key] = true
		left[it.group.Key]--
	}
	return b, nil
}

// to is the offset after the batch.
func (b *batch) to() int64 {
	if len(b.items) == 0 {
		return 0
	}
	return b.items[len(b.items)-1].At.Offset
}

// span returns when the item's failures happened, not after now, in microseconds as all times here.
func (it *item) span(now time.Time) (first, last time.Time) {
	first = earlier(it.Failure.Time, now)
	last = first
	if it.Count > 1 && it.Last.After(first) {
		last = earlier(it.Last, now)
	}
	return first.UTC().Truncate(time.Microsecond), last.UTC().Truncate(time.Microsecond)
}

func touched(f *fault.Failure) string {
	switch {
	case f.Request != nil && f.Request.Route != "":
		return f.Request.Route
	case f.Request != nil && f.Request.Method != "":
		return f.Request.Method + " (no route)"
	}
	return f.Task
}

// maxSpread is over how many minutes failures are spread of which only the first and the last time are
// known.
const maxSpread = 1440

// spread calls add with the failures of each minute.
func spread(first, last time.Time, n int64, add func(minute, n int64)) {
	from, to := first.Unix()/60, last.Unix()/60
	minutes := min(max(to-from+1, 1), maxSpread)
	for i := range minutes {
		if part := n*(i+1)/minutes - n*i/minutes; part > 0 {
			add(to-minutes+1+i, part)
		}
	}
}
