package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logLine is the contract: time, level, message with attributes, and where it was written.
var logLine = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (DEBUG|INFO|WARNING|ERROR|CRITICAL): (.*)$`)

var (
	logPlace = regexp.MustCompile(` \[in ([^ \[\]]+\.go):(\d+)\]$`)
	logAttr  = regexp.MustCompile(` ([A-Za-z_.]+)=("(?:[^"\\]|\\.)*"|[^ "]*)`)
	faultID  = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`)
)

// A record is one entry of a log, with the lines of its stack.
type record struct {
	line    string // as it stands
	level   string
	message string // with its attributes
	attrs   map[string]string
	place   string // "internal/app/app.go:43"; "" where the line has none
	stack   []string
}

// parseLog splits a log into its records, and fails the test at a line that is none and belongs to
// none.
func parseLog(t testing.TB, what, text string) []record {
	t.Helper()
	if text != "" && !strings.HasSuffix(text, "\n") {
		t.Errorf("%s ends within a line: %q", what, tail(text))
	}
	var all []record
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "    ") && len(all) > 0 {
			last := &all[len(all)-1]
			last.stack = append(last.stack, line)
			continue
		}
		m := logLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%s: a line that is not in the format: %q", what, line)
		}
		r := record{line: line, level: m[2], message: m[3], attrs: map[string]string{}}
		if place := logPlace.FindStringSubmatchIndex(r.message); place != nil {
			r.place = r.message[place[2]:place[5]]
			r.message = r.message[:place[0]]
		}
		for _, a := range logAttr.FindAllStringSubmatch(r.message, -1) {
			value := a[2]
			if plain, err := strconv.Unquote(value); err == nil && strings.HasPrefix(value, `"`) {
				value = plain
			}
			r.attrs[a[1]] = value
		}
		all = append(all, r)
	}
	return all
}

// A logPart is one file of a log that rotates.
type logPart struct {
	path string
	text string
}

// logParts returns the files of the log at path, oldest first: PATH.n … PATH.1, PATH.
func logParts(t testing.TB, path string) []logPart {
	t.Helper()
	names, err := filepath.Glob(path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(name, path+"."))
		if err != nil {
			t.Fatalf("a file in the log's directory that does not belong there: %s", name)
		}
		return n
	}
	slices.SortFunc(names, func(a, b string) int { return number(b) - number(a) })
	for i, name := range names {
		if want := len(names) - i; number(name) != want {
			t.Fatalf("the backups are not numbered without gaps: %s instead of .%d", name, want)
		}
	}
	var parts []logPart
	for _, name := range append(names, path) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, logPart{name, string(text)})
	}
	return parts
}

// allRecords reads the records of a log and its backups, oldest first.
func allRecords(t testing.TB, path string) []record {
	t.Helper()
	var all []record
	for _, part := range logParts(t, path) {
		all = append(all, parseLog(t, filepath.Base(part.path), part.text)...)
	}
	return all
}

// failureRecord waits for the log's record of the failure with this ID, and checks that there is one.
func (s *server) failureRecord(t testing.TB, id string) record {
	t.Helper()
	var found []record
	for _, r := range allRecords(t, s.path("logs", "microblog.log")) {
		if r.attrs["fault"] == id {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("the log has %d records of the failure %s, want 1, before the answer is sent", len(found), id)
	}
	return found[0]
}

// checkRotation checks that no file is longer than most, unless it holds one record only, and that
// each was full when the next was begun: a record of the next would not have fitted. That is not
// always its first, because another process may write between the rotation and that record.
func checkRotation(t testing.TB, parts []logPart, most int) {
	t.Helper()
	for i, part := range parts {
		name := filepath.Base(part.path)
		sizes := recordSizes(part.text)
		if len(part.text) > most && len(sizes) > 1 {
			t.Errorf("%s has %d bytes, more than %d, and %d records", name, len(part.text), most, len(sizes))
		}
		if i == 0 {
			continue
		}
		before := parts[i-1]
		if len(sizes) == 0 {
			t.Errorf("%s is empty", name)
		} else if room := most - len(before.text); slices.Max(sizes) <= room {
			t.Errorf("%s had room for %d bytes, and no record of %s is longer", filepath.Base(before.path), room, name)
		}
	}
}

// recordSizes returns how many bytes each record has, with its stack.
func recordSizes(text string) (sizes []int) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "    ") && len(sizes) > 0 {
			sizes[len(sizes)-1] += len(line)
			continue
		}
		sizes = append(sizes, len(line))
	}
	return sizes
}

func (r record) String() string {
	return fmt.Sprintf("%s\n%s", r.line, strings.Join(r.stack, "\n"))
}
