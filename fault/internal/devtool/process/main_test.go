package process_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/process"
)

// app is the program that the tests run, and appDir where its source lies.
var app, appDir string

// source is the same for what explains ends.
var source process.Source

// supervise is a job for this test binary: to be a supervisor that can be killed.
const supervise = "PROCESS_TEST_SUPERVISE"

func TestMain(m *testing.M) {
	if mode := os.Getenv(supervise); mode != "" {
		supervisor(mode)
		return
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "process")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	if appDir, err = filepath.Abs(filepath.Join("testdata", "app")); err != nil {
		fmt.Println(err)
		return 1
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	source = process.Source{Module: "example.org/app", Dir: appDir, Roots: []string{strings.TrimSpace(string(goroot))}}
	app = filepath.Join(dir, "app.exe")
	build := exec.Command("go", "build", "-gcflags=example.org/app/...=-N -l", "-buildvcs=false", "-o", app, ".")
	build.Dir = appDir
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0") // With cgo, no deadlock is noticed.
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Printf("building the application: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	if left := goroutines(); left != "" && code == 0 {
		fmt.Println("goroutines are left:\n" + left)
		return 1
	}
	if left := children(); len(left) > 0 && code == 0 {
		fmt.Println("processes are left:", left)
		return 1
	}
	return code
}

// children are the processes that this one has started and that still run, where that can be known.
func children() (left []string) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if fields[1] == strconv.Itoa(os.Getpid()) {
			left = append(left, string(stat))
		}
	}
	return left
}

// goroutines waits until none of the package is left, and returns them if that does not come about.
func goroutines() (left string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		buffer := make([]byte, 1<<20)
		buffer = buffer[:runtime.Stack(buffer, true)]
		left = ""
		for _, stack := range strings.Split(string(buffer), "\n\n") {
			if strings.Contains(stack, "devtool/process.") {
				left += stack + "\n\n"
			}
		}
		if left == "" {
			break
		}
	}
	return left
}

// patience bounds whatever is waited for.
const patience = 30 * time.Second

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// output is a writer of which a test can look at what it got.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// started is a process with what it has written.
type started struct {
	*process.Process
	address string
	out     *output
}

// addresses are those that tests have got. Each gets its own, though it may be free while nobody uses it.
var addresses = &given{seen: map[string]bool{}}

type given struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (g *given) next(t *testing.T) string {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		address, err := process.PrivateAddress()
		if err != nil {
			t.Fatal(err)
		}
		if !g.seen[address] {
			g.seen[address] = true
			return address
		}
	}
}

// start runs the application in a mode.
func start(t *testing.T, args ...string) *started {
	t.Helper()
	out := &output{}
	return startWith(t, process.Spec{Stdout: out, Stderr: out, Args: args}, out)
}

func startWith(t *testing.T, s process.Spec, out *output) *started {
	t.Helper()
	address := addresses.next(t)
	_, port, _ := strings.Cut(address, ":")
	s.Path = app
	if s.Dir == "" {
		s.Dir = appDir
	}
	s.Env = append(append(os.Environ(), "LISTEN="+address, "PORT="+port), s.Env...)
	p, err := process.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return &started{p, address, out}
}

// wait waits until the process has ended.
func (s *started) wait(t *testing.T) process.Exit {
	t.Helper()
	select {
	case <-s.Done():
	case <-time.After(patience):
		t.Fatalf("process %d has not ended; it wrote %q", s.PID(), s.out.String())
	}
	return s.Exit()
}

// says waits until the process has written a line that begins so, and returns the rest of it.
func (s *started) says(t *testing.T, prefix string) (rest string) {
	t.Helper()
	eventually(t, "the application says "+prefix, func() bool {
		lines := strings.SplitAfter(s.out.String(), "\n")
		for _, line := range lines {
			var found bool
			if rest, found = strings.CutPrefix(line, prefix); found && strings.HasSuffix(rest, "\n") {
				rest = strings.TrimSpace(rest)
				return true
			}
		}
		return false
	})
	return rest
}

// numbers reads what says returns.
func numbers(t *testing.T, text string) (all []int) {
	t.Helper()
	for _, field := range strings.Fields(text) {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// lives tells whether a process runs. One that has ended may wait for its parent to ask.
func lives(pid int) bool {
	if runtime.GOOS == "linux" {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		state := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[0]
		return state != "Z" && state != "X"
	}
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

func gone(t *testing.T, pids ...int) {
	t.Helper()
	if len(pids) == 0 {
		t.Fatal("there are no processes to look for")
	}
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return !lives(pid) })
	}
}

// supervisor runs the application, tells its number, and waits for its own end.
func supervisor(mode string) {
	p, err := process.Start(process.Spec{Path: os.Getenv("PROCESS_TEST_APP"), Args: []string{mode}, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("supervises", p.PID())
	_, _ = io.Copy(io.Discard, os.Stdin) // Until the test ends, at the latest.
	_ = p.Kill()
}
