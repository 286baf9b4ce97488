package overlay_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// excerpt cuts the lines around one out of a source text.
func excerpt(source string, first, hit int) []problem.Line {
	var all []problem.Line
	for i, text := range strings.Split(strings.Trim(source, "\n"), "\n") {
		all = append(all, problem.Line{Number: first + i, Text: text, Hit: first+i == hit})
	}
	return all
}

const profileSource = `
func (s *Server) profile(w http.ResponseWriter, r *http.Request) error {
	// Whoever is asked for, not who asks.
	user, err := s.store.UserByName(r.Context(), r.PathValue("username"))
	if err != nil {
		return trace.Wrap(err, "loading the profile")
	}
	posts, err := s.store.PostsOf(r.Context(), usr.ID, 25)
	if err != nil {
		return trace.Wrap(err, "loading the posts")
	}
	return s.pages.Render(w, r, "profile.html", profilePage{User: user, Posts: posts})
}
`

const pagesSource = `
import (
	"context"
	"html/template"
	"net/http"

	"example.org/microblog/internal/microblog"
)

// Pages are the application's pages.
`

// build is a package with mistakes.
func build() *problem.Problem {
	p := &problem.Problem{
		Kind: problem.Build, Title: "2 mistakes in internal/web", Served: true, Command: "go build ./cmd/microblog", Time: noon,
		Output: "# example.org/microblog/internal/web\ninternal/web/profile.go:47:45: undefined: usr\ninternal/web/pages.go:4:2: \"context\" imported and not used\n",
		Messages: []problem.Message{
			{
				File: "internal/web/profile.go", Path: "/home/susan/microblog/internal/web/profile.go", Line: 47, Column: 45, Text: "undefined: usr",
				Hint: "There is a variable user, which is spelled almost like that.", Excerpt: excerpt(profileSource, 41, 47),
			},
			{
				File: "internal/web/pages.go", Path: "/home/susan/microblog/internal/web/pages.go", Line: 4, Column: 2,
				Text: `"context" imported and not used`, Excerpt: excerpt(pagesSource, 3, 4), Related: []string{"internal/web/pages.go:1:9: package web"},
			},
		},
	}
	p.Identify()
	return p
}

// panicked is a process that did not come up.
func panicked() *problem.Problem {
	p := &problem.Problem{
		Kind: problem.Start, Title: "The new version panicked before it was ready", Served: true, Command: "./microblog serve", Time: noon,
		Messages: []problem.Message{{
			File: "internal/app/app.go", Path: "/home/susan/microblog/internal/app/app.go", Line: 88, Text: "panic: runtime error: invalid memory address or nil pointer dereference",
			Excerpt: excerpt("\tlogger := s.logger\n\tcatcher := fault.New(fault.Options{\n\t\tPages:    pages,\n\t\tLogger:   logger.With(\"version\", version),\n\t\tRecorder: journal,\n\t})\n", 85, 88),
		}},
		Stack: []problem.Frame{
			{Function: "log/slog.(*Logger).With", File: "log/slog/logger.go", Path: "/usr/lib/go/src/log/slog/logger.go", Line: 119, Excerpt: excerpt("\tif len(args) == 0 {\n\t\treturn l\n\t}\n\tc := l.clone()\n", 116, 119)},
			{Function: "app.(*Server).wire", File: "internal/app/app.go", Path: "/home/susan/microblog/internal/app/app.go", Line: 88, App: true},
			{Function: "app.New", File: "internal/app/app.go", Path: "/home/susan/microblog/internal/app/app.go", Line: 51, App: true, Excerpt: excerpt("\ts := &Server{store: store}\n\tif err := s.wire(); err != nil {\n\t\treturn nil, err\n", 50, 51)},
			{Function: "main.main", File: "cmd/microblog/main.go", Path: "/home/susan/microblog/cmd/microblog/main.go", Line: 17, App: true, Excerpt: excerpt("func main() {\n\tos.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))\n}\n", 16, 17)},
			{Function: "runtime.main", File: "runtime/proc.go", Path: "/usr/lib/go/src/runtime/proc.go", Line: 285},
			{Function: "runtime.goexit", File: "runtime/asm_amd64.s", Path: "/usr/lib/go/src/runtime/asm_amd64.s", Line: 1693},
		},
		Output: "2026-11-22 12:00:00,672 INFO: Microblog startup [in internal/app/app.go:43]\npanic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4c5d2a]\n\ngoroutine 1 [running]:\nlog/slog.(*Logger).With(...)\n",
	}
	p.Identify()
	return p
}

// vetted is a mistake in a version that is served.
func vetted() *problem.Problem {
	p := &problem.Problem{
		Kind: problem.Vet, Title: "1 finding in internal/web", Served: true, Newest: true, Command: "go vet ./internal/web", Time: noon,
		Messages: []problem.Message{{
			File: "internal/web/posts.go", Path: "/home/susan/microblog/internal/web/posts.go", Line: 31, Column: 14,
			Text: "fmt.Errorf format %d has arg name of wrong type string", Excerpt: excerpt("\tif !ok {\n\t\treturn fmt.Errorf(\"no post %d\", name)\n\t}\n", 30, 31),
		}},
	}
	p.Identify()
	return p
}

// templated is a template that does not load.
func templated() *problem.Problem {
	p := &problem.Problem{
		Kind: problem.Template, Title: "internal/web/templates/profile.html does not load", Time: noon, Served: true,
		Messages: []problem.Message{{
			File: "internal/web/templates/profile.html", Path: "/home/susan/microblog/internal/web/templates/profile.html", Line: 4, Column: 15,
			Text: `template: profile.html:4:15: function "formatTime" not defined`, Hint: "There is a function formattime.",
			Excerpt: excerpt("{{define \"content\"}}\n<h1>{{.User.Name}}</h1>\n{{with .User.LastSeen}}\n<p>Last seen {{formatTime .}}</p>\n{{end}}\n<ul>\n", 1, 4),
		}},
	}
	p.Identify()
	return p
}

// failed is a request that failed.
func failed(t testing.TB) *overlay.Failure {
	id := fault.ID{0x2c, 0x1f, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	root := "/home/susan/microblog/"
	f := &fault.Failure{
		ID: id, Time: noon, Kind: fault.KindError, Status: 500, Message: "loading the profile: query: SQL logic error: no such column: abot_me (1)",
		Causes: fault.Cause{Type: "*trace.wrapped", Message: "loading the profile: query: SQL logic error: no such column: abot_me (1)", Causes: []fault.Cause{
			{Type: "*fmt.wrapError", Message: "query: SQL logic error: no such column: abot_me (1)", Causes: []fault.Cause{
				{Type: "*sqlite.Error", Message: "SQL logic error: no such column: abot_me (1)"}}}}},
		StackOf: fault.StackWrapped,
		Stack: trace.Stack{
			{Function: "example.org/microblog/internal/store.(*Store).UserByName", File: root + "internal/store/users.go", Line: 64, App: true},
			{Function: "example.org/microblog/internal/web.(*Server).profile", File: root + "internal/web/profile.go", Line: 43, App: true},
			{Function: "example.org/microblog/fault.(*handler).ServeHTTP", File: root + "fault/catch.go", Line: 118},
			{Function: "net/http.(*ServeMux).ServeHTTP", File: "/usr/lib/go/src/net/http/server.go", Line: 2822},
			{Function: "net/http.HandlerFunc.ServeHTTP", File: "/usr/lib/go/src/net/http/server.go", Line: 2294},
			{Function: "example.org/microblog/internal/web.(*Server).session", File: root + "internal/web/session.go", Line: 27, App: true},
		},
		Request: &fault.Request{
			Method: "GET", Route: "GET /user/{username}", URL: "/user/susan?page=2&sort=newest", Proto: "HTTP/1.1", Host: "127.0.0.1:5000", RemoteAddr: "127.0.0.1:51022",
			Header: http.Header{
				"Accept": {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "Accept-Language": {"de-DE,de;q=0.9,en;q=0.8"},
				"Cookie":     {"session=[masked]; theme=dark"},
				"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"},
			},
		},
		Response: &fault.Response{Header: http.Header{"Cache-Control": {"private"}}},
		User:     "susan", RequestID: "c4cd1b3e5a", Host: "laptop", PID: 41230, Goroutine: 88,
		Build: fault.Build{Module: "example.org/microblog", Version: "(devel)", Go: "go1.26.0", ID: "0f3acb82d911"},
		Steps: []trace.Step{
			{Time: noon.Add(-14 * time.Millisecond), Kind: "sql", Text: "SELECT user_id, data FROM sessions WHERE token = $1 AND expires > $2", Args: []string{"[masked]", "1795348800000000"}, Duration: 310 * time.Microsecond},
			{Time: noon.Add(-9 * time.Millisecond), Kind: "log", Text: "DEBUG: session found user=susan"},
			{Time: noon.Add(-2 * time.Millisecond), Kind: "sql", Text: "SELECT id, username, email, abot_me\n  FROM users\n WHERE username = $1", Args: []string{"susan"}, Duration: 1204 * time.Microsecond, Err: "SQL logic error: no such column: abot_me (1)"},
		},
	}
	return &overlay.Failure{
		Failure: f, Answer: overlay.Prefix + "failures/" + id.Full() + "/answer", Generation: 7, Script: "g=9&r=first",
		Excerpts: [][]problem.Line{
			excerpt("// UserByName returns the user of a name, which is compared without case.\nfunc (s *Store) UserByName(ctx context.Context, name string) (microblog.User, error) {\n\trow := s.db.QueryRowContext(ctx, `SELECT id, username, email, abot_me\n  FROM users\n WHERE username = $1`, fold(name))\n\tvar u microblog.User\n\tif err := row.Scan(&u.ID, &u.Name, &u.Email, &u.AboutMe); err != nil {\n\t\treturn u, fmt.Errorf(\"query: %w\", err)\n\t}\n\treturn u, nil\n}\n", 57, 64),
			excerpt(profileSource, 41, 43), nil,
			excerpt("\th, _ := mux.findHandler(r)\n\th.ServeHTTP(w, r)\n}\n", 2821, 2822), nil, nil,
		},
		Why: []string{"", "", "This is the kit’s own.", "", "", "the file is not there any more"},
	}
}

// many makes a failure with much of everything.
func many(t testing.TB) *overlay.Failure {
	f := failed(t)
	whole := *f.Failure
	whole.Kind, whole.StackOf = fault.KindPanic, fault.StackPanic
	whole.Message = "runtime error: index out of range [3] with length 3"
	whole.Causes = fault.Cause{Type: "panic of runtime.boundsError", Message: whole.Message}
	whole.Public = "An unexpected error has occurred"
	whole.Request = &fault.Request{
		Method: "POST", Route: "POST /edit_profile", URL: "/edit_profile", Host: "127.0.0.1:5000", ContentLength: 48, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Form: url.Values{"username": {"susan"}, "about_me": {"I like\nlong walks"}}, Files: []fault.File{{Field: "picture", Name: "me.png", Size: 48211}},
	}
	for i := range 40 {
		whole.Steps = append(whole.Steps, trace.Step{Time: noon.Add(time.Duration(i-40) * time.Millisecond), Kind: "sql", Text: "SELECT 1", Duration: time.Duration(i) * time.Millisecond})
	}
	whole.StepsDropped = 12
	whole.Response = &fault.Response{Status: 200, Bytes: 70_000, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Set-Cookie": {"session=[masked]; Path=/"}}}
	return &overlay.Failure{Failure: &whole, Excerpts: f.Excerpts, Why: f.Why, Answer: f.Answer, Generation: 3}
}

// asked makes a request as a kind of client would.
func asked(method, target, client string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1:5000"
	switch client {
	case "browser":
		r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
	case "curl":
		r.Header.Set("Accept", "*/*")
		r.Header.Set("User-Agent", "curl/8.5.0")
	case "program":
		r.Header.Set("Accept", "application/json")
	}
	return r
}
