//go:build amd64 || arm64

package freeze_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/microblog/fault/internal/freeze"
)

// patience is for what comes at once on an idle machine.
const patience = 30 * time.Second

// playing makes the test binary play another program: see [play].
const playing = "FREEZE_TEST_PLAY"

func TestMain(m *testing.M) {
	if role := os.Getenv(playing); role != "" {
		play(role)
		return
	}
	os.Exit(m.Run())
}

// application is a test binary that plays one.
type application struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t *testing.T, role string) *application {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), playing+"="+role)
	return startProgram(t, cmd)
}

func startProgram(t *testing.T, cmd *exec.Cmd) *application {
	t.Helper()
	a := &application{t: t, cmd: cmd}
	a.cmd.Stderr = os.Stderr
	var err error
	if a.in, err = a.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	a.out = bufio.NewReader(out)
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.end)
	return a
}

// end ends the application, if it has not.
func (a *application) end() {
	if a.cmd.ProcessState == nil {
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
	}
}

// ask has the application make a copy, and returns its answer: a process id or an error.
func (a *application) ask(what string) string {
	a.t.Helper()
	if _, err := io.WriteString(a.in, what+"\n"); err != nil {
		a.t.Fatal(err)
	}
	line, err := a.out.ReadString('\n')
	if err != nil {
		a.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// copy has the application make one, that lives until the test ends.
func (a *application) copy() int {
	a.t.Helper()
	return a.copyOf("")
}

func (a *application) copyOf(what string) int {
	a.t.Helper()
	answer := a.ask(what)
	pid, err := strconv.Atoi(answer)
	if err != nil {
		a.t.Fatalf("no copy: %s", answer)
	}
	a.t.Cleanup(func() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
	})
	return pid
}

// play is what the test binary does in a process of its own.
func play(role string) {
	in := bufio.NewReader(os.Stdin)
	switch role {
	case "application":
		go work()
		file, err := os.CreateTemp(os.Getenv("TMPDIR"), "shared")
		if err != nil {
			fmt.Println(err)
			return
		}
		defer file.Close()
		_ = os.Remove(file.Name())
		if err := file.Truncate(1 << 20); err != nil {
			fmt.Println(err)
			return
		}
		if _, err := syscall.Mmap(int(file.Fd()), 0, 1<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED); err != nil {
			fmt.Println(err)
			return
		}
		copyWhenAsked(in)
	case "secretive": // an application that no other process may look at
		if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
			fmt.Println(errno)
			return
		}
		copyWhenAsked(in)
	case "scopes": // an application with requests
		for range 2 {
			go func() {
				freeze.Begin(freeze.Options{})
				for {
					freeze.Current()
				}
			}()
		}
		copyWhenAsked(in)
	case "supervisor": // of one application
		exe, _ := os.Executable()
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), playing+"=application")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			fmt.Println(err)
		}
		select {} // until it is killed
	}
}

// copyWhenAsked makes a copy for each line.
func copyWhenAsked(in *bufio.Reader) {
	for {
		if _, err := in.ReadString('\n'); err != nil {
			return
		}
		if c, err := freeze.Here(os.Getppid()); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println(c.PID)
		}
	}
}

// work keeps the collector and other threads busy.
func work() {
	var kept [64][]byte
	for i := 0; ; i++ {
		kept[i%len(kept)] = make([]byte, 64<<10)
		if i%1000 == 0 {
			runtime.GC()
		}
	}
}

// proc reads a file of /proc about a process.
func proc(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func field(t *testing.T, pid int, name string) string {
	t.Helper()
	for line := range strings.Lines(proc(t, pid, "status")) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("the status of %d has no %s", pid, name)
	return ""
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func TestACopyIsAlone(t *testing.T) {
	t.Parallel()
	a := start(t, "application")
	pid := a.copy()
	eventually(t, "the copy has its name", func() bool { return field(t, pid, "Name") == freeze.Name })
	eventually(t, "the copy goes first", func() bool { return strings.TrimSpace(proc(t, pid, "oom_score_adj")) == "1000" })
	if got, want := field(t, pid, "PPid"), strconv.Itoa(os.Getpid()); got != want {
		t.Errorf("its parent is %s, want this process, %s", got, want)
	}
	if got := field(t, pid, "Threads"); got != "1" {
		t.Errorf("it has %s threads", got)
	}
	files, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil || len(files) != 0 {
		t.Errorf("it has the files %v, %v", files, err)
	}
	if maps := proc(t, a.cmd.Process.Pid, "maps"); !strings.Contains(maps, " rw-s ") {
		t.Fatalf("the application shares no memory:\n%s", maps)
	}
	if maps := proc(t, pid, "maps"); strings.Contains(maps, " rw-s ") || !strings.Contains(maps, " r--s ") {
		t.Errorf("it has the memory\n%s", maps)
	}
	eventually(t, "the copy has a session of its own", func() bool {
		session, _, _ := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
		return int(session) == pid
	})
	if group, err := syscall.Getpgid(pid); group != pid {
		t.Errorf("its group is %d, %v", group, err)
	}
	if got := a.ask(""); got == "" {
		t.Error("the application does not go on")
	}
}

// The files of a process that nobody may look at belong to root.
func TestACopyMayBeLookedAt(t *testing.T) {
	t.Parallel()
	exe, err := os.Open("/proc/self/exe") // Its directory may be closed to others.
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	cmd := exec.Command("/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{exe}
	cmd.Env = append(os.Environ(), playing+"=secretive")
	user := uint32(os.Getuid())
	if user == 0 {
		user = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
	pid := startProgram(t, cmd).copy()
	eventually(t, "the copy belongs to its user", func() bool {
		info, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid), "mem"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid == user
	})
	eventually(t, "the copy goes first", func() bool { return strings.TrimSpace(proc(t, pid, "oom_score_adj")) == "1000" })
}

// What a copy does is no data race of the application, which would be told of with the application's own files.
func TestCopiesAreNoRaces(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), playing+"=scopes", "GORACE=log_path="+filepath.Join(dir, "race"))
	a := startProgram(t, cmd)
	for range 5 {
		pid := a.copy()
		eventually(t, "the copy stands still", func() bool { return strings.TrimSpace(proc(t, pid, "oom_score_adj")) == "1000" })
	}
	told, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range told {
		text, err := os.ReadFile(path)
		t.Errorf("%s, %v", text, err)
	}
}

func TestManyCopies(t *testing.T) {
	t.Parallel()
	a := start(t, "application")
	for range 60 {
		pid := a.copy()
		eventually(t, "the copy lives", func() bool { return field(t, pid, "Name") == freeze.Name })
	}
}

func TestACopyOutlivesTheApplication(t *testing.T) {
	t.Parallel()
	a := start(t, "application")
	pid := a.copy()
	a.end()
	time.Sleep(150 * time.Millisecond) // It looks every 50 ms.
	if state := field(t, pid, "State"); strings.HasPrefix(state, "Z") {
		t.Errorf("the copy is %s", state)
	}
}

func TestACopyEndsWithTheSupervisor(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(pid int) error{
		"running": func(int) error { return nil },
		"stopped": func(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }, // as it hangs in a call
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testEndWithSupervisor(t, prepare)
		})
	}
}

func testEndWithSupervisor(t *testing.T, prepare func(pid int) error) {
	s := start(t, "supervisor")
	pid, err := strconv.Atoi(s.ask(""))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the copy lives", func() bool { return strings.TrimSpace(proc(t, pid, "oom_score_adj")) == "1000" })
	if err := prepare(pid); err != nil {
		t.Fatal(err)
	}
	s.end()
	eventually(t, "the copy has ended", func() bool {
		state, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		return err != nil || strings.Contains(string(state), ") Z")
	})
}

func TestOnlyOfAChild(t *testing.T) {
	t.Parallel()
	if _, err := freeze.Here(os.Getpid()); !errors.Is(err, freeze.ErrNotChild) {
		t.Errorf("%v", err)
	}
}

// BenchmarkHere tells what a copy costs by how much memory the process has.
func BenchmarkHere(b *testing.B) {
	for _, size := range []int{0, 100, 1000} {
		b.Run(fmt.Sprintf("%dMB", size), func(b *testing.B) {
			memory := make([]byte, size<<20)
			for i := 0; i < len(memory); i += 4096 {
				memory[i] = 1
			}
			for b.Loop() {
				c, err := freeze.Here(os.Getppid())
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				_ = syscall.Kill(c.PID, syscall.SIGKILL) // Its parent, the go command, waits for nobody it does not know.
				b.StartTimer()
			}
			runtime.KeepAlive(memory)
		})
	}
}

// BenchmarkScope is what a request costs in which nothing fails.
func BenchmarkScope(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		freeze.Begin(freeze.Options{Parent: os.Getppid()}).End()
	}
}

// BenchmarkOutside is what an error costs that is wrapped outside of any scope.
func BenchmarkOutside(b *testing.B) {
	err := errors.New("an error")
	for b.Loop() {
		freeze.Error(err)
	}
}
