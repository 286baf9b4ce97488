package store

import (
	"math"
	"slices"
)

const (
	defaultLimit = 20
	maxLimit     = 100
)

// Page asks for one part of a list that runs from newest to oldest. The zero
// value asks for the first part. At most one of Before and After may be set;
// with both, Before counts. Cursors below 1 count as none, so what a stranger
// writes into a URL needs no check.
type Page struct {
	Before int64 // entries older than this cursor
	After  int64 // entries newer than this cursor, the nearest ones; when those do not fill a part, the first part
	Limit  int   // entries per part; 0: 20; at most 100
}

// Pager holds the cursors of the neighbouring parts.
type Pager struct {
	Newer int64 // for Page.After; 0: this is the first part
	Older int64 // for Page.Before; 0: this is the last part
}

// loader returns at most limit entries beyond a cursor, nearest first.
type loader[T any] func(cursor int64, limit int) ([]T, error)

// part cuts one part out of a list. id gives an entry's cursor.
func part[T any](page Page, older, newer loader[T], id func(T) int64) ([]T, Pager, error) {
	limit := page.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	if page.Before <= 0 && page.After > 0 {
		items, err := newer(page.After, limit+1)
		if err != nil {
			return nil, Pager{}, err
		}
		if len(items) > limit {
			items = items[:limit]
			slices.Reverse(items)
			return items, Pager{Newer: id(items[0]), Older: id(items[limit-1])}, nil
		}
		// The top is reached: show the first part, whole.
	}
	before := page.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	items, err := older(before, limit+1)
	if err != nil {
		return nil, Pager{}, err
	}
	var pager Pager
	if len(items) > limit {
		items = items[:limit]
		pager.Older = id(items[limit-1])
	}
	switch {
	case page.Before <= 0:
	case len(items) > 0:
		pager.Newer = id(items[0])
	default:
		// Everything from the cursor on has been deleted; lead back.
		pager.Newer = page.Before - 1
	}
	return items, pager, nil
}
