//go:build amd64 || arm64

package main_test

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// hostileMain is an application with the kit that panics with a local variable. Asked to, it has the kernel refuse copies of it
// with an error number: clone with CLONE_PARENT.
const hostileMain = `package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"unsafe"

	"example.org/microblog/fault"
)

func refuse(errno int) {
	program := []syscall.SockFilter{
		{Code: 0x20, K: 0},                                       // the number of the call
		{Code: 0x15, Jf: 3, K: syscall.SYS_CLONE},
		{Code: 0x20, K: 16},                                      // its first argument
		{Code: 0x45, Jf: 1, K: syscall.CLONE_PARENT},
		{Code: 0x06, K: 0x50000 | uint32(errno)},
		{Code: 0x06, K: 0x7fff0000},
	}
	filter := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	const seccomp = SECCOMP // its number here
	runtime.LockOSThread()
	if _, _, errno := syscall.Syscall6(syscall.SYS_PRCTL, 38, 1, 0, 0, 0, 0); errno != 0 {
		panic(errno)
	}
	if _, _, errno := syscall.Syscall(seccomp, 1, 1, uintptr(unsafe.Pointer(&filter))); errno != 0 { // of all threads
		panic(errno)
	}
}

func main() {
	catcher := fault.New(fault.Options{})
	mux := http.NewServeMux()
	mux.Handle("/panic", catcher.Handle(func(w http.ResponseWriter, r *http.Request) error {
		var orders map[string]int
		wanted := r.FormValue("q")
		orders[wanted]++
		return nil
	}))
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, r *http.Request) {
		errno, _ := strconv.Atoi(r.FormValue("errno"))
		refuse(errno)
	})
	mux.HandleFunc("/limits", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, debug.SetGCPercent(-1), " ", debug.SetMemoryLimit(-1))
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {})
	l, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, catcher.Middleware(mux)))
}
`

// hostile starts that application.
func hostile(t *testing.T, prepare func(*exec.Cmd), env ...string) *running {
	t.Helper()
	return hostileAs(t, strings.Replace(hostileMain, "SECCOMP", fmt.Sprint(unix.SYS_SECCOMP), 1), prepare, env...)
}

// hostileAs is hostile with another source.
func hostileAs(t *testing.T, source string, prepare func(*exec.Cmd), env ...string) *running {
	t.Helper()
	r := runFaultBy(t, application(t, map[string]string{"go.mod": kitModule(t), "main.go": source}), prepare, env, "--no-mailbox", "--no-vet")
	r.serves("/", "")
	return r
}

// debugged is what the debugger's interface says of a failure.
type debugged struct {
	client            *debugClient
	path              string
	State, Error, Fix string
	Frames            []struct {
		Frame     int
		Name      string
		Variables struct {
			Arguments, Locals []debugVariable
		}
	}
}

// variable returns what a variable of a function is, and whether it is known.
func (d debugged) variable(function, name string) (string, bool) {
	for _, f := range d.Frames {
		if f.Name != function {
			continue
		}
		for _, v := range append(f.Variables.Arguments, f.Variables.Locals...) {
			if v.Name == name {
				return v.Value, true
			}
		}
	}
	return "", false
}

var describedBy = regexp.MustCompile(`<(http://[^/>]+(/failures/[^>]+))>; rel="describedby"`)

// fails has a request panic, whose page must have stack and source, and returns what the debugger makes of it, once it has the
// variables of the handler or has none to give.
func (r *running) fails(q string) debugged {
	r.t.Helper()
	page := r.browse("/panic?q=" + q)
	for _, want := range []string{"assignment to entry in nil map", "orders[wanted]", q} {
		if !strings.Contains(page.body, want) {
			r.t.Errorf("no %q in %d %s", want, page.status, page.body)
		}
	}
	found := describedBy.FindStringSubmatch(page.header.Get("Link"))
	if found == nil {
		r.t.Fatalf("no debugger is named in %v", page.header)
	}
	d := debugged{client: r.debugger(found[1]), path: found[2]}
	r.until(func() (bool, string) {
		d.client.ask(http.MethodGet, d.path, "", &d)
		_, known := d.variable("main.main.func1", "wanted")
		return known || d.State == "unavailable", fmt.Sprintf("the debugger; it is %+v", d)
	})
	if len(d.Frames) == 0 {
		r.t.Error("no frames")
	}
	return d
}

// works checks that there are variables.
func (d debugged) works(t *testing.T, q string) {
	t.Helper()
	debugFailure{State: d.State, Error: d.Error}.mayDebug(t)
	if got, known := d.variable("main.main.func1", "wanted"); !known || got != fmt.Sprintf("%q", q) {
		t.Errorf("wanted is %q in %+v", got, d)
	}
}

// says checks the sentences about why there are no variables, and what to do.
func (d debugged) says(t *testing.T, text, fix string) {
	t.Helper()
	if d.State != "unavailable" || !strings.Contains(d.Error, text) || !strings.Contains(d.Error+d.Fix, fix) {
		t.Errorf("it is %s: %q %q, want %q and %q", d.State, d.Error, d.Fix, text, fix)
	}
}

// TestRunNoCopies: where the kernel refuses copies, the page says why, and requests are answered as ever.
func TestRunNoCopies(t *testing.T) {
	t.Parallel()
	r := hostile(t, nil, "GOGC=", "GOMEMLIMIT=")
	r.fails("before").works(t, "before")
	var percent, limit int64
	if _, err := fmt.Sscan(r.get("/limits").body, &percent, &limit); err != nil || percent <= 100 || limit == math.MaxInt64 {
		t.Errorf("garbage of %d %% is kept, up to %d bytes, %v", percent, limit, err)
	}
	for _, test := range []struct {
		errno     syscall.Errno
		text, fix string
	}{ // Of several that are refused the kernel tells the last one.
		{syscall.ENOMEM, "memory", "vm.overcommit_memory"},
		{syscall.EAGAIN, "no more processes", "ulimit -u"},
		{syscall.ENOSYS, "forbids", "seccomp"},
		{syscall.EPERM, "forbids", "seccomp"},
	} {
		if a := r.get(fmt.Sprintf("/refuse?errno=%d", int(test.errno))); a.status != http.StatusOK {
			t.Fatalf("refusing %v: %d %s", test.errno, a.status, a.body)
		}
		d := r.fails(fmt.Sprint("errno", int(test.errno)))
		d.says(t, test.text, test.fix)
	}
	if left := r.children("fault-copy"); len(left) > 1 {
		t.Errorf("%d copies", len(left))
	}
}

// children are the processes beneath fault run with that name.
func (r *running) children(name string) (pids []string) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), " ("+name+") ") && strings.Contains(string(text), fmt.Sprintf(" %d ", r.cmd.Process.Pid)) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}

// TestRunNoPtrace: where no process may be traced the page says so, and does not where it is something else.
func TestRunNoPtrace(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "dlv")
	put(t, broken, `#!/bin/sh
[ "$1" = version ] && echo Version: 99.0.0 && exit
echo "it is broken" >&2
exit 1
`)
	if err := os.Chmod(broken, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ refused, delve, text, fix string }{
		"refused":      {"ptrace=EPERM", os.Getenv("FAULT_DELVE"), "a seccomp filter refuses ptrace", "SYS_PTRACE"},
		"other filter": {"swapon=EPERM", broken, `It says "it is broken".`, "FAULT_DELVE"}, // as most containers have
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hostile(t, by(self), confined+"="+test.refused, "FAULT_DELVE="+test.delve)
			r.fails("x").says(t, test.text, test.fix)
		})
	}
}

// by has another program run the command, which is its arguments.
func by(program ...string) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Path, c.Args = program[0], slices.Concat(program, c.Args) }
}

// inContainer makes the command the first process of a container: in namespaces of its own, without rights outside of them.
func inContainer(c *exec.Cmd) { inContainerThat("true")(c) }

// inContainerThat is inContainer for one that a shell command prepares.
func inContainerThat(prepares string) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		by("/bin/sh", "-c", "mount -t proc proc /proc && "+prepares+` && exec "$@"`, "sh")(c)
		c.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
	}
}

// needsContainers skips a test where there can be none.
func needsContainers(t *testing.T) {
	t.Helper()
	probe := exec.CommandContext(t.Context(), "/bin/true")
	inContainer(probe)
	if out, err := probe.CombinedOutput(); err != nil {
		t.Skipf("no namespaces are to be had here: %v %s", err, out)
	}
}

// TestRunFirstProcess: in a container, of which it is the first process, the debugger works.
func TestRunFirstProcess(t *testing.T) {
	t.Parallel()
	needsContainers(t)
	hostile(t, inContainer).fails("x").works(t, "x")
}

// TestRunNoPrograms: where built programs may not be run, it says what to change.
func TestRunNoPrograms(t *testing.T) {
	t.Parallel()
	needsContainers(t)
	temporary := t.TempDir()
	dir := application(t, map[string]string{"main.go": says("one")})
	r := runFaultBy(t, dir, inContainerThat("mount -t tmpfs -o noexec none "+temporary), []string{"TMPDIR=" + temporary}, "--no-mailbox", "--no-vet")
	r.says(`permission denied; .*noexec.*set TMPDIR`)
}

// TestRunNoCache: where Delve cannot be kept, only the debugger is missing.
func TestRunNoCache(t *testing.T) {
	t.Parallel()
	env := []string{"FAULT_DELVE=", "GOTOOLCHAIN=local"}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOROOT"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		setting := strings.TrimSpace(string(value))
		env = append(env, name+"="+setting)
		if name == "GOROOT" { // and no dlv that may be installed
			env = append(env, "PATH="+filepath.Join(setting, "bin")+":/usr/bin:/bin")
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "")
	for name, test := range map[string]struct{ home, text, fix string }{
		"no home":          {"", "There is no directory to build Delve into.", "Set HOME"},
		"a home read-only": {file, "Delve cannot be built into " + file, "FAULT_DELVE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hostile(t, nil, append(env, "XDG_CACHE_HOME=", "HOME="+test.home)...)
			r.fails("x").says(t, test.text, test.fix)
		})
	}
}

// cMain is an application whose handler calls C, which calls Go, which panics.
const cMain = `package main

/*
extern int visit(int);

static int each(int n) {
	int sum = 0;
	for (int i = 0; i < n; i++)
		sum += visit(i);
	return sum;
}

static int twice(int n) { return 2 * n; }
*/
import "C"

import (
	"log"
	"net"
	"net/http"
	"os"

	"example.org/microblog/fault"
)

//export visit
func visit(n C.int) C.int {
	var orders map[string]int
	wanted := "third"
	if n == 2 {
		orders[wanted] = twice(int(n))
	}
	return n
}

func twice(n int) int { return int(C.twice(C.int(n))) }

func main() {
	catcher := fault.New(fault.Options{})
	mux := http.NewServeMux()
	mux.Handle("/panic", catcher.Handle(func(w http.ResponseWriter, r *http.Request) error {
		wanted := r.FormValue("q")
		sum := C.each(5)
		log.Print(wanted, sum)
		return nil
	}))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {})
	l, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, catcher.Middleware(mux)))
}
`

// TestRunC: a panic in Go that C has called shows the frames of all, and what is known of them for sure.
func TestRunC(t *testing.T) {
	t.Parallel()
	if enabled, err := exec.CommandContext(t.Context(), "go", "env", "CGO_ENABLED").Output(); err != nil || strings.TrimSpace(string(enabled)) != "1" {
		t.Skip("cgo is switched off here, or there is no C compiler")
	}
	r := hostileAs(t, cMain, nil)
	d := r.fails("first")
	d.works(t, "first")
	if got, _ := d.variable("main.visit", "wanted"); got != `"third"` {
		t.Errorf("wanted is %s in the function that C has called", got)
	}
	inC := 0
	for i, f := range d.Frames {
		if f.Name != "each" && f.Name != "C.visit" {
			continue
		}
		inC++
		var variables struct {
			Arguments, Locals []debugVariable
		}
		d.client.ask(http.MethodGet, fmt.Sprintf("%s/frames/%d/variables", d.path, f.Frame), "", &variables)
		for _, v := range append(variables.Arguments, variables.Locals...) {
			if v.Unreadable == "" {
				t.Errorf("frame %d: %s is %s, of which C's frames cannot be sure", i, v.Name, v.Value)
			}
		}
	}
	if inC != 2 {
		t.Errorf("%d frames of C in %+v", inC, d.Frames)
	}
	var called struct{ Result struct{ Value string } }
	d.client.ask(http.MethodPost, d.path+"/evaluate", `{"frame": 0, "expression": "twice(21)", "call": true}`, &called)
	if called.Result.Value != "42" {
		t.Errorf("a call of C gives %+v", called)
	}
}
