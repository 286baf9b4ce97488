package overlay

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault/internal/visible"
)

// line, lines and code make texts visible; see package visible.
func line(s string) string  { return visible.Line(s) }
func lines(s string) string { return visible.Text(s) }
func code(s string) string  { return visible.Code(s) }

// oneLine is a text of several lines in one.
func oneLine(s string) string {
	return line(strings.NewReplacer("\r\n", "; ", "\n", "; ").Replace(strings.TrimSpace(s)))
}

// clip cuts a text to so many bytes, at a character.
func clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max] + "…"
}

// count is a number with its noun: "1 failure", "3 failures".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// maxUnderWay is how many requests are named.
const maxUnderWay = 8

// underWay tells in a sentence which requests were under way, "" if none were.
func underWay(requests []string) string {
	if len(requests) == 0 {
		return ""
	}
	named := make([]string, min(len(requests), maxUnderWay))
	for i := range named {
		named[i] = line(clip(requests[i], 200))
	}
	text := count(len(requests), "request was", "requests were") + " under way: " + strings.Join(named, ", ")
	if rest := len(requests) - len(named); rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text + "."
}

// took is a length of time for people: "0.3 ms", "48 ms", "1.2 s".
func took(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case d < 0:
		return "−" + took(-d)
	case ms < 9.95:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 999.5:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	case d < 2*time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return d.Round(time.Second).String()
}

// bytesText is a number of bytes for people: "812 B", "1.4 MiB".
func bytesText(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB"}
	unit := 0
	for f /= 1 << 10; f >= 1<<10 && unit < len(units)-1; unit++ {
		f /= 1 << 10
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[unit]
}
