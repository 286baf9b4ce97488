package process_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/process"
	"example.org/microblog/fault/redact"
)

// hit is the line that an excerpt is about.
func hit(excerpt []problem.Line) string {
	for _, l := range excerpt {
		if l.Hit {
			return strings.TrimSpace(l.Text)
		}
	}
	return ""
}

func TestProblem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode  string
		args  []string
		title string
		// Of the first message.
		text, file, line, hint string
		column                 int
		stack                  string // a function in it
	}{
		{mode: "panic", title: "The application crashed at start", text: "panic: runtime error: invalid memory address or nil pointer dereference",
			file: "internal/store/store.go", line: "use(c.Path) // here", hint: "Something is used that is nil", stack: "main.main"},
		{mode: "deadlock", title: "The application crashed at start", text: "fatal error: all goroutines are asleep - deadlock!",
			file: "main.go", line: `"deadlock": func() { select {} },`, hint: "Everything waits", stack: "main.main"},
		{mode: "many stacks", title: "The application crashed at start", text: "fatal error: concurrent map writes",
			file: "main.go", line: "m[1] = 1", hint: "sync.Mutex"},
		{mode: "patterns", title: "The application crashed at start", text: "panic: pattern ",
			file: "main.go", line: `mux.HandleFunc("/{y}/b", http.NotFound)`, hint: "Two patterns", stack: "net/http.(*ServeMux).HandleFunc"},
		{mode: "template", title: "The application crashed at start", text: `function "shout" not defined`,
			file: "templates/broken.html", line: "<p>{{shout .Name}}", hint: "Funcs", stack: "main.main"},
		{mode: "template field", title: "The application ended at start with exit code 1", text: `executing "page.html" at <.Nobody>: can't evaluate field Nobody in type struct { Title string }`,
			file: "templates/page.html", line: "{{.Nobody}}", column: 5, hint: "no such exported field"},
		{mode: "fatal", title: "The application ended at start with exit code 1", text: "DATABASE_URL must be set", hint: "It needs DATABASE_URL, in the environment"},
		{mode: "fatal line", title: "The application ended at start with exit code 1", text: "main.go:", file: "main.go", line: `log.Fatal("no settings")`},
		{mode: "fatal, then words", title: "The application ended at start with exit code 3", text: `level=ERROR msg="dial tcp 127.0.0.1:5432: connect: connection refused"`, hint: "What it needs at 127.0.0.1:5432 is not running"},
		{mode: "exit 0", title: "The application ended at start, without an error", text: "It wrote nothing before it ended."},
		{mode: "no such mode", title: "The application crashed at start", text: "panic: there is no mode no such mode", file: "main.go", line: `panic("there is no mode " + mode)`, stack: "main.main"},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			p := start(t, append([]string{tt.mode}, tt.args...)...)
			got := p.wait(t).Problem(problem.Start, source)
			if got.Kind != problem.Start || got.Title != tt.title || got.ID == "" || got.Time.IsZero() {
				t.Errorf("%+v", got)
			}
			if len(got.Messages) == 0 {
				t.Fatalf("there are no messages: %+v", got)
			}
			m := got.Messages[0]
			if !strings.HasPrefix(m.Text, tt.text) || m.File != tt.file || hit(m.Excerpt) != tt.line || m.Column != tt.column ||
				!strings.Contains(m.Hint, tt.hint) || tt.hint == "" && m.Hint != "" {
				t.Errorf("%+v\nof\n%s", m, got.Output)
			}
			if tt.file != "" && m.Path != filepath.Join(appDir, filepath.FromSlash(tt.file)) {
				t.Errorf("path %s", m.Path)
			}
			if tt.mode == "template" && (len(got.Messages) != 2 || got.Messages[1].File != "main.go") {
				t.Errorf("where it was parsed: %+v", got.Messages)
			}
			if tt.mode == "patterns" && (len(m.Related) != 2 || !strings.HasPrefix(m.Related[0], "main.go:") || !strings.HasSuffix(m.Related[1], ": /a/{x} is registered here")) {
				t.Errorf("related: %q", m.Related)
			}
			found := false
			for _, f := range got.Stack {
				found = found || f.Function == tt.stack && f.File != "" && f.Path != "" && f.Excerpt != nil && f.App == strings.HasPrefix(f.Function, "main.")
			}
			if found != (tt.stack != "") && tt.stack != "" {
				t.Errorf("%s is not in the stack: %+v", tt.stack, got.Stack)
			}
			// The same end has the same ID.
			again := start(t, append([]string{tt.mode}, tt.args...)...)
			if other := again.wait(t).Problem(problem.Start, source); other.ID != got.ID {
				t.Errorf("another ID, of\n%+v\nand of\n%+v", got.Messages, other.Messages)
			}
			if other := again.Exit().Problem(problem.Crash, source); other.ID == got.ID || strings.Contains(other.Title, "at start") {
				t.Errorf("%+v", other)
			}
		})
	}
}

func TestProblemOfACrashLater(t *testing.T) {
	t.Parallel()
	p := start(t, "goroutine")
	ready(t, p)
	get(t, "http://"+p.address+"/die")
	got := p.wait(t).Problem(problem.Crash, source)
	if got.Title != "The application crashed" || got.Messages[0].File != "internal/store/store.go" {
		t.Errorf("%+v", got)
	}
}

// TestProblemOfAnEndLater has an application that complains, serves on, and ends of something else.
func TestProblemOfAnEndLater(t *testing.T) {
	t.Parallel()
	p := start(t, "complains")
	ready(t, p)
	p.says(t, "main.go:20: ERROR")
	time.Sleep(1500 * time.Millisecond) // more than what counts as the end
	get(t, "http://"+p.address+"/exit")
	e := p.wait(t)
	got := e.Problem(problem.Crash, source)
	if m := got.Messages[0]; len(got.Messages) != 1 || m.Path != "" || m.File != "" || strings.Contains(m.Text, "GET /boom") {
		t.Errorf("%+v", got.Messages)
	}
	if got.Title != "The application ended with exit code 3" || !strings.Contains(got.Output, "GET /boom") {
		t.Errorf("%+v", got)
	}
	if m := e.Problem(problem.Start, source).Messages[0]; m.File != "main.go" || m.Line != 20 {
		t.Errorf("at start all of it counts: %+v", m)
	}
}

// TestProblemOfAnEndWithLastWords has one that says why it ends.
func TestProblemOfAnEndWithLastWords(t *testing.T) {
	t.Parallel()
	p := start(t, "complains")
	ready(t, p)
	p.says(t, "main.go:20: ERROR")
	get(t, "http://"+p.address+"/fatal")
	got := p.wait(t).Problem(problem.Crash, source)
	if m := got.Messages[0]; !strings.HasSuffix(m.Text, "the queue is lost: unable to go on") || m.File != "main.go" || m.Line == 20 || m.Excerpt == nil {
		t.Errorf("%+v", m)
	}
}

func TestProblemOfAnAddressInUse(t *testing.T) {
	t.Parallel()
	first := start(t, "serve")
	ready(t, first)
	out := &output{}
	second := startWith(t, process.Spec{Args: []string{"serve"}, Env: []string{"LISTEN=" + first.address}, Stdout: out, Stderr: out}, out)
	got := second.wait(t).Problem(problem.Start, source)
	if m := got.Messages[0]; !strings.HasPrefix(m.Text, "listen tcp "+first.address+": bind: ") || !strings.Contains(m.Hint, "LISTEN and PORT") {
		t.Errorf("%+v", m)
	}
}

func TestProblemTexts(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "secret.go"), []byte("package secret\n\nvar key = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	trace := func(file string) string {
		return "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t" + file + ":3 +0x1d\nexit status 2\n"
	}
	source := source
	source.Redactor = redact.New(redact.Options{Keys: []string{"pet"}})
	for _, tt := range []struct {
		name string
		e    process.Exit
		want func(*problem.Problem) bool
	}{
		{"killed", process.Exit{Code: -1, Signal: "SIGKILL"}, func(p *problem.Problem) bool {
			return p.Title == "The application was ended by SIGKILL at start" && strings.Contains(p.Hint, "memory")
		}},
		{"a setting is missing", process.Exit{Code: 1, Output: "2026/11/22 14:42:52 required: SECRET_KEY\n"}, func(p *problem.Problem) bool {
			return p.Messages[0].Text == "required: SECRET_KEY" && strings.Contains(p.Messages[0].Hint, "needs SECRET_KEY")
		}},
		{"no setting, but loud", process.Exit{Code: 1, Output: "ERROR a name is required\n"}, func(p *problem.Problem) bool {
			return p.Messages[0].Hint == ""
		}},
		{"of slog", process.Exit{Code: 1, Output: "time=2026-11-22T14:42:52.672+01:00 level=ERROR msg=stop err=\"no such table: user\"\n"}, func(p *problem.Problem) bool {
			return p.Messages[0].Text == `level=ERROR msg=stop err="no such table: user"` && strings.Contains(p.Messages[0].Hint, "migration")
		}},
		{"several lines", process.Exit{Code: 1, Output: "hello\nerror: two things\n  one\n  two\nbye\n"}, func(p *problem.Problem) bool {
			return p.Messages[0].Text == "error: two things\n  one\n  two"
		}},
		{"no complaint", process.Exit{Code: 1, Output: "hello\nbye\n\n"}, func(p *problem.Problem) bool { return p.Messages[0].Text == "bye" }},
		{"colours", process.Exit{Code: 1, Output: "\x1b[1;31mERROR\x1b[0m \x1b]0;title\x07\xff\x00 no\r\n"}, func(p *problem.Problem) bool {
			return p.Messages[0].Text == "ERROR \uFFFD no" && p.Output == "ERROR \uFFFD no\n"
		}},
		{"a relative file", process.Exit{Code: 1, Output: "open config.yml: no such file or directory"}, func(p *problem.Problem) bool {
			return strings.HasPrefix(p.Messages[0].Hint, "config.yml is looked for")
		}},
		{"usage", process.Exit{Code: 2, Output: "flag provided but not defined: -x\nUsage of app:\n  -y int\n"}, func(p *problem.Problem) bool {
			return p.Messages[0].Text == "flag provided but not defined: -x" && strings.Contains(p.Messages[0].Hint, "--")
		}},
		{"a panic that was survived", process.Exit{Code: 1, Output: "x", Crash: "panic: old\n\ngoroutine 1 [running]:\n"}, func(p *problem.Problem) bool {
			return strings.Contains(p.Title, "exit code 1") && p.Messages[0].Text == "x"
		}},
		{"source outside", process.Exit{Code: 2, Crash: trace(filepath.Join(elsewhere, "secret.go"))}, func(p *problem.Problem) bool {
			return p.Messages[0].File == "secret.go" && p.Messages[0].Path == "" && p.Messages[0].Excerpt == nil && p.Stack[0].Excerpt == nil
		}},
		{"source outside by another way", process.Exit{Code: 2, Crash: trace(filepath.Join(appDir, "..", "..", "process.go"))}, func(p *problem.Problem) bool {
			return p.Messages[0].Path == "" && p.Messages[0].Excerpt == nil
		}},
		{"what is no code", process.Exit{Code: 2, Crash: trace(filepath.Join(appDir, "go.mod"))}, func(p *problem.Problem) bool {
			return p.Messages[0].Path == "" && p.Messages[0].Excerpt == nil
		}},
		{"with -trimpath", process.Exit{Code: 2, Crash: strings.Replace(trace("example.org/app/internal/store/store.go"), "main.main", "example.org/app/internal/store.Open", 1)}, func(p *problem.Problem) bool {
			return p.Messages[0].File == "internal/store/store.go" && len(p.Messages[0].Excerpt) == 8
		}},
		{"a template nobody has", process.Exit{Code: 1, Output: `template: nowhere.html:3: unexpected "}" in operand`}, func(p *problem.Problem) bool {
			return len(p.Messages) == 2 && p.Messages[0].File == "nowhere.html" && p.Messages[0].Line == 3 && p.Messages[0].Path == ""
		}},
		{"which of two templates", process.Exit{Code: 1, Output: `error: template: page.html:4:9: executing "page.html" at <.Title>: nil data`}, func(p *problem.Problem) bool {
			return p.Messages[0].File == "old/templates/page.html" && len(p.Messages[0].Related) == 0
		}},
		{"either of two templates", process.Exit{Code: 1, Output: `template: page.html:3: unexpected EOF`}, func(p *problem.Problem) bool {
			return p.Messages[0].File == "templates/page.html" && len(p.Messages[0].Related) == 1 && strings.HasPrefix(p.Messages[0].Related[0], "old/templates/page.html:3: ")
		}},
		{"html/template", process.Exit{Code: 1, Output: "html/template:templates/page.html:4:4: {{.}} appears in an ambiguous context"}, func(p *problem.Problem) bool {
			return p.Messages[0].File == "templates/page.html" && p.Messages[0].Column == 5 && hit(p.Messages[0].Excerpt) == "{{.Nobody}}"
		}},
		{"secrets", process.Exit{Code: 1, Output: "dialling postgres://blog:hunter2@db\nerror: password=hunter2 pet=hunter2\n"}, func(p *problem.Problem) bool {
			return p.Messages[0].Text == "error: password=[masked] pet=[masked]" && p.Output == "dialling postgres://blog:[masked]@db\n"+p.Messages[0].Text+"\n"
		}},
		{"secrets of a crash", process.Exit{Code: 2, Output: "pet=hunter2\n", Crash: strings.Replace(trace("/x.go"), "panic: ", "panic: pet=hunter2 ", 1)}, func(p *problem.Problem) bool {
			return strings.HasPrefix(p.Messages[0].Text, "panic: pet=[masked] ") && p.Output == "pet=[masked]\n"
		}},
		{"much", process.Exit{Code: 1, Output: strings.Repeat("line\n", 10_000)}, func(p *problem.Problem) bool {
			return len(p.Output) <= 16<<10 && strings.HasPrefix(p.Output, "line\n") && p.Messages[0].Text == "line"
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if p := tt.e.Problem(problem.Start, source); !tt.want(p) {
				text, err := json.MarshalIndent(p, "", "  ")
				t.Errorf("%s %v", text, err)
			}
		})
	}
}

// FuzzProblem reads whatever a program may write.
func FuzzProblem(f *testing.F) {
	f.Add(1, "template: a.html:1:2: x", "")
	f.Add(2, "x", "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:3 +0x1d\n")
	f.Add(2, "\x1b[31m\x1b]0;x", "SIGQUIT: quit\n\ngoroutine 0 [idle]:\n")
	f.Add(0, "open ../../../etc/passwd: no such file or directory main.go:99999999999999999999", "fatal error: x\ngoroutine ")
	f.Add(1, "pattern \"/\" (registered at main.go:1) conflicts with pattern \"/\" (registered at /etc/passwd.go:1)", "")
	f.Add(1, "template: ../../../../../../etc/passwd:1: x", "")
	f.Fuzz(func(t *testing.T, code int, output, crash string) {
		e := process.Exit{Code: code, Output: output, LastOutput: output, Crash: crash}
		p := e.Problem(problem.Crash, source)
		if len(p.Messages) == 0 || p.ID == "" || p.Title == "" || strings.Contains(p.Title, "\n") {
			t.Errorf("%+v", p)
		}
		text := p.Output
		for _, m := range p.Messages {
			text += m.Text + m.File + m.Hint + strings.Join(m.Related, "")
			inside(t, m.Path)
		}
		for _, frame := range p.Stack {
			text += frame.Function + frame.File
			inside(t, frame.Path)
		}
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			t.Errorf("%q", text)
		}
	})
}

// inside tells whether a path is one that may be shown.
func inside(t *testing.T, path string) {
	t.Helper()
	if path == "" {
		return
	}
	for _, dir := range append([]string{source.Dir}, source.Roots...) {
		if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
			return
		}
	}
	t.Errorf("%s is shown", path)
}

func get(t *testing.T, url string) {
	t.Helper()
	answer, err := (&http.Client{Timeout: patience}).Get(url)
	if err != nil {
		var timeout interface{ Timeout() bool }
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatal(err)
		}
		return // It has crashed meanwhile.
	}
	answer.Body.Close()
}
