package incident

import (
	"encoding/json"
	"strings"
	"time"

	"example.org/microblog/fault"
)

// gone is the ID of the record that holds the books of the incidents that are no longer kept. It is
// in no list.
const gone = ""

// record is an incident with what only the policy needs to know. It is stored as JSON, in SQL and in
// the state file alike. Its methods are the whole policy, and need nothing but the record.
type record struct {
	Incident
	Place   string `json:"place,omitempty"`
	Version int64  `json:"version"` // counts the changes

	SpellFirst time.Time `json:"spell_first,omitzero"`
	SpellCount int64     `json:"spell_count,omitempty"`
	SpellTold  bool      `json:"spell_told,omitempty"` // a notice was decided in this spell

	Seq       int64     `json:"seq,omitempty"`          // notices decided
	Told      bool      `json:"told,omitempty"`         // a notice has told of it, be it a summary
	NoticedAt time.Time `json:"noticed_at,omitzero"`    // the last one
	Noticed   int64     `json:"noticed,omitempty"`      // Count at the last one
	Base      int64     `json:"base,omitempty"`         // Count from which doubling is counted
	TellNext  bool      `json:"tell_next,omitempty"`    // the next failure is told at once
	CameBack  bool      `json:"came_back,omitempty"`    // a regression nobody was told of yet
	Deferred  int64     `json:"deferred,omitempty"`     // the hour that had no mail left for it; 0: none
	Since     time.Time `json:"since,omitzero"`         // when Uncovered was 0 last
	Slots     int64     `json:"slots,omitempty"`        // samples ever put into the ring
	SeedCount int64     `json:"seed_count,omitempty"`   // Count that the database knew; see seed
	SeedAt    int64     `json:"seed_version,omitempty"` // Version in the database; 0: not from there

	// Due is when pass has something to do, zero for never. It is set as the record is written.
	Due time.Time `json:"due,omitzero"`

	created bool // in the transaction under way
}

// newRecord begins an incident.
func newRecord(id string, g Group, f *fault.Failure) *record {
	return &record{
		Incident: Incident{
			ID: id, Title: g.Title, Culprit: g.Culprit, Kind: f.Kind, ErrorType: f.Causes.Type, State: New,
			FirstBuild: f.Build, FirstID: f.ID,
		},
		Place:   g.Place,
		created: true,
	}
}

func newGone() *record {
	return &record{Incident: Incident{ID: gone, Title: "Incidents no longer kept", State: Quiet}, created: true}
}

// waiting is how many of its failures nobody was told of yet.
func (r *record) waiting() int64 {
	return r.Count - r.SeedCount - r.Mailed - r.Grouped - r.Muted - r.GivenUp - r.NotForMail
}

func (r *record) active() bool {
	return r.State == New || r.State == Ongoing || r.State == Regressed
}

func (r *record) clone() *record {
	c := *r
	return &c
}

func (r *record) encode() ([]byte, error) { return json.Marshal(r) }

func decodeRecord(data []byte) (*record, error) {
	r := new(record)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, err
	}
	return r, nil
}

// maxBuildKey bounds the name of a build, in bytes.
const maxBuildKey = 64

// buildKey names a build, without spaces: its ID where that is known.
func buildKey(b fault.Build) string {
	name := b.Version
	switch {
	case b.ID != "":
		name = b.ID
	case b.Revision != "" && b.Modified:
		name = b.Revision + "+"
	case b.Revision != "":
		name = b.Revision
	}
	name = strings.Join(strings.Fields(text(name)), "_")
	return strings.ToValidUTF8(name[:min(len(name), maxBuildKey)], "")
}
