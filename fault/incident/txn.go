package incident

import (
	"context"
	"time"

	"example.org/microblog/fault"
)

// store is where a Book keeps its incidents: SQL or the state file.
type store interface {
	// update runs fn in a transaction and writes the changes that it returns, all of them or none. fn
	// may run several times. With an error that is an *inDoubt it is not known which.
	update(ctx context.Context, fn func(ctx context.Context, t txn) (*changes, error)) error
	reader
}

// txn is what a transaction reads. What it returns is locked until the end, the caller may change it.
// To be locked in one order everywhere, it must be asked for in this order: done, lockGroups, load,
// notice, window.
type txn interface {
	// done returns how far a stream is counted.
	done(ctx context.Context, stream string) (int64, error)
	// lockGroups keeps others from adding keys.
	lockGroups(ctx context.Context) error
	keys(ctx context.Context, keys []string) ([]*keyRow, error)
	// related returns the keys of these places.
	related(ctx context.Context, places []string) ([]*keyRow, error)
	// load returns those of the incidents that exist.
	load(ctx context.Context, ids []string) (map[string]*record, error)
	// known returns those of the tallies that exist.
	known(ctx context.Context, tallies []tallyKey) (map[tallyKey]bool, error)
	// counted returns which failures are counted, as far as their IDs are kept.
	counted(ctx context.Context, ids []fault.ID) (map[fault.ID]bool, error)
	builds(ctx context.Context, names []string) (map[string]time.Time, error)
	notice(ctx context.Context, key string) (*noticeRow, error) // nil: there is none
	covers(ctx context.Context, key string) ([]cover, error)
	window(ctx context.Context) (window, error)

	// dueBy returns at most so many incidents for which time has brought something about.
	dueBy(ctx context.Context, now time.Time, limit int) ([]string, error)
	// deferredBefore returns the incidents that earlier hours had no mail left for.
	deferredBefore(ctx context.Context, hour int64) ([]string, error)
	// uncovered returns the incidents with uncovered failures, if any of them has been so since before
	// that time.
	uncovered(ctx context.Context, since time.Time) ([]string, error)
	// excess returns incidents to be removed: not seen since that time, or beyond so many, but at most
	// limit, and none that a notice under way is about.
	excess(ctx context.Context, unseen time.Time, keep, limit int) ([]string, error)
	// lost returns at most limit notices that were handed over before that time and never settled.
	lost(ctx context.Context, before time.Time, limit int) ([]string, error)
	// claimable returns at most max notices that can be claimed, oldest first.
	claimable(ctx context.Context, now time.Time, max int) ([]*noticeRow, error)
	// claimedBy returns the notices that are claimed by owners of that prefix.
	claimedBy(ctx context.Context, prefix string) ([]*noticeRow, error)
}

// reader is what a Book's readers ask for.
type reader interface {
	list(ctx context.Context, q Query) (Incidents, error)
	counts(ctx context.Context) (map[State]int64, error)
	incident(ctx context.Context, id string) (*record, error) // nil: there is none
	samples(ctx context.Context, id string, limit int) ([]*fault.Failure, error)
	sample(ctx context.Context, id string, failure fault.ID) (*fault.Failure, error) // nil: it is not kept
	history(ctx context.Context, ids []string, from, step int64, n int) (map[string][]int64, error)
	tallies(ctx context.Context, id, of string) ([]Tally, error)
	people(ctx context.Context, id string, since time.Time) (int64, error)
	told(ctx context.Context, id string) ([]Told, error)
	find(ctx context.Context, from, to fault.ID, limit int) ([]failureID, error)
	items(ctx context.Context, key string) ([]Item, error)
	sums(ctx context.Context) (Totals, error)
	next(ctx context.Context) (next, error)
}
