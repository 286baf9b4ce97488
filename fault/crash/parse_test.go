package crash_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
)

// calls is a stack in short: the functions, with a > before the application's own.
func calls(r crash.Report) string {
	var names []string
	for _, f := range r.Stack {
		name := f.Function
		if f.App {
			name = ">" + name
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

const strayStack = `goroutine 19 [running]:
main.main.func1()
	/src/p/main.go:24 +0x28
created by main.main in goroutine 1
	/src/p/main.go:24 +0x3d4
`

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, output string
		text         string
		kind         string
		goroutine    int64
		state        string
		calls        string
	}{
		{"panic", "panic: boom\n\n" + strayStack, "panic: boom", "panic", 19, "running", ">main.main.func1 >main.main"},
		{"of several lines", "panic: boom\n\tsecond line\n\t\n\tthird\n\n" + strayStack, "panic: boom\nsecond line\n\nthird", "panic", 19, "running", ">main.main.func1 >main.main"},
		{"of a type", "panic: main.MyInt(5)\n\n" + strayStack, "panic: main.MyInt(5)", "panic", 19, "running", ">main.main.func1 >main.main"},
		{"Windows lines", strings.ReplaceAll("panic: boom\n\n"+strayStack, "\n", "\r\n"), "panic: boom", "panic", 19, "running", ">main.main.func1 >main.main"},
		{"exit status behind", "panic: boom\n\n" + strayStack + "exit status 2\n", "panic: boom", "panic", 19, "running", ">main.main.func1 >main.main"},
		{"in standard error", "2024/01/02 starting\npanic: not this one, it was logged\nready\npanic: boom\n\n" + strayStack, "panic: boom", "panic", 19, "running", ">main.main.func1 >main.main"},
		{"without stack", "panic: boom\n", "panic: boom", "panic", 0, "", ""},
		{"torn in the text", "panic: bo", "panic: bo", "panic", 0, "", ""},
		{"torn in the stack", "panic: boom\n\ngoroutine 19 [running]:\nmain.f(0x1)\n\t/src/p/main.go:24 +0x28\nmain.main.fu", "panic: boom", "panic", 19, "running", ">main.f"},
		{"nil pointer", `panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a25f0]

goroutine 1 [running]:
example.org/shop/web.(*Server[...]).do(0xc000012345, {0x1, 0x2?})
	/src/p/web.go:23 +0x330
example.org/shop/web.inlined(...)
	/src/p/web.go:9
net/http.HandlerFunc.ServeHTTP(...)
	/go/src/net/http/server.go:2294
main.main()
	C:/src/p/main.go:23 +0x330
`, "panic: runtime error: invalid memory address or nil pointer dereference", "panic of runtime.Error", 1, "running", ">example.org/shop/web.(*Server[...]).do >example.org/shop/web.inlined net/http.HandlerFunc.ServeHTTP >main.main"},
		{"again", `panic: first [recovered, repanicked]

goroutine 1 [running]:
main.main.func2()
	/src/p/main.go:25 +0x25
panic({0x4ad740?, 0x4d3ab8?})
	/go/src/runtime/panic.go:860 +0x13a
main.load()
	/src/p/main.go:25 +0x47f
`, "panic: first", "panic", 1, "running", ">main.load"},
		{"wrapped again", `panic: first [recovered]
	panic: in the task: first

goroutine 1 [running]:
main.main.func4()
	/src/p/main.go:27 +0x59
panic({0x4ad740?, 0x4d3ab8?})
	/go/src/runtime/panic.go:860 +0x13a
main.load()
	/src/p/main.go:27 +0x4a6
`, "panic: in the task: first", "panic", 1, "running", ">main.load"},
		{"another in a deferred call", `panic: first
	panic: second

goroutine 1 [running]:
main.main.func3()
	/src/p/main.go:26 +0x25
panic({0x4ad740?, 0x4d3ab8?})
	/go/src/runtime/panic.go:860 +0x13a
main.main()
	/src/p/main.go:26 +0x4cd
`, "panic: second", "panic", 1, "running", ">main.main.func3 panic >main.main"},
		{"fatal error in a panic", `panic: first
	fatal error: sync: unlock of unlocked mutex

goroutine 1 [running]:
internal/sync.fatal({0x4cf9c3?, 0x4b9160?})
	/go/src/runtime/panic.go:1191 +0x18
internal/sync.(*Mutex).unlockSlow(0x11306ee06008, 0xffffffff)
	/go/src/internal/sync/mutex.go:204 +0x35
main.main.func6()
	/src/p/main.go:45 +0x2d
`, "fatal error: sync: unlock of unlocked mutex", "fatal error", 1, "running", "internal/sync.(*Mutex).unlockSlow >main.main.func6"},
		{"concurrent map writes", `fatal error: concurrent map writes

goroutine 26 [running]:
internal/runtime/maps.fatal({0x4cc1a2?, 0x0?})
	/go/src/runtime/panic.go:1181 +0x18
main.main.func5()
	/src/p/main.go:30 +0x28
created by main.main in goroutine 1
	/src/p/main.go:30 +0x50e
`, "fatal error: concurrent map writes", "fatal error", 26, "running", ">main.main.func5 >main.main"},
		{"concurrent map use without its text", `
goroutine 26 [running]:
internal/runtime/maps.fatal({0x4cc1a2?, 0x0?})
	/go/src/runtime/panic.go:1181 +0x18
main.main.func5()
	/src/p/main.go:30 +0x28
`, "fatal error: concurrent use of a map, and at least one goroutine writes to it", "fatal error", 26, "running", ">main.main.func5"},
		{"deadlock", `fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive, 5 minutes, locked to thread]:
main.main()
	/src/p/main.go:32 +0x29d

goroutine 7 [select]:
main.other()
	/src/p/main.go:40 +0x29d
`, "fatal error: all goroutines are asleep - deadlock!", "fatal error", 1, "chan receive", ">main.main"},
		{"deadlock without its text", `
goroutine 1 [sync.Mutex.Lock]:
internal/sync.runtime_SemacquireMutex(0x0?, 0x0?, 0x39e78f536e90?)
	/go/src/runtime/sema.go:95 +0x25
main.main()
	/src/p/main.go:32 +0x29d
`, "fatal error: all goroutines are asleep - deadlock!", "fatal error", 1, "sync.Mutex.Lock", "internal/sync.runtime_SemacquireMutex >main.main"},
		{"stack overflow", `runtime: goroutine stack exceeds 1000000000-byte limit
runtime: sp=0x2cab4a100390 stack=[0x2cab4a100000, 0x2cab6a100000]
fatal error: stack overflow

runtime stack:
runtime.throw({0x4ca7ee?, 0x200000001?})
	/go/src/runtime/panic.go:1229 +0x48 fp=0x7ffd0a2af588 sp=0x7ffd0a2af558 pc=0x4796a8
runtime.newstack()
	/go/src/runtime/stack.go:1207 +0x5fd fp=0x7ffd0a2af6b8 sp=0x7ffd0a2af588 pc=0x46119d

goroutine 1 gp=0x2cab2a00c1e0 m=0 mp=0x58dfe0 [running]:
main.rec(0x2aaaa41?)
	/src/p/main.go:13 +0x2b fp=0x2cab4a1003a0 sp=0x2cab4a100398 pc=0x4a22ab
main.rec(...)
	/src/p/main.go:13
...33554333 frames elided...
main.main()
	/src/p/main.go:40 +0x17 fp=0x2cab4a1003b8 sp=0x2cab4a1003a0 pc=0x4a2297
runtime.main()
	/go/src/runtime/proc.go:290 +0x2d5 fp=0x38f55c10fe0 sp=0x38f55c10f48 pc=0x4492f5
runtime.goexit({})
	/go/src/runtime/asm_amd64.s:1771 +0x1 fp=0x38f55c10fe8 sp=0x38f55c10fe0 pc=0x47f901
`, "fatal error: stack overflow", "fatal error", 1, "running", ">main.rec >main.rec >main.main"},
		{"out of memory without its text", `
runtime stack:
runtime.throw({0x4cc358?, 0x2daa?})
	/go/src/runtime/panic.go:1229 +0x48 fp=0x7ffcbc3c1fe0 sp=0x7ffcbc3c1fb0 pc=0x4796a8
runtime.sysMapOS(0x36aaf0000000, 0x400000000000, {0x4c8f58, 0x4})
	/go/src/runtime/mem_linux.go:175 +0x13b fp=0x7ffcbc3c2020 sp=0x7ffcbc3c1fe0 pc=0x422b3b

goroutine 1 gp=0x36aaefc781e0 m=0 mp=0x58dfe0 [running]:
runtime.systemstack_switch()
	/go/src/runtime/asm_amd64.s:516 +0x8 fp=0x36aaefd0ed58 sp=0x36aaefd0ed48 pc=0x47dbc8
main.main()
	/src/p/main.go:34 +0x57 fp=0x36aaefd0eda0 sp=0x36aaefd0ed58 pc=0x437db7
`, "fatal error: out of memory", "fatal error", 1, "running", ">main.main"},
		{"fault", `unexpected fault address 0x7f0000001000
fatal error: fault
[signal SIGSEGV: segmentation violation code=0x1 addr=0x7f0000001000 pc=0x4a2d80]

goroutine 1 gp=0x38f55b9c1e0 m=3 mp=0x38f55bd7008 [running]:
runtime.throw({0x4ca5c3?, 0x0?})
	/go/src/runtime/panic.go:1229 +0x48 fp=0x38f55c10dd0 sp=0x38f55c10da0 pc=0x479928
runtime.sigpanic()
	/go/src/runtime/signal_unix.go:945 +0x285 fp=0x38f55c10e30 sp=0x38f55c10dd0 pc=0x47af45
main.main()
	/src/p/main.go:44 +0x440 fp=0x38f55c10f48 sp=0x38f55c10e30 pc=0x4a2d80
`, "fatal error: fault [signal SIGSEGV: segmentation violation code=0x1 addr=0x7f0000001000 pc=0x4a2d80]", "fatal error", 1, "running", ">main.main"},
		{"cgo", `SIGSEGV: segmentation violation
PC=0x4004c5 m=0 sigcode=1 addr=0x0
signal arrived during cgo execution

goroutine 1 gp=0xc000002380 m=0 mp=0x5a2c40 [syscall]:
runtime.cgocall(0x4004c0, 0xc00006cf20)
	/go/src/runtime/cgocall.go:167 +0x4b fp=0xc00006cef8 sp=0xc00006cec0 pc=0x40a8cb
main._Cfunc_crash()
	_cgo_gotypes.go:42 +0x3f fp=0xc00006cf20 sp=0xc00006cef8 pc=0x47e0bf
main.main()
	/src/p/main.go:9 +0xf fp=0xc00006cf40 sp=0xc00006cf20 pc=0x47e10f
`, "SIGSEGV: segmentation violation", "signal", 1, "syscall", "main._Cfunc_crash >main.main"},
		{"SIGQUIT", `SIGQUIT: quit
PC=0x4811c1 m=0 sigcode=0

goroutine 0 gp=0x58d220 m=0 mp=0x58dfe0 [idle]:
runtime.futex(0x58e138, 0x80, 0x0, 0x0, 0x0, 0x0)
	/go/src/runtime/sys_linux_amd64.s:569 +0x21 fp=0x7ffcd3f837e0 sp=0x7ffcd3f837d8 pc=0x4811c1

goroutine 3 gp=0xc000002380 m=nil [GC worker (idle)]:
runtime.gopark(0x0?)
	/go/src/runtime/proc.go:424 +0xce

goroutine 1 gp=0xc0000021c0 m=nil [sleep]:
time.Sleep(0x2540be400)
	/go/src/runtime/time.go:363 +0x165
main.main()
	/src/p/main.go:36 +0x5bc

rax    0xca
rbx    0x0
`, "SIGQUIT: quit", "signal", 1, "sleep", "time.Sleep >main.main"},
		{"a panic with GOTRACEBACK=crash", "panic: boom\n\n" + strayStack + "\n-----\n\nSIGABRT: abort\nPC=0x47f901 m=0 sigcode=0\n\ngoroutine 0 [idle]:\nruntime.raise()\n\t/go/src/runtime/sys.s:1 +0x1\n", "panic: boom", "panic", 19, "running", ">main.main.func1 >main.main"},
		{"labels", "panic: boom\n\ngoroutine 19 [running, synctest bubble 1 labels:{\"a\": \"[x]\"}]:\nmain.f()\n\t/src/p/main.go:24 +0x28\n", "panic: boom", "panic", 19, "running", ">main.f"},
		{"unavailable", "panic: boom\n\ngoroutine 19 [running]:\n\tgoroutine running on other thread; stack unavailable\ncreated by main.main in goroutine 1\n\t/src/p/main.go:24 +0x3d4\n", "panic: boom", "panic", 19, "running", ">main.main"},
		{"an unknown fatal error", "\ngoroutine 1 [running]:\nmain.main()\n\t/src/p/main.go:49 +0x545\n", "fatal error (the Go runtime wrote its text to standard error only)", "fatal error", 1, "running", ">main.main"},
		{"no crash", "\n  listen: address in use\n", "listen: address in use", "crash", 0, "", ""},
		{"nothing", "", "fatal error (the Go runtime wrote its text to standard error only)", "fatal error", 0, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := crash.Parse(tt.output, "example.org/shop")
			if r.Text != tt.text || r.Causes.Type != tt.kind || r.Causes.Message != tt.text {
				t.Errorf("text %q of %q, want %q of %q", r.Text, r.Causes.Type, tt.text, tt.kind)
			}
			if r.Goroutine != tt.goroutine || r.State != tt.state {
				t.Errorf("goroutine %d, %q, want %d, %q", r.Goroutine, r.State, tt.goroutine, tt.state)
			}
			if got := calls(r); got != tt.calls {
				t.Errorf("calls\n %s, want\n %s", got, tt.calls)
			}
			for _, f := range r.Stack {
				if f.Line <= 0 || f.File == "" || strings.Contains(f.File, "+0x") {
					t.Errorf("place of %+v", f)
				}
			}
		})
	}
}

func TestParseKeepsBothEndsOfALongStack(t *testing.T) {
	t.Parallel()
	output := "panic: boom\n\ngoroutine 1 [running]:\nmain.inner()\n\t/src/p/main.go:1 +0x1\n" +
		strings.Repeat("main.rec(...)\n\t/src/p/main.go:2\n", 500) + "main.main()\n\t/src/p/main.go:3 +0x1\n"
	s := crash.Parse(output, "x").Stack
	if len(s) != 64 || s[0].Function != "main.inner" || s[63].Function != "main.main" {
		t.Errorf("%d calls, from %v to %v", len(s), s[0], s[len(s)-1])
	}
}

// TestParseDeadlock needs a program of its own: a Watcher's heartbeat is something to wait for, and
// with cgo the runtime does not look for deadlocks.
func TestParseDeadlock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, path := filepath.Join(dir, "deadlock"), filepath.Join(dir, "output")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./testdata/deadlock")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building it: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := exec.CommandContext(ctx, program, path).Run(); err == nil || ctx.Err() != nil {
		t.Fatalf("it did not crash: %v, %v", err, ctx.Err())
	}
	output, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := crash.Parse(string(output), "example.org/shop")
	if r.Text != "fatal error: all goroutines are asleep - deadlock!" || !strings.HasSuffix(calls(r), " >main.main") {
		t.Errorf("%q %s of\n%s", r.Text, calls(r), output)
	}
}

// TestTraceback has a child crash with each setting of GOTRACEBACK, of which only none leaves the
// stack out.
func TestTraceback(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"none", "single", "all", "system"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			f, _ := find(t, job{How: "stray"}, "GOTRACEBACK="+level)
			if f.Kind != fault.KindCrash || f.Message != "the process crashed: panic: boom 42" {
				t.Errorf("%s: %q", f.Kind, f.Message)
			}
			if level == "none" {
				if len(f.Stack) != 0 {
					t.Errorf("stack %v", f.Stack)
				}
				return
			}
			if len(f.Stack) == 0 || f.Stack[0].Function != "example.org/microblog/fault/crash_test.stray" || !f.Stack[0].App {
				t.Errorf("stack %v of\n%s", f.Stack, f.Output)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "panic: boom\n\n" + strayStack, "panic: a [recovered]\n\tpanic: b\n\tfatal error: c\n\ngoroutine 1 [running]:\npanic(...)\n\t/a.go:1\n",
		"runtime: x\nfatal error: stack overflow\n\nruntime stack:\nruntime.throw({0x1?, 0x2})\n\t/a.go:1 +0x1\n\ngoroutine 99999999999999999999 [running]:\n()\n\t:0\n",
		"SIGQUIT: quit\n\ngoroutine 0 [idle]:\n\ngoroutine 1 [x]:\ncreated by \n\ta:1\n", "\tpanic: x\n\ty", "goroutine 1 [", "[signal ]\n", "panic: " + strings.Repeat("\n\tpanic: x", 40),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, output string) {
		r := crash.Parse(output, "example.org/shop")
		if len(r.Stack) > 64 {
			t.Errorf("%d calls", len(r.Stack))
		}
		if r.Text == "" || r.Text != r.Causes.Message || r.Causes.Type == "" {
			t.Errorf("text %q, causes %+v", r.Text, r.Causes)
		}
		if utf8.ValidString(output) && !utf8.ValidString(r.Text) {
			t.Errorf("the text is torn: %q", r.Text)
		}
		for _, frame := range r.Stack {
			if frame.Line < 0 || strings.ContainsAny(frame.Function+frame.File, "\n") {
				t.Errorf("call %+v", frame)
			}
		}
		depth := 0
		for c := r.Causes; len(c.Causes) > 0; c = c.Causes[0] {
			depth++
		}
		if depth > 16 {
			t.Errorf("%d causes", depth)
		}
	})
}

func BenchmarkParseManyLines(b *testing.B) {
	output := "panic: x\n" + strings.Repeat("\tA\n", 80_000) + "\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:1 +0x1\n"
	b.SetBytes(int64(len(output)))
	for b.Loop() {
		if r := crash.Parse(output, module); len(r.Stack) != 1 {
			b.Fatalf("%+v", r.Stack)
		}
	}
}
