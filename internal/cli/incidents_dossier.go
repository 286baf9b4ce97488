package cli

import (
	"fmt"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/source"
)

// Widths of what stands before a line.
const (
	labelColumn = 11
	indentBy    = 2
)

// A dossierWriter prints a dossier for people. Errors of the terminal are not looked at.
type dossierWriter struct {
	out     *terminal
	dossier *dossier
	finder  *source.Finder
	base    string // where the application is reached; "": as the request said
}

// line prints one line, broken at the terminal's width and indented.
func (w *dossierWriter) line(indent int, text string, as ...style) {
	columns := 0
	if w.out.width > 0 {
		columns = w.out.width - indent
	}
	for _, part := range wrap(plainText(text), columns) {
		for _, s := range as {
			part = w.out.paint(part, s)
		}
		fmt.Fprintln(w.out, strings.Repeat(" ", indent)+part)
	}
}

// cut makes a line fit that would lose its sense if it were broken.
func (w *dossierWriter) cut(line string) string {
	if w.out.width == 0 {
		return line
	}
	return fit(line, w.out.width)
}

// field prints a label and what goes with it, if that is anything.
func (w *dossierWriter) field(label, text string) {
	if text == "" {
		return
	}
	columns := 0
	if w.out.width > 0 {
		columns = w.out.width - indentBy - labelColumn
	}
	for _, part := range wrap(plainText(text), columns) {
		fmt.Fprintln(w.out, strings.Repeat(" ", indentBy)+w.out.paint(pad(label, labelColumn), dim)+part)
		label = ""
	}
}

// heading begins a section.
func (w *dossierWriter) heading(text string) {
	fmt.Fprintln(w.out)
	w.line(0, text, bold)
}

// write prints everything.
func (w *dossierWriter) write() {
	w.summary()
	w.quoted()
	f := w.dossier.shown
	if f == nil {
		w.heading("Failures")
		w.line(indentBy, "None of its failures is kept in full any more.")
	} else {
		w.causes(f)
		w.stack(f)
		w.output(f)
		w.request(f)
		w.steps(f)
	}
	w.samples()
	w.tallies("Routes", w.dossier.routes)
	w.tallies("People", w.dossier.users)
	w.mails()
	w.history()
}

func (w *dossierWriter) summary() {
	i, now := w.dossier.incident, w.dossier.now
	fmt.Fprintln(w.out, w.out.paint("Incident "+i.ID, bold)+"  "+w.out.paint(string(i.State), stateStyle(i.State)))
	w.line(0, i.Title)
	fmt.Fprintln(w.out)
	w.field("state", w.state())
	count := several(i.Count, "failure")
	switch {
	case i.Users == 1:
		count += ", 1 person"
	case i.Users > 1:
		count += fmt.Sprintf(", %d people", i.Users)
	}
	if i.Routes > 0 {
		count += ", " + several(i.Routes, "route")
	}
	w.field("count", count)
	w.field("in", i.Culprit)
	w.field("error", i.ErrorType)
	if i.Joined {
		w.field("", "Failures with other messages from the same place are counted here as well: there were too many different ones.")
	}
	w.field("first", moment(i.First, now)+buildOf(i.FirstBuild))
	w.field("last", moment(i.Last, now)+buildOf(i.LastBuild))
	w.field("told", told(i))
	w.field("page", w.dossier.link)
}

// state says where the incident is in its life, and who has brought it there.
func (w *dossierWriter) state() string {
	i, now := w.dossier.incident, w.dossier.now
	text := string(i.State)
	switch i.State {
	case incident.Muted:
		text += " " + muteEnd(i.MuteUntil, i.MuteLeft, now)
	case incident.Resolved:
		if i.NextBuild {
			text += ", from the next build on"
		}
	}
	if i.ChangedBy != "" {
		text += "; changed last by " + i.ChangedBy
		if !i.ChangedAt.IsZero() {
			text += " " + ago(now.Sub(i.ChangedAt))
		}
	}
	if i.Regressions > 0 {
		text += fmt.Sprintf("; it came back %s", times(i.Regressions))
	}
	return text
}

func times(n int64) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// told says what became of the failures.
func told(i incident.Incident) string {
	waiting := i.Count - i.Mailed - i.Grouped - i.Muted - i.GivenUp - i.NotForMail
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{
		{i.Mailed, "mailed"}, {i.Grouped, "grouped into a sent mail"}, {i.Muted, "muted"}, {waiting, "waiting"},
		{i.GivenUp, "given up"}, {i.NotForMail, "without mail"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

// buildOf names a build.
func buildOf(b fault.Build) string {
	var parts []string
	if b.Version != "" && b.Version != "(devel)" {
		parts = append(parts, b.Version)
	}
	if b.Revision != "" {
		revision := b.Revision[:min(len(b.Revision), 12)]
		if b.Modified {
			revision += " with changes"
		}
		parts = append(parts, revision)
	}
	if len(parts) == 0 && b.ID != "" {
		parts = append(parts, b.ID)
	}
	if len(parts) == 0 {
		return ""
	}
	return ", build " + strings.Join(parts, " ")
}

// quoted says what is known of the failure that was asked for.
func (w *dossierWriter) quoted() {
	q := w.dossier.quoted
	if q == nil {
		return
	}
	fmt.Fprintln(w.out)
	if q.Failure == nil {
		w.line(0, "The failure "+q.ID.String()+" is one of these, but its details are no longer kept; below is the newest one that is.", yellow)
		return
	}
	w.line(0, "The failure "+q.ID.String()+" is one of these; it is shown below.")
}

func (w *dossierWriter) samples() {
	if len(w.dossier.samples) < 2 {
		return
	}
	w.heading("Failures that are kept in full")
	for _, f := range w.dossier.samples {
		text := f.ID.String() + "  " + moment(f.Time, w.dossier.now)
		if f.Request != nil {
			text += "  " + f.Request.Method + " " + f.Request.URL
		}
		if f.User != "" {
			text += "  " + f.User
		}
		w.line(indentBy, text)
	}
}

func (w *dossierWriter) tallies(title string, all []incident.Tally) {
	if len(all) == 0 {
		return
	}
	w.heading(title)
	for _, t := range all[:min(len(all), talliesShown)] {
		w.line(indentBy, fmt.Sprintf("%6d  %s  last %s", t.Count, t.Name, ago(w.dossier.now.Sub(t.Last))))
	}
	if more := len(all) - talliesShown; more > 0 {
		w.line(indentBy, fmt.Sprintf("and %d more; --json has them", more), dim)
	}
}

func (w *dossierWriter) mails() {
	w.heading("Mails")
	if len(w.dossier.notices) == 0 {
		w.line(indentBy, "None.", dim)
		return
	}
	for _, n := range w.dossier.notices[:min(len(w.dossier.notices), noticesShown)] {
		w.line(indentBy, fmt.Sprintf("%-8s %-9s  %s  tells of %s", n.Kind, n.State, moment(n.At, w.dossier.now), several(n.Covers, "failure")))
	}
	if more := len(w.dossier.notices) - noticesShown; more > 0 {
		w.line(indentBy, fmt.Sprintf("and %d more; --json has them", more), dim)
	}
}

// history prints the failures of the last day as a row of bars.
func (w *dossierWriter) history() {
	var sum, most int64
	for _, n := range w.dossier.history {
		sum, most = sum+n, max(most, n)
	}
	w.heading("The last 24 hours")
	if sum == 0 {
		w.line(indentBy, "No failures.", dim)
		return
	}
	w.line(indentBy, bars(w.dossier.history, most))
	w.line(indentBy, fmt.Sprintf("%s since %s; at most %d in %d minutes", several(sum, "failure"),
		w.dossier.from.Local().Format("2006-01-02 15:04 MST"), most, historyStep/time.Minute), dim)
}

// bars draws counts with the eighths of a block; U+2581 to U+2588. None is a dot.
func bars(counts []int64, most int64) string {
	var b strings.Builder
	for _, n := range counts {
		if n <= 0 || most <= 0 {
			b.WriteRune('·')
			continue
		}
		b.WriteRune('▁' + rune((min(n, most)*7+most-1)/most))
	}
	return b.String()
}
