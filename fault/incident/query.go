package incident

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault"
)

// Query selects incidents for [Book.List].
type Query struct {
	States []State // any of these; none: all
	// Search is words of which each must be in the title, the culprit, the error's type, a route or
	// the ID, in either case.
	Search string
	Limit  int    // at most 200; 0: 50
	Cursor string // Incidents.Next of the page before
}

// Incidents is one page of a list.
type Incidents struct {
	Items []Incident
	Next  string // the cursor of the next page; "" on the last one
}

// maxSteps bounds a history.
const maxSteps = 10_000

// maxFound bounds what Find returns.
const maxFound = 20

// List returns incidents, last seen first. While the database is gone these are the ones that happened
// since.
func (b *Book) List(ctx context.Context, q Query) (Incidents, error) {
	if q.Limit <= 0 {
		q.Limit = defaultListed
	}
	q.Limit = min(q.Limit, maxListed)
	page, err := b.store().list(ctx, q)
	return page, explain(err, "listing the incidents")
}

// Counts returns how many incidents there are in each state.
func (b *Book) Counts(ctx context.Context) (map[State]int64, error) {
	counts, err := b.store().counts(ctx)
	return counts, explain(err, "counting the incidents")
}

// Incident returns one incident, or ErrNotFound. Its ID may be typed in either case and with hyphens.
func (b *Book) Incident(ctx context.Context, id string) (Incident, error) {
	id = canonicalID(id)
	r, err := b.store().incident(ctx, id)
	if err == nil && (r == nil || id == gone) {
		err = ErrNotFound
	}
	if err != nil {
		return Incident{}, explain(err, "looking up incident "+quoteID(id))
	}
	return r.Incident, nil
}

// Samples returns failures of an incident in full: the newest limit ones, newest first, and the very
// first one last. limit 0 stands for all that are kept.
func (b *Book) Samples(ctx context.Context, id string, limit int) ([]*fault.Failure, error) {
	if limit <= 0 {
		limit = b.keep.Samples
	}
	samples, err := b.store().samples(ctx, canonicalID(id), limit)
	return samples, explain(err, "reading the samples of incident "+quoteID(id))
}

// History returns how many failures of an incident there were in each step of the time from from to to.
// step is cut to whole minutes, from and to are moved outwards to whole steps, as they are counted from
// 1970; at most 10,000 steps are returned, the newest.
func (b *Book) History(ctx context.Context, id string, from, to time.Time, step time.Duration) ([]int64, error) {
	id = canonicalID(id)
	all, err := b.Histories(ctx, []string{id}, from, to, step)
	return all[id], err
}

// Histories is History for several incidents at once, by ID.
func (b *Book) Histories(ctx context.Context, ids []string, from, to time.Time, step time.Duration) (map[string][]int64, error) {
	width := max(int64(step/time.Minute), 1)
	first, last := floorDiv(from.Unix(), 60*width), -floorDiv(-to.Unix(), 60*width)
	n := last - first
	if n <= 0 || len(ids) == 0 {
		return map[string][]int64{}, nil
	}
	if n > maxSteps {
		first, n = last-maxSteps, maxSteps
	}
	canonical := make([]string, len(ids))
	for i, id := range ids {
		canonical[i] = canonicalID(id)
	}
	all, err := b.store().history(ctx, canonical, first*width, width, int(n))
	return all, explain(err, "reading the history of incidents")
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Routes returns the routes that an incident touched, most failures first: as many as are told apart.
func (b *Book) Routes(ctx context.Context, id string) ([]Tally, error) {
	all, err := b.store().tallies(ctx, canonicalID(id), tallyRoute)
	return all, explain(err, "reading the routes of incident "+quoteID(id))
}

// Users returns the people that an incident touched, likewise.
func (b *Book) Users(ctx context.Context, id string) ([]Tally, error) {
	all, err := b.store().tallies(ctx, canonicalID(id), tallyUser)
	return all, explain(err, "reading the people of incident "+quoteID(id))
}

// Notices returns the notices that cover failures of an incident, newest first, at most 100.
func (b *Book) Notices(ctx context.Context, id string) ([]Told, error) {
	all, err := b.store().told(ctx, canonicalID(id))
	return all, explain(err, "reading the notices of incident "+quoteID(id))
}

// Find returns the failures whose ID begins like the given one, newest first, at most 20; and for the
// beginning of an incident's ID, of at least four characters, its newest sample. Both may be typed as
// fault.ParseIDPrefix allows. That there is no match is no error.
func (b *Book) Find(ctx context.Context, idOrPrefix string) ([]Found, error) {
	found, err := b.find(ctx, idOrPrefix)
	return found, explain(err, "looking for "+quoteID(idOrPrefix))
}

func (b *Book) find(ctx context.Context, prefix string) (found []Found, err error) {
	in := b.store()
	if canonical, err := fault.ParseIDPrefix(prefix); err == nil {
		from, to := idRange(canonical)
		ids, err := in.find(ctx, from, to, maxFound)
		if err != nil {
			return nil, err
		}
		for _, f := range ids {
			r, err := in.incident(ctx, f.Incident)
			if err != nil {
				return nil, err
			}
			if r == nil || r.ID == gone {
				continue
			}
			failure, err := in.sample(ctx, f.Incident, f.ID)
			if err != nil {
				return nil, err
			}
			found = append(found, Found{ID: f.ID, Incident: r.Incident, Failure: failure})
		}
	}
	// An incident's ID may be quoted as well, and looks the same.
	id := canonicalID(prefix)
	if len(id) < 4 || len(id) > idLength {
		return found, nil
	}
	page, err := in.list(ctx, Query{Search: id, Limit: maxListed})
	if err != nil {
		return nil, err
	}
	for _, inc := range page.Items {
		if !strings.HasPrefix(inc.ID, id) || len(found) >= maxFound {
			continue
		}
		it := Found{Incident: inc, ID: inc.LastID}
		samples, err := in.samples(ctx, inc.ID, 1)
		if err != nil {
			return nil, err
		}
		if len(samples) > 0 {
			it.ID, it.Failure = samples[0].ID, samples[0]
		}
		if !slices.ContainsFunc(found, func(f Found) bool { return f.ID == it.ID }) {
			found = append(found, it)
		}
	}
	return found, nil
}

// Resolve notes that by has mended it. The next failure is a regression; with nextBuild only one in a
// build that was first seen after this. What nobody was told of yet counts as muted.
func (b *Book) Resolve(ctx context.Context, id, by string, nextBuild bool) error {
	return b.act(ctx, id, "resolving", func(r *record, u *rules) { r.resolve(text(by), nextBuild, u) })
}

// Mute stops the notices of an incident until that time or for so many further failures, whichever ends
// first; with zero values until somebody reopens it. What nobody was told of yet counts as muted.
func (b *Book) Mute(ctx context.Context, id, by string, until time.Time, count int64) error {
	return b.act(ctx, id, "muting", func(r *record, u *rules) { r.mute(text(by), until.UTC(), count, u) })
}

// Reopen ends a mute, or takes back that it was resolved. The next failure is told at once.
func (b *Book) Reopen(ctx context.Context, id, by string) error {
	return b.act(ctx, id, "reopening", func(r *record, u *rules) { r.reopen(text(by), u) })
}

// act changes an incident for a person.
func (b *Book) act(ctx context.Context, id, doing string, fn func(*record, *rules)) error {
	id = canonicalID(id)
	err := error(nil)
	switch {
	case b.sql != nil && !b.usesSQL():
		err = ErrNoSQL
	case id == gone:
		err = ErrNotFound
	default:
		err = b.do(ctx, func(ctx context.Context, s *session) error {
			return s.change(ctx, id, func(r *record) { fn(r, s.u) })
		})
	}
	return explain(err, doing+" incident "+quoteID(id))
}

// Totals returns what became of all failures captured, those included that are still in the Source.
func (b *Book) Totals(ctx context.Context) (Totals, error) {
	// Nothing goes from the Source to the books meanwhile, or else it would be counted twice. But if
	// there is trouble, that is better than no answer.
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if b.hold(limited) == nil {
		defer b.release()
	}
	t, err := b.totals(ctx)
	return t, explain(err, "adding up the books of the incidents")
}

func (b *Book) totals(ctx context.Context) (t Totals, err error) {
	if b.o.Source != nil {
		n := b.o.Source.Waiting()
		t.add(Totals{Captured: n, Waiting: n})
	}
	if b.usesSQL() {
		in, err := b.sql.sums(ctx)
		if err != nil {
			return t, err
		}
		t.add(in)
	} else if b.sql != nil {
		t.add(b.known.Load().Totals) // as of the last time that it answered
	}
	in, err := b.file.sums(ctx)
	t.add(in)
	return t, err
}

// explain says what was being done.
func explain(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// quoteID makes an ID that somebody typed fit for a message.
func quoteID(id string) string {
	const most = 40
	return fmt.Sprintf("%q", cmp.Or(id[:min(len(id), most)], "(none)"))
}
