package desk

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault/internal/visible"
)

// line makes a text of one line visible; see package visible.
func line(s string) string { return visible.Line(s) }

// clipped is a text that may be too long to be shown at once.
type clipped struct {
	Head  string // its beginning
	Whole string // all of it, "" if that is Head
	Size  string // of all of it, in words: "8,211 characters"
}

// clip cuts what is longer than so many characters or lines, at a boundary of characters.
func clip(s string, characters, lines int) clipped {
	s = visible.Text(s)
	end, n, breaks := len(s), 0, 0
	for i, r := range s {
		if n == characters || breaks == lines {
			end = i
			break
		}
		n++
		if r == '\n' {
			breaks++
		}
	}
	if end == len(s) {
		return clipped{Head: s}
	}
	return clipped{
		Head:  strings.TrimRight(s[:end], "\n") + "…",
		Whole: s,
		Size:  number(int64(utf8.RuneCountInString(s))) + " characters",
	}
}

// number writes thousands apart: 1234567 is "1,234,567".
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count is a number with its noun: "1 failure", "1,204 failures".
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// size is a number of bytes for people: "812 B", "1.4 MiB".
func size(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB"}
	for i, unit := range units {
		if f /= 1 << 10; f < 1<<10 || i == len(units)-1 {
			return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
		}
	}
	return "" // never reached
}

// ago tells how long before now a time was: "5 minutes ago"; a time to come is "in 5 minutes".
func ago(t, now time.Time) string {
	d := now.Sub(t)
	if d > -time.Second && d < time.Minute {
		return "just now"
	}
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

// span is a length of time for people, in its largest unit, rounded down: "90 seconds", "3 days".
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return count(int64(d/time.Second), "second", "seconds")
	case d < 2*time.Hour:
		return count(int64(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return count(int64(d/time.Hour), "hour", "hours")
	}
	return count(int64(d/(24*time.Hour)), "day", "days")
}
