//go:build darwin || linux

package logfile_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.org/microblog/fault/logfile"
)

// job is what a child process does: the test binary, started again.
type job struct {
	Path      string
	ID        string
	Records   int // 0: until killed
	MaxBytes  int64
	Backups   int
	Setuid    int           // becomes this user
	FileLimit uint64        // RLIMIT_FSIZE
	Pace      time.Duration // between records
}

const jobVariable = "LOGFILE_TEST_JOB"

func TestMain(m *testing.M) {
	if text := os.Getenv(jobVariable); text != "" {
		var j job
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			panic(err)
		}
		j.run()
		return
	}
	os.Exit(m.Run())
}

// run waits for the end of standard input, writes the records and acknowledges on standard output each WARNING that
// is said to be written; SIGHUP reopens the file.
func (j job) run() {
	if j.FileLimit > 0 {
		limit := syscall.Rlimit{Cur: j.FileLimit, Max: j.FileLimit}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			panic(err)
		}
	}
	if j.Setuid > 0 {
		if err := syscall.Setuid(j.Setuid); err != nil {
			panic(err)
		}
	}
	f, err := logfile.Open(logfile.Options{Path: j.Path, MaxBytes: j.MaxBytes, Backups: j.Backups})
	if err != nil {
		panic(err)
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			f.Reopen()
		}
	}()
	fmt.Println("started")
	io.Copy(io.Discard, os.Stdin) // until all shall begin
	for i := 0; j.Records == 0 || i < j.Records; i++ {
		level := slog.LevelInfo
		if i%3 == 0 {
			level = slog.LevelWarn
		}
		err := f.WriteRecord(level, []byte(j.line(i)+"\n"))
		if err == nil && level == slog.LevelWarn {
			fmt.Println(i)
		}
		if j.Pace > 0 {
			time.Sleep(j.Pace)
		}
	}
	f.Close()
	fmt.Println("lost", f.NotWritten())
}

// line is the ith record; its length varies, and it tells whether it is whole.
func (j job) line(i int) string {
	return fmt.Sprintf("%s %d %s.", j.ID, i, strings.Repeat("x", (i*37)%150))
}

var linePattern = regexp.MustCompile(`^(\w+) (\d+) x*\.$`)

// child is a running job.
type child struct {
	job
	cmd    *exec.Cmd
	gate   io.Closer // standard input
	stderr strings.Builder

	mu    sync.Mutex
	acked int // the last record acknowledged, -1: none
	lost  int
	done  chan struct{} // closed when its output is at its end
}

// start starts a job, which writes nothing before begin.
func start(t *testing.T, j job) *child {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{job: j, acked: -1, done: make(chan struct{})}
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), jobVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.gate, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.kill() })
	scan := bufio.NewScanner(out)
	if !scan.Scan() {
		io.Copy(io.Discard, out)
		c.cmd.Wait()
		t.Fatalf("child %s did not start: %s", j.ID, c.stderr.String())
	}
	go func() {
		defer close(c.done)
		for scan.Scan() {
			c.mu.Lock()
			if lost, ok := strings.CutPrefix(scan.Text(), "lost "); ok {
				c.lost, _ = strconv.Atoi(lost)
			} else {
				c.acked, _ = strconv.Atoi(scan.Text())
			}
			c.mu.Unlock()
		}
	}()
	return c
}

func begin(children ...*child) {
	for _, c := range children {
		c.gate.Close()
	}
}

// wait waits until the child has ended and returns what it wrote to stderr.
func (c *child) wait(t *testing.T) string {
	t.Helper()
	<-c.done
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("child %s: %v", c.ID, err)
	}
	return c.stderr.String()
}

func (c *child) kill() {
	c.cmd.Process.Kill()
	<-c.done
	c.cmd.Wait()
}

func (c *child) acknowledged() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acked
}

// check reads all log files and expects every record of each child up to the
// given one exactly once, whole, and no file above the limit. Of a child that
// was killed there may be records after that, and the beginning of one.
func check(t *testing.T, files []string, limit int64, wanted map[string]int, killed ...*child) {
	t.Helper()
	begun := func(line string) bool {
		for _, c := range killed {
			for i := 1; i <= 3; i++ {
				if strings.HasPrefix(c.line(c.acknowledged()+i), line) {
					return true
				}
			}
		}
		return false
	}
	seen := map[string]map[int]int{}
	for _, name := range files {
		content := read(t, name)
		if int64(len(content)) > limit {
			t.Errorf("%s has %d bytes", filepath.Base(name), len(content))
		}
		for _, line := range lines(content) {
			m := linePattern.FindStringSubmatch(line)
			if m == nil {
				if begun(line) {
					t.Logf("in %s, of a process that was killed: %q", filepath.Base(name), line)
				} else {
					t.Errorf("in %s: torn: %q", filepath.Base(name), line)
				}
				continue
			}
			i, _ := strconv.Atoi(m[2])
			if line != (job{ID: m[1]}).line(i) {
				t.Errorf("in %s: not as it was written: %q", filepath.Base(name), line)
			}
			if seen[m[1]] == nil {
				seen[m[1]] = map[int]int{}
			}
			seen[m[1]][i]++
		}
	}
	for id, last := range wanted {
		missing, double := 0, 0
		for i := 0; i <= last; i++ {
			if seen[id][i] == 0 {
				missing++
			}
		}
		top := -1
		for i, n := range seen[id] {
			top = max(top, i)
			if n > 1 {
				double++
			}
		}
		if missing > 0 || double > 0 {
			t.Errorf("process %s: %d of %d records lost, %d double", id, missing, last+1, double)
		}
		if len(seen[id]) != top+1 {
			t.Errorf("process %s: %d records, the last is number %d", id, len(seen[id]), top)
		}
	}
}

func logFiles(t *testing.T, path string) []string {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}
