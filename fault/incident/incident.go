package incident

import (
	"errors"
	"time"

	"example.org/microblog/fault"
)

// Errors that the methods of a [Book] wrap.
var (
	// ErrNotFound says that there is no such incident, or no longer.
	ErrNotFound = errors.New("there is no such incident")
	// ErrNoSQL says that the database is gone and the state file cannot do what was asked for. It is
	// worth trying again later.
	ErrNoSQL = errors.New("the database of the incidents is not reachable")
)

// State is where an incident is in its life.
type State string

// The states. An incident is New until it is a day old. It is Quiet when nothing happened for
// Policy.QuietAfter. It is Regressed when it came back after it was Resolved, until it is Quiet or a
// person does something about it.
const (
	New       State = "new"
	Ongoing   State = "ongoing"
	Quiet     State = "quiet"
	Resolved  State = "resolved"
	Regressed State = "regressed"
	Muted     State = "muted"
)

// States returns all states, in the order in which they need somebody's attention.
func States() []State { return []State{Regressed, New, Ongoing, Quiet, Muted, Resolved} }

// Incident is a group of failures and what is known about it. All times are UTC.
type Incident struct {
	// ID is 13 characters of Crockford's base 32, made of a hash of the first failure's group, so
	// that it is the same wherever it is counted.
	ID        string     `json:"id"`
	Title     string     `json:"title"`             // what failed, in one line
	Culprit   string     `json:"culprit,omitempty"` // the innermost of the application's own calls
	Kind      fault.Kind `json:"kind"`
	ErrorType string     `json:"error_type,omitempty"` // Go's name of the outermost error's type
	State     State      `json:"state"`

	First      time.Time   `json:"first"` // the first failure
	Last       time.Time   `json:"last"`  // the last one
	FirstBuild fault.Build `json:"first_build"`
	LastBuild  fault.Build `json:"last_build"`
	FirstID    fault.ID    `json:"first_id"` // of the first failure
	LastID     fault.ID    `json:"last_id"`

	Count  int64 `json:"count"`            // failures
	Users  int64 `json:"users,omitempty"`  // different people among them, at least: bounded by Retention.Users
	Routes int64 `json:"routes,omitempty"` // different routes, likewise by Retention.Routes
	// Joined says that it takes every message from its place, because there were too many different
	// ones to tell them apart.
	Joined bool `json:"joined,omitempty"`

	// What became of the failures. The rest of Count waits: Uncovered, or in notices under way.
	Uncovered  int64 `json:"uncovered,omitempty"`    // no notice covers them yet
	Mailed     int64 `json:"mailed,omitempty"`       // a mail of their own was delivered
	Grouped    int64 `json:"grouped,omitempty"`      // covered by a delivered mail
	Muted      int64 `json:"muted,omitempty"`        // nobody wanted to be told
	GivenUp    int64 `json:"given_up,omitempty"`     // the mail could not be delivered
	NotForMail int64 `json:"not_for_mail,omitempty"` // happened while no mail was wanted at all

	MuteUntil   time.Time `json:"mute_until,omitzero"`   // when the mute ends; zero: not by time
	MuteLeft    int64     `json:"mute_left,omitempty"`   // failures until the mute ends; 0: not by count
	ResolvedAt  time.Time `json:"resolved_at,omitzero"`  // when it was resolved the last time
	NextBuild   bool      `json:"next_build,omitempty"`  // only a newer build's failures count as a regression
	ChangedBy   string    `json:"changed_by,omitempty"`  // who resolved, muted or reopened it last
	ChangedAt   time.Time `json:"changed_at,omitzero"`   // when
	Regressions int64     `json:"regressions,omitempty"` // how often it came back
}

// Spell is a stretch of time in which an incident was not quiet.
type Spell struct {
	First time.Time `json:"first"` // its first failure
	Last  time.Time `json:"last"`  // its last one
	Count int64     `json:"count"` // failures
	Users int64     `json:"users"` // different people among them
}

// Tally is one route or person of an incident.
type Tally struct {
	Name  string    `json:"name"`
	Count int64     `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Found is a failure that somebody looked for by its ID.
type Found struct {
	ID       fault.ID
	Incident Incident
	// Failure is nil if it was counted but is none of the samples that are kept.
	Failure *fault.Failure
}
