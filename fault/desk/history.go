package desk

import (
	"net/http"
	"net/url"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/trace"
)

// tallies is a list of routes or people.
type tallies struct {
	Heading string
	Noun    string
	Shown   []tallyView
	Rest    []tallyView
	More    int64 // so many further ones
}

type tallyView struct {
	Name  string
	Count int64
	Last  stamp
}

// historySpan is a span of the history that is shown.
type historySpan struct {
	name, label, of string
	step            time.Duration
	steps           int
}

var historySpans = []historySpan{
	{"hour", "Hour", "the last hour", time.Minute, 60},
	{"day", "Day", "the last day", 15 * time.Minute, 96},
	{"week", "Week", "the last week", 2 * time.Hour, 84},
}

const historyHeight = 80

// fillHistory chooses the shortest span in which something happened, unless one is asked for.
func (d *desk) fillHistory(r *http.Request, i incident.Incident, v *showView) error {
	asked := r.URL.Query().Get("range")
	chosen := -1
	for n, s := range historySpans {
		if s.name == asked || asked == "" && chosen < 0 && d.now().Sub(i.Last) < s.step*time.Duration(s.steps)/2 {
			chosen = n
		}
	}
	switch {
	case chosen >= 0:
	case asked == "":
		chosen = 1
	default:
		return fault.BadRequest("The range of the history is hour, day or week.")
	}
	for n, s := range historySpans {
		q := url.Values{"range": {s.name}}
		if f := r.URL.Query().Get("failure"); f != "" {
			q.Set("failure", f)
		}
		v.Ranges = append(v.Ranges, tab{Label: s.label, URL: d.incidentURL(i.ID) + "?" + q.Encode() + "#history", Current: n == chosen})
	}
	s := historySpans[chosen]
	to := d.now().Truncate(s.step).Add(s.step)
	from := to.Add(-s.step * time.Duration(s.steps))
	counts, err := d.book.History(r.Context(), i.ID, from, to, s.step)
	if err != nil {
		return trace.Wrap(err, "reading the incident's history")
	}
	if len(counts) == 0 {
		counts = make([]int64, s.steps)
	}
	v.History, v.HistoryOf = d.draw(counts, from, s.step, historyHeight, true), s.of
	return nil
}

// How many routes and people are shown at once, and how many in all.
const (
	shownTallies = 8
	maxTallies   = 100
)

func (d *desk) fillTallies(r *http.Request, i incident.Incident, v *showView) error {
	routes, err := d.book.Routes(r.Context(), i.ID)
	if err != nil {
		return trace.Wrap(err, "reading the incident's routes")
	}
	users, err := d.book.Users(r.Context(), i.ID)
	if err != nil {
		return trace.Wrap(err, "reading the incident's users")
	}
	v.Top[0] = d.tallies("Routes", "Route", routes, i.Routes)
	v.Top[1] = d.tallies("People", "Person", users, i.Users)
	return nil
}

func (d *desk) tallies(heading, noun string, of []incident.Tally, total int64) tallies {
	of = of[:min(len(of), maxTallies)]
	t := tallies{Heading: heading, Noun: noun, More: max(0, total-int64(len(of)))}
	for n, one := range of {
		view := tallyView{clip(line(one.Name), 300, 1).Head, one.Count, d.stamp(one.Last)}
		if n < shownTallies || len(of) == shownTallies+1 {
			t.Shown = append(t.Shown, view)
		} else {
			t.Rest = append(t.Rest, view)
		}
	}
	return t
}
