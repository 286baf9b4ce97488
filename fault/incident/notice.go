package incident

import (
	"time"

	"example.org/microblog/fault"
)

// NoticeKind is why somebody is told.
type NoticeKind string

// The kinds of notices.
const (
	First   NoticeKind = "first"   // of a new incident
	More    NoticeKind = "more"    // the count has doubled, or it happens again after a long time or a mute
	Stopped NoticeKind = "stopped" // nothing happened for a while
	Back    NoticeKind = "back"    // it came back after it was resolved
	Summary NoticeKind = "summary" // of what went beyond Policy.PerHour
	Digest  NoticeKind = "digest"  // of what no notice has covered for Policy.Digest
)

// Notice is a decision to tell somebody. It is made once, whatever happens.
type Notice struct {
	// Key names it: characters of [A-Za-z0-9.-], at most 64.
	Key  string     `json:"key"`
	Kind NoticeKind `json:"kind"`
	// IncidentID is empty for a Summary and a Digest.
	IncidentID string    `json:"incident_id,omitempty"`
	Seq        int64     `json:"seq,omitempty"` // the how manieth notice of the incident, from 1
	At         time.Time `json:"at"`            // when it was decided
	// Covers is how many failures this tells of that no earlier notice has covered; of a Stopped it
	// may be 0.
	Covers int64 `json:"covers"`
	Count  int64 `json:"count"` // of the incident when it was decided
	// Spell is the stretch of time that it is about, without a meaning in a Summary and a Digest.
	Spell Spell `json:"spell"`

	// Incident is what is known about it as it is claimed, the zero value in a Summary and a Digest.
	Incident Incident `json:"-"`
	// Failure is the sample to show: the one that led to the decision, or else the newest. Nil in a
	// Summary and a Digest.
	Failure *fault.Failure `json:"-"`
	// Items are the incidents that a Summary or a Digest covers, most failures first.
	Items []Item `json:"-"`
}

// Item is one incident in a Summary or a Digest.
type Item struct {
	// Incident has an empty ID for the failures of incidents that are no longer kept.
	Incident Incident
	Covers   int64 // its failures that the notice covers
}

// NoticeState is how far a notice has come.
type NoticeState string

// The states of a notice.
const (
	Pending   NoticeState = "pending"   // decided, perhaps claimed
	InOutbox  NoticeState = "queued"    // handed over for delivery
	Delivered NoticeState = "delivered" // settled
	GivenUp   NoticeState = "given up"  // settled: it cannot be delivered
)

// Told is what an incident's page tells about a notice.
type Told struct {
	Key       string
	Kind      NoticeKind
	State     NoticeState
	At        time.Time // when it was decided
	SettledAt time.Time // zero until it is Delivered or GivenUp
	Covers    int64     // failures of this incident
}
