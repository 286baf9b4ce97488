package errormail

import (
	"strings"
	"time"
)

// History is how many failures there were in each step of time.
type History struct {
	From   time.Time
	Step   time.Duration
	Counts []int64
}

// maxBars is how many steps a mail shows at most.
const maxBars = 48

// steps are the lengths that a bar may stand for.
var steps = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

// historySpan returns the whole steps, at most maxBars of them, that reach from first until last.
func historySpan(first, last time.Time) (from, to time.Time, step time.Duration) {
	for _, step = range steps {
		from, to = first.UTC().Truncate(step), last.UTC().Truncate(step).Add(step)
		if to.Sub(from) <= maxBars*step {
			return from, to, step
		}
	}
	return to.Add(-maxBars * step), to, step
}

// bars is a history as it is shown.
type bars struct {
	Bars     []bar
	From, To string // the beginnings of the first and the last step
	Step     string // "minute"
	Most     string
	Line     string // the bars as characters
}

type bar struct {
	Height int // in pixels, 0 for none
	Count  string
}

const barHeight = 36 // pixels

// bars returns the history for a mail, nil if there is nothing to see in it.
func (h History) bars(zone *time.Location) *bars {
	var most int64
	seen := 0
	for _, n := range h.Counts {
		most = max(most, n)
		if n > 0 {
			seen++
		}
	}
	if most == 0 || seen == 1 && most == 1 || len(h.Counts) < 2 || h.Step <= 0 {
		return nil
	}
	form := "15:04 MST"
	if h.Step*time.Duration(len(h.Counts)) > 20*time.Hour {
		form = "2 Jan 15:04 MST"
	}
	last := h.From.Add(h.Step * time.Duration(len(h.Counts)-1))
	b := bars{From: h.From.In(zone).Format(form), To: last.In(zone).Format(form), Step: about(h.Step), Most: number(most)}
	var line strings.Builder
	for _, n := range h.Counts {
		// The least count can be seen, and the heights are true otherwise.
		height := int((n*barHeight + most - 1) / most)
		b.Bars = append(b.Bars, bar{height, number(n)})
		line.WriteRune([]rune(" ▁▂▃▄▅▆▇█")[(n*8+most-1)/most])
	}
	b.Line = strings.ReplaceAll(line.String(), " ", "·")
	return &b
}
