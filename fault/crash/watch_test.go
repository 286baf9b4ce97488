package crash_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
)

func TestCrashes(t *testing.T) {
	t.Parallel()
	const pkg = "example.org/microblog/fault/crash_test."
	tests := []struct {
		how     string
		message string // after "the process crashed: "
		kind    string // of the cause
		culprit string // the innermost own call
		only    string // the operating system
	}{
		{"stray", "panic: boom 42", "panic", pkg + "stray", ""},
		{"concurrent map writes", "fatal error: concurrent map writes", "fatal error", pkg + "writeTo", ""},
		{"stack overflow", "fatal error: stack overflow", "fatal error", pkg + "deeper", ""},
		{"out of memory", "fatal error: out of memory", "fatal error", pkg + "init.func", "linux"},
		{"unlock", "fatal error: sync: unlock of unlocked mutex", "fatal error", pkg + "init.func", ""},
		{"nil", "panic: runtime error: invalid memory address or nil pointer dereference", "panic of runtime.Error", pkg + "init.func", ""},
		{"again", "panic: boom 42", "panic", pkg + "stray", ""},
		{"wrapped again", "panic: in the task: boom 42", "panic", pkg + "stray", ""},
		{"another panic", "panic: second", "panic", pkg + "init.func", ""},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			t.Parallel()
			if tt.only != "" && tt.only != runtime.GOOS {
				t.Skip("provoked in a way of", tt.only)
			}
			f, book := find(t, job{How: tt.how})
			if f.Kind != fault.KindCrash || f.StackOf != fault.StackCrash {
				t.Errorf("kind %q, stack of %q", f.Kind, f.StackOf)
			}
			if f.Message != "the process crashed: "+tt.message || f.Causes.Type != tt.kind || f.Causes.Message != tt.message {
				t.Errorf("message %q, causes %+v", f.Message, f.Causes)
			}
			if f.Goroutine == 0 || !strings.Contains(f.Output, "goroutine ") {
				t.Errorf("goroutine %d, output:\n%s", f.Goroutine, f.Output)
			}
			culprit := ""
			for _, frame := range f.Stack {
				if frame.App && culprit == "" {
					culprit = frame.Function
					if frame.Line == 0 || !strings.HasSuffix(frame.File, "child_test.go") {
						t.Errorf("its place: %+v", frame)
					}
				}
			}
			if !strings.HasPrefix(culprit, tt.culprit) {
				t.Errorf("culprit %q, want %q, of\n%v\n%s", culprit, tt.culprit, f.Stack, f.Output)
			}
			if text := book.text(); book.count() != 1 || !strings.Contains(text, `"fault":"`+f.ID.String()+`"`) ||
				!strings.Contains(text, `"kind":"crash"`) || !strings.Contains(text, `"stack":["`) ||
				!strings.Contains(text, fmt.Sprintf("Process %d crashed: %s", f.PID, tt.message)) || book.records[0].Level != 12 {
				t.Errorf("the log:\n%s", text)
			}
		})
	}
}

func TestNestedPanics(t *testing.T) {
	t.Parallel()
	f, _ := find(t, job{How: "another panic"})
	if len(f.Causes.Causes) != 1 || f.Causes.Causes[0].Message != "panic: first" {
		t.Errorf("causes %+v", f.Causes)
	}
}

func TestEndsWithoutAWord(t *testing.T) {
	t.Parallel()
	for _, j := range []job{{How: "exit"}, {How: "log.Fatal"}, {How: "stray", NoOutput: true}, {How: "unlock"}} {
		t.Run(j.How, func(t *testing.T) {
			t.Parallel()
			f, book := find(t, j, "GOTRACEBACK=none") // With which a fatal error writes nothing.
			if f.Kind != fault.KindEnded || f.Causes.Type != "process ended" || !strings.Contains(f.Message, "ended without a word") || len(f.Stack) != 0 || f.Output != "" {
				t.Errorf("%+v", f)
			}
			if text := book.text(); book.count() != 1 || !strings.Contains(text, fmt.Sprintf("Process %d ended without a word", f.PID)) || !strings.Contains(text, `"detail":"its last sign of life was at `) || book.records[0].Level != 12 {
				t.Errorf("the log:\n%s", text)
			}
		})
	}
}

func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := start(t, job{Dir: dir, How: "wait"})
	var kept keeper
	watch(t, crash.Options{Dir: dir, Recorder: &kept})
	if len(kept.got()) != 0 {
		t.Fatalf("found while it was running: %+v", kept.got()[0])
	}
	time.Sleep(100 * time.Millisecond) // Some heartbeats.
	killed := time.Now()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // It was killed.
	watch(t, crash.Options{Dir: dir, Recorder: &kept})
	got := kept.got()
	if len(got) != 1 || got[0].Kind != fault.KindEnded || got[0].PID != cmd.Process.Pid {
		t.Fatalf("found %+v", got)
	}
	// The heartbeat of 20 ms tells when it was, also when the machine is slow.
	const message = "the process ended without a word: it was killed (SIGKILL), or it ended itself without a clean end (os.Exit, log.Fatal)"
	if got[0].Message != message || got[0].Causes.Message != message {
		t.Errorf("it is not the same for each end: %q, %q", got[0].Message, got[0].Causes.Message)
	}
	details := got[0].Causes.Causes
	if want := "its last sign of life was at " + got[0].Time.Format("2006-01-02 15:04:05 UTC") + ", "; len(details) != 1 || !strings.HasPrefix(details[0].Message, want) ||
		!strings.HasSuffix(details[0].Message, " after it had started; it gave one every 20ms") || strings.Contains(details[0].Message, " 0s ") {
		t.Errorf("details %+v, want %q", details, want)
	}
	if early := killed.Sub(got[0].Time); early > 10*time.Second || early < -time.Second {
		t.Errorf("last seen %v before it was killed", early)
	}
	watch(t, crash.Options{Dir: dir, Recorder: &kept})
	if n := len(kept.got()); n != 1 {
		t.Errorf("found again: %d", n)
	}
	empty(t, dir)
}

func TestCleanEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run(t, job{Dir: dir, How: "clean"})
	empty(t, dir)
	var kept keeper
	var book logbook
	watch(t, crash.Options{Dir: dir, Recorder: &kept, Logger: slog.New(&book)})
	if len(kept.got()) != 0 || book.count() != 0 {
		t.Errorf("found %+v, logged %s", kept.got(), book.text())
	}
	empty(t, dir)
}

// TestSeveralProcesses has two of four in one directory end. The one that lives beside them finds both
// without a start, and the other one is left alone.
func TestSeveralProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, job{Dir: dir, How: "wait", Beat: time.Hour})
	var kept keeper
	w, err := crash.Watch(t.Context(), crash.Options{
		Dir: dir, Recorder: &kept, Logger: slog.New(slog.DiscardHandler), NoOutput: true, Heartbeat: 10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	killed := start(t, job{Dir: dir, How: "wait", Beat: time.Hour})
	_ = killed.Process.Kill()
	_ = killed.Wait() // It was killed.
	crashed := run(t, job{Dir: dir, How: "stray", Beat: time.Hour})
	for deadline := time.Now().Add(20 * time.Second); len(kept.got()) < 2 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	kinds := map[int]fault.Kind{}
	for _, f := range kept.got() {
		kinds[f.PID] = f.Kind
	}
	if len(kept.got()) != 2 || kinds[killed.Process.Pid] != fault.KindEnded || kinds[crashed] != fault.KindCrash {
		t.Errorf("found %v", kinds)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 { // The marker and the output of the one that lives.
		t.Errorf("there are %v (%v)", entries, err)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	f, book := find(t, job{How: "secret"})
	for name, text := range map[string]string{"message": f.Message, "cause": f.Causes.Message, "output": f.Output, "log": book.text()} {
		if strings.Contains(text, secret) || strings.Contains(text, "hunter2") || !strings.Contains(text, "[masked]") {
			t.Errorf("the %s: %s", name, text)
		}
	}
}

func TestIsBounded(t *testing.T) {
	t.Parallel()
	f, _ := find(t, job{How: "long"})
	if len(f.Message) > 9<<10 || len(f.Causes.Message) > 3<<10 || len(f.Output) > 17<<10 || !strings.Contains(f.Output, "[cut, ") {
		t.Errorf("message of %d bytes, cause of %d, output of %d", len(f.Message), len(f.Causes.Message), len(f.Output))
	}
}

func TestNotDurable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run(t, job{Dir: dir, How: "long"})
	kept := keeper{err: errors.New("no space left")}
	var book logbook
	o := crash.Options{Dir: dir, Recorder: &kept, Logger: slog.New(&book)}
	watch(t, o)
	if text := book.text(); book.count() != 1 || !strings.Contains(text, `"recorder":"no space left; it is tried again"`) {
		t.Fatalf("the log:\n%s", text)
	}
	outputs, err := filepath.Glob(filepath.Join(dir, "*.output"))
	if err != nil || len(outputs) != 1 {
		t.Fatalf("%v %v", outputs, err)
	}
	before, err := os.Stat(outputs[0])
	if err != nil || before.Size() > 256<<10 {
		t.Errorf("of the output %d bytes are kept (%v)", before.Size(), err)
	}
	kept.err = nil
	watch(t, o)
	got := kept.got()
	if len(got) != 1 || !strings.HasPrefix(got[0].Message, "the process crashed: panic: long long") || got[0].Kind != fault.KindCrash {
		t.Fatalf("found %+v", got)
	}
	if !strings.Contains(book.text(), got[0].ID.String()) || book.count() != 1 {
		t.Errorf("told again, or under another ID than %s:\n%s", got[0].ID, book.text())
	}
	if d := before.ModTime().Sub(got[0].Time); d > time.Second || d < -time.Second {
		t.Errorf("it crashed at %v, the failure says %v", before.ModTime(), got[0].Time)
	}
	empty(t, dir)
}

// stuck is a Recorder that does not return in time.
type stuck struct{ release chan struct{} }

func (s stuck) Record(context.Context, *fault.Failure) fault.Receipt {
	<-s.release
	return fault.Receipt{}
}

// broken is a Recorder that panics.
type broken struct{}

func (broken) Record(context.Context, *fault.Failure) fault.Receipt { panic("broken") }

func TestRecorderTrouble(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run(t, job{Dir: dir, How: "exit"})
	s := stuck{make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	w, err := crash.Watch(ctx, crash.Options{Dir: dir, Recorder: s, Logger: slog.New(slog.DiscardHandler), NoOutput: true})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 1900*time.Millisecond {
		t.Errorf("the start waited %v for the Recorder", took)
	}
	close(s.release)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	watch(t, crash.Options{Dir: dir, Recorder: broken{}})
	var kept keeper
	watch(t, crash.Options{Dir: dir, Recorder: &kept})
	if len(kept.got()) != 1 {
		t.Errorf("found %+v", kept.got())
	}
	empty(t, dir)
}

func TestForeignFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, err := fault.ParseID("7F3K92QD00000000000000000G")
	if err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(dir, id.Full()+".running")
	put := func(path, text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	var kept keeper
	o := crash.Options{Dir: dir, Recorder: &kept}

	put(filepath.Join(dir, "notes.running"), "mine", time.Hour)
	put(filepath.Join(dir, "README"), "mine", time.Hour)
	put(marker, "", 0)
	watch(t, o)
	if _, err := os.Stat(marker); err != nil {
		t.Errorf("a marker that is being made was taken away: %v", err)
	}
	put(marker, "", time.Hour)
	watch(t, o)
	if _, err := os.Stat(marker); err == nil {
		t.Error("what a clean end left was not taken away")
	}
	if len(kept.got()) != 0 {
		t.Fatalf("found %+v", kept.got()[0])
	}
	for _, torn := range []string{`{"version":1,"id":"7F3K`, "\x00\x00\x00", `{"version":99}`} {
		put(marker, torn, time.Hour)
		put(strings.TrimSuffix(marker, ".running")+".output", "panic: boom\n\ngoroutine 1 [running]:\n", time.Hour)
		watch(t, o)
		got := kept.got()
		kept.failures = nil
		if len(got) != 1 || got[0].ID != id || got[0].Message != "the process crashed: panic: boom" {
			t.Errorf("of the marker %q: %+v", torn, got)
		}
	}
	for _, name := range []string{"notes.running", "README"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	empty(t, dir)
}

func TestAMarkerThatIsDeletedComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := crash.Watch(t.Context(), crash.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), NoOutput: true, Heartbeat: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	first, err := filepath.Glob(filepath.Join(dir, "*.running"))
	if err != nil || len(first) != 1 {
		t.Fatalf("%v %v", first, err)
	}
	if err := os.Remove(first[0]); err != nil {
		t.Skip("an open file cannot be removed here:", err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if again, _ := filepath.Glob(filepath.Join(dir, "*.running")); len(again) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it did not come back")
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	empty(t, dir)
}

// What the runtime was to write to goes with the marker that was deleted.
func TestAMarkerThatIsDeletedLeavesNoOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := start(t, job{Dir: dir, How: "wait", Beat: 10 * time.Millisecond})
	files := func(kind string) []string {
		found, err := filepath.Glob(filepath.Join(dir, "*."+kind))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	first := files("running")
	if len(first) != 1 || len(files("output")) != 1 {
		t.Fatalf("it has made %v and %v", first, files("output"))
	}
	if err := os.Remove(first[0]); err != nil {
		t.Skip("an open file cannot be removed here:", err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if marks, outputs := files("running"), files("output"); len(marks) == 1 && len(outputs) == 1 && outputs[0] != strings.TrimSuffix(first[0], "running")+"output" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("there are %v and %v", files("running"), files("output"))
		}
	}
	_ = child.Process.Kill()
	_ = child.Wait() // It was killed.
	var kept keeper
	watch(t, crash.Options{Dir: dir, Recorder: &kept})
	if n := len(kept.got()); n != 1 {
		t.Errorf("found %d", n)
	}
	empty(t, dir)
}

func TestCannotWatch(t *testing.T) {
	t.Parallel()
	if _, err := crash.Watch(t.Context(), crash.Options{}); err == nil || !strings.Contains(err.Error(), "Options.Dir") {
		t.Errorf("without a directory: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if w, err := crash.Watch(t.Context(), crash.Options{Dir: filepath.Join(file, "dir")}); err == nil {
		t.Error("in a file:", w.Close())
	}
	if err := (*crash.Watcher)(nil).Close(); err != nil {
		t.Errorf("of no Watcher: %v", err)
	}
}
