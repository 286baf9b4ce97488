package app

import (
	"context"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/journal"
)

// waiting is the journal of the directory, as seen from outside by who counts nothing.
type waiting struct {
	dir  string
	book *incident.Book
}

// Next gives nothing.
func (*waiting) Next(ctx context.Context, _ int) ([]fault.Captured, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Done does nothing.
func (*waiting) Done(fault.Position) error { return nil }

// Rewind does nothing.
func (*waiting) Rewind() {}

// Waiting tells how many captured failures are not counted yet.
func (w *waiting) Waiting() int64 {
	ctx, cancel := context.WithTimeout(context.Background(), booksTimeout)
	defer cancel()
	var counted map[string]int64
	if w.book != nil {
		counted, _ = w.book.Counted(ctx) // without it, what is not Done counts as waiting
	}
	status, err := journal.InspectAfter(w.dir, counted)
	if err != nil {
		return 0
	}
	return status.Waiting
}

var _ incident.Source = (*waiting)(nil)

// booksTimeout bounds reading the books.
const booksTimeout = 2 * time.Second
