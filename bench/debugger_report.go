package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (r *debugging) write(b *strings.Builder) {
	if len(r.Sizes) > 0 {
		r.writeTimes(b)
		r.writeStalls(b)
	}
	r.writeCosts(b)
	for _, s := range r.Sizes {
		if s.Trouble != "" {
			fmt.Fprintf(b, "\nTrouble with %d MB: %s\n", s.Megabytes, s.Trouble)
		}
	}
	for _, m := range r.Missing {
		fmt.Fprintf(b, "\nNot measured: %s: %s\n", m.Tool, m.Reason)
	}
}

func (r *debugging) writeTimes(b *strings.Builder) {
	panics := "panics are copied as they begin"
	if !r.Hooked {
		panics = "panics are copied where they are recovered, since the runtime with the hook was not ready"
	}
	fmt.Fprintf(b, "\n| debugger: median (min–max); %s |", panics)
	r.cells(b, func(s *debuggedSize) string { return fmt.Sprintf("%d MB", s.Megabytes) })
	b.WriteString(" aim |\n|---|" + strings.Repeat("--:|", len(r.Sizes)+1) + "\n")
	row := func(name, aim string, cell func(s *debuggedSize) string) {
		fmt.Fprintf(b, "| %s |", name)
		r.cells(b, cell)
		fmt.Fprintf(b, " %s |\n", aim)
	}
	row("failure to page", "≤ 50 ms", func(s *debuggedSize) string { return s.Page.String() })
	row("the same request in a release build", "", func(s *debuggedSize) string { return s.Release.String() })
	row("ratio", "", func(s *debuggedSize) string { return ratioText(s.Page.Times, s.Release.Times) })
	row("page to all variables, first failure", "", func(s *debuggedSize) string { return timesText([]time.Duration{s.First}) })
	row("page to all variables, later ones", "", func(s *debuggedSize) string { return s.Variables.String() })
	row("frames, variables", "", func(s *debuggedSize) string { return fmt.Sprintf("%d, %d", s.Frames, s.Values) })
	row("an expression", "", func(s *debuggedSize) string { return s.Expression.String() })
	row("a call", "", func(s *debuggedSize) string { return s.Call.String() })
	row("application: resident before, after, after a collection", "", func(s *debuggedSize) string {
		if s.Memory.Resident == 0 {
			return "–"
		}
		return mebibytes(s.Memory.Resident) + ", " + mebibytes(s.After.Resident) + ", " + mebibytes(s.Collected.Resident)
	})
	if r.Werkzeug == "" {
		return
	}
	for _, f := range []struct {
		name string
		of   func(s *debuggedSize) answering
	}{
		{"failure to page", func(s *debuggedSize) answering { return s.Page }},
		{"an expression", func(s *debuggedSize) answering { return s.Expression }},
		{"a call", func(s *debuggedSize) answering { return s.Call }},
	} {
		row(r.Werkzeug+": "+f.name, "", func(s *debuggedSize) string { return timesText(f.of(s).Werkzeug) })
		row("fault run through that", "", func(s *debuggedSize) string { a := f.of(s); return ratioText(a.Times, a.Werkzeug) })
	}
}

// cells writes a cell for each size.
func (r *debugging) cells(b *strings.Builder, cell func(s *debuggedSize) string) {
	for i := range r.Sizes {
		fmt.Fprintf(b, " %s |", cell(&r.Sizes[i]))
	}
}

func (r *debugging) writeStalls(b *strings.Builder) {
	fmt.Fprintf(b, "\n| %d other requests per second: the longest wait of one, median (min–max); how often above %v | meanwhile | with nothing failing | ratio | aim |\n|---|--:|--:|--:|--:|\n", stallRate, stallAim)
	for i := range r.Sizes {
		s := &r.Sizes[i]
		for _, one := range []struct {
			name, aim string
			stalls
		}{
			{"a request fails and its copy is frozen", "0 above 20 ms at 100 MB", s.Frozen},
			{"the same, and the debugger attaches and reads all", "", s.Attaching},
		} {
			if len(one.During) > 0 {
				fmt.Fprintf(b, "| %d MB: %s | %s | %s | %s | %s |\n", s.Megabytes, one.name, stallText(one.During), stallText(one.Calm), ratioText(one.During, one.Calm), one.aim)
			}
		}
	}
}

func (r *debugging) writeCosts(b *strings.Builder) {
	if len(r.Costs) == 0 {
		return
	}
	b.WriteString("\n| running under fault run, nothing fails | bytes | per second | ratio: median (min–max) | p50, p99 | the application's CPU per answer |\n|---|--:|--:|--:|--:|--:|\n")
	for _, c := range r.Costs {
		for _, s := range c.Servers {
			cpu := "–"
			if s.Served.CPU > 0 {
				cpu = micros(s.Served.CPU)
			}
			fmt.Fprintf(b, "| %s: %s | %s | %s | **%.3f** (%.3f–%.3f) | %s, %s | %s |\n", c.Path, s.Name, thousands(c.Bytes), thousands(int(spreadOf(s.Served.PerSecond).Median)),
				s.Ratio.Median, s.Ratio.Min, s.Ratio.Max, millis(s.Served.P50), millis(s.Served.P99), cpu)
		}
	}
}

func (a answering) String() string { return timesText(a.Times) }

func inSeconds(times []time.Duration) (all []float64) {
	for _, t := range times {
		all = append(all, t.Seconds())
	}
	return all
}

// timesText is the median of times, and their range if there are several.
func timesText(times []time.Duration) string {
	s := spreadOf(inSeconds(times))
	switch {
	case len(times) == 0 || s.Max == 0:
		return "–"
	case len(times) == 1:
		return "**" + seconds(s.Median) + "**"
	}
	return fmt.Sprintf("**%s** (%s–%s)", seconds(s.Median), seconds(s.Min), seconds(s.Max))
}

// ratioText sums up the ratios of times that were taken in turns.
func ratioText(times, through []time.Duration) string {
	var all []float64
	for i := range min(len(times), len(through)) {
		all = append(all, times[i].Seconds()/through[i].Seconds())
	}
	if len(all) == 0 {
		return "–"
	}
	s := spreadOf(all)
	return fmt.Sprintf("**%.2f** (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

// stallText is timesText, and how many were longer than is aimed at.
func stallText(times []time.Duration) string {
	above := len(slices.DeleteFunc(slices.Clone(times), func(t time.Duration) bool { return t <= stallAim }))
	return fmt.Sprintf("%s; %d of %d", timesText(times), above, len(times))
}
