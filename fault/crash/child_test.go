package crash_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
	"example.org/microblog/fault/redact"
)

// job is what a child process does: the test binary, started again.
type job struct {
	Dir      string
	How      string // a key of endings
	NoOutput bool
	Beat     time.Duration // 0: 20 ms
}

const jobVariable = "CRASH_TEST_JOB"

// module is that of the children.
const module = "example.org/microblog"

func TestMain(m *testing.M) {
	text := os.Getenv(jobVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		panic(err)
	}
	j.run()
}

func (j job) run() {
	w, err := crash.Watch(context.Background(), crash.Options{
		Dir: j.Dir, Module: module, Logger: slog.New(slog.DiscardHandler), NoOutput: j.NoOutput,
		Recorder:  &keeper{err: errors.New("left to the test")},
		Heartbeat: cmp.Or(j.Beat, 20*time.Millisecond),
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("watched")
	endings[j.How](w)
}

var sink []byte

const secret = "s3cr3t-value-of-a-key"

// endings are the ways in which a child ends.
var endings = map[string]func(*crash.Watcher){
	"clean": func(w *crash.Watcher) {
		if err := w.Close(); err != nil {
			panic(err)
		}
	},
	"stray": func(*crash.Watcher) {
		go stray()
		forever()
	},
	"concurrent map writes": func(*crash.Watcher) {
		m := map[int]int{}
		for range 8 {
			go writeTo(m)
		}
		forever()
	},
	"exit":           func(*crash.Watcher) { os.Exit(3) },
	"log.Fatal":      func(*crash.Watcher) { log.Fatal("no more") },
	"wait":           func(*crash.Watcher) { forever() },
	"stack overflow": func(*crash.Watcher) { debug.SetMaxStack(1 << 20); fmt.Println(deeper(0)) },
	"out of memory":  func(*crash.Watcher) { n := 1 << 47; sink = make([]byte, n) },
	"unlock":         func(*crash.Watcher) { var mu sync.Mutex; mu.Unlock() },
	"nil":            func(w *crash.Watcher) { var p *job; fmt.Println(p.Dir) },
	"again": func(*crash.Watcher) {
		defer func() { panic(recover()) }()
		stray()
	},
	"wrapped again": func(*crash.Watcher) {
		defer func() { panic(fmt.Errorf("in the task: %v", recover())) }()
		stray()
	},
	"another panic": func(*crash.Watcher) {
		defer func() { panic("second") }()
		panic("first")
	},
	"secret": func(*crash.Watcher) {
		panic(errors.New("dial postgres://bob:hunter2@db: key " + secret + "\npassword=hunter2"))
	},
	"long": func(*crash.Watcher) { panic(strings.Repeat("long ", 100_000)) },
}

//go:noinline
func stray() {
	panic("boom 42")
}

//go:noinline
func writeTo(m map[int]int) {
	for {
		m[1] = 1
	}
}

//go:noinline
func deeper(n int) int {
	if n < 0 {
		return 0
	}
	return deeper(n+1) + 1
}

func forever() {
	for {
		time.Sleep(time.Minute)
	}
}

// start starts a child and waits until it is watched.
func start(t *testing.T, j job, env ...string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // t.Context ends before the clean-up.
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), jobVariable+"="+string(text), "GOTRACEBACK=single", "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // It has mostly ended.
		_ = cmd.Wait()
	})
	line := make([]byte, len("watched\n"))
	if _, err := out.Read(line); err != nil {
		t.Fatalf("the child said nothing: %v", err)
	}
	return cmd
}

// run runs a child to its end.
func run(t *testing.T, j job, env ...string) int {
	t.Helper()
	cmd := start(t, j, env...)
	_ = cmd.Wait() // How it ended is the matter of the test.
	return cmd.Process.Pid
}

// keeper is a Recorder that keeps what it gets.
type keeper struct {
	mu       sync.Mutex
	failures []*fault.Failure
	err      error // what it cannot keep
}

func (k *keeper) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return fault.Receipt{Err: k.err}
	}
	k.failures = append(k.failures, f)
	return fault.Receipt{Durable: true}
}

func (k *keeper) got() []*fault.Failure {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]*fault.Failure(nil), k.failures...)
}

// logbook is a slog.Handler that keeps what it is given.
type logbook struct {
	mu      sync.Mutex
	records []slog.Record
}

func (l *logbook) Enabled(context.Context, slog.Level) bool { return true }
func (l *logbook) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logbook) WithGroup(string) slog.Handler            { return l }

func (l *logbook) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r.Clone())
	return nil
}

// text returns everything as a log file would show it.
func (l *logbook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	h := slog.NewJSONHandler(&b, nil)
	for _, r := range l.records {
		if err := h.Handle(context.Background(), r); err != nil {
			b.WriteString(err.Error())
		}
	}
	return b.String()
}

func (l *logbook) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.records)
}

// watch looks for what the children left.
func watch(t *testing.T, o crash.Options) {
	t.Helper()
	o.NoOutput = true // The tests' own process is not to crash.
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w, err := crash.Watch(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// find runs a child to its end and returns the failure that is made of it.
func find(t *testing.T, j job, env ...string) (*fault.Failure, *logbook) {
	t.Helper()
	j.Dir = t.TempDir()
	began := time.Now()
	pid := run(t, j, env...)
	var kept keeper
	var book logbook
	watch(t, crash.Options{Dir: j.Dir, Recorder: &kept, Logger: slog.New(&book), Redactor: redact.New(redact.Options{Values: []string{secret}})})
	got := kept.got()
	if len(got) != 1 {
		t.Fatalf("%d failures, want one", len(got))
	}
	f := got[0]
	if f.PID != pid || f.ID.IsZero() || f.Build.Go != runtime.Version() || f.Status != 500 || !f.Reported {
		t.Errorf("who and what: %+v", f)
	}
	if host, _ := os.Hostname(); f.Host != host {
		t.Errorf("host %q", f.Host)
	}
	if f.Time.Before(began.Add(-time.Second)) || f.Time.After(time.Now().Add(time.Second)) || f.Time.Location() != time.UTC {
		t.Errorf("it ended at %v, the child began at %v", f.Time, began)
	}
	if text, err := json.Marshal(f); err != nil || !json.Valid(text) {
		t.Errorf("as JSON: %v", err)
	}
	empty(t, j.Dir)
	return f, &book
}

func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left", e.Name())
	}
}
