package incident

import (
	"encoding/json"
	"slices"
	"time"

	"example.org/microblog/fault"
)

// changes is what one transaction writes, in SQL or as one entry of the state file.
type changes struct {
	Now      time.Time        `json:"now"`
	Streams  map[string]int64 `json:"streams,omitempty"` // how far each is counted
	Records  []*record        `json:"records,omitempty"`
	Removed  []string         `json:"removed,omitempty"` // incidents, with all that is theirs
	Keys     []*keyRow        `json:"keys,omitempty"`
	Minutes  []minuteCount    `json:"minutes,omitempty"`
	Tallies  []tallyCount     `json:"tallies,omitempty"`
	Samples  []sample         `json:"samples,omitempty"`
	IDs      []failureID      `json:"ids,omitempty"`
	Notices  []*noticeRow     `json:"notices,omitempty"`
	Covers   []cover          `json:"covers,omitempty"`
	Window   *window          `json:"window,omitempty"`
	Builds   []buildSeen      `json:"builds,omitempty"`
	Doubtful []doubt          `json:"doubtful,omitempty"` // the state file only
	Expire   *expiry          `json:"expire,omitempty"`
	// Importing says that the database is taking over the state file. Until it is known whether it
	// has, nothing may be added to the file.
	Importing bool `json:"importing,omitempty"`

	acted bool   // a person did
	sums  Totals // by how much the books' sums change
}

// empty tells whether there is nothing to be written.
func (ch *changes) empty() bool {
	return ch == nil || len(ch.Streams)+len(ch.Records)+len(ch.Removed)+len(ch.Keys)+len(ch.Minutes)+len(ch.Tallies)+
		len(ch.Samples)+len(ch.IDs)+len(ch.Notices)+len(ch.Covers)+len(ch.Builds)+len(ch.Doubtful) == 0 &&
		ch.Window == nil && ch.Expire == nil && !ch.Importing
}

// decodeChanges reads changes from the state file.
func decodeChanges(data []byte) (*changes, error) {
	ch := new(changes)
	if err := json.Unmarshal(data, ch); err != nil {
		return nil, err
	}
	ch.Records = slices.DeleteFunc(ch.Records, func(r *record) bool { return r == nil })
	ch.Keys = slices.DeleteFunc(ch.Keys, func(k *keyRow) bool { return k == nil })
	ch.Notices = slices.DeleteFunc(ch.Notices, func(n *noticeRow) bool { return n == nil })
	return ch, nil
}

// minuteCount adds failures to a minute of an incident's history.
type minuteCount struct {
	Incident string `json:"incident"`
	Minute   int64  `json:"minute"` // since 1970
	N        int64  `json:"n"`
}

// What a tally counts.
const (
	tallyUser  = "user"
	tallyRoute = "route"
)

// tallyCount adds failures to a person or a route of an incident.
type tallyCount struct {
	tallyKey
	N     int64     `json:"n"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

type tallyKey struct {
	Incident string `json:"incident"`
	Of       string `json:"of"`
	Name     string `json:"name"`
}

// sample is a failure in full. Slot 0 is the incident's first, the others are a ring.
type sample struct {
	Incident string    `json:"incident"`
	Slot     int64     `json:"slot"`
	ID       fault.ID  `json:"id"`
	At       time.Time `json:"at"`
	Data     []byte    `json:"-"`   // packed
	Ref      extent    `json:"ref"` // where the state file has it
}

// failureID makes a failure findable.
type failureID struct {
	ID       fault.ID  `json:"id"`
	Incident string    `json:"incident"`
	At       time.Time `json:"at"`
}

// noticeRow is a notice and how far it has come.
type noticeRow struct {
	Notice
	State   NoticeState `json:"state"`
	Sample  fault.ID    `json:"sample"`           // the one that led to it; zero: the newest
	Owner   string      `json:"owner,omitempty"`  // who claimed it
	Lease   time.Time   `json:"lease,omitzero"`   // until when
	Settled time.Time   `json:"settled,omitzero"` // when
	// Version is the incident's when it was decided.
	Version   int64 `json:"version,omitempty"`
	cancelled bool  // to be removed
}

func (n *noticeRow) settled() bool { return n.State == Delivered || n.State == GivenUp }

// free tells whether it waits to be claimed.
func (n *noticeRow) free() bool { return n.State == Pending && n.Lease.IsZero() && !n.cancelled }

// own tells whether it is about one incident alone.
func (n *noticeRow) own() bool { return n.Kind != Summary && n.Kind != Digest }

func (n *noticeRow) clone() *noticeRow {
	c := *n
	return &c
}

// cover is how many failures of an incident a notice covers.
type cover struct {
	Notice   string `json:"notice"`
	Incident string `json:"incident"`
	N        int64  `json:"n"`
}

// window counts the mails of an hour.
type window struct {
	Hour int64 `json:"hour"` // since 1970
	Sent int   `json:"sent"`
	Seq  int64 `json:"seq"` // summaries and digests ever made
}

// buildSeen is when a build was first seen.
type buildSeen struct {
	Build string    `json:"build"`
	At    time.Time `json:"at"`
}

// expiry is what is too old.
type expiry struct {
	Minutes int64     `json:"minutes"` // history before that minute
	Notices time.Time `json:"notices"` // notices settled before
	Streams time.Time `json:"streams"` // streams without a failure since
	IDs     int       `json:"ids"`     // all but so many of the newest
	Slots   int64     `json:"slots"`   // samples beyond that slot
}
