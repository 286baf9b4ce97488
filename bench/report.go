package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// report is a whole run. Its JSON form has times in nanoseconds and sizes in bytes.
type report struct {
	Machine     facts        `json:"machine"`
	Connections int          `json:"connections"`
	Rounds      int          `json:"rounds"`
	Round       string       `json:"round"`
	Posts       int          `json:"posts"`
	People      int          `json:"people"`
	Pages       []comparison `json:"pages,omitempty"`
	Growth      *growth      `json:"growth,omitempty"`
	Failing     *failing     `json:"failing,omitempty"`
	Storm       *storm       `json:"storm,omitempty"`
	Reload      *reloading   `json:"reload,omitempty"`
	Debugger    *debugging   `json:"debugger,omitempty"`
}

// markdown writes the report as Markdown tables.
func (r report) markdown(w io.Writer) error {
	var b strings.Builder
	r.writeFacts(&b)
	if len(r.Pages) > 0 {
		r.writePages(&b)
	}
	if r.Growth != nil {
		r.Growth.write(&b)
	}
	if r.Failing != nil {
		r.Failing.write(&b)
	}
	if r.Storm != nil {
		r.Storm.write(&b)
	}
	if r.Reload != nil {
		r.Reload.write(&b)
	}
	if r.Debugger != nil {
		r.Debugger.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r report) writeFacts(b *strings.Builder) {
	m := r.Machine
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "| %s | %s |\n", name, value)
		}
	}
	b.WriteString("| | |\n|---|---|\n")
	machine := fmt.Sprintf("%d cores, %s", m.Cores, m.System)
	if m.Processor != "" {
		machine = m.Processor + ", " + machine
	}
	if m.Memory > 0 {
		machine += fmt.Sprintf(", %.1f GiB", float64(m.Memory)/(1<<30))
	}
	row("machine", machine)
	if m.Busy >= 0 {
		row("load average at the start", fmt.Sprintf("%.2f", m.Busy))
	}
	row("Go", m.Go)
	row("database", m.Database)
	commit := m.Commit
	if commit != "" && m.Modified {
		commit += " with changes"
	}
	row("commit", commit)
	row("date", m.Date.Format(time.DateOnly))
	if len(r.Pages) > 0 {
		row("load", fmt.Sprintf("%d connections, %d rounds of %s for each server, in turns", r.Connections, r.Rounds, r.Round))
		row("data", fmt.Sprintf("%s posts by %s people", thousands(r.Posts), thousands(r.People)))
	}
}

func (r report) writePages(b *strings.Builder) {
	b.WriteString("\n| page | status, bytes | Microblog, per second | bare, per second | ratio: median (min–max) | aim |\n" +
		"|---|--:|--:|--:|--:|--:|\n")
	for _, p := range r.Pages {
		aim := ""
		if p.Aim > 0 {
			aim = fmt.Sprintf("≥ %v", p.Aim)
		}
		fmt.Fprintf(b, "| %s | %d, %s | %s | %s | **%.3f** (%.3f–%.3f) | %s |\n", p.Name, p.Status, thousands(p.Bytes),
			thousands(int(spreadOf(p.Microblog.PerSecond).Median)), thousands(int(spreadOf(p.Bare.PerSecond).Median)),
			p.Ratio.Median, p.Ratio.Min, p.Ratio.Max, aim)
	}
	b.WriteString("\n| page | p50, p99 of Microblog | p50, p99 of bare | CPU per answer: Microblog, bare | memory: resident, peak | CPU used by other programs |\n" +
		"|---|--:|--:|--:|--:|--:|\n")
	for _, p := range r.Pages {
		cpu, foreign := "–", "–"
		if p.Microblog.CPU > 0 {
			foreign = fmt.Sprintf("%.0f %%", 100*p.Others)
			cpu = fmt.Sprintf("%s, %s", micros(p.Microblog.CPU), micros(p.Bare.CPU))
		}
		fmt.Fprintf(b, "| %s | %s, %s | %s, %s | %s | %s | %s |\n", p.Name, millis(p.Microblog.P50), millis(p.Microblog.P99),
			millis(p.Bare.P50), millis(p.Bare.P99), cpu, p.Memory, foreign)
	}
}

func (g *growth) write(b *strings.Builder) {
	last := len(g.Sizes) - 1
	line := func(name string, cell func(i int) string, end string) {
		fmt.Fprintf(b, "| %s |", name)
		for i := range g.Sizes {
			fmt.Fprintf(b, " %s |", cell(i))
		}
		fmt.Fprintf(b, " %s |\n", end)
	}
	b.WriteString("\n")
	line("p50, p99 of one request at a time", func(i int) string { return thousands(g.Sizes[i].Posts) + " posts" }, "p50, last through first")
	b.WriteString("|---|" + strings.Repeat("--:|", last+2) + "\n")
	for _, p := range g.Pages {
		line(p.Name, func(i int) string { return millis(p.P50[i]) + ", " + millis(p.P99[i]) },
			fmt.Sprintf("%.2f", float64(p.P50[last])/float64(p.P50[0])))
	}
	line("people", func(i int) string { return thousands(g.Sizes[i].People) }, "")
	line("database", func(i int) string { return mebibytes(g.Sizes[i].Database) }, "")
	line("making it", func(i int) string { return fmt.Sprintf("%.1f s", g.Sizes[i].Seeding.Seconds()) }, "")
	line("memory after the start: resident, peak", func(i int) string { return g.Sizes[i].Idle.String() }, "")
	line("memory at the end: resident, peak", func(i int) string { return g.Sizes[i].Memory.String() }, "")
}

func (m memory) String() string {
	if m == (memory{}) {
		return "–"
	}
	return mebibytes(m.Resident) + ", " + mebibytes(m.Peak)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func micros(d time.Duration) string {
	return fmt.Sprintf("%.0f µs", float64(d)/float64(time.Microsecond))
}

// thousands writes a number that is not negative with a comma between groups of three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
