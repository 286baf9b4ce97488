package app

import (
	"context"

	"example.org/microblog/fault"
	"example.org/microblog/fault/journal"
)

// waiting is the journal of the directory, as seen from outside by who counts nothing.
type waiting string

// Next gives nothing.
func (waiting) Next(ctx context.Context, _ int) ([]fault.Captured, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Done does nothing.
func (waiting) Done(fault.Position) error { return nil }

// Rewind does nothing.
func (waiting) Rewind() {}

// Waiting tells how many captured failures are not counted yet.
func (w waiting) Waiting() int64 {
	status, err := journal.Inspect(string(w))
	if err != nil {
		return 0
	}
	return status.Waiting
}
