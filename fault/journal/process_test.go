//go:build unix

package journal_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/journal"
)

// job is what a child process does: the test binary, started again.
type job struct {
	Dir        string
	ID         string
	Goroutines int
	Records    int // of each goroutine; 0: until killed
	MaxBytes   int64
	Read       bool // reads and forgets, too
}

const jobVariable = "JOURNAL_TEST_JOB"

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

// run waits for the end of standard input and records. On standard output it acknowledges each failure
// that is said to be durable, "ack ID", and tells what it has read before forgetting it, "got STREAM
// OFFSET COUNT ID". What is written at once is so short that a pipe takes it whole or not at all.
func (j job) run() {
	w, err := journal.Open(journal.Options{Dir: j.Dir, MaxBytes: j.MaxBytes, SegmentBytes: 32 << 10})
	if err != nil {
		panic(err)
	}
	sample()
	fmt.Println("started")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if j.Read {
		go func() {
			for {
				got, err := w.Next(context.Background(), 20)
				if errors.Is(err, journal.ErrClosed) {
					return
				}
				if err != nil {
					panic(err)
				}
				var lines strings.Builder
				for _, c := range got {
					fmt.Fprintf(&lines, "got %s %d %d %s\n", c.At.Stream, c.At.Offset, c.Count, c.Failure.Message)
				}
				if _, err := os.Stdout.WriteString(lines.String()); err != nil {
					panic(err)
				}
				if err := w.Done(got[len(got)-1].At); err != nil && !errors.Is(err, journal.ErrClosed) {
					panic(err)
				}
			}
		}()
	}
	var all sync.WaitGroup
	for g := range j.Goroutines {
		all.Go(func() {
			for i := 0; j.Records == 0 || i < j.Records; i++ {
				id := fmt.Sprintf("%s.%d.%d", j.ID, g, i)
				if r := w.Record(context.Background(), failure(id)); !r.Durable {
					panic(r.Err)
				}
				if _, err := os.Stdout.WriteString("ack " + id + "\n"); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
	if err := w.Close(); err != nil {
		panic(err)
	}
}

// child is a running job.
type child struct {
	cmd    *exec.Cmd
	gate   io.Closer // standard input
	stderr strings.Builder
	begun  chan struct{} // closed when it has acknowledged something, or is done
	done   chan struct{} // closed when its output is at its end
}

// book is what readers of journals keep together: what is acknowledged, how often it was read, and at
// which positions.
type book struct {
	mu    sync.Mutex
	acked map[string]bool
	read  map[string]int64
	at    map[fault.Position]bool
}

func newBook() *book {
	return &book{acked: map[string]bool{}, read: map[string]int64{}, at: map[fault.Position]bool{}}
}

// count counts a failure, unless it was counted.
func (b *book) count(at fault.Position, n int64, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.at[at] {
		b.at[at] = true
		b.read[id] += n
	}
}

// start starts a job, which does nothing before its gate is closed. What it tells goes into the book.
func start(t *testing.T, j job, b *book) *child {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{begun: make(chan struct{}), done: make(chan struct{})}
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
	scan := bufio.NewScanner(out)
	if !scan.Scan() {
		_ = c.cmd.Wait()
		t.Fatalf("the child tells: %s", c.stderr.String())
	}
	go func() {
		begun := sync.OnceFunc(func() { close(c.begun) })
		defer close(c.done)
		defer begun()
		for scan.Scan() {
			var at fault.Position
			var n int64
			line := scan.Text()
			if id, ok := strings.CutPrefix(line, "ack "); ok {
				b.mu.Lock()
				b.acked[id] = true
				b.mu.Unlock()
				begun()
				continue
			}
			var id string
			if _, err := fmt.Sscanf(line, "got %s %d %d %s", &at.Stream, &at.Offset, &n, &id); err != nil {
				t.Errorf("the child tells %q", line)
				continue
			}
			b.count(at, n, id)
		}
	}()
	return c
}

// kill kills the child as the kernel does.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
	_ = c.cmd.Wait()
}

// wait waits for the end of a child that ends by itself.
func (c *child) wait(t *testing.T) {
	t.Helper()
	<-c.done
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, c.stderr.String())
	}
}

// readAll is a later process that reads everything.
func (b *book) readAll(t *testing.T, dir string) {
	t.Helper()
	log := &logbook{}
	j := openJournal(t, journal.Options{Dir: dir, Logger: log.logger()})
	for _, c := range drain(t, j) {
		b.count(c.At, c.Count, c.Failure.Message)
		if err := j.Done(c.At); err != nil {
			t.Error(err)
		}
	}
	if n := j.Waiting(); n != 0 {
		t.Errorf("%d still waiting", n)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if log.count("damaged") != 0 {
		t.Errorf("the log tells of damage: %s", log.b.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("when all is done, %v is left, %v", left, err)
	}
}

// check checks that what is acknowledged was read once, and nothing twice.
func (b *book) check(t *testing.T) {
	t.Helper()
	for id := range b.acked {
		if b.read[id] != 1 {
			t.Errorf("%s is acknowledged and was read %d times", id, b.read[id])
		}
	}
	for id, n := range b.read {
		if n != 1 {
			t.Errorf("%s was read %d times", id, n)
		}
	}
	if len(b.acked) < 100 {
		t.Errorf("only %d acknowledged; this has tested little", len(b.acked))
	}
}

// Killed at any moment, a process has lost nothing that it was told is durable, and whoever keeps the
// books by positions counts nothing twice.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir, b := t.TempDir(), newBook()
	const rounds = 24
	for round := range rounds {
		c := start(t, job{Dir: dir, ID: fmt.Sprint("r", round), Goroutines: 1 + round%4/2*31, Read: round%3 > 0}, b)
		_ = c.gate.Close()
		if round%2 > 0 {
			<-c.begun
		}
		time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		c.kill()
		if round%6 == 5 {
			b.readAll(t, dir)
		}
	}
	b.readAll(t, dir)
	b.check(t)
}

// The same of a journal that is full: the counts are as exact as what was acknowledged, but for what
// was under way.
func TestKilledWhenFull(t *testing.T) {
	t.Parallel()
	const rounds, goroutines = 6, 16
	dir, b := t.TempDir(), newBook()
	filled := openJournal(t, journal.Options{Dir: dir, MaxBytes: 1 << 20})
	for !filled.Status().Full {
		storm(t, filled, 64, func(int) string { return "fill" })
	}
	n := filled.Waiting()
	if err := filled.Close(); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		c := start(t, job{Dir: dir, ID: fmt.Sprint("r", round), Goroutines: goroutines, MaxBytes: 1 << 20}, b)
		_ = c.gate.Close()
		time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		c.kill()
	}
	b.readAll(t, dir)
	var read int64
	for _, r := range b.read {
		read += r
	}
	if acked := n + int64(len(b.acked)); read < acked || read > acked+rounds*goroutines {
		t.Errorf("%d acknowledged, %d read", acked, read)
	}
}

// Several processes use one directory at once; each reads its own and what the dead have left.
func TestProcesses(t *testing.T) {
	t.Parallel()
	dir, b := t.TempDir(), newBook()
	log := &logbook{}
	j := openJournal(t, journal.Options{Dir: dir, Logger: log.logger()})
	var children []*child
	for i := range 4 {
		children = append(children, start(t, job{Dir: dir, ID: fmt.Sprint("p", i), Goroutines: 8, Records: 40, Read: i < 2}, b))
	}
	if got := drain(t, j); len(got) != 0 {
		t.Errorf("%q was taken from living processes", messages(got))
	}
	if st := j.Status(); st.Streams != 5 {
		t.Errorf("%+v", st)
	}
	for _, c := range children {
		_ = c.gate.Close()
	}
	var others sync.WaitGroup
	for range 3 { // Readers in this process compete with each other and with the children.
		others.Go(func() {
			o := openJournal(t, journal.Options{Dir: dir, Logger: log.logger()})
			for _, c := range drain(t, o) {
				b.count(c.At, c.Count, c.Failure.Message)
				if err := o.Done(c.At); err != nil {
					t.Error(err)
				}
			}
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	for _, c := range children {
		c.wait(t)
	}
	others.Wait()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	b.readAll(t, dir)
	b.check(t)
	if len(b.acked) != 4*8*40 {
		t.Errorf("%d acknowledged", len(b.acked))
	}
	if log.count("WARN") != 0 || log.count("ERROR") != 0 {
		t.Errorf("the log: %s", log.b.String())
	}
}
