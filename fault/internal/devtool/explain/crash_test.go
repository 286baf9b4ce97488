package explain_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

const crashVariable = "EXPLAIN_TEST_CRASH"

// crashes are what ends a process.
var crashes = map[string]func(){
	"map": func() {
		m := map[int]int{}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					m[i%64] = i
				}
			})
		}
		wg.Wait()
	},
	"unlock": func() {
		var mu sync.Mutex
		mu.Unlock()
	},
	"overflow": func() {
		debug.SetMaxStack(1 << 20)
		use(deeper(1))
	},
	"goroutine": func() {
		var u *user
		go func() {
			use(u.Name)
		}()
		select {}
	},
	"index": func() {
		var posts []int
		use(posts[len(os.Args)+4])
	},
	"panic": func() {
		http.NewServeMux().HandleFunc("GET /{x", nil)
	},
	"routes": func() {
		mux := http.NewServeMux()
		mux.HandleFunc("/a/{x}", http.NotFound)
		mux.HandleFunc("/{x}/a", http.NotFound)
	},
}

//lint:ignore SA5007 it is to fail
func deeper(n int) int { return deeper(n+1) + 1 }

func TestMain(m *testing.M) {
	if f := crashes[os.Getenv(crashVariable)]; f != nil {
		f()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashed returns the failure of a process that has crashed.
func crashed(t *testing.T, how string) *fault.Failure {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(os.Environ(), crashVariable+"="+how, "GOTRACEBACK=all")
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Run(); err == nil {
		t.Fatalf("%s did not crash", how)
	}
	r := crash.Parse(out.String(), "")
	return &fault.Failure{Kind: fault.KindCrash, StackOf: fault.StackCrash, Message: r.Text, Causes: r.Causes, Stack: r.Stack, Output: out.String()}
}

func TestCrashes(t *testing.T) {
	for _, c := range []struct{ how, title, text string }{
		{"map", "Two goroutines used one map at once", "nothing can recover"},
		{"unlock", "`mu` was unlocked, but was not locked", "once more than Lock"},
		{"overflow", "Stack overflow", "On the stack again and again: `explain_test.deeper`"},
		{"goroutine", "Nil pointer", "`u`"},
		{"index", "Index 5 is out of range", "`posts` is empty"},
		{"routes", "Two routes conflict", "`/{x}/a`"},
	} {
		t.Run(c.how, func(t *testing.T) {
			f := crashed(t, c.how)
			call := explain.Call{}
			if c.how == "goroutine" || c.how == "index" || c.how == "unlock" {
				at := slices.IndexFunc(f.Stack, func(f trace.Frame) bool { return strings.Contains(f.Function, "explain_test.") })
				call = explain.At(f, at, excerpt(f.Stack[at].File, f.Stack[at].Line, 5))
			}
			got := explain.Explain(f, call)
			if len(got) == 0 || got[0].Title != c.title || !strings.Contains(got[0].Text, c.text) {
				t.Errorf("%q of %s: %+v", f.Message, f.Causes.Type, got)
			}
		})
	}
}

// TestSignals: what the runtime writes of a signal in C, and of one that somebody has sent.
func TestSignals(t *testing.T) {
	const inC = "signal arrived during cgo execution\n\ngoroutine 1 gp=0x1386e97d81e0 m=0 mp=0x55c460 [syscall]:\n" +
		"runtime.cgocall(0x48b6a0, 0x1386e981ef28)\n\t/usr/local/go/src/runtime/cgocall.go:167 +0x4b fp=0x1386e981ef00 sp=0x1386e981eec8 pc=0x4779ab\n" +
		"main._Cfunc_deeper(0x0)\n\t_cgo_gotypes.go:54 +0x45 fp=0x1386e981ef28 sp=0x1386e981ef00 pc=0x48b3a5\n" +
		"main.main()\n\t/src/main.go:19 +0xa5 fp=0x1386e981ef48 sp=0x1386e981ef28 pc=0x48b5e5\n"
	const sent = "\ngoroutine 1 gp=0xc0000021c0 m=nil [sleep]:\nmain.main()\n\t/src/main.go:19 +0x5bc\n"
	for name, c := range map[string]struct{ output, title, text, mark string }{
		"NULL":    {"SIGSEGV: segmentation violation\nPC=0x48b6b6 m=0 sigcode=1 addr=0x4\n" + inC, "`C.deeper` used memory that is not its own (SIGSEGV)", "The address was 0x4, so the pointer was NULL.", "C.deeper(p)"},
		"address": {"SIGSEGV: segmentation violation\nPC=0x48b6b6 m=0 sigcode=1 addr=0x7f0000001000\n" + inC, "`C.deeper` used memory that is not its own (SIGSEGV)", "The address was 0x7f0000001000.", "C.deeper(p)"},
		"abort":   {"free(): double free detected in tcache 2\nSIGABRT: abort\nPC=0x7f85d6e86eec m=0 sigcode=18446744073709551610\n" + inC, "`C.deeper` gave up (SIGABRT)", "freed twice", "C.deeper(p)"},
		"zero":    {"SIGFPE: floating-point exception\nPC=0x48b6f6 m=0 sigcode=1\n" + inC, "`C.deeper` divided by zero, or its result did not fit (SIGFPE)", "in C", "C.deeper(p)"},
		"illegal": {"SIGILL: illegal instruction\nPC=0x48b6f6 m=0 sigcode=2\n" + inC, "`C.deeper` ended the process", "in C", "C.deeper(p)"},
		"sent":    {"SIGABRT: abort\nPC=0x480941 m=0 sigcode=0\n" + sent, "It was ended by SIGABRT", "somebody has sent it", ""},
		"quit":    {"SIGQUIT: quit\nPC=0x480941 m=0 sigcode=0\n" + sent, "Somebody has sent it SIGQUIT", "stacks of all goroutines", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := crash.Parse(c.output, "example.org/app")
			f := &fault.Failure{Kind: fault.KindCrash, StackOf: fault.StackCrash, Message: r.Text, Causes: r.Causes, Stack: r.Stack, Output: c.output}
			at := slices.IndexFunc(f.Stack, func(f trace.Frame) bool { return f.App })
			lines := []problem.Line{{Number: 19, Text: "\tn := g(int(C.deeper(p)), p)", Hit: true}}
			got := explain.Explain(f, explain.At(f, at, lines))
			if len(got) != 1 || got[0].Title != c.title || !strings.Contains(got[0].Text, c.text) {
				t.Fatalf("%+v", got)
			}
			if mark := marked(t, got[0], lines); mark != c.mark {
				t.Errorf("marked is %q", mark)
			}
		})
	}
}

func TestDeadlock(t *testing.T) {
	// A test's process has goroutines that never let the runtime see a deadlock.
	f := &fault.Failure{Kind: fault.KindCrash}
	r := crash.Parse("fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/src/main.go:5 +0x1d\nexit status 2\n", "")
	f.Causes, f.Stack = r.Causes, r.Stack
	if got := explain.Explain(f, explain.Call{}); len(got) != 1 || got[0].Title != "Deadlock" {
		t.Errorf("%+v", got)
	}
}

func TestCircumstances(t *testing.T) {
	for _, c := range []struct {
		name, title string
		handler     func(http.ResponseWriter, *http.Request) error
	}{
		{"no answer", "The handler did not answer", func(http.ResponseWriter, *http.Request) error { return nil }},
		{"goexit", "The goroutine was ended", func(http.ResponseWriter, *http.Request) error { runtime.Goexit(); return nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fail(t, httptest.NewRequest("GET", "/", nil), c.handler)
			if got := explain.Explain(f, explain.Call{}); len(got) != 1 || got[0].Title != c.title {
				t.Errorf("%+v", got)
			}
		})
	}
	for typ, title := range map[string]string{
		explain.Exit: "The application ended itself", "process ended": "The process ended without a word", "process killed for memory": "Memory ran out",
	} {
		f := &fault.Failure{Kind: fault.KindEnded, Causes: fault.Cause{Type: typ, Message: "the process ended"}}
		if got := explain.Explain(f, explain.Call{}); len(got) != 1 || got[0].Title != title || strings.Contains(got[0].Text, "wrote") {
			t.Errorf("%s: %+v", typ, got)
		}
	}
	for typ, title := range map[string]string{explain.Exit: "The application ended itself", "process ended": "The process ended"} {
		f := &fault.Failure{Kind: fault.KindEnded, Causes: fault.Cause{Type: typ, Message: "the process ended"}, Output: "ready\n2026/11/27 no `key` for $1\n\n"}
		if got := explain.Explain(f, explain.Call{}); len(got) != 1 || got[0].Title != title || !strings.HasSuffix(got[0].Text, " It wrote last: `2026/11/27 no 'key' for $1`.") {
			t.Errorf("%s: %+v", typ, got)
		}
	}
}

// What ended the process is named, if the stack tells.
func TestExit(t *testing.T) {
	for by, text := range map[string]string{
		"log.Fatal": "`log.Fatal` writes what it is given, and ends the process by os.Exit.", "main.leave": "It called os.Exit with another code than 0.",
	} {
		f := &fault.Failure{Kind: fault.KindEnded, Causes: fault.Cause{Type: explain.Exit}, Stack: trace.Stack{{Function: "os.Exit"}, {Function: by, App: by == "main.leave"}}}
		if got := explain.Explain(f, explain.Call{}); len(got) != 1 || got[0].Text != text {
			t.Errorf("%+v", got)
		}
	}
}

// Every wrapped error that is known is told, the root first, each once.
func TestSeveral(t *testing.T) {
	f := &fault.Failure{Causes: fault.Cause{
		Type: "*fmt.wrapError", Message: "page: template: a:1:2: executing \"a\" at <f>: error calling f: open x: no such file or directory",
		Causes: []fault.Cause{{
			Type: "template.ExecError", Message: "template: a:1:2: executing \"a\" at <f>: error calling f: open x: no such file or directory",
			Causes: []fault.Cause{{
				Type: "*fs.PathError", Message: "open x: no such file or directory",
				Causes: []fault.Cause{{Type: "syscall.Errno", Message: "no such file or directory"}},
			}},
		}},
	}}
	got := explain.Explain(f, explain.Call{})
	if len(got) != 2 || got[0].Title != "There is no `x`" || got[1].Title != "`f` failed in a template" {
		t.Errorf("%+v", got)
	}
}

// Every explanation says something, and nothing that the error does not tell.
func TestTexts(t *testing.T) {
	for _, c := range []struct{ typ, message, title, text, try string }{
		{"*net.OpError", "listen tcp: address 8080: missing port in address", "`8080` is no address to listen on", "It has to be a host and a port: missing port in address.", "`:8080`"},
		{"*net.OpError", "listen tcp: lookup nowhere: no such host", "`nowhere` is no address to listen on", "neither an IP address", "`:8080`"},
		{"*fs.PathError", "rename /a: directory not empty", "The directory `/a` is not empty", "Only an empty directory", "os.RemoveAll"},
		{"panic", "http: multiple registrations for /a", "The route `/a` was registered twice", "once only", "Register it once"},
		{"x509.HostnameError", "x509: certificate is not valid for any names, but wanted to match a.example", "The certificate is not for `a.example`", "no host at all", "Subject Alternative Name"},
		{"x509.HostnameError", "x509: certificate is valid for b.example, not a.example", "The certificate is not for `a.example`", "is not in the server's certificate", "`b.example`"},
		{"*pgconn.PgError", "ERROR: canceling statement due to user request (SQLSTATE 57014)", "The statement was cancelled", "the context ended", "deadline"},
		{"*pgconn.PgError", "ERROR: canceling statement due to lock timeout (SQLSTATE 55P03)", "The statement waited too long for a lock", "lock_timeout", "pg_locks"},
		{"*pgconn.PgError", "ERROR: canceling statement due to statement timeout (SQLSTATE 57014)", "The statement took too long", "statement timeout", "EXPLAIN"},
		{"*pgconn.PgError", `FATAL: no pg_hba.conf entry for host "10.0.0.1", user "a", database "b", no encryption (SQLSTATE 28000)`, "The database does not let this user in", `no line for host "10.0.0.1", user "a", database "b", no encryption.`, "sslmode"},
	} {
		t.Run(c.message, func(t *testing.T) {
			got := explain.Explain(&fault.Failure{Causes: fault.Cause{Type: c.typ, Message: c.message}}, explain.Call{})
			if len(got) != 1 || got[0].Title != c.title || !strings.Contains(got[0].Text, c.text) || !strings.Contains(strings.Join(got[0].Try, " "), c.try) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Texts of errors come from anybody: they neither hide something nor make an explanation of their own.
func TestForeignTexts(t *testing.T) {
	for name, c := range map[string]struct {
		cause fault.Cause
		want  string
	}{
		"not of the runtime": {fault.Cause{Type: "*main.inputError", Message: "assignment to entry in nil map"}, ""},
		"as a text":          {fault.Cause{Type: "*errors.errorString", Message: "user wrote: assignment to entry in nil map"}, ""},
		"another type":       {fault.Cause{Type: "*main.numError", Message: `strconv.Atoi: parsing "x": invalid syntax`}, ""},
		"hidden":             {fault.Cause{Type: "*fs.PathError", Message: "open a\x1b[31m\u202e`b`: no such file or directory"}, "There is no `a\\x1b[31m\\u202e'b'`"},
		"long":               {fault.Cause{Type: "*fs.PathError", Message: "open " + strings.Repeat("ü", 500) + ": no such file or directory"}, "There is no `" + strings.Repeat("ü", 80) + "…`"},
	} {
		t.Run(name, func(t *testing.T) {
			got := explain.Explain(&fault.Failure{Causes: c.cause}, explain.Call{})
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("explained as %q", got[0].Title)
			case c.want != "" && (len(got) != 1 || got[0].Title != c.want):
				t.Errorf("%+v, want %q", got, c.want)
			}
		})
	}
}

func FuzzExplain(f *testing.F) {
	f.Add("panic of runtime.boundsError", "panic: runtime error: index out of range [5] with length 3", "use(posts[i], a[b[c]])", "true")
	f.Add("panic of runtime.errorString", "panic: runtime error: invalid memory address or nil pointer dereference", "} else if x.y(func() { a.b.c() }) && d.e {", "")
	f.Add("panic of runtime.boundsError", "panic: runtime error: slice bounds out of range [:5] with capacity 3", "x[a:b:c][:d],", "false")
	f.Add("template.ExecError", `template: a:1:2: executing "a" at <.X>: can't evaluate field X in type T`, "case <-c:", "0")
	f.Add("panic of *runtime.TypeAssertionError", "panic: interface conversion: interface {} is string, not int", "x := y.(int)", "")
	f.Fuzz(func(t *testing.T, typ, message, code, value string) {
		failure := &fault.Failure{
			Causes: fault.Cause{Type: typ, Message: message}, Stack: trace.Stack{{Function: "main.f"}},
			Request: &fault.Request{URL: code, Form: map[string][]string{"a": {message}}},
			Steps:   []trace.Step{{Kind: "sql", Text: code, Err: message}},
		}
		lines := []problem.Line{{Number: 1, Text: code, Hit: true}, {Number: 2, Text: message}, {Number: 3, Text: value}}
		asked := 0
		for _, below := range []string{"", "f.g"} {
			for _, e := range explain.Explain(failure, explain.Call{Lines: lines, Below: below, Lookup: func(x string) (string, bool) {
				asked++
				return value, value != ""
			}}) {
				if e.Mark != nil && strings.TrimSpace(marked(t, e, lines)) == "" {
					t.Errorf("%+v marks nothing", e.Mark)
				}
				for _, s := range append([]string{e.Title, e.Text}, e.Try...) {
					if s == "" || strings.ContainsAny(s, "\n\x1b") {
						t.Errorf("%q", s)
					}
				}
			}
		}
		if asked > 2*64 {
			t.Errorf("%d lookups", asked)
		}
	})
}

func BenchmarkExplain(b *testing.B) {
	f := &fault.Failure{Causes: fault.Cause{Type: "panic of runtime.errorString", Message: "panic: runtime error: invalid memory address or nil pointer dereference"}}
	lines := excerpt("nilpointer.go", 60, 7)
	for b.Loop() {
		explain.Explain(f, explain.Call{Lines: lines})
	}
}
