package desk

import "time"

// chart is a history as bars. Its sizes are in the units of its viewBox.
type chart struct {
	Width, Height int
	Bars          []bar
	Text          string // what it shows, in words
	Peak          int64  // the highest count
	Total         int64
}

// bar is the count of one step.
type bar struct {
	X, Y, W, H int
	Text       string // "14:05: 3 failures"; only where bars are told one by one
	From       stamp
	Count      int64
}

// A bar's place: its width and the gap after it.
const (
	barWidth = 3
	barGap   = 1
)

// draw draws counts that begin at from and are step apart. With each, every bar is told in words.
func (d *desk) draw(counts []int64, from time.Time, step time.Duration, height int, each bool) chart {
	c := chart{Width: max(1, len(counts)*(barWidth+barGap)-barGap), Height: height}
	peak := 0
	for i, n := range counts {
		c.Total += n
		if n > c.Peak {
			c.Peak, peak = n, i
		}
	}
	for i, n := range counts {
		if n <= 0 {
			continue
		}
		// What happened once still shows beside what happened a million times.
		h := max(2, int(float64(n)/float64(c.Peak)*float64(height)+.5))
		b := bar{X: i * (barWidth + barGap), Y: height - h, W: barWidth, H: h, Count: n}
		if each {
			b.From = d.stamp(from.Add(time.Duration(i) * step))
			b.Text = d.moment(b.From.t, step) + ": " + count(n, "failure", "failures")
		}
		c.Bars = append(c.Bars, b)
	}
	whole := span(step * time.Duration(len(counts)))
	if c.Total == 0 {
		c.Text = "No failures in the last " + whole
		return c
	}
	c.Text = count(c.Total, "failure", "failures") + " in the last " + whole
	if len(c.Bars) > 1 {
		c.Text += ", with a peak of " + number(c.Peak) + " from " + d.moment(from.Add(time.Duration(peak)*step), step)
	}
	return c
}

// moment names the beginning of a step as exactly as needed.
func (d *desk) moment(t time.Time, step time.Duration) string {
	t = t.In(d.location)
	if step < time.Hour {
		return t.Format("15:04")
	}
	return t.Format("2 January, 15:04")
}
