package incident_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/trace"
)

const mod = "example.org/shop/"

// frame is one of the application's own calls.
func frame(function, file string, line int) trace.Frame {
	return trace.Frame{Function: mod + function, File: "/src/" + file, Line: line, App: true}
}

func library(function string) trace.Frame {
	return trace.Frame{Function: function, File: "/go/lib.go", Line: 9}
}

// failure is one of an error with a stack; the options change it.
func failure(message string, stack ...trace.Frame) *fault.Failure {
	return &fault.Failure{
		Time: time.Now(), Kind: fault.KindError, Status: 500, Message: message,
		Causes: fault.Cause{Type: "*errors.errorString", Message: message},
		Stack:  stack, StackOf: fault.StackWrapped,
	}
}

func with(f *fault.Failure, change func(*fault.Failure)) *fault.Failure {
	change(f)
	return f
}

var (
	load    = frame("store.(*DB).load", "store/db.go", 40)
	profile = frame("web.(*Server).profile", "web/user.go", 12)
	front   = frame("web.(*Server).front", "web/front.go", 30)
	walk    = frame("tree.walk", "tree/walk.go", 8)
	back    = frame("tree.back", "tree/walk.go", 20)
	sql     = library("database/sql.(*DB).Query")
)

func at(f trace.Frame, line int) trace.Frame { f.Line = line; return f }

func request(method, route, url string) *fault.Request {
	return &fault.Request{Method: method, Route: route, URL: url}
}

func TestGroupOf(t *testing.T) {
	t.Parallel()
	joined := func(errs ...string) *fault.Failure {
		f := failure(strings.Join(errs, "\n"), profile)
		f.Causes.Type = "*errors.joinError"
		for _, e := range errs {
			f.Causes.Causes = append(f.Causes.Causes, fault.Cause{Type: "*fs.PathError", Message: e})
		}
		return f
	}
	routed := func(route, url, user, message string) *fault.Failure {
		return with(failure(message, profile), func(f *fault.Failure) {
			f.Request, f.User = request("GET", route, url), user
		})
	}
	handled := func(function, route string) *fault.Failure {
		return with(failure("no rows", frame(function, "web/routes.go", 5)), func(f *fault.Failure) {
			f.StackOf, f.Request = fault.StackHandled, request("GET", route, "/x")
		})
	}
	bare := func(route, task string, frames ...trace.Frame) *fault.Failure {
		return with(failure("boom", frames...), func(f *fault.Failure) {
			f.Task = task
			if route != "" {
				f.Request = request("GET", route, "/x")
			}
		})
	}
	ended := func(reason, message string, frames ...trace.Frame) *fault.Failure {
		return with(failure(message, frames...), func(f *fault.Failure) {
			f.Kind, f.Causes = fault.KindEnded, fault.Cause{Type: reason, Message: message}
		})
	}
	type same int
	const (
		nothing same = iota
		place
		coarse
		key
	)
	tests := []struct {
		name string
		a, b *fault.Failure
		want same
	}{
		{"itself", failure("boom 1", load, profile), failure("boom 2", load, profile), key},
		{"another line", failure("boom", load), failure("boom", at(load, 41)), coarse},
		{"another caller's line", failure("boom", load, profile), failure("boom", load, at(profile, 99)), coarse},
		{"another message", failure("boom", load), failure("bang", load), place},
		{"another place", failure("boom", profile), failure("boom", front), nothing},
		{"another caller", failure("boom", load, profile), failure("boom", load, front), nothing},
		{"another type", failure("boom", load), with(failure("boom", load), func(f *fault.Failure) { f.Causes.Type = "*pq.Error" }), nothing},
		{"another type within", failure("boom", load), with(failure("boom", load), func(f *fault.Failure) {
			f.Causes.Causes = []fault.Cause{{Type: "*pq.Error", Message: "boom"}}
		}), nothing},
		{"wrapped once more", failure("boom", load), with(failure("boom", load), func(f *fault.Failure) {
			f.Causes = fault.Cause{Type: "*fmt.wrapError", Message: "boom", Causes: []fault.Cause{f.Causes}}
		}), key},
		{"another kind", failure("boom", load), with(failure("boom", load), func(f *fault.Failure) { f.Kind = fault.KindPanic }), nothing},
		{"libraries between", failure("boom", sql, load, sql, profile), failure("boom", library("x.y"), load, profile), key},
		{"compiled elsewhere", failure("boom", load), failure("boom", with2(load, func(f *trace.Frame) { f.File = `C:\build\store\db.go` })), key},

		{"recursion of another depth", failure("boom", walk, walk, profile), failure("boom", walk, walk, walk, walk, profile), key},
		{"recursion through two", failure("boom", walk, back, walk, back, profile), failure("boom", walk, back, walk, back, back, walk, back, profile), key},
		{"recursion at other lines", failure("boom", walk, at(walk, 9), at(walk, 10), profile), failure("boom", walk, at(walk, 10), profile), key},

		{"the number of a closure", failure("boom", frame("web.(*Server).routes.func1", "web/routes.go", 5)), failure("boom", frame("web.(*Server).routes.func2.1", "web/routes.go", 5)), key},
		{"a closure in a goroutine", failure("boom", frame("web.Run.func1", "web/run.go", 5)), failure("boom", frame("web.Run.gowrap3", "web/run.go", 5)), key},
		{"a closure inlined elsewhere", failure("boom", frame("web.Run.func1", "web/run.go", 5)), failure("boom", frame("web.Main.Run.func1", "web/run.go", 5)), key},
		{"the body of a range", failure("boom", frame("web.Run", "web/run.go", 5)), failure("boom", frame("web.Run-range1", "web/run.go", 5)), key},
		{"a method as a value", failure("boom", frame("web.(*S).Do", "web/run.go", 5)), failure("boom", frame("web.(*S).Do-fm", "web/run.go", 5)), key},
		{"a generic function", failure("boom", frame("web.Do[...]", "web/run.go", 5)), failure("boom", frame("web.Do", "web/run.go", 5)), key},
		{"a name that ends in a number", failure("boom", frame("web.Step1", "web/run.go", 5)), failure("boom", frame("web.Step2", "web/run.go", 5)), nothing},

		{"no own frames, same route", bare("GET /a", "", sql), bare("GET /a", "", sql), key},
		{"no own frames, other route", bare("GET /a", "", sql), bare("GET /b", "", sql), nothing},
		{"no own frames, other library", bare("GET /a", "", sql), bare("GET /a", "", library("net/http.x")), nothing},
		{"no own frames, same task", bare("", "refresh 1", library("runtime.x"), sql), bare("", "refresh 2", sql), key},
		{"no own frames, other task", bare("", "refresh", sql), bare("", "cleanup", sql), nothing},
		{"own frames, other route", routed("GET /a", "/a", "", "boom"), routed("GET /b", "/b", "", "boom"), key},
		{"handled by a function, other route", handled("web.profile", "GET /a"), handled("web.profile", "GET /b"), key},
		{"handled by a closure, other route", handled("web.page.func1", "GET /a"), handled("web.page.func1", "GET /b"), nothing},
		{"a task's error", with(bare("", "refresh", profile), handledStack), with(bare("", "cleanup", profile), handledStack), nothing},

		{"the user's name", routed("GET /", "/", "susan", "loading susan: no rows"), routed("GET /", "/", "bob", "loading bob: no rows"), key},
		{"the route's wildcard", routed("GET /user/{username}", "/user/susan", "", `no person susan here`), routed("GET /user/{username}", "/user/bob%20m", "", `no person bob m here`), key},
		{"the route's rest", routed("GET /file/{path...}", "/file/docs/b", "", `no file docs/b here`), routed("GET /file/{path...}", "/file/readme", "", `no file readme here`), key},
		{"the path", routed("", "/some/where?x=1", "", "GET /some/where: no answer"), routed("", "/else", "", "GET /else: no answer"), key},
		{"a part of a word is no name", routed("GET /", "/", "load", "loading the list"), routed("GET /", "/", "save", "saving the list"), place},

		{"joined errors of another number", joined("open /1: denied", "open /2: denied"), joined("open /1: denied", "open /2: denied", "open /3: denied"), key},
		{"joined errors in another order", joined("open /a: denied", "no space"), joined("no space", "open /a: denied"), key},
		{"other joined errors", joined("open /a: denied", "no space"), joined("open /a: denied", "no memory"), place},

		{"crashes at one place", with(failure("the process crashed: boom 1", walk), crashed), with(failure("the process crashed: boom 2", walk), crashed), key},
		{"crashes at two places", with(failure("the process crashed: boom", walk), crashed), with(failure("the process crashed: boom", load), crashed), nothing},
		{"ends for one reason", ended("killed", "killed after 5 hours", walk), ended("killed", "killed at night", load), key},
		{"ends for two reasons", ended("killed", "gone", walk), ended("restarted", "gone", walk), nothing},

		{"the zero failure", &fault.Failure{}, &fault.Failure{}, key},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, b := incident.GroupOf(tt.a), incident.GroupOf(tt.b)
			got := nothing
			switch {
			case a.Key == b.Key:
				got = key
			case a.Coarse == b.Coarse:
				got = coarse
			case a.Place == b.Place:
				got = place
			}
			if got != tt.want {
				t.Errorf("they share level %d, want %d (0 nothing, 1 Place, 2 Coarse, 3 Key)\n%+v\n%+v", got, tt.want, a, b)
			}
			if got == key && (a.Coarse != b.Coarse || a.Place != b.Place) {
				t.Error("the same Key, but not the same Coarse and Place")
			}
			if len(a.Key) != 32 || len(a.Coarse) != 32 || len(a.Place) != 32 {
				t.Errorf("keys of other lengths: %+v", a)
			}
		})
	}
}

func crashed(f *fault.Failure) { f.Kind, f.StackOf = fault.KindCrash, fault.StackCrash }

func handledStack(f *fault.Failure) { f.StackOf = fault.StackHandled }

func with2(f trace.Frame, change func(*trace.Frame)) trace.Frame { change(&f); return f }

func TestCulprit(t *testing.T) {
	t.Parallel()
	routed := with(failure("boom", sql), func(f *fault.Failure) { f.Request = request("GET", "GET /a", "/a") })
	for _, tt := range []struct {
		name string
		f    *fault.Failure
		want string
		line int
	}{
		{"innermost own call", failure("boom", sql, load, profile), "store.(*DB).load", 40},
		{"closure", failure("boom", frame("web.(*Server).routes.func3.1", "web/routes.go", 5)), "web.(*Server).routes", 5},
		{"package main", failure("boom", trace.Frame{Function: "main.main.func1", File: "/src/main.go", Line: 3, App: true}), "main.main", 3},
		{"package with a version", failure("boom", frame("api%2ev2.Do", "api/do.go", 7)), "api.v2.Do", 7},
		{"route", routed, "GET /a", 0},
		{"task", with(failure("boom", sql), func(f *fault.Failure) { f.Task = "refresh" }), "refresh", 0},
		{"library", failure("boom", library("runtime.panicmem"), sql), "sql.(*DB).Query", 0},
		{"nothing", failure("boom"), "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if g := incident.GroupOf(tt.f); g.Culprit != tt.want || g.Line != tt.line {
				t.Errorf("culprit %q in line %d, want %q in line %d", g.Culprit, g.Line, tt.want, tt.line)
			}
		})
	}
}

func TestTitle(t *testing.T) {
	t.Parallel()
	long := "loading the profile: " + strings.Repeat("doing one thing after another: ", 20) + "pq: relation does not exist"
	for _, tt := range []struct{ name, message, want string }{
		{"as it is", "loading user 42: no rows", "loading user 42: no rows"},
		{"one line", "one\ntwo\r\n\tthree", "one; two; three"},
		{"joined errors", "closing: disk full\nremoving: no such file\n \n", "closing: disk full; removing: no such file"},
		{"header injection", "x\r\nBcc: all@example.com", "x; Bcc: all@example.com"},
		{"terminal", "\x1b[31mred\x07", "[31mred"},
		{"direction", "abc\u202Efdp.exe\u2066", "abcfdp.exe"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"no text", " \n", "*pq.Error"},
		{"long", long, "loading the profile: doing one thing after another: … thing after another: pq: relation does not exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := failure(tt.message, load)
			f.Causes.Type = "*pq.Error"
			got := incident.GroupOf(f).Title
			if tt.name != "long" && got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.name == "long" && (!strings.HasPrefix(got, "loading the profile: doing one") || !strings.HasSuffix(got, ": pq: relation does not exist") || !strings.Contains(got, " … ")) {
				t.Errorf("the beginning or the end is missing: %q", got)
			}
			if n := utf8.RuneCountInString(got); n > 120 || n == 0 {
				t.Errorf("%d characters: %q", n, got)
			}
		})
	}
}

// collector is a Recorder that keeps what it gets.
type collector struct{ failures []*fault.Failure }

func (c *collector) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	c.failures = append(c.failures, f)
	return fault.Receipt{Durable: true}
}

// TestGroupOfCaught groups what a Catcher has caught, so that both agree on what a failure holds.
func TestGroupOfCaught(t *testing.T) {
	t.Parallel()
	var got collector
	catcher := fault.New(fault.Options{Recorder: &got, Logger: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	mux.Handle("GET /user/{name}", catcher.Handle(func(_ http.ResponseWriter, r *http.Request) error {
		return trace.Wrap(fmt.Errorf("person %s: %w", r.PathValue("name"), errors.New("no rows")), "loading")
	}))
	mux.HandleFunc("GET /panic/{n}", func(_ http.ResponseWriter, r *http.Request) { panic("boom " + r.PathValue("n")) })
	mux.HandleFunc("GET /nil/{n}", func(http.ResponseWriter, *http.Request) { var u *collector; u.failures = nil })
	handler := catcher.Middleware(mux)
	ask := func(path string) incident.Group {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		return incident.GroupOf(got.failures[len(got.failures)-1])
	}
	for _, pair := range [][2]string{{"/user/susan", "/user/bob"}, {"/panic/1", "/panic/2"}, {"/nil/1", "/nil/x"}} {
		if a, b := ask(pair[0]), ask(pair[1]); a.Key != b.Key {
			t.Errorf("%v are two groups:\n%+v\n%+v", pair, a, b)
		}
	}
	if a, b := ask("/panic/1"), ask("/nil/1"); a.Place == b.Place || a.Title != "panic: boom 1" {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func BenchmarkGroupOf(b *testing.B) {
	stack := make(trace.Stack, 0, 32)
	for i := range 32 {
		stack = append(stack, frame(fmt.Sprintf("web.step%d", i%12), "web/steps.go", i))
	}
	f := failure("loading the profile of user 42: sql: no rows in result set", stack...)
	f.Request = request("GET", "GET /user/{username}", "/user/susan")
	b.ReportAllocs()
	for b.Loop() {
		incident.GroupOf(f)
	}
}
