package overlay_test

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

func textOf(p *problem.Problem) string {
	w := httptest.NewRecorder()
	overlay.Problem(w, asked("GET", "/", "curl"), p, "/", false)
	return w.Body.String()
}

// narrow checks that a text suits a terminal of 80 columns. What has no spaces may be longer.
func narrow(t *testing.T, text string) {
	t.Helper()
	for l := range strings.SplitSeq(text, "\n") {
		if utf8.RuneCountInString(l) > 80 && strings.Contains(strings.TrimSpace(l), " ") {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
		}
	}
}

func TestProblemText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		p   *problem.Problem
		has []string
	}{
		"build":        {build(), []string{"It does not build: 2 mistakes in internal/web\n", "internal/web/profile.go:47:45\n  undefined: usr\n", " > 47 | ", "$ go build ./cmd/microblog\n", "last good version"}},
		"start":        {panicked(), []string{"internal/app/app.go:88\n", "> internal/app/app.go:51  app.New\n", "  log/slog/logger.go:119  log/slog.(*Logger).With\n", "goroutine 1 [running]:"}},
		"template":     {templated(), []string{"formatTime"}},
		"vet":          {vetted(), []string{"The newest version is being served."}},
		"crash":        {&problem.Problem{Kind: problem.Crash, Title: "The application crashed", Time: noon}, []string{"The application crashed\n"}},
		"silent crash": {&problem.Problem{Kind: problem.Crash, Title: "The application ended with exit code 3", Time: noon, Debugger: "http://127.0.0.1:1/failures/X"}, []string{"The debugger knows where it was.\nDebugger: http://127.0.0.1:1/failures/X\n"}},
		"requests":     {&problem.Problem{Kind: problem.Crash, Title: "It crashed", Requests: []string{"GET /a\x1b", "POST /b"}}, []string{"2 requests were under way: GET /a\\x1b, POST /b.\n"}},
		"many requests": {&problem.Problem{Kind: problem.Crash, Title: "It crashed", Requests: strings.Split(strings.Repeat("GET /a,", 19)+"GET /b", ",")},
			[]string{"20 requests were under way: GET /a, GET /a,", "and 12 more.\n"}},
		"none": {nil, []string{"Nothing is wrong at the moment\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := textOf(test.p)
			has(t, text, test.has, []string{"\t", "\x1b", " \n"})
			narrow(t, text)
		})
	}
}

// TestCaret looks at what stands above each caret.
func TestCaret(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("very long and ", 10)
	for _, test := range []struct {
		name   string
		source string
		column int
		want   string // what begins above the caret; "" is that there is nothing
	}{
		{"first", "usr := 1", 1, "usr"},
		{"behind tabs", "\t\tusr := 1", 3, "usr"},
		{"behind a tab in the line", "x\tusr := 1", 3, "usr"},
		{"behind letters of several bytes", "/* 界é */ usr", 13, "usr"},
		{"within a letter", "界usr", 2, "界"},
		{"behind a control character", "a\x1bb usr", 5, "usr"},
		{"end of the line", "return", 7, ""},
		{"far to the right", long + "usr", len(long) + 1, "usr"},
		{"far to the right, and on", long + "usr" + long, len(long) + 1, "usr"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := textOf(&problem.Problem{Kind: problem.Build, Messages: []problem.Message{{
				File: "x.go", Line: 9, Column: test.column, Text: "wrong", Excerpt: []problem.Line{{Number: 8, Text: "\tbefore"}, {Number: 9, Text: test.source, Hit: true}, {Number: 10, Text: "after " + long}},
			}}})
			narrow(t, text)
			rows := strings.Split(text, "\n")
			for i, row := range rows {
				bar, place, is := strings.Cut(row, "| ")
				at := strings.TrimSpace(place)
				if !is || at != "^" {
					continue
				}
				above := []rune(rows[i-1])
				from := utf8.RuneCountInString(bar) + 2 + strings.Index(place, "^")
				got := ""
				if from < len(above) {
					got = string(above[from:])
				}
				if test.want == "" && got != "" || !strings.HasPrefix(got, test.want) {
					t.Errorf("above the caret is %q in\n%s", got, text)
				}
				return
			}
			t.Errorf("no caret in\n%s", text)
		})
	}
	t.Run("beyond the line", func(t *testing.T) {
		for _, column := range []int{-1, 0, 8, 1 << 40} {
			text := textOf(&problem.Problem{Messages: []problem.Message{{File: "x.go", Line: 9, Column: column, Excerpt: []problem.Line{{Number: 9, Text: "return", Hit: true}}}}})
			has(t, text, nil, []string{"^"})
		}
	})
}

func TestFailureText(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	f := failed(t)
	overlay.WriteFailure(w, asked("GET", "/user/susan", "curl"), f, 500, false)
	text := w.Body.String()
	if !strings.HasPrefix(text, "500 Internal Server Error: GET /user/susan?page=2&sort=newest\nloading the profile: ") {
		t.Errorf("begins with\n%.200s", text)
	}
	has(t, text, []string{
		"\ninternal/store/users.go:64  store.(*Store).UserByName\n", " > 64 | ", "*sqlite.Error  SQL logic error", "> internal/web/profile.go:43  web.(*Server).profile\n",
		"  net/http/server.go:2822  http.(*ServeMux).ServeHTTP\n", "1.2 ms", "User: susan", "\nResponse so far:\n  no status yet, nothing of the body\n  Cache-Control: private\n", "http://127.0.0.1:5000/.fault/failures/", "Failure " + f.ID.String(), "in version 7",
	}, []string{"\t", "\x1b"})
}

// TestDocuments reads what programs get.
func TestDocuments(t *testing.T) {
	t.Parallel()
	t.Run("problem", func(t *testing.T) {
		p := panicked()
		p.Messages[0].Text = evil
		w := httptest.NewRecorder()
		overlay.Problem(w, asked("GET", "/", "program"), p, "/", false)
		var got struct {
			Type, Title, Detail string
			Status              int
			Problem             *problem.Problem
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		p.Messages[0].Text = strings.ToValidUTF8(evil, "\ufffd")
		if !reflect.DeepEqual(got.Problem, p) {
			t.Errorf("%+v", got.Problem)
		}
		if got.Status != 503 || got.Title != "Service Unavailable" || got.Type != "about:blank" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%+v %v", got, w.Header())
		}
	})
	t.Run("failure", func(t *testing.T) {
		f := failed(t)
		w := httptest.NewRecorder()
		overlay.WriteFailure(w, asked("GET", "/", "program"), f, 500, false)
		var got struct {
			Title, Detail, Fault, Request string
			Status                        int
			Stack                         []problem.Frame
			Failure                       *fault.Failure
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Status != 500 || got.Detail != f.Message || got.Fault != f.ID.String() || got.Request != f.RequestID || len(got.Stack) != len(f.Stack) || !reflect.DeepEqual(got.Stack[0].Excerpt, f.Excerpts[0]) || got.Failure.ID != f.ID {
			t.Errorf("%+v", got)
		}
	})
	t.Run("wait", func(t *testing.T) {
		w := httptest.NewRecorder()
		overlay.Wait(w, asked("GET", "/", "program"), overlay.Waiting{Doing: "starting", Since: noon})
		var got struct{ Detail, Doing string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Doing != "starting" || !strings.Contains(got.Detail, "starting") {
			t.Errorf("%v %+v", err, got)
		}
	})
}
