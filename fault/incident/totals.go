package incident

import (
	"fmt"
	"strings"
	"time"
)

// Totals says what became of all failures that were captured. Always
//
//	Captured = Mailed + Grouped + Muted + Waiting + GivenUp + NotForMail
type Totals struct {
	Captured   int64 `json:"captured"`
	Mailed     int64 `json:"mailed"`                 // a mail about each was delivered
	Grouped    int64 `json:"grouped"`                // covered by a delivered mail about others
	Muted      int64 `json:"muted"`                  // nobody wanted to be told
	Waiting    int64 `json:"waiting"`                // for a notice, or for its delivery
	GivenUp    int64 `json:"given_up,omitempty"`     // the mail that covers them could not be delivered
	NotForMail int64 `json:"not_for_mail,omitempty"` // no mail was wanted when they happened
}

// String returns the balance in one line. What was given up or needed no mail is left out where there
// is none.
func (t Totals) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "captured %d = mailed %d + grouped into a sent mail %d + muted %d + waiting %d",
		t.Captured, t.Mailed, t.Grouped, t.Muted, t.Waiting)
	if t.GivenUp != 0 {
		fmt.Fprintf(&b, " + given up %d", t.GivenUp)
	}
	if t.NotForMail != 0 {
		fmt.Fprintf(&b, " + without mail %d", t.NotForMail)
	}
	return b.String()
}

// Status is how the Book itself is.
type Status struct {
	SQL      bool      // it has a database
	Degraded bool      // the state file stands in for it
	Since    time.Time // when the trouble with the database began; zero without trouble
	// Err is the last trouble: with the database, with the state file, or with the Source. Empty if
	// all is well.
	Err string
	// Unreconciled says that the state file holds what the database has not taken over yet.
	Unreconciled bool
}

func (t *Totals) add(o Totals) { t.plus(1, o) }

// plus adds n times as much.
func (t *Totals) plus(n int64, o Totals) {
	t.Captured += n * o.Captured
	t.Mailed += n * o.Mailed
	t.Grouped += n * o.Grouped
	t.Muted += n * o.Muted
	t.Waiting += n * o.Waiting
	t.GivenUp += n * o.GivenUp
	t.NotForMail += n * o.NotForMail
}

// sums returns the books of a record.
func (r *record) sums() Totals {
	return Totals{
		Captured: r.Count - r.SeedCount, Mailed: r.Mailed, Grouped: r.Grouped, Muted: r.Muted,
		Waiting: r.waiting(), GivenUp: r.GivenUp, NotForMail: r.NotForMail,
	}
}
