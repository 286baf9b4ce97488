package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// An event is one line of go test -json; see go doc test2json and
// go help buildjson.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output and build-fail
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

// A result is what became of one test or of one package as a whole.
type result struct {
	output  strings.Builder
	verdict string // pass, fail, skip; "" while it runs
	parent  bool   // it has subtests, which are counted in its place
	failed  bool   // one of its subtests failed
}

// A key names a test; with an empty test it is the package.
type key struct{ pkg, test string }

func (k key) String() string { return k.pkg + " " + k.test }

type summary struct {
	out     io.Writer
	results map[key]*result
	builds  map[string]*strings.Builder // what the compiler said
	passed  int
	failed  []key
	skipped []skip
}

// A skip is a test that was skipped.
type skip struct {
	key    key
	reason string
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, results: map[key]*result{}, builds: map[string]*strings.Builder{}}
}

// read takes in the results of go test and prints each package as it ends. What
// is no event is printed as it is.
func (s *summary) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case len(line) == 0:
		case json.Unmarshal(line, &e) != nil || e.Action == "":
			fmt.Fprintln(s.out, strings.TrimSuffix(string(line), "\n"))
		default:
			s.take(e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the results: %w", err)
		}
	}
}

func (s *summary) take(e event) {
	switch e.Action {
	case "build-output":
		if s.builds[e.ImportPath] == nil {
			s.builds[e.ImportPath] = new(strings.Builder)
		}
		s.builds[e.ImportPath].WriteString(e.Output)
	case "start", "run", "output":
		s.result(e).output.WriteString(e.Output)
	case "pass", "fail", "skip":
		s.result(e).verdict = e.Action
		if e.Test == "" {
			s.endPackage(e)
		}
	}
}

// result returns what is known of the event's test or package.
func (s *summary) result(e event) *result {
	k := key{e.Package, e.Test}
	r := s.results[k]
	if r == nil {
		r = new(result)
		s.results[k] = r
		for _, up := range ancestors(k) {
			if above := s.results[up]; above != nil {
				above.parent = true
			}
		}
	}
	return r
}

// ancestors returns the tests of which the test is a subtest.
func ancestors(k key) []key {
	var all []key
	for test := k.test; ; {
		i := strings.LastIndex(test, "/")
		if i < 0 {
			return all
		}
		test = test[:i]
		all = append(all, key{k.pkg, test})
	}
}

// endPackage counts a package's tests, prints its line and forgets it.
func (s *summary) endPackage(e event) {
	var tests []key
	for k := range s.results {
		if k.pkg == e.Package && k.test != "" {
			tests = append(tests, k)
		}
	}
	// Subtests before their parents.
	slices.SortFunc(tests, func(a, b key) int { return strings.Compare(b.test, a.test) })

	var passed, skipped int
	var failed, unfinished []key
	for _, k := range tests {
		r := s.results[k]
		switch {
		case r.verdict == "fail":
			for _, up := range ancestors(k) {
				if above := s.results[up]; above != nil {
					above.failed = true
				}
			}
			if !r.failed {
				failed = append(failed, k)
			}
		case r.verdict == "":
			unfinished = append(unfinished, k)
		case r.parent && r.verdict == "pass":
		case r.verdict == "skip" && isSeed(k.test):
		case r.verdict == "skip":
			skipped++
			s.skipped = append(s.skipped, skip{k, reason(r.output.String())})
		default:
			passed++
		}
	}
	slices.Reverse(failed)
	slices.Reverse(unfinished)
	s.passed += passed
	whole := s.results[key{e.Package, ""}]
	for k := range s.results {
		if k.pkg == e.Package {
			defer delete(s.results, k)
		}
	}
	switch {
	case e.Action == "skip" || e.Action == "pass" && len(tests) == 0:
		return // no tests in it
	case e.Action == "pass":
		fmt.Fprintf(s.out, "ok    %s  %.1fs  %s\n", e.Package, e.Elapsed, counts(passed, 0, skipped))
		return
	}

	if len(failed) == 0 { // it does not compile, or ended before its time
		failed = append(failed, key{e.Package, ""})
	}
	s.failed = append(s.failed, failed...)
	fmt.Fprintf(s.out, "FAIL  %s  %.1fs  %s\n", e.Package, e.Elapsed, counts(passed, len(failed), skipped))
	if build := s.builds[e.FailedBuild]; build != nil {
		s.print(build.String())
	}
	for _, k := range failed {
		if k.test == "" {
			continue
		}
		// What the test's parents said may tell why.
		for _, up := range slices.Backward(ancestors(k)) {
			if above := s.results[up]; above != nil {
				s.print(above.output.String())
				above.output.Reset()
			}
		}
		s.print(s.results[k].output.String())
	}
	for _, k := range unfinished {
		fmt.Fprintf(s.out, "      %s did not end.\n", k.test)
		s.print(s.results[k].output.String())
	}
	s.print(whole.output.String())
}

// isSeed reports whether a test is one input of a fuzz test. To skip one means
// that it is out of the test's scope, not that something is untested.
func isSeed(test string) bool {
	top, _, sub := strings.Cut(test, "/")
	return sub && strings.HasPrefix(top, "Fuzz")
}

// print prints what a test wrote, indented, without go test's own lines.
func (s *summary) print(output string) {
	for line := range strings.Lines(output) {
		if t := strings.TrimSpace(line); strings.HasPrefix(t, "=== ") || t == "PASS" {
			continue
		}
		fmt.Fprintf(s.out, "      %s\n", strings.TrimRight(line, "\r\n"))
	}
}

// reason returns what a skipped test said, in one line.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		// "name_test.go:12: reason"
		if file, text, ok := strings.Cut(line, ": "); ok && strings.Contains(file, "_test.go:") {
			line = text
		} else if ok && strings.Contains(file, ".go:") && !strings.Contains(file, " ") {
			line = text
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return "(it does not say why)"
	}
	return strings.Join(said, " ")
}

// finish prints what was skipped and failed and, in the last line, the counts.
// It reports whether all is well.
func (s *summary) finish(strict bool, allowed []skip) bool {
	for _, pkg := range slices.Sorted(maps.Keys(packages(s.results))) {
		fmt.Fprintf(s.out, "FAIL  %s did not end.\n", pkg)
		s.failed = append(s.failed, key{pkg, ""})
	}
	forbidden := 0
	if len(s.skipped) > 0 {
		fmt.Fprintln(s.out, "\nskipped:")
	}
	for _, k := range s.skipped {
		mark := ""
		if i := slices.IndexFunc(allowed, func(a skip) bool { return a.key == k.key }); i >= 0 {
			mark = " (may be: " + allowed[i].reason + ")"
		} else if strict {
			forbidden++
			mark = " (NOT ALLOWED HERE)"
		}
		fmt.Fprintf(s.out, "  %s: %s%s\n", k.key, k.reason, mark)
	}
	if len(s.failed) > 0 {
		fmt.Fprintln(s.out, "\nfailed:")
	}
	for _, k := range s.failed {
		fmt.Fprintf(s.out, "  %s\n", strings.TrimSpace(k.String()))
	}
	if forbidden > 0 {
		fmt.Fprintf(s.out, "\n%d skipped where nothing may be: see above for what is missing.\n", forbidden)
	}
	if s.passed == 0 && len(s.failed) == 0 {
		fmt.Fprintln(s.out, "no test ran")
	}
	fmt.Fprintln(s.out, counts(s.passed, len(s.failed), len(s.skipped)))
	return len(s.failed) == 0 && forbidden == 0 && s.passed > 0
}

// packages returns the packages whose end was never told.
func packages(results map[key]*result) map[string]bool {
	all := map[string]bool{}
	for k := range results {
		all[k.pkg] = true
	}
	return all
}

func counts(passed, failed, skipped int) string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", passed, failed, skipped)
}

// readAllowed reads lines "PACKAGE TEST reason"; # begins a comment.
func readAllowed(path string) ([]skip, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading which tests may be skipped: %w", err)
	}
	var all []skip
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return nil, fmt.Errorf("%s: %q is not PACKAGE TEST REASON", path, line)
		}
		all = append(all, skip{key{fields[0], fields[1]}, strings.Join(fields[2:], " ")})
	}
	return all, nil
}
