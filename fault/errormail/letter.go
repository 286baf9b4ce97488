package errormail

import (
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/trace"
)

// tone is what a mail makes one feel: its colour.
type tone string

const (
	alarm tone = "alarm"
	watch tone = "watch"
	calm  tone = "calm"
	plain tone = "plain"
)

// letter is what a mail says, whatever its format. Its texts are safe to print but not escaped.
type letter struct {
	Subject  string
	App      string
	Tone     tone
	Badge    string // the kind in two words
	Headline string // what has happened: "it stopped: 3 failures, …"
	Place    string // what failed: "GET /user/{username}"
	How      string // "a panic, answered 500"
	Title    string // the error in one line
	Message  string // the error in full, if that is more
	Rows     []row  // what matters first
	Details  []row  // and the rest
	Link     string
	Show     string // the command for a terminal

	History *bars
	Items   []listed
	More    string // what is not in Items

	StackNote string
	Own       []call
	OwnMore   int
	Causes    []cause
	Curl      command
	Steps     []step
	StepsMore int
	Output    string
	Others    []call
	OtherMore int
	Footer    string

	d detail
}

type row struct{ Name, Value string }

// listed is an incident in a summary.
type listed struct {
	Title, About, Link, ID string
	Covers                 string
}

func newLetter(o *Options, n incident.Notice, facts Facts, d detail) *letter {
	l := &letter{App: oneLine(o.App, 60), d: d}
	l.announce(o, n)
	l.Headline = oneLine(l.Headline, 2*d.value)
	l.Footer = "One mail to all administrators of " + l.App + ". Times are in " + zones(o.Location, n.At) + "."
	if n.Kind == incident.Summary || n.Kind == incident.Digest {
		l.list(o, n)
		return l
	}
	l.Link = link(o, n.IncidentID)
	if o.Show != "" && n.IncidentID != "" {
		l.Show = o.Show + " " + n.IncidentID
	}
	l.History = facts.History.bars(o.Location)
	f := n.Failure
	if f == nil {
		l.Title = joined(n.Incident.Title, d.text)
		l.incident(o, n, facts)
		return l
	}
	l.Place, l.How = oneLine(place(f), d.value), how(f)
	if l.Title = joined(f.Message, d.value); l.Title == "" {
		l.Title = happened(f)
	}
	if n.Kind == incident.Stopped {
		l.incident(o, n, facts)
		return l
	}
	if full := lines(f.Message, 4*d.text); full != l.Title {
		l.Message = full
	}
	l.failure(o, f)
	l.incident(o, n, facts)
	l.stack(o, f)
	l.Causes = causeTree(f.Causes, d)
	l.Curl = curl(f.Request, o.BaseURL, d.curl)
	l.steps(f)
	l.Output = lines(end(f.Output, d.output), d.output)
	return l
}

// announce says why this mail was written.
func (l *letter) announce(o *Options, n incident.Notice) {
	in := n.Incident
	switch n.Kind {
	case incident.First:
		l.Tone, l.Badge, l.Headline = alarm, "New", "this is new: "+failures(max(n.Count, n.Covers, 1))+" so far"
	case incident.Back:
		l.Tone, l.Badge, l.Headline = alarm, "It is back", "it is back after it was resolved"
		if in.ChangedBy != "" && !in.ResolvedAt.IsZero() {
			l.Headline += " by " + oneLine(in.ChangedBy, 60)
		}
		if !in.ResolvedAt.IsZero() {
			l.Headline += " on " + when(in.ResolvedAt, o.Location)
		}
		l.Headline += ": " + failures(n.Count) + " in all"
	case incident.Stopped:
		l.Tone, l.Badge = calm, "It stopped"
		l.Headline = "it stopped: " + failures(n.Spell.Count) + ", " + people(n.Spell.Users) + ", " +
			span(n.Spell.First, n.Spell.Last, o.Location)
	case incident.Summary:
		l.Tone, l.Badge = watch, "A storm"
		l.Headline = "a storm: " + failures(n.Covers) + " of " + counted(int64(len(n.Items)), "incident", "incidents") +
			" beyond what this hour's mails have told"
	case incident.Digest:
		l.Tone, l.Badge = plain, "Summary"
		l.Headline = failures(n.Covers) + " of " + counted(int64(len(n.Items)), "incident", "incidents") + " that no mail has told of yet"
	default:
		l.Tone, l.Badge = watch, "It goes on"
		l.Headline = "it goes on: " + failures(n.Count) + " so far"
		if n.Spell.Users > 0 {
			l.Headline += ", " + people(n.Spell.Users)
		}
		if n.Covers > 0 && n.Covers < n.Count {
			l.Headline += ", " + number(n.Covers) + " since the last mail"
		}
	}
}

// failure tells of one failure: who, what, where.
func (l *letter) failure(o *Options, f *fault.Failure) {
	l.add("Failure", f.ID.String())
	l.add("When", when(f.Time, o.Location))
	if f.Task != l.Place {
		l.add("Task", f.Task)
	}
	if q := f.Request; q != nil {
		l.add("Request", strings.TrimSpace(q.Method+" "+q.URL))
		if q.Route != l.Place {
			l.detail("Route", q.Route)
		}
	}
	l.add("User", f.User)
	l.detail("Request ID", f.RequestID)
	if f.Request != nil {
		l.detail("Client", f.Request.RemoteAddr)
	}
	host := f.Host
	if f.PID != 0 {
		if host != "" {
			host += ", "
		}
		host += "process " + strconv.Itoa(f.PID)
	}
	l.detail("Host", host)
	l.detail("Build", program(f.Build))
}

// incident tells of the group that the failure belongs to.
func (l *letter) incident(o *Options, n incident.Notice, facts Facts) {
	in := n.Incident
	stopped := n.Kind == incident.Stopped
	if count := max(in.Count, n.Count); count > 0 {
		so := failures(count)
		if in.Users > 0 {
			so += ", " + people(in.Users)
		}
		if in.Routes > 1 {
			so += ", " + number(in.Routes) + " routes"
		}
		if count > 1 && !in.First.IsZero() {
			so += ", since " + when(in.First, o.Location)
		}
		l.add("So far", so)
	}
	if in.LastID != in.FirstID && n.Failure != nil && in.LastID != n.Failure.ID && !stopped && !in.Last.IsZero() {
		l.add("Last", when(in.Last, o.Location))
	}
	if n.IncidentID != "" {
		id := n.IncidentID
		if in.State != "" {
			id += ", " + stateWord(in.State)
		}
		l.add("Incident", id)
	}
	more := l.detail
	if stopped {
		more = l.add
		more("Where", in.Culprit)
	}
	if len(facts.Routes) > 1 || stopped {
		more("Routes", tallies(facts.Routes, l.d.tallies))
	}
	if len(facts.Users) > 1 || stopped {
		more("People", tallies(facts.Users, l.d.tallies))
	}
	if in.FirstBuild != in.LastBuild && in.FirstBuild != (fault.Build{}) && in.LastBuild != (fault.Build{}) {
		more("First in", program(in.FirstBuild))
		more("Last in", program(in.LastBuild))
	}
}

// add adds a fact to those that matter first, unless there is nothing to tell.
func (l *letter) add(name, value string) {
	if value = oneLine(value, l.d.value); value != "" {
		l.Rows = append(l.Rows, row{name, value})
	}
}

// detail adds a fact to the rest.
func (l *letter) detail(name, value string) {
	if value = oneLine(value, l.d.value); value != "" {
		l.Details = append(l.Details, row{name, value})
	}
}

// list tells of several incidents.
func (l *letter) list(o *Options, n incident.Notice) {
	left, incidents := int64(0), int64(0)
	for i, item := range n.Items {
		in := item.Incident
		if i >= l.d.items {
			left, incidents = left+item.Covers, incidents+1
			continue
		}
		about := []string{stateWord(in.State), failures(in.Count) + " in all"}
		if in.ID == "" {
			about = nil
		}
		if in.Users > 0 {
			about = append(about, people(in.Users))
		}
		if in.Culprit != "" {
			about = append(about, in.Culprit)
		}
		if !in.Last.IsZero() {
			about = append(about, "last "+when(in.Last, o.Location))
		}
		title := joined(in.Title, l.d.value)
		if title == "" {
			title = "Incidents that are no longer kept"
		}
		l.Items = append(l.Items, listed{
			Title: title, About: oneLine(strings.Join(about, ", "), 2*l.d.value), Link: link(o, in.ID), ID: in.ID, Covers: number(item.Covers),
		})
	}
	if incidents > 0 {
		l.More = "and " + counted(incidents, "further incident", "further incidents") + " with " + failures(left)
	}
}

// causeTree returns the tree of errors as lines, each with the branches that lead to it.
func causeTree(c fault.Cause, d detail) []cause {
	t := treeWriter{d: d}
	t.node(c, "", "")
	if t.left > 0 {
		t.out = append(t.out, cause{Message: "and " + counted(int64(t.left), "further cause", "further causes")})
	}
	return t.out
}

// cause is one line of the tree.
type cause struct {
	Branch  string // "├─ "
	Type    string
	Message string
}

type treeWriter struct {
	out  []cause
	d    detail
	left int // causes that are not told
}

func (t *treeWriter) node(c fault.Cause, branch, below string) {
	if len(t.out) >= t.d.causes {
		t.left++
	} else if c.Type != "" || c.Message != "" {
		t.out = append(t.out, cause{branch, oneLine(c.Type, t.d.value), joined(c.Message, t.d.text)})
	}
	t.left += c.Cut
	for i, inner := range c.Causes {
		if i == len(c.Causes)-1 {
			t.node(inner, below+"└─ ", below+"   ")
		} else {
			t.node(inner, below+"├─ ", below+"│  ")
		}
	}
}

// step is one thing that the request did.
type step struct {
	At, Kind, Text, Args, Took, Err string
}

func (l *letter) steps(f *fault.Failure) {
	shown := f.Steps[max(0, len(f.Steps)-l.d.steps):]
	l.StepsMore = f.StepsDropped + len(f.Steps) - len(shown)
	for _, s := range shown {
		l.Steps = append(l.Steps, stepOf(s, f.Time, l.d))
	}
}

func stepOf(s trace.Step, failed time.Time, d detail) step {
	out := step{
		Kind: oneLine(s.Kind, 20), Text: oneLine(s.Text, d.text), Err: joined(s.Err, d.text),
	}
	if s.Duration > 0 {
		out.Took = took(s.Duration)
	}
	if !s.Time.IsZero() && !failed.IsZero() {
		out.At = before(failed.Sub(s.Time))
	}
	if len(s.Args) > 0 {
		args := make([]string, 0, len(s.Args))
		for _, a := range s.Args {
			args = append(args, oneLine(a, d.value))
		}
		out.Args = cut(strings.Join(args, ", "), d.text)
	}
	return out
}

// before tells when a step was, seen from the failure.
func before(d time.Duration) string {
	if d < 0 {
		return "+" + took(-d)
	}
	return "−" + took(d)
}

func tallies(of []incident.Tally, max int) string {
	var parts []string
	for i, t := range of {
		if i == max {
			parts = append(parts, counted(int64(len(of)-max), "other", "others"))
			break
		}
		parts = append(parts, oneLine(t.Name, 80)+" ("+number(t.Count)+")")
	}
	return strings.Join(parts, ", ")
}

func link(o *Options, id string) string {
	if id == "" {
		return ""
	}
	address := oneLine(guarded(o.Link, id), 1000)
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		return ""
	}
	return address
}

// zones names those in which times are told.
func zones(zone *time.Location, at time.Time) string {
	name, offset := at.In(zone).Zone()
	if offset == 0 {
		return "UTC"
	}
	return name + " and UTC"
}
