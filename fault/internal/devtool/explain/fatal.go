package explain

import (
	"fmt"
	"go/ast"
	"regexp"
	"strconv"
	"strings"

	"example.org/microblog/fault"
)

// Exit is the type of the cause of a failure of the kind fault.KindEnded that is the end of a process by os.Exit.
const Exit = "exit"

// fatalRules are about what ends the whole process.
func fatalRules() []*rule {
	const race = "Run the tests, or the application, with `-race`: it names both places."
	all := []*rule{{
		topic: "concurrent map", text: `concurrent map (writes|read and map write|iteration and map write|clone and map write)|concurrent use of a map|small map with no empty slot`,
		title: "Two goroutines used one map at once", say: "At least one of them wrote to it. The runtime ends the process then, because the map may be damaged; nothing can recover that.",
		try: []string{"Guard every use of this map, reading too, by one sync.Mutex or sync.RWMutex, or use sync.Map.", race,
			"Handlers run at the same time: a map in a package variable or in a shared struct is used by all of them."},
		more: (*subject).concurrentMap,
	}, {
		topic: "unlock", text: `sync: (?:[Uu]nlock of unlocked mutex|Unlock of unlocked RWMutex|RUnlock of unlocked RWMutex)|inconsistent mutex state`,
		title: "A mutex was unlocked that was not locked", say: "Unlock was called once more than Lock, or on a copy of the mutex that was locked. The runtime ends the process then; nothing can recover that.",
		try: []string{"Look for a way through the function with an Unlock of its own beside `defer mu.Unlock()`: both run then.",
			"Call Unlock only where Lock was called before, best by `defer mu.Unlock()` right behind `mu.Lock()`. RUnlock belongs to RLock, and Unlock to Lock.",
			"A struct with a mutex in it must not be copied: `go vet` finds that."},
		more: (*subject).unlocked,
	}, {
		topic: "deadlock", text: `all goroutines are asleep - deadlock!`,
		title: "Deadlock", say: "Every goroutine waits for another one, so none would ever have gone on.",
		try: []string{"Look at what each goroutine of the output waits for: a channel that nobody sends on or closes, a lock that is held, a WaitGroup that is never done.",
			"An unbuffered channel needs a receiver at the time of the send."},
	}, {
		topic: "stack overflow", text: `stack overflow|goroutine stack exceeds (\d+)-byte limit`,
		title: "Stack overflow", say: "A function called itself, directly or by others, until the stack was full.",
		try:  []string{"Look for the condition that ends the recursion, and for a String, Error or MarshalJSON method that prints its own value."},
		more: (*subject).recursion,
	}, {
		topic: "memory", text: `out of memory|cannot allocate memory|cannot map pages in arena address space|process killed for memory`,
		title: "Memory ran out", say: "The system gave the process no more memory.",
		try: []string{"Look for what is read whole (io.ReadAll, a query without a limit, an upload) and bound it.", "A heap profile shows who holds it: `go tool pprof` on /debug/pprof/heap.",
			"In a container, set GOMEMLIMIT a bit below its limit."},
	}, {
		topic: "memory", types: []string{"process killed for memory"}, text: `.`,
		title: "Memory ran out", say: "The kernel killed the process because the machine, or the container, had no memory left.",
		try: []string{"Look for what is read whole (io.ReadAll, a query without a limit, an upload) and bound it.", "In a container, set GOMEMLIMIT a bit below its limit, or raise the limit."},
	}, {
		topic: "threads", text: `thread exhaustion|newosproc|too many threads|pthread_create failed`,
		title: "Too many threads", say: "The process needed more threads than the system or the runtime (10,000) allows. Each goroutine that is blocked in a system call or in C holds one.",
		try: []string{"Bound how many goroutines read files, resolve names or call C at the same time.", "Look at the limit: `ulimit -u`, or pids of the container."},
	}, {
		topic: "signal", types: []string{"signal"}, text: `^SIGQUIT: `,
		title: "Somebody has sent it SIGQUIT", say: "That asks a Go program for the stacks of all goroutines, and ends it. A terminal sends it for Ctrl+\\, and `kill -QUIT` does.",
	}, {
		topic: "signal", types: []string{"signal"}, text: `^(SIG(?:SEGV|BUS|FPE|ILL|ABRT|TRAP|SYS)): `,
		title: "It was ended by $1", say: "Such a signal comes of code that is not Go's, in C or in assembly, or somebody has sent it, as `kill` does.",
		more: (*subject).inC,
	}, {
		topic: "pointer", text: `unexpected fault address|unexpected signal during runtime execution|bad pointer in|bad pointer in write barrier|checkptr:|unexpected signal`,
		title: "Memory was used that is not the program's", say: "That comes from unsafe, from cgo, from a memory-mapped file that was cut, or from a data race.",
		try: []string{race, "Look at the uses of unsafe and cgo on the stack."},
	}}
	for _, r := range all {
		r.strict = true
		if r.types == nil {
			r.types = []string{"fatal error", "panic", "crash", "runtime.*", "signal"}
		}
	}
	return append(all, &rule{
		topic: "wait group", text: `sync: (negative WaitGroup counter|WaitGroup misuse|WaitGroup is reused)`,
		title: "A WaitGroup was used wrongly", say: "`$1`: Done was called more often than Add had counted, or Add while somebody was already waiting.",
		try: []string{"Use `wg.Go(func() { … })`, which counts by itself; else call Add before the go statement, not in the goroutine."},
	})
}

// concurrentMap marks the only use of a map on the line.
func (s *subject) concurrentMap(_ []string, e *Explanation) {
	only(s, e, func(_ *piece, n ast.Node) ast.Node {
		switch n := n.(type) {
		case *ast.IndexExpr:
			return n.X
		case *ast.RangeStmt:
			return n.X
		case *ast.CallExpr:
			if fun, is := n.Fun.(*ast.Ident); is && (fun.Name == "delete" || fun.Name == "clear") && len(n.Args) > 0 {
				return n.Args[0]
			}
		}
		return nil
	})
}

// unlocked names the mutex of the only call on the line that unlocks one. The call of Unlock is the one that failed, so it is
// below.
func (s *subject) unlocked(_ []string, e *Explanation) {
	if name := s.calledName(); name != "" && name[strings.LastIndexByte(name, '.')+1:] != "Unlock" && !strings.HasSuffix(name, "RUnlock") {
		return
	}
	var spots []spot
	var mutex string
	each(s.code, s.code.hit, func(p *piece, call *ast.CallExpr) {
		if sel, is := call.Fun.(*ast.SelectorExpr); is && (sel.Sel.Name == "Unlock" || sel.Sel.Name == "RUnlock") {
			spots = append(spots, spot{p, call})
			mutex = p.source(sel.X)
		}
	})
	if len(spots) == 1 {
		e.Mark = s.mark(spots)
		e.Title = quoted(mutex) + " was unlocked, but was not locked"
	}
}

// inC tells of a signal that ended the process while Go had called C.
func (s *subject) inC(m []string, e *Explanation) {
	if !strings.Contains(s.f.Output, "\nsignal arrived during cgo execution\n") {
		return
	}
	what := "C code"
	for _, f := range s.f.Stack {
		if _, name, ok := strings.Cut(f.Name(), "._Cfunc_"); ok {
			what = quoted("C." + name)
			break
		}
	}
	e.Title, e.Text = what+" ended the process", "It happened in C, or in what it calls, where Go can recover nothing."
	switch m[1] {
	case "SIGABRT":
		e.Title = what + " gave up (SIGABRT)"
		e.Text += " abort was called: by the code itself, by an assert that failed, by a C++ exception that nobody caught, or by malloc and free, which then have found memory that was freed twice or written over."
		e.Try = append(e.Try, "What it wrote just before says why, more often than not.")
	case "SIGSEGV", "SIGBUS":
		e.Title = what + " used memory that is not its own (" + m[1] + ")"
		if at := faultAddress.FindStringSubmatch(s.f.Output); at != nil {
			if n, err := strconv.ParseUint(at[1], 0, 64); err == nil && n < 4096 {
				e.Text += fmt.Sprintf(" The address was %s, so the pointer was NULL.", at[1])
			} else {
				e.Text += fmt.Sprintf(" The address was %s.", at[1])
			}
		}
		e.Try = append(e.Try, "Look at the pointers that this call gives to C: a nil one becomes NULL, and what C keeps must not be memory of Go's, nor freed meanwhile.")
	case "SIGFPE":
		e.Title = what + " divided by zero, or its result did not fit (SIGFPE)"
	}
	e.Try = append(e.Try, "`go build -asan` names the line of C for wrong uses of memory; gdb shows the calls of C, from a core file (`GOTRACEBACK=crash`, `ulimit -c unlimited`).")
}

// faultAddress is how the runtime tells which address was used.
var faultAddress = regexp.MustCompile(`(?m)^PC=\S+ m=\d+ sigcode=\d+ addr=(0x[0-9a-f]+)$`)

// recursion names the functions that stand on the stack again and again.
func (s *subject) recursion(_ []string, e *Explanation) {
	times := map[string]int{}
	for _, f := range s.f.Stack {
		times[f.Function]++
	}
	var names []string
	for _, f := range s.f.Stack {
		if name := quoted(f.Name()); times[f.Function] > 2 && !contains(names, name) && len(names) < 3 {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		e.add("On the stack again and again: " + list(names) + ".")
	}
}

// ExitBy returns by what an application has ended itself, as far as the stack tells: "log.Fatal", or one of another package that
// does the same, or "os.Exit". "" is not known, or ended otherwise.
func ExitBy(f *fault.Failure) string {
	if f.Kind != fault.KindEnded || len(f.Stack) == 0 || f.Stack[0].Function != "os.Exit" {
		return ""
	}
	for _, call := range f.Stack[1:min(len(f.Stack), 8)] {
		if call.App {
			break
		}
		name := call.Name()
		if method := name[strings.LastIndexByte(name, '.')+1:]; strings.HasPrefix(method, "Fatal") {
			return name
		}
	}
	return "os.Exit"
}

// lastWords tells the last line that the process wrote, "" if it wrote none.
func (s *subject) lastWords() string {
	text := strings.TrimSpace(s.f.Output)
	if text = strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:]); text == "" {
		return ""
	}
	return " It wrote last: " + strings.ReplaceAll(quoted(text), "$", "$$") + "."
}

// reflectRules are about panics of package reflect.
func reflectRules() []*rule {
	return []*rule{{
		topic: "reflect", text: `reflect: call of (reflect\.Value\.\w+) on zero Value`,
		title: "`$1` of no value", say: "The reflect.Value is the zero Value: what it was made of is nil, or there is no field, key or method of that name.",
		try: []string{"Ask `v.IsValid()` before.", "A pointer that is nil has a zero `Elem()`."},
	}, {
		topic: "reflect", text: `reflect: call of (reflect\.Value\.\w+) on (\w+) Value`,
		title: "`$1` does not work for a $2", say: "The value is of the kind $2, which this method is not for.",
		try: []string{"Ask `v.Kind()` before; of a pointer or an interface take `v.Elem()` first."},
	}, {
		topic: "reflect", text: `reflect.*(?:using value obtained using unexported field|cannot return value obtained from unexported field or method)`,
		title: "The field is not exported", say: "Package reflect shows fields whose names begin with a small letter, but lets nobody outside of their package take or set them.",
		try: []string{"Begin the field's name with a capital letter, or leave the field out: `t.Field(i).IsExported()`."},
	}, {
		topic: "reflect", text: `reflect.*(?:using unaddressable value|unaddressable)`,
		title: "The value cannot be set", say: "A copy was given to reflect.ValueOf; setting it would change nothing that anybody sees.",
		try: []string{"Give it a pointer and take `.Elem()`: `reflect.ValueOf(&x).Elem()`."},
	}, {
		topic: "reflect", text: `reflect\.Set: value of type (\S.*) is not assignable to type (.+)$`,
		title: "`$1` does not fit into `$2`", say: "The value has the type `$1`, and what is set has the type `$2`.",
		try: []string{"Convert it before: `v.Convert(t)`, after asking `v.CanConvert(t)`."},
	}}
}

// circumstances are rules that apply because of how it failed and what the request did.
func (s *subject) circumstances() []*rule {
	var all []*rule
	switch s.f.Kind {
	case fault.KindNoAnswer:
		all = append(all, &rule{topic: "no answer", title: "The handler did not answer",
			say: "It returned without an error and without having written anything, not even a status.",
			try: []string{"Look for a way through the handler that ends with `return nil` too early.", "An answer without a body still needs its status: `w.WriteHeader(http.StatusNoContent)`."}})
	case fault.KindGoexit:
		all = append(all, &rule{topic: "goexit", title: "The goroutine was ended",
			say: "Something called runtime.Goexit, which ends the goroutine and not the handler alone.",
			try: []string{"In a test that is `t.Fatal` or `t.FailNow`, called in a handler: use `t.Error` there, and return."}})
	case fault.KindEnded:
		switch s.f.Causes.Type {
		case Exit:
			say, by := "It called os.Exit with another code than 0, or log.Fatal, which does that.", ExitBy(s.f)
			if by == "os.Exit" {
				say = "It called os.Exit with another code than 0."
			} else if by != "" {
				say = strings.ReplaceAll(quoted(by), "$", "$$") + " writes what it is given, and ends the process by os.Exit."
			}
			all = append(all, &rule{topic: "exit", title: "The application ended itself", say: say + s.lastWords(),
				try: []string{"The frames show who called it.", "Return errors to main instead of ending the process deep inside: deferred functions do not run then."}})
		case "process ended":
			title := "The process ended without a word"
			if s.lastWords() != "" {
				title = "The process ended"
			}
			all = append(all, &rule{topic: "ended", title: title,
				say: "It did not crash: it was killed, or it ended itself by os.Exit or log.Fatal." + s.lastWords(),
				try: []string{"Look at the last lines of its output.", "Return errors to main instead of calling log.Fatal deep inside: deferred functions do not run then."}})
		}
	}
	for _, step := range s.f.Steps {
		text := step.Text + " " + step.Err
		if m := superfluous.FindStringSubmatch(text); m != nil {
			where := ""
			if m[1] != "" {
				where = fmt.Sprintf(" It was called a second time by `%s`.", bare(m[1]))
			}
			all = append(all, &rule{topic: "superfluous", title: "The status was set twice",
				say: "WriteHeader was called, or something was written, when the status had been sent already; the second one was ignored." + where,
				try: superfluousTry})
			break
		}
	}
	return all
}
