package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/trace"
)

const (
	pageSize  = 30  // incidents
	maxSearch = 200 // characters
	maxCursor = 512 // bytes

	sparkStep   = 30 * time.Minute
	sparkSteps  = 48
	sparkHeight = 28
)

// unresolved are the states of what somebody may have to do something about.
var unresolved = []incident.State{incident.Regressed, incident.New, incident.Ongoing, incident.Quiet}

// all is the name of the tab with every state.
const all = "all"

// listView is the page with the list.
type listView struct {
	frame
	Tabs    []tab
	Here    string // the chosen tab's label
	Found   []foundView
	NoID    bool // what was searched for may be a failure's ID, and is none that is known
	States  []stateMeaning
	Items   []itemView
	More    string // the address of the next page
	Start   string // the address of the first page, on another one
	AnyKept bool   // there are incidents, if not here
}

type tab struct {
	Label   string
	URL     string
	Count   string // "" if it is not known
	Current bool
}

// itemView is an incident in the list.
type itemView struct {
	URL         string
	Title       clipped
	Culprit     string
	ID          string
	State       stateView
	Day         chart
	Count       int64
	Users       int64
	Routes      int64
	First, Last stamp
}

// stateView is a state in words.
type stateView struct{ Class, Label string }

func viewOf(s incident.State) stateView {
	switch s {
	case incident.New, incident.Ongoing, incident.Quiet, incident.Resolved, incident.Regressed, incident.Muted:
		return stateView{string(s), label(string(s))}
	}
	return stateView{"", line(string(s))}
}

// stateMeaning explains a state.
type stateMeaning struct {
	State stateView
	Means string
}

// meanings explains all states, in the order of their tabs.
func meanings() []stateMeaning {
	all := make([]stateMeaning, 0, 6)
	for _, s := range incident.States() {
		m := stateMeaning{State: viewOf(s)}
		switch s {
		case incident.Regressed:
			m.Means = "It was resolved, and has come back."
		case incident.New:
			m.Means = "It first happened less than a day ago."
		case incident.Ongoing:
			m.Means = "It is older than a day, and still happens."
		case incident.Quiet:
			m.Means = "It has not happened for a while, but nobody has resolved it."
		case incident.Muted:
			m.Means = "It is counted, but nobody is told of it."
		case incident.Resolved:
			m.Means = "Somebody says that it is mended. If it happens again, it is regressed."
		}
		all = append(all, m)
	}
	return all
}

func label(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// foundView is a failure that was looked for by its ID.
type foundView struct {
	URL   string
	ID    string
	Time  stamp
	Title clipped
	State stateView
}

// list is GET of the prefix: the incidents of a state, or those that are searched for.
func (d *desk) list(w http.ResponseWriter, r *http.Request, _ string) error {
	query := r.URL.Query()
	if d.prefix != "" && strings.HasSuffix(r.URL.Path, "/") {
		return redirect(w, r, d.listURL(query))
	}
	search := strings.TrimSpace(query.Get("q"))
	if err := checkText(search, maxSearch, "what you searched for"); err != nil {
		return err
	}
	states, chosen, err := statesOf(query, search)
	if err != nil {
		return err
	}
	cursor := query.Get("cursor")
	if len(cursor) > maxCursor || !utf8.ValidString(cursor) || strings.ContainsRune(cursor, 0) {
		return errCursor()
	}
	v := listView{frame: d.frame("Incidents"), Here: chosen, States: meanings()}
	v.Search = line(search)
	if search != "" && cursor == "" && !query.Has("state") {
		to, err := d.lookup(r, search, &v)
		if err != nil {
			return err
		}
		if to != "" {
			return redirect(w, r, to)
		}
	}
	asked := incident.Query{States: states, Search: search, Limit: pageSize, Cursor: cursor}
	found, err := d.book.List(r.Context(), asked)
	if err != nil {
		if asked.Cursor = ""; cursor != "" {
			if _, plain := d.book.List(r.Context(), asked); plain == nil {
				return errCursor() // Without it all is well, so it is the cursor.
			}
		}
		return trace.Wrap(err, "listing the incidents")
	}
	if err := d.fillList(r, &v, found); err != nil {
		return err
	}
	if err := d.fillTabs(r, &v, chosen, search); err != nil {
		return err
	}
	if found.Next != "" {
		query.Set("cursor", found.Next)
		v.More = d.listURL(query)
	}
	if cursor != "" {
		query.Del("cursor")
		v.Start = d.listURL(query)
	}
	return d.render(w, r, http.StatusOK, "list.html", v.Title, v)
}

func errCursor() error {
	return fault.BadRequest("The address of this page of the list is damaged. Please begin at the start of the list.")
}

// checkText refuses what no database takes for text, and what nobody types.
func checkText(s string, max int, what string) error {
	switch {
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return fault.BadRequest("In " + what + " there are bytes that are no text in UTF-8.")
	case utf8.RuneCountInString(s) > max:
		return fault.BadRequest("That is too long: " + what + " has " + number(int64(utf8.RuneCountInString(s))) +
			" characters, and at most " + number(int64(max)) + " are possible.")
	}
	return nil
}

// statesOf returns which incidents are asked for, and the tab's name. A search goes through all.
func statesOf(query url.Values, search string) (states []incident.State, chosen string, err error) {
	chosen = query.Get("state")
	switch {
	case chosen == all || chosen == "" && search != "":
		return nil, all, nil
	case chosen == "":
		return unresolved, "", nil
	case slices.Contains(incident.States(), incident.State(chosen)):
		return []incident.State{incident.State(chosen)}, chosen, nil
	}
	var known []string
	for _, s := range incident.States() {
		known = append(known, string(s))
	}
	return nil, "", fault.BadRequest("There is no such state. The states are " + strings.Join(known, ", ") + "; and " + all + " is all of them.")
}

// listURL is the address of the list with the parameters that are its own.
func (d *desk) listURL(query url.Values) string {
	kept := url.Values{}
	for _, name := range []string{"state", "q", "cursor"} {
		if value := query.Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	address := d.home
	if len(kept) > 0 {
		address += "?" + kept.Encode()
	}
	return address
}

func (d *desk) fillTabs(r *http.Request, v *listView, chosen, search string) error {
	counts, err := d.book.Counts(r.Context())
	if err != nil {
		return trace.Wrap(err, "counting the incidents")
	}
	var open, every int64
	for s, n := range counts {
		every += n
		if slices.Contains(unresolved, s) {
			open += n
		}
	}
	v.AnyKept = every > 0
	add := func(name, label string, n int64) {
		query := url.Values{"state": {name}, "q": {search}}
		t := tab{Label: label, URL: d.listURL(query), Current: name == chosen}
		if search == "" {
			t.Count = number(n) // Of a search it is not known how many are in each.
		}
		if t.Current {
			v.Here = label
		}
		v.Tabs = append(v.Tabs, t)
	}
	if search == "" {
		add("", "Unresolved", open)
	}
	for _, s := range incident.States() {
		add(string(s), label(string(s)), counts[s])
	}
	add(all, "All", every)
	return nil
}

func (d *desk) fillList(r *http.Request, v *listView, found incident.Incidents) error {
	if len(found.Items) == 0 {
		return nil
	}
	ids := make([]string, len(found.Items))
	for i, item := range found.Items {
		ids[i] = item.ID
	}
	to := d.now().Truncate(sparkStep).Add(sparkStep)
	from := to.Add(-sparkSteps * sparkStep)
	histories, err := d.book.Histories(r.Context(), ids, from, to, sparkStep)
	if err != nil {
		return trace.Wrap(err, "reading the history of the last day")
	}
	for _, item := range found.Items {
		counts := histories[item.ID]
		if len(counts) == 0 {
			counts = make([]int64, sparkSteps)
		}
		v.Items = append(v.Items, itemView{
			URL: d.incidentURL(item.ID), Title: clip(line(item.Title), 160, 1), Culprit: line(item.Culprit), ID: item.ID,
			State: viewOf(item.State), Day: d.draw(counts, from, sparkStep, sparkHeight, false),
			Count: item.Count, Users: item.Users, Routes: item.Routes,
			First: d.stamp(item.First), Last: d.stamp(item.Last),
		})
	}
	return nil
}

func (d *desk) incidentURL(id string) string { return d.prefix + "/" + url.PathEscape(id) }

func (d *desk) failureURL(id string, failure fault.ID) string {
	return d.incidentURL(id) + "?failure=" + failure.Full()
}

// lookup looks for what is searched for as an ID. It returns the address of the one page that shows
// it; with several matches it fills in the view.
func (d *desk) lookup(r *http.Request, search string, v *listView) (to string, err error) {
	typed, err := fault.ParseIDPrefix(search)
	if err != nil {
		return "", nil // It is no ID.
	}
	found, err := d.book.Find(r.Context(), typed)
	if err != nil {
		return "", trace.Wrap(err, "looking for the failure")
	}
	if len(found) == 1 {
		if !found[0].ID.HasPrefix(typed) {
			return d.incidentURL(found[0].Incident.ID), nil
		}
		return d.failureURL(found[0].Incident.ID, found[0].ID), nil
	}
	for _, f := range found {
		item := foundView{
			URL: d.failureURL(f.Incident.ID, f.ID), ID: f.ID.String(),
			Title: clip(line(f.Incident.Title), 160, 1), State: viewOf(f.Incident.State),
		}
		if f.Failure != nil {
			item.Time = d.stamp(f.Failure.Time)
		}
		v.Found = append(v.Found, item)
	}
	v.NoID = len(found) == 0 && strings.ContainsAny(search, "0123456789")
	return "", nil
}

// redirect leads the browser to another page of the desk.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
