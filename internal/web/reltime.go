package web

import (
	"html/template"
	"strconv"
	"time"
)

// relativeTime is the template function when: a time element that says how long ago t was, with
// the exact time to read by machine and on hover. The script refreshes it in the reader's zone.
// A zero t gives nothing.
func relativeTime(t, now time.Time) template.HTML {
	var buf [timeBytes]byte
	return template.HTML(appendTime(buf[:0], t, now))
}

// timeBytes is enough for every time element.
const timeBytes = 128

func appendTime(b []byte, t, now time.Time) []byte {
	if t.IsZero() {
		return b
	}
	t = t.UTC()
	b = append(b, `<time datetime="`...)
	b = t.AppendFormat(b, time.RFC3339)
	b = append(b, `" title="`...)
	b = t.AppendFormat(b, "2 January 2006, 15:04:05 UTC")
	b = append(b, `">`...)
	b = appendAgo(b, t, now)
	return append(b, `</time>`...)
}

// appendAgo has a twin in static/app.js: what the script writes must not differ.
func appendAgo(b []byte, t, now time.Time) []byte {
	d := now.Sub(t)
	switch {
	case d < -time.Minute: // a clock that is wrong somewhere: the date is the better answer
	case d < time.Minute:
		return append(b, "just now"...)
	case d < time.Hour:
		return appendUnits(b, int64(d/time.Minute), "minute")
	case d < 24*time.Hour:
		return appendUnits(b, int64(d/time.Hour), "hour")
	case d < 7*24*time.Hour:
		return appendUnits(b, int64(d/(24*time.Hour)), "day")
	}
	if t.Year() == now.UTC().Year() {
		return t.AppendFormat(b, "2 January")
	}
	return t.AppendFormat(b, "2 January 2006")
}

func appendUnits(b []byte, n int64, unit string) []byte {
	b = strconv.AppendInt(b, n, 10)
	b = append(b, ' ')
	b = append(b, unit...)
	if n != 1 {
		b = append(b, 's')
	}
	return append(b, " ago"...)
}

// calendarDate is the template function date: a day, in UTC. A zero t gives nothing.
func calendarDate(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return template.HTML(t.Format(`<time datetime="2006-01-02">2 January 2006</time>`))
}

// waitInWords tells a Retry-After to a person, rounded up: "30 seconds", "2 minutes", "1 hour".
func waitInWords(d time.Duration) string {
	n, unit := int64((d+time.Second-1)/time.Second), "second"
	if d > 90*time.Second {
		n, unit = int64((d+time.Minute-1)/time.Minute), "minute"
	}
	if d > 90*time.Minute {
		n, unit = int64((d+time.Hour-1)/time.Hour), "hour"
	}
	if n == 1 {
		return "1 " + unit
	}
	return strconv.FormatInt(n, 10) + " " + unit + "s"
}

// count is the template function count: a number with its noun, "1 post", "1,204 posts".
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return groupDigits(n) + " " + many
}

// groupDigits writes thousands apart: 1234567 is "1,234,567".
func groupDigits(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
