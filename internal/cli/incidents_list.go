package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/internal/config"
)

const (
	pageSize      = 200 // incidents that are asked for at once
	standardLimit = 50
	greatestLimit = 10_000
)

// incidentsList is microblog incidents list.
type incidentsList struct {
	State  []string `placeholder:"STATE" help:"List those in these states only: new, ongoing, quiet, resolved, regressed, muted, or all. Without it all but resolved ones are listed."`
	Search string   `placeholder:"WORDS" help:"List those only with each of these words in the title, the place, the type of the error, a route or the ID; or the one that a failure of this ID belongs to, in any state."`
	Limit  int      `default:"50" placeholder:"COUNT" help:"List so many at most (${default})."`
	JSON   bool     `name:"json" help:"Print one JSON object, for programs."`
}

// Run lists incidents.
func (c *incidentsList) Run(ctx context.Context, in *invocation) error {
	states, err := parseStates(c.State)
	if err != nil {
		return err
	}
	if c.Limit < 1 || c.Limit > greatestLimit {
		return &usageError{fmt.Sprintf("--limit is %d; it must be from 1 to %d", c.Limit, greatestLimit)}
	}
	return in.readBook(ctx, func(_ config.Config, book *incident.Book) error {
		items, more, err := list(ctx, book, incident.Query{States: states, Search: c.Search}, c.Limit)
		if err != nil {
			return err
		}
		if items, err = c.withQuoted(ctx, book, items); err != nil {
			return err
		}
		counts, err := book.Counts(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(in.Out, struct {
				Incidents []incident.Incident      `json:"incidents"`
				More      bool                     `json:"more"` // there are more than --limit
				Counts    map[incident.State]int64 `json:"counts"`
			}{append([]incident.Incident{}, items...), more, counts})
		}
		out := in.terminal()
		printList(out, items, time.Now())
		fmt.Fprintln(out, listEnd(items, more, counts, states, c.Search != ""))
		return nil
	})
}

// withQuoted puts the incidents first whose failure has the ID that is searched for.
func (c *incidentsList) withQuoted(ctx context.Context, book *incident.Book, items []incident.Incident) ([]incident.Incident, error) {
	prefix, err := fault.ParseIDPrefix(c.Search)
	if err != nil {
		return items, nil // it is no ID
	}
	found, err := book.Find(ctx, prefix)
	if err != nil {
		return nil, err
	}
	states, err := parseStates(c.State)
	if err != nil {
		return nil, err
	}
	var quoted []incident.Incident
	for _, f := range found {
		same := func(i incident.Incident) bool { return i.ID == f.Incident.ID }
		if slices.ContainsFunc(items, same) || slices.ContainsFunc(quoted, same) || c.State != nil && !slices.Contains(states, f.Incident.State) {
			continue
		}
		quoted = append(quoted, f.Incident)
	}
	all := append(quoted, items...)
	return all[:min(len(all), c.Limit)], nil
}

// parseStates reads the states of --state, each of which may be several with commas between.
func parseStates(given []string) ([]incident.State, error) {
	var states []incident.State
	for _, s := range given {
		s = strings.ToLower(strings.TrimSpace(s))
		switch {
		case s == "all":
			return incident.States(), nil
		case slices.Contains(incident.States(), incident.State(s)):
			states = append(states, incident.State(s))
		default:
			return nil, &usageError{fmt.Sprintf("--state is %q; it must be new, ongoing, quiet, resolved, regressed, muted or all", s)}
		}
	}
	if states == nil {
		states = slices.DeleteFunc(incident.States(), func(s incident.State) bool { return s == incident.Resolved })
	}
	return states, nil
}

// list returns up to limit incidents, and whether there are more.
func list(ctx context.Context, book *incident.Book, q incident.Query, limit int) (items []incident.Incident, more bool, err error) {
	for {
		q.Limit = min(pageSize, limit-len(items))
		page, err := book.List(ctx, q)
		if err != nil {
			return nil, false, err
		}
		items = append(items, page.Items...)
		if page.Next == "" || len(items) >= limit {
			return items, page.Next != "", nil
		}
		q.Cursor = page.Next
	}
}

// Columns of the list.
const (
	idColumn    = 15
	stateColumn = 11
	countColumn = 6
	lastColumn  = 9
	titleLines  = 2
)

// printList prints a table. On a terminal a long title goes on below itself, and the place where it
// failed stands below it; elsewhere each incident is one line.
func printList(out *terminal, items []incident.Incident, now time.Time) {
	if len(items) == 0 {
		return
	}
	const before = idColumn + stateColumn + countColumn + 2 + lastColumn
	heading := pad("ID", idColumn) + pad("STATE", stateColumn) + fmt.Sprintf("%*s  ", countColumn, "COUNT") + pad("LAST", lastColumn) + "TITLE"
	fmt.Fprintln(out, out.paint(heading, bold))
	for _, i := range items {
		row := i.ID + strings.Repeat(" ", max(1, idColumn-len(i.ID))) +
			out.paint(string(i.State), stateStyle(i.State)) + strings.Repeat(" ", max(1, stateColumn-len(i.State))) +
			fmt.Sprintf("%*s  ", countColumn, shortCount(i.Count)) + pad(shortAge(now.Sub(i.Last)), lastColumn)
		title, culprit := plainText(i.Title), plainText(i.Culprit)
		if out.width == 0 {
			if culprit != "" {
				title += " [" + culprit + "]"
			}
			fmt.Fprintln(out, row+title)
			continue
		}
		columns := max(out.width-before, 20)
		lines := wrap(title, columns)
		if len(lines) > titleLines {
			lines[titleLines-1] = strings.Join(lines[titleLines-1:], " ")
			lines = lines[:titleLines]
		}
		fmt.Fprintln(out, row+fit(lines[0], columns))
		for _, line := range lines[1:] {
			fmt.Fprintln(out, strings.Repeat(" ", before)+fit(line, columns))
		}
		if culprit != "" {
			fmt.Fprintln(out, strings.Repeat(" ", before)+out.paint(fit(culprit, columns), dim))
		}
	}
}

// listEnd sums the list up.
func listEnd(items []incident.Incident, more bool, counts map[incident.State]int64, states []incident.State, searched bool) string {
	var hidden, all int64
	for state, n := range counts {
		all += n
		if !slices.Contains(states, state) {
			hidden += n
		}
	}
	var text string
	switch {
	case len(items) == 0 && all == 0:
		return "There are no incidents."
	case len(items) == 0:
		text = "None is like that. " + stateCounts(counts)
	case more:
		text = fmt.Sprintf("There are more than these %d; --limit shows more of them", len(items))
	case searched:
		text = several(int64(len(items)), "incident")
	default:
		text = stateCounts(counts)
	}
	if hidden > 0 {
		text += "; --state all looks at those in all states"
	}
	return text + "."
}

func stateStyle(s incident.State) style {
	switch s {
	case incident.Regressed, incident.New:
		return red
	case incident.Ongoing:
		return yellow
	case incident.Resolved:
		return green
	}
	return dim
}

// shortCount writes a count in at most five characters.
func shortCount(n int64) string {
	switch {
	case n < 100_000:
		return strconv.FormatInt(n, 10)
	case n < 10_000_000:
		return strconv.FormatInt(n/1000, 10) + "k"
	}
	return strconv.FormatInt(n/1_000_000, 10) + "M"
}

// shortAge writes how long ago something was, in the largest unit that fits.
func shortAge(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.FormatInt(max(0, int64(d/time.Second)), 10) + " s"
	case d < time.Hour:
		return strconv.FormatInt(int64(d/time.Minute), 10) + " min"
	case d < 48*time.Hour:
		return strconv.FormatInt(int64(d/time.Hour), 10) + " h"
	}
	return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + " days"
}

// writeJSON writes one value, for programs.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}
