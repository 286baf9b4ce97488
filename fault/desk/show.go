package desk

import (
	"fmt"
	"net/http"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/trace"
)

// idLength is the length of an incident's ID.
const idLength = 13

// showView is the page of an incident.
type showView struct {
	frame
	ID        string
	Heading   clipped
	Culprit   string
	Kind      string
	ErrorType clipped
	State     stateView
	StateSays []sentence
	Count     int64
	Users     int64
	Routes    int64
	First     stamp
	Last      stamp
	Builds    []buildView // the first and the last, or the one
	Actions   actionsView
	Ranges    []tab
	History   chart
	HistoryOf string // "the last day"
	Top       [2]tallies
	Mails     []mailView
	Books     string
	Samples   []sampleLink
	Asked     string // the ID of a failure that was asked for, of which no more is kept
	Failure   *failureView
}

// sentence is a text with a time in it.
type sentence struct {
	Before string
	At     stamp
	After  string
}

// buildView is a build in words.
type buildView struct {
	When string // "First", "Last" or "Only"
	Text string
}

// sampleLink leads to a failure of the incident.
type sampleLink struct {
	URL     string
	ID      string
	Time    stamp
	Route   string
	User    string
	Status  int
	Current bool
	First   bool // the very first of the incident
}

// show is GET of an incident.
func (d *desk) show(w http.ResponseWriter, r *http.Request, id string) error {
	i, err := d.incident(r, id)
	if err != nil {
		return err
	}
	if id != i.ID {
		return redirect(w, r, d.incidentURL(i.ID)+query(r))
	}
	v := showView{
		frame: d.frame(""), ID: i.ID, Heading: clip(line(i.Title), 200, 1), Culprit: line(i.Culprit), Kind: kindText(i.Kind),
		ErrorType: clip(line(i.ErrorType), 200, 1), State: viewOf(i.State), StateSays: d.stateSays(i),
		Count: i.Count, Users: i.Users, Routes: i.Routes, First: d.stamp(i.First), Last: d.stamp(i.Last),
		Builds: builds(i), Actions: d.actionsOf(i), Books: booksOf(i),
	}
	v.Title = v.Heading.Head
	v.Done = done(r.URL.Query().Get("done"), i)
	for _, fill := range []func(*http.Request, incident.Incident, *showView) error{d.fillHistory, d.fillTallies, d.fillMails, d.fillFailure} {
		if err := fill(r, i, &v); err != nil {
			return err
		}
	}
	return d.render(w, r, http.StatusOK, "show.html", v.Title, v)
}

func query(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return "?" + r.URL.RawQuery
}

// incident reads the incident of an address.
func (d *desk) incident(r *http.Request, id string) (incident.Incident, error) {
	canonical, err := fault.ParseIDPrefix(id)
	if err != nil || len(canonical) != idLength {
		return incident.Incident{}, fault.NotFound("There is no page of the desk at this address. An incident's ID has 13 letters and digits.")
	}
	i, err := d.book.Incident(r.Context(), canonical)
	return i, trace.Wrap(err, "reading the incident")
}

// kindText says how something failed.
func kindText(k fault.Kind) string {
	switch k {
	case fault.KindError:
		return "An error"
	case fault.KindPanic:
		return "A panic"
	case fault.KindNoAnswer:
		return "A handler that did not answer"
	case fault.KindGoexit:
		return "A handler that ended its goroutine"
	case fault.KindPage:
		return "A page that could not be made"
	case fault.KindCrash:
		return "A crash of the whole process"
	case fault.KindEnded:
		return "An end of the whole process without a word"
	}
	return line(string(k))
}

// stateSays explains the state.
func (d *desk) stateSays(i incident.Incident) []sentence {
	var all []sentence
	by := ""
	if i.ChangedBy != "" {
		by = " by " + clip(line(i.ChangedBy), 100, 1).Head
	}
	switch i.State {
	case incident.Muted:
		all = append(all, sentence{"Muted" + by + " on ", d.stamp(i.ChangedAt), ": nobody is told of it."})
		switch until, left := d.stamp(i.MuteUntil), count(i.MuteLeft, "further failure", "further failures"); {
		case until.Is && i.MuteLeft > 0:
			all = append(all, sentence{"The mute ends on ", until, ", or after " + left + " if that comes first."})
		case until.Is:
			all = append(all, sentence{"The mute ends on ", until, "."})
		case i.MuteLeft > 0:
			all = append(all, sentence{Before: "The mute ends after " + left + "."})
		default:
			all = append(all, sentence{Before: "The mute ends when somebody reopens it."})
		}
	case incident.Resolved:
		all = append(all, sentence{"Resolved" + by + " on ", d.stamp(i.ResolvedAt), "."})
		if i.NextBuild {
			all = append(all, sentence{Before: "Failures of the builds that were known then still count, but only one of a newer build brings it back."})
		} else {
			all = append(all, sentence{Before: "The next failure brings it back."})
		}
	case incident.Regressed:
		all = append(all, sentence{"It came back after it was resolved on ", d.stamp(i.ResolvedAt), "."})
	case incident.New:
		all = append(all, sentence{Before: "It began less than a day ago."})
	case incident.Quiet:
		all = append(all, sentence{"It has not happened since ", d.stamp(i.Last), "."})
	}
	if i.Joined {
		all = append(all, sentence{Before: "This place fails with so many different messages that all of them are counted here."})
	}
	if i.Regressions > 1 || i.Regressions == 1 && i.State != incident.Regressed {
		all = append(all, sentence{Before: "It has come back " + count(i.Regressions, "time", "times") + " after it was resolved."})
	}
	return all
}

func builds(i incident.Incident) []buildView {
	first, last := buildText(i.FirstBuild), buildText(i.LastBuild)
	if first == last {
		return []buildView{{"Seen in", first}}
	}
	return []buildView{{"First seen in", first}, {"Last seen in", last}}
}

// buildText names a build in one line.
func buildText(b fault.Build) string {
	var parts []string
	if b.Version != "" {
		parts = append(parts, b.Version)
	}
	if b.Revision != "" {
		revision := "revision " + b.Revision[:min(len(b.Revision), 12)]
		if b.Modified {
			revision += " with changes"
		}
		parts = append(parts, revision)
	}
	if b.ID != "" {
		parts = append(parts, "build "+b.ID)
	}
	if b.Go != "" {
		parts = append(parts, b.Go)
	}
	if len(parts) == 0 {
		return "a build that is not known"
	}
	return line(strings.Join(parts, ", "))
}

// booksOf says what became of the incident's failures.
func booksOf(i incident.Incident) string {
	var parts []string
	left := i.Count
	for _, p := range []struct {
		n    int64
		text string
	}{
		{i.Mailed, "mailed"}, {i.Grouped, "grouped into a sent mail"}, {i.Muted, "muted"},
		{i.GivenUp, "given up, because the mail could not be delivered"}, {i.NotForMail, "without mail, which was not wanted then"},
	} {
		if left -= p.n; p.n != 0 {
			parts = append(parts, number(p.n)+" "+p.text)
		}
	}
	if left != 0 || len(parts) == 0 {
		parts = append(parts, number(left)+" waiting")
	}
	return fmt.Sprintf("Of %s: %s.", count(i.Count, "failure", "failures"), strings.Join(parts, ", "))
}

// fillFailure chooses the failure that is shown: the newest, or the one that is asked for.
func (d *desk) fillFailure(r *http.Request, i incident.Incident, v *showView) error {
	samples, err := d.book.Samples(r.Context(), i.ID, 0)
	if err != nil {
		return trace.Wrap(err, "reading the incident's failures")
	}
	var chosen *fault.Failure
	asked := ""
	if typed := r.URL.Query().Get("failure"); typed != "" {
		if asked, err = fault.ParseIDPrefix(typed); err != nil {
			return fault.BadRequest("This is not a failure's ID: " + err.Error() + ".")
		}
	}
	for _, f := range samples {
		if chosen == nil && f.ID.HasPrefix(asked) {
			chosen = f
		}
	}
	if chosen == nil && asked != "" {
		if v.Asked, err = d.counted(r, i, asked); err != nil {
			return err
		}
		if len(samples) > 0 {
			chosen = samples[0]
		}
	}
	for _, f := range samples {
		link := sampleLink{
			URL: d.failureURL(i.ID, f.ID) + "#failure", ID: f.ID.String(), Time: d.stamp(f.Time), User: clip(line(f.User), 80, 1).Head,
			Status: f.Status, Current: f == chosen, First: f.ID == i.FirstID,
		}
		if f.Request != nil {
			link.Route = clip(line(f.Request.Route), 120, 1).Head
		}
		v.Samples = append(v.Samples, link)
	}
	if chosen != nil {
		v.Failure = d.failureView(chosen)
		v.Failure.Newest = chosen == samples[0]
	}
	return nil
}

// counted returns the ID of a failure that belongs to the incident but is not kept in full.
func (d *desk) counted(r *http.Request, i incident.Incident, prefix string) (string, error) {
	found, err := d.book.Find(r.Context(), prefix)
	if err != nil {
		return "", trace.Wrap(err, "looking for the failure")
	}
	for _, f := range found {
		if f.Incident.ID == i.ID && f.ID.HasPrefix(prefix) {
			return f.ID.String(), nil
		}
	}
	return "", fault.NotFound("This incident has no failure with that ID, or it is older than what is kept.")
}
