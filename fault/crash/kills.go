package crash

import "fmt"

// kills is how many processes the kernel had killed because memory ran out; -1 where that is not
// known.
type kills struct {
	Group string `json:"group,omitempty"` // path of the process's control group, "" if it has none
	ID    uint64 `json:"id,omitempty"`    // of the group: another one of the same path has another
	In    int64  `json:"in"`              // in the group
	Above int64  `json:"above"`           // in the group around it, which outlives a restart of the service
	All   int64  `json:"all"`             // on the whole machine
}

// since tells what speaks for such a kill in k's group until later, "" if nothing does.
func (k kills) since(later kills) string {
	known := k.Group != "" && k.In >= 0
	switch same := k.ID != 0 && k.ID == later.ID; {
	case known && same && later.In > k.In:
		return grew("its control group", k.In, later.In)
	case known && same:
		return ""
	case known && k.Above >= 0 && later.Above > k.Above: // The service manager has made the group anew.
		return grew("the control group around its own", k.Above, later.Above)
	case !known && k.All >= 0 && later.All > k.All:
		return grew("this machine", k.All, later.All)
	}
	return ""
}

func grew(where string, from, to int64) string {
	return fmt.Sprintf("the count of such kills in %s went from %d to %d", where, from, to)
}
