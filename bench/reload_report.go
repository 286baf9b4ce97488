package main

import (
	"fmt"
	"strings"
	"time"
)

func (r *reloading) write(b *strings.Builder) {
	if len(r.Tools) > 0 {
		r.writeEdits(b)
		r.writeLoad(b)
	}
	for _, t := range r.Tools {
		if t.Trouble != "" {
			fmt.Fprintf(b, "\nTrouble with %s: %s\n", t.Tool, t.Trouble)
		}
	}
	for _, m := range r.Missing {
		fmt.Fprintf(b, "\nNot measured: %s: %s\n", m.Tool, m.Reason)
	}
}

func (r *reloading) writeEdits(b *strings.Builder) {
	own, air := r.find(tool{name: faultTool}), r.find(knownTool(airTool))
	fmt.Fprintf(b, "\n| save to first right answer: median (min–max) of %d |", r.Edits)
	for _, t := range r.Tools {
		fmt.Fprintf(b, " %s |", t.Tool)
	}
	b.WriteString(" fault run through air | aim |\n|---|" + strings.Repeat("--:|", len(r.Tools)+2) + "\n")
	for i, e := range edits() {
		fmt.Fprintf(b, "| %s |", e.name)
		for _, t := range r.Tools {
			fmt.Fprintf(b, " %s |", t.Edits[i])
		}
		ratio := "–"
		if own != nil && air != nil && len(own.Edits[i].Times) > 0 && len(air.Edits[i].Times) > 0 {
			ratio = fmt.Sprintf("%.2f", own.Edits[i].spread().Median/air.Edits[i].spread().Median)
		}
		fmt.Fprintf(b, " %s | %s |\n", ratio, e.aim)
	}
}

func (r *reloading) writeLoad(b *strings.Builder) {
	if r.Saves == 0 {
		return
	}
	fmt.Fprintf(b, "\n| %d requests per second, a POST in four, while files are saved | files saved | requests | refused | broken off | answered wrongly (5xx) | waited more than %v | slowest | processes left behind |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
		r.Rate, longWait)
	for _, t := range r.Tools {
		d := t.Load
		if d == nil {
			continue
		}
		saves := fmt.Sprint(d.Saves)
		if d.Missed > 0 {
			saves += fmt.Sprintf(", %d missed", d.Missed)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %d |\n", t.Tool, saves, thousands(d.Requests),
			thousands(d.Refused), thousands(d.Broken), thousands(d.Wrong), thousands(d.Long), seconds(d.Slowest.Seconds()), t.Left)
	}
	b.WriteString("| aim for fault run | | | 0 | 0 | 0 | | | 0 |\n")
}

// find returns the figures of a tool, nil without any.
func (r *reloading) find(t tool) *reloadFigures {
	for i := range r.Tools {
		if r.Tools[i].Tool == t.String() {
			return &r.Tools[i]
		}
	}
	return nil
}

// spread sums up the times, in seconds.
func (e editFigures) spread() spread {
	var all []float64
	for _, t := range e.Times {
		all = append(all, t.Seconds())
	}
	return spreadOf(all)
}

func (e editFigures) String() string {
	text := "–"
	if s := e.spread(); len(e.Times) > 0 {
		text = fmt.Sprintf("**%s** (%s–%s)", seconds(s.Median), seconds(s.Min), seconds(s.Max))
	}
	if e.Missed > 0 {
		text += fmt.Sprintf(", %d not within %v", e.Missed, editTimeout)
	}
	return text
}

// seconds writes a time of milliseconds to minutes.
func seconds(s float64) string {
	if s < 0.1 {
		return millis(time.Duration(s * float64(time.Second)))
	}
	return fmt.Sprintf("%.2f s", s)
}
