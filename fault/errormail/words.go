package errormail

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
)

// counted returns "1 failure" or "1,200 failures".
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

func failures(n int64) string { return counted(n, "failure", "failures") }
func people(n int64) string   { return counted(n, "person", "people") }

// number groups the digits of a number by threes.
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// when tells a time in the zone of the reader and in UTC.
func when(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	const form = "2006-01-02 15:04:05"
	local, utc := t.In(zone), t.UTC()
	if _, offset := local.Zone(); offset == 0 {
		return utc.Format(form) + " UTC"
	}
	there := utc.Format("15:04:05")
	if local.Day() != utc.Day() {
		there = utc.Format(form)
	}
	return local.Format(form+" MST") + " (" + there + " UTC)"
}

// span tells a stretch of time in the zone of the reader, and both ends in UTC.
func span(from, to time.Time, zone *time.Location) string {
	return "from " + when(from, zone) + " to " + when(to, zone)
}

// took tells a duration to three digits.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}

// about tells a length of time in whole units.
func about(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= u.unit && d%u.unit == 0 {
			if n := int64(d / u.unit); n > 1 {
				return fmt.Sprintf("%d %ss", n, u.name)
			}
			return u.name
		}
	}
	return d.String()
}

// oneLine returns a text without what would end a line or what a terminal may obey, at most max
// characters long.
func oneLine(s string, max int) string {
	return cut(strings.Join(strings.Fields(strings.Map(printable, s)), " "), max)
}

// joined is oneLine for a text that may have several lines, as that of joined errors has: they are divided
// by "; ", as in the log.
func joined(s string, max int) string {
	var all []string
	for _, line := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = oneLine(line, max); line != "" {
			all = append(all, line)
		}
	}
	return cut(strings.Join(all, "; "), max)
}

// lines returns a text of several lines without what a terminal may obey, at most max characters long.
func lines(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return printable(r)
	}, strings.ReplaceAll(s, "\r\n", "\n"))
	return cut(strings.TrimRight(expand(s), " \n"), max)
}

// cut returns at most max characters of a text, and "…" where there were more.
func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	n := 0
	for i := range s {
		if n == max {
			return strings.TrimRightFunc(s[:i], unicode.IsSpace) + "…"
		}
		n++
	}
	return s
}

// end returns the last characters of a text, from the beginning of a line if there is one.
func end(s string, max int) string {
	if len(s) <= max {
		return s
	}
	s = s[len(s)-max:]
	for len(s) > 0 && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	if i := strings.IndexByte(s, '\n'); i >= 0 && i < len(s)/2 {
		s = s[i+1:]
	}
	return "…\n" + s
}

// expand writes tabs as spaces, to columns of four.
func expand(s string) string {
	if !strings.Contains(s, "\t") {
		return s
	}
	var b strings.Builder
	column := 0
	for _, r := range s {
		if r != '\t' {
			b.WriteRune(r)
			if column++; r == '\n' {
				column = 0
			}
			continue
		}
		n := 4 - column%4
		b.WriteString("    "[:n])
		column += n
	}
	return b.String()
}

// printable replaces what a terminal may obey by spaces.
func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || isBidi(r) {
		return ' '
	}
	return r
}

func isBidi(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }

// program names a build.
func program(b fault.Build) string {
	var parts []string
	if b.Version != "" {
		parts = append(parts, b.Version)
	}
	if b.Revision != "" {
		revision := "revision " + b.Revision[:min(len(b.Revision), 12)]
		if !b.Time.IsZero() {
			revision += " of " + b.Time.UTC().Format("2006-01-02 15:04 UTC")
		}
		if b.Modified {
			revision += ", with changes"
		}
		parts = append(parts, revision)
	}
	if b.ID != "" {
		parts = append(parts, "build "+b.ID)
	}
	if b.Go != "" {
		parts = append(parts, b.Go)
	}
	return strings.Join(parts, ", ")
}

// happened says in words how something failed.
func happened(f *fault.Failure) string {
	switch f.Kind {
	case fault.KindPanic:
		return "a panic"
	case fault.KindNoAnswer:
		return "the handler returned without answering"
	case fault.KindGoexit:
		return "the goroutine was ended (runtime.Goexit)"
	case fault.KindPage:
		return "the page for the answer could not be made"
	case fault.KindCrash:
		return "the whole process crashed"
	case fault.KindEnded:
		return "the whole process ended without a word"
	default:
		return "an error"
	}
}

// how says in words how something failed, and what became of its request.
func how(f *fault.Failure) string {
	words := happened(f)
	switch {
	case f.Begun:
		words += "; the response had begun, so the connection was aborted"
	case f.Reported && f.Request != nil:
		words += ", reported while the request went on"
	case f.Request != nil && f.Status != 0:
		words += fmt.Sprintf(", answered %d", f.Status)
	}
	return words
}

// place names what was asked for when it failed: "GET /user/{username}", a task, the process.
func place(f *fault.Failure) string {
	switch {
	case f == nil:
		return ""
	case f.Kind == fault.KindCrash || f.Kind == fault.KindEnded:
		return "the process"
	case f.Task != "":
		return f.Task
	case f.Request == nil:
		return "in the background"
	}
	q := f.Request
	if q.Route == "" {
		path, _, _ := strings.Cut(q.URL, "?")
		return strings.TrimSpace(q.Method + " " + path)
	}
	if strings.HasPrefix(q.Route, q.Method+" ") || strings.Contains(strings.TrimSpace(q.Route), " ") {
		return q.Route
	}
	return strings.TrimSpace(q.Method + " " + q.Route)
}

// stackOf says what a failure's stack is the stack of.
func stackOf(f *fault.Failure) string {
	switch f.StackOf {
	case fault.StackPanic:
		return "This is where it panicked."
	case fault.StackWrapped:
		return "This is where the error was first wrapped or made."
	case fault.StackHandled:
		return "This is where the error arrived. To see where it came from, wrap it with trace.Wrap where it appears first."
	case fault.StackExit:
		return "This is where the goroutine was ended."
	case fault.StackCrash:
		return "This is the goroutine that ended the process."
	}
	return ""
}

func stateWord(s incident.State) string {
	if s == incident.Regressed {
		return "back after it was resolved"
	}
	return string(s)
}
