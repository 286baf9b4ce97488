package terminal_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/terminal"
)

func lines(from, hit int, texts ...string) []problem.Line {
	var all []problem.Line
	for i, text := range texts {
		all = append(all, problem.Line{Number: from + i, Text: text, Hit: from+i == hit})
	}
	return all
}

func TestProblems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	many := make([]problem.Message, 12)
	for i := range many {
		many[i] = problem.Message{File: "a.go", Line: i + 1, Text: "undefined: x"}
	}
	for name, test := range map[string]struct {
		problem problem.Problem
		want    string
	}{
		"a build": {problem.Problem{
			Kind: problem.Build, Title: "2 mistakes in internal/web", Hint: "Mend them.",
			Messages: []problem.Message{
				{
					Path: filepath.Join(dir, "web", "page.go"), File: "internal/web/page.go", Line: 100, Column: 9, Text: "not enough arguments\n\thave ()\n\twant (int)",
					Hint: "It wants a number.", Excerpt: lines(98, 100, "a", "func x() {", "\treturn foo()", "}", "b"), Related: []string{"b.go:3:1: declared here"},
				},
				{Path: filepath.Join(dir, "web", "other.go"), Line: 3, Text: "missing return", Excerpt: lines(1, 3, "a", "b", "c")},
			},
		}, `fault  2 mistakes in internal/web
       web/page.go:100:9: not enough arguments
             have ()
             want (int)
          99 | func x() {
       > 100 |     return foo()
         101 | }
         b.go:3:1: declared here
         It wants a number.
       web/other.go:3: missing return
       Mend them.
`},
		"the first line": {problem.Problem{Title: "x", Messages: []problem.Message{{Text: "y", Excerpt: lines(1, 1, "a", "b", "c", "d")}}}, `fault  x
       y
       > 1 | a
         2 | b
         3 | c
`},
		"the last line": {problem.Problem{Title: "x", Messages: []problem.Message{{Text: "y", Excerpt: lines(8, 10, "a", "b", "c")}}}, `fault  x
       y
          8 | a
          9 | b
       > 10 | c
`},
		"the only line":       {problem.Problem{Title: "x", Messages: []problem.Message{{Text: "y", Excerpt: lines(8, 8, "a")}}}, "fault  x\n       y\n       > 8 | a\n"},
		"no line in question": {problem.Problem{Title: "x", Messages: []problem.Message{{Text: "y", Excerpt: lines(8, 0, "a")}}}, "fault  x\n       y\n"},
		"nothing":             {problem.Problem{}, "fault  \n"},
		"next door":           {problem.Problem{Title: "x", Messages: []problem.Message{{Path: filepath.Join(filepath.Dir(dir), "a.go"), Line: 1, Text: "y"}}}, "fault  x\n       " + filepath.Join("..", "a.go") + ":1: y\n"},
		"far away":            {problem.Problem{Title: "x", Messages: []problem.Message{{Path: filepath.Join(filepath.VolumeName(dir)+string(filepath.Separator), "usr", "a.go"), Line: 1, Text: "y"}}}, "fault  x\n       " + filepath.Join(filepath.VolumeName(dir)+string(filepath.Separator), "usr", "a.go") + ":1: y\n"},
		"hostile":             {problem.Problem{Title: "\x1b[2J", Hint: "\a\nb", Messages: []problem.Message{{File: "\u202ea.go", Text: "\x1b]0;x\a", Excerpt: lines(1, 1, "\x1b[31m")}}}, "fault  \\x1b[2J\n       \\u202ea.go: \\x1b]0;x\\x07\n       > 1 | \\x1b[31m\n       \\x07\n       b\n"},
		"output of a build":   {problem.Problem{Kind: problem.Build, Title: "x", Output: strings.Repeat("old\n", 9) + "a\nb\n"}, "fault  x\n" + strings.Repeat("       old\n", 8) + "       a\n       b\n"},
		"output of a start":   {problem.Problem{Kind: problem.Start, Title: "x", Output: "which has been passed on\n"}, "fault  x\n"},
		"a crash": {problem.Problem{
			Kind: problem.Crash, Title: "It has ended", Messages: []problem.Message{{Path: filepath.Join(dir, "a.go"), Line: 7, Text: "panic: no"}},
			Stack: []problem.Frame{
				{Function: "panic", Path: "/go/panic.go", Line: 1},
				{Function: "main.deep", Path: filepath.Join(dir, "a.go"), Line: 7, App: true},
				{Function: "net/http.serve", Path: "/go/server.go", Line: 9},
				{Function: "main.main", Path: filepath.Join(dir, "main.go"), Line: 5, App: true},
			},
		}, "fault  It has ended\n       a.go:7: panic: no\n         main.go:5: in main.main\n"},
		"many": {problem.Problem{Title: "x", Messages: many}, func() string {
			text := "fault  x\n"
			for i := range 8 {
				text += fmt.Sprintf("       a.go:%d: undefined: x\n", i+1)
			}
			return text + "       … and 4 more\n"
		}()},
		"a long one": {problem.Problem{Title: "x", Messages: []problem.Message{{Text: "1\n2\n3\n4\n5\n6\n7\n8"}}}, "fault  x\n       1\n         2\n         3\n         4\n         5\n         6\n         … 2 more lines\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out buffer
			term := terminal.New(terminal.Options{Out: &out, Dir: dir})
			term.Problem(&test.problem)
			term.Close()
			if got := out.String(); got != filepath.FromSlash(test.want) && got != test.want {
				t.Errorf("it says\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestWideExcerpt(t *testing.T) {
	t.Parallel()
	var out buffer
	term := terminal.New(terminal.Options{Out: &out})
	term.Problem(&problem.Problem{Title: "x", Messages: []problem.Message{{Text: "y", Excerpt: lines(1, 1, strings.Repeat("ü", 1000))}}})
	term.Close()
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(line)); n > 160 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}
