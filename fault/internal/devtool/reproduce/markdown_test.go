package reproduce_test

import (
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/reproduce"
	"example.org/microblog/fault/trace"
)

func TestMarkdown(t *testing.T) {
	f, _ := fail(t, requests["secrets"])
	f.Stack[0].App = true
	f.User, f.Host = "susan", "machine-7"
	f.Build = fault.Build{Module: "example.org/app", Version: "(devel)", Go: "go1.26.8", Revision: "abc", Modified: true}
	got := reproduce.Markdown(f, reproduce.Details{
		Excerpts:     [][]problem.Line{{{Number: 99, Text: "\tx := 1"}, {Number: 100, Text: "\treturn save()", Hit: true}}},
		Explanations: []explain.Explanation{{Title: "The disk is full", Text: "No room <here>: `a*b`.", Try: []string{"`df -h`"}}},
		Base:         "http://127.0.0.1:5000",
	})
	for _, part := range []string{
		"## `POST /login?token=[masked]&a=+&page=2` 500 Internal Server Error\n",
		"````\nsaving: the `disk` is full\n```\n<img src=x> @everyone\n````\n",
		"### The disk is full\n\nNo room \\<here\\>: `a*b`.\n\n- `df -h`\n",
		"   99 |     x := 1\n> 100 |     return save()\n",
		"### Causes\n", "*errors.errorString  the `disk` is full\n",
		"> ", "Authorization: Bearer [masked]\n", "password = [masked]\nuser = susan\n", "- User: `susan`\n",
		"To send it again:\n\n```sh\ncurl -i", "'http://127.0.0.1:5000/login?token=", "sql  SELECT `a` FROM b  [1]\n    no such table\n",
		"### Response so far\n\n```\nno status yet, nothing of the body\nContent-Type: text/csv\nSet-Cookie: session=[masked]\n```\n",
		"- Revision: `abc with changes`\n", "- Go: `go1.26.8`\n", f.ID.Full(),
	} {
		if !strings.Contains(got, part) {
			t.Errorf("it lacks %q", part)
		}
	}
	for _, part := range []string{canary, "machine-7", f.Request.RemoteAddr} {
		if strings.Contains(got, part) {
			t.Errorf("it has %q", part)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
	if strings.Count(got, "````\n")%2 != 0 {
		t.Error("a fence is open")
	}
}

// What is known of the end of a process is said as it is.
func TestMarkdownEnd(t *testing.T) {
	t.Parallel()
	exit := fault.Cause{Type: explain.Exit, Message: "The application ended with exit code 3"}
	from := func(names ...string) (stack trace.Stack) {
		for _, name := range names {
			stack = append(stack, trace.Frame{Function: name, App: strings.HasPrefix(name, "main.")})
		}
		return stack
	}
	for name, test := range map[string]struct {
		failure fault.Failure
		want    string
	}{
		"os.Exit":            {fault.Failure{Causes: exit, Stack: from("os.Exit", "main.leave", "log.Fatal")}, "the application ended itself by `os.Exit`"},
		"log.Fatal":          {fault.Failure{Causes: exit, Stack: from("os.Exit", "log.Fatal", "main.leave")}, "the application ended itself by `log.Fatal`"},
		"a logger's":         {fault.Failure{Causes: exit, Stack: from("os.Exit", "log.(*Logger).Fatalf", "main.leave")}, "the application ended itself by `log.(*Logger).Fatalf`"},
		"another package's":  {fault.Failure{Causes: exit, Stack: from("os.Exit", "example.com/log.exit", "example.com/log.Fatal", "main.leave")}, "the application ended itself by `log.Fatal`"},
		"of unknown stack":   {fault.Failure{Causes: exit}, "the application ended itself"},
		"with words":         {fault.Failure{Output: "x\n"}, "the process ended"},
		"for a known reason": {fault.Failure{Causes: fault.Cause{Causes: []fault.Cause{{Message: "x"}}}}, "the process ended"},
		"silent":             {fault.Failure{}, "the process ended without a word"},
	} {
		t.Run(name, func(t *testing.T) {
			test.failure.Kind = fault.KindEnded
			if got := reproduce.Markdown(&test.failure, reproduce.Details{}); !strings.HasPrefix(got, "## "+test.want+"\n") {
				t.Error(got)
			}
		})
	}
}

// Whatever a failure says stays within code.
func TestMarkdownForeign(t *testing.T) {
	text := "a\x1b[31m\u202e `b` ``` ```` @everyone <img src=x onerror=alert(1)> [x](javascript:y) #1\n```\n# head"
	f := &fault.Failure{
		Kind: fault.Kind(text), Message: text, Public: text, Task: text, User: text, Output: text, Causes: fault.Cause{Type: text, Message: text, Causes: []fault.Cause{{Message: text}}},
		Request:  &fault.Request{Method: text, URL: text, Header: map[string][]string{text: {text}}, Form: map[string][]string{text: {text}}, Files: []fault.File{{Field: text, Name: text}}},
		Response: &fault.Response{Header: map[string][]string{text: {text}}},
	}
	got := reproduce.Markdown(f, reproduce.Details{Explanations: []explain.Explanation{{Title: text, Text: text, Try: []string{text}}}})
	if strings.ContainsAny(got, "\x1b\u202e") {
		t.Error("something hides in it")
	}
	for _, line := range outside(got) {
		if strings.Contains(line, "<img") || strings.Contains(line, "@everyone") || strings.Contains(line, "](") {
			t.Errorf("outside of code: %q", line)
		}
	}
}

// outside returns the lines that are in no fenced block, without code.
func outside(markdown string) (lines []string) {
	fence := ""
	for line := range strings.SplitSeq(markdown, "\n") {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence != "":
			if line == fence {
				fence = ""
			}
		case len(ticks) >= 3 && !strings.Contains(line[len(ticks):], "`"):
			fence = ticks
		default:
			lines = append(lines, withoutCode(line))
		}
	}
	return lines
}

// withoutCode takes code spans away, as CommonMark finds them: up to a run of as many backquotes.
func withoutCode(line string) string {
	var b strings.Builder
	for line != "" {
		if line[0] == '\\' && len(line) > 1 {
			line = line[2:] // It stands for itself.
			continue
		}
		if line[0] != '`' {
			b.WriteByte(line[0])
			line = line[1:]
			continue
		}
		n := len(line) - len(strings.TrimLeft(line, "`"))
		end := -1
		for i := n; i < len(line); {
			if line[i] != '`' {
				i++
				continue
			}
			run := 0
			for i+run < len(line) && line[i+run] == '`' {
				run++
			}
			if run == n {
				end = i + run
				break
			}
			i += run
		}
		if end < 0 {
			b.WriteString(line[:n])
			line = line[n:]
			continue
		}
		line = line[end:]
	}
	return b.String()
}

func TestCurl(t *testing.T) {
	f, _ := fail(t, requests["json"])
	command, notes, err := reproduce.Curl(f, "http://127.0.0.1:5000")
	if err != nil || !strings.HasPrefix(command, "curl -i") || !strings.Contains(command, "'http://127.0.0.1:5000/api/post'") || len(notes) == 0 {
		t.Errorf("%v\n%s\n%q", err, command, notes)
	}
	f, _ = fail(t, requests["kept"])
	const body = `{"it'\''s":"` + "`b` " + `\u00fc $c"}`
	if command, notes, err := reproduce.Curl(f, ""); err != nil || !strings.Contains(command, "--data-raw '"+body+"'") || len(notes) > 0 {
		t.Errorf("%v\n%s\n%q", err, command, notes)
	}
	if text := reproduce.Markdown(f, reproduce.Details{}); !strings.Contains(text, "Its body:") || !strings.Contains(text, f.Request.Body) {
		t.Error(text)
	}
	f.Request.Body = "a\nb"
	if command, notes, err := reproduce.Curl(f, ""); err != nil || !strings.Contains(command, "@request-body") || len(notes) == 0 {
		t.Errorf("%v\n%s\n%q", err, command, notes)
	}
}
