package fault

import "time"

// Captured is a failure on its way from where it was captured to where it is counted.
type Captured struct {
	Failure *Failure
	// Count is how many failures this stands for: 1, or more where there was no room to keep each and
	// Failure is the first of them.
	Count int64
	Last  time.Time // when the last of them happened; the zero time for a Count of 1
	// At is its place, by which it can be told that it was counted already.
	At Position
}

// Position is a place in what was captured. Streams are independent of each other; within one, what
// was captured later has the greater offset. No two streams ever have the same name.
type Position struct {
	Stream string `json:"stream"`
	Offset int64  `json:"offset"` // after the captured failure
}
