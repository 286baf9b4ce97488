package overlay

import "example.org/microblog/fault/internal/devtool/problem"

// Event is what `fault run` tells a tab, as one JSON text on the WebSocket at Prefix + "events". The other way a tab
// says nothing.
//
// An application's page carries <script src="/.fault/client.js?g=GENERATION&r=RUN">: what it was served by, so that a tab
// which slept is found out by Hello. r may be left out. Further parameters:
//   - m=METHOD where the page answers something else than GET: loading it again would send a form a second time,
//     so the tab asks first;
//   - failure=ID instead of all of them, in a script appended to a page that broke off: it shows Prefix + "failures/ID?framed=1" over
//     the page and does nothing else.
//
// A tab loads Prefix + "problem?framed=1&id=ID" in a frame, and when its reader puts a problem aside, that page sends
// POST Prefix + "dismiss" with the form field id=ID. The answer may set the cookie that leads page loads to the last
// good version; ProblemEvent.Aside then tells later tabs of that browser. The page Prefix + "last-good?to=PATH" does the same and goes to
// PATH.
type Event struct {
	Type string `json:"type"` // one of the constants

	Run        string        `json:"run,omitempty"`        // Hello: differs for each `fault run`
	Generation int           `json:"generation,omitempty"` // Hello, Reload: what pages are made of now, counted from 1; 0 if nothing answers
	Problem    *ProblemEvent `json:"problem,omitempty"`    // Hello (nil: none), ProblemShown
	Doing      string        `json:"doing,omitempty"`      // Hello, Doing: "building"; "" is nothing
	Files      []string      `json:"files,omitempty"`      // Style: the changed files; only their base names matter
	ID         string        `json:"id,omitempty"`         // FailureNoted: of the page Prefix + "failures/ID"
	Title      string        `json:"title,omitempty"`      // FailureNoted: "GET /api/posts: no such table"
}

// ProblemEvent is as much of a problem as a tab needs before it shows it.
type ProblemEvent struct {
	ID     string       `json:"id"`
	Kind   problem.Kind `json:"kind"`
	Title  string       `json:"title"`
	Served bool         `json:"served"`
	Newest bool         `json:"newest"`
	// Aside says that this browser has put it aside: a note tells of it, no overlay.
	Aside bool `json:"aside,omitempty"`
}

// The types of events.
const (
	Hello        = "hello"   // the first one on each connection: how things are
	Reload       = "reload"  // a new version answers from now on
	Style        = "style"   // stylesheets have changed and can be exchanged without loading the page again
	ProblemShown = "problem" // there is a problem, which takes the place of any earlier one
	Mended       = "mended"  // there is no problem any more
	Doing        = "doing"   // what `fault run` is busy with
	FailureNoted = "failure" // a request that was no page load has failed
)

// EventOf returns the event about a problem; aside says whether the browser has put it aside.
func EventOf(p *problem.Problem, aside bool) *ProblemEvent {
	if p == nil {
		return nil
	}
	return &ProblemEvent{ID: p.ID, Kind: p.Kind, Title: p.Title, Served: p.Served, Newest: p.Newest, Aside: aside}
}
