package logfile_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// entry is a text record taken apart, by the rules that NewHandler gives.
type entry struct {
	time, level, msg string
	attrs            []pair
	source           string
	lines            []string // below, without the indent
}

type pair struct{ key, value string }

var head = regexp.MustCompile(`^(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) )?((?:DEBUG|INFO|WARNING|ERROR|CRITICAL)(?:[+-]\d+)?): `)

// parse takes a log apart. A line that is not indented begins a record.
func parse(text string) ([]entry, error) {
	var all []entry
	for _, line := range lines(text) {
		if below, ok := strings.CutPrefix(line, "    "); ok && len(all) > 0 {
			last := &all[len(all)-1]
			last.lines = append(last.lines, below)
			continue
		}
		m := head.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("begins like no record: %q", line)
		}
		e := entry{time: m[1], level: m[2]}
		if err := e.parseRest(line[len(m[0]):]); err != nil {
			return nil, fmt.Errorf("%w in %q", err, line)
		}
		all = append(all, e)
	}
	return all, nil
}

func (e *entry) parseRest(s string) error {
	if msg, rest, ok := unquote(s); ok {
		e.msg = msg
		if e.parseAttrs(rest) {
			return nil
		}
		return fmt.Errorf("no attributes: %q", rest)
	}
	for i := 0; i <= len(s); i++ { // a bare message ends where all that follows are attributes
		if (i == len(s) || s[i] == ' ') && e.parseAttrs(s[i:]) {
			e.msg = s[:i]
			return nil
		}
	}
	return fmt.Errorf("no message")
}

var bracket = regexp.MustCompile(`^ \[in ([^\]]+)\]$`)

func (e *entry) parseAttrs(s string) bool {
	e.attrs, e.source = nil, ""
	for s != "" {
		if m := bracket.FindStringSubmatch(s); m != nil {
			e.source = m[1]
			return true
		}
		var p pair
		var ok bool
		if s, ok = strings.CutPrefix(s, " "); !ok {
			return false
		}
		if p.key, s, ok = word(s, "="); !ok {
			return false
		}
		if s, ok = strings.CutPrefix(s, "="); !ok {
			return false
		}
		if p.value, s, ok = word(s, " "); !ok {
			return false
		}
		e.attrs = append(e.attrs, p)
	}
	return true
}

// word cuts off a quoted or a bare word, which ends before end.
func word(s, end string) (text, rest string, ok bool) {
	if text, rest, ok = unquote(s); ok {
		return text, rest, true
	}
	text, _, _ = strings.Cut(s, end)
	if text == "" || strings.ContainsAny(text, ` "=[]`) {
		return "", "", false
	}
	return text, s[len(text):], true
}

func unquote(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", false
	}
	text, err = strconv.Unquote(quoted)
	return text, s[len(quoted):], err == nil
}
