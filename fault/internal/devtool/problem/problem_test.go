package problem_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/problem"
)

func TestExcerpt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text         string
		line, around int
		want         string
	}{
		"middle":            {"a\nb\nc\nd\ne\n", 3, 1, "2:b 3>c 4:d"},
		"first":             {"a\nb\nc", 1, 1, "1>a 2:b"},
		"last, without end": {"a\nb\nc", 3, 5, "1:a 2:b 3>c"},
		"behind the end":    {"a\nb\n", 3, 1, ""},
		"line 0":            {"a\n", 0, 1, ""},
		"nothing":           {"", 1, 1, ""},
		"empty line":        {"\n\n", 2, 0, "2>"},
		"carriage returns":  {"a\r\nb\r\n", 2, 1, "1:a 2>b"},
		"no UTF-8":          {"a\xff\n", 1, 0, "1>a\uFFFD"},
		"no text":           {"a\x00\n", 1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := written(problem.Excerpt([]byte(test.text), test.line, test.around)); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := written(problem.ExcerptOf(path, test.line, test.around)); got != test.want {
				t.Errorf("of a file: %q, want %q", got, test.want)
			}
		})
	}
	long := problem.Excerpt([]byte(strings.Repeat("ü", 1000)), 1, 0)
	if len(long) != 1 || !utf8.ValidString(long[0].Text) || len(long[0].Text) > 410 || !strings.HasSuffix(long[0].Text, "…") {
		t.Errorf("a long line: %v", long)
	}
	if lines := problem.ExcerptOf(t.TempDir(), 1, 1); lines != nil {
		t.Errorf("of a directory: %v", lines)
	}
}

func written(lines []problem.Line) string {
	var all []string
	for _, l := range lines {
		mark := ":"
		if l.Hit {
			mark = ">"
		}
		all = append(all, fmt.Sprint(l.Number, mark, l.Text))
	}
	return strings.Join(all, " ")
}

// TestIdentify: the same mistake has the same ID whenever it is found, another one another.
func TestIdentify(t *testing.T) {
	t.Parallel()
	id := func(change func(*problem.Problem)) string {
		p := &problem.Problem{Kind: problem.Build, Title: "1 mistake", Messages: []problem.Message{{File: "a.go", Line: 1, Text: "undefined: x"}}}
		change(p)
		p.Identify()
		return p.ID
	}
	same := id(func(*problem.Problem) {})
	if got := id(func(p *problem.Problem) { p.Served, p.Messages[0].Excerpt = true, []problem.Line{{Number: 1}} }); got != same || got == "" {
		t.Errorf("%q and %q", got, same)
	}
	for name, change := range map[string]func(*problem.Problem){
		"kind": func(p *problem.Problem) { p.Kind = problem.Vet }, "line": func(p *problem.Problem) { p.Messages[0].Line = 2 },
		"text": func(p *problem.Problem) { p.Messages[0].Text = "undefined: y" }, "output": func(p *problem.Problem) { p.Output = "x" },
	} {
		if got := id(change); got == same {
			t.Errorf("another %s has the same ID", name)
		}
	}
}
