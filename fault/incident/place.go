package incident

import (
	"slices"
	"strings"
	"time"
)

const (
	// maxMessages is how many different messages of one place are told apart. What comes beyond that
	// is one incident.
	maxMessages = 20
	// maxBuilds is how many of the builds that it was last seen in a key remembers: with more than one
	// running at the same time they alternate.
	maxBuilds = 4
)

// joinedPrefix begins the key of what takes every further message of a place.
const joinedPrefix = "place:"

// keyRow is a group's key and the incident that it belongs to.
type keyRow struct {
	Key      string    `json:"key"`
	Incident string    `json:"incident"`
	Coarse   string    `json:"coarse"`
	Place    string    `json:"place"`
	Line     int       `json:"line"`
	Builds   []string  `json:"builds"` // that it was seen in, newest first
	At       time.Time `json:"at"`     // when it was first seen in the newest of them
}

// seenIn notes a build and tells whether that is new for the key.
func (k *keyRow) seenIn(build string, at time.Time) bool {
	if slices.Contains(k.Builds, build) {
		return false
	}
	k.Builds = append([]string{build}, k.Builds...)
	k.Builds = k.Builds[:min(len(k.Builds), maxBuilds)]
	k.At = at
	return true
}

func (k *keyRow) clone() *keyRow {
	c := *k
	c.Builds = slices.Clone(k.Builds)
	return &c
}

// assign gives an unknown group's key to an incident. related are the keys that have its Coarse or its
// Place. It returns the row to add; its Incident is a new one if none of related has it.
//
// An edit moves lines. A key that differs in lines only from an incident's that was not seen in this
// build is that incident's, the nearest one's first. So two places in one function are two incidents,
// and a new build does not split each incident into two.
func assign(g Group, build string, related []*keyRow, now time.Time) *keyRow {
	row := &keyRow{Key: g.Key, Coarse: g.Coarse, Place: g.Place, Line: g.Line, Builds: []string{build}, At: now}
	if id := adopted(g, build, related); id != "" {
		row.Incident = id
		return row
	}
	row.Incident = newID(g.Key)
	messages := map[string]bool{}
	for _, k := range related {
		if k.Place == g.Place {
			messages[k.Incident] = true
		}
	}
	if len(messages) >= maxMessages {
		row.Key, row.Coarse = joinedPrefix+g.Place, ""
		row.Incident = newID(row.Key)
	}
	return row
}

// adopted returns the incident whose code the group's is after an edit, "" if there is none.
func adopted(g Group, build string, related []*keyRow) string {
	if build == "" {
		return ""
	}
	newest := map[string]*keyRow{} // by incident
	here := map[string]bool{}      // incidents seen in this build
	for _, k := range related {
		if k.Coarse != g.Coarse {
			continue
		}
		if slices.Contains(k.Builds, build) {
			here[k.Incident] = true
		}
		if n := newest[k.Incident]; n == nil || k.At.After(n.At) {
			newest[k.Incident] = k
		}
	}
	var best *keyRow
	for id, k := range newest {
		if here[id] {
			continue
		}
		if best == nil || nearer(k, best, g.Line) {
			best = k
		}
	}
	if best == nil {
		return ""
	}
	return best.Incident
}

func nearer(a, b *keyRow, line int) bool {
	da, db := distance(a.Line, line), distance(b.Line, line)
	if da != db {
		return da < db
	}
	return strings.Compare(a.Incident, b.Incident) < 0 // whichever, but always the same
}

func distance(a, b int) int {
	if a < b {
		return b - a
	}
	return a - b
}
