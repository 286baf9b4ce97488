package incident

import (
	"time"

	"example.org/microblog/fault"
)

// doubt is a captured failure in the state file of which it is not known whether the database has
// counted it: the answer to a commit was lost, or the process that sent it ended. It is all that must
// be taken back if the database has.
type doubt struct {
	Stream   string    `json:"stream"`
	Offset   int64     `json:"offset"`
	Incident string    `json:"incident"`
	ID       fault.ID  `json:"id"`
	N        int64     `json:"n"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	User     string    `json:"user,omitempty"`
	Route    string    `json:"route,omitempty"`
}
