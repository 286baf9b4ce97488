package debugger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	hooking "example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/debugger"
	"example.org/microblog/fault/internal/devtool/link"
)

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// state is a line of /proc/PID/status.
func state(pid int, name string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func unavailable(t *testing.T, err error) *debugger.UnavailableError {
	t.Helper()
	var e *debugger.UnavailableError
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want an UnavailableError", err)
	}
	if !strings.HasSuffix(e.Text, ".") || !strings.HasSuffix(e.Fix, ".") {
		t.Errorf("no sentences: %q, %q", e.Text, e.Fix)
	}
	return e
}

func TestACopyCanBeLookedAtAgain(t *testing.T) {
	t.Parallel()
	dlv, pid := delve(t), start(t)
	for range 2 {
		s, err := debugger.Attach(t.Context(), debugger.Options{Delve: dlv, PID: pid, Marker: marker})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := s.Evaluate(t.Context(), frameOf(t, s, "main.last"), "double(d.total)", true); err != nil || v.Value != "2" {
			t.Errorf("double(d.total) is %s (%v)", v.Value, err)
		}
		m, err := s.Memory()
		if err != nil || m.Process <= 0 || m.Debugger <= 0 {
			t.Errorf("the memory is %+v (%v)", m, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error("closed twice:", err)
		}
		if _, err := s.Frames(t.Context()); err == nil {
			t.Error("a closed session has frames")
		}
		<-s.Done()
		if tracer := state(pid, "TracerPid"); tracer != "0" {
			t.Fatalf("the process is traced by %q", tracer)
		}
	}
}

func TestCloseCanEndTheProcess(t *testing.T) {
	t.Parallel()
	dlv, pid := delve(t), start(t)
	s, err := debugger.Attach(t.Context(), debugger.Options{Delve: dlv, PID: pid, Marker: marker, KillProcess: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the process has ended", func() bool { return strings.HasPrefix(state(pid, "State"), "Z") })
}

func TestCloseInterruptsACall(t *testing.T) {
	t.Parallel()
	s := attach(t, debugger.Options{CallLimit: time.Hour})
	frame := frameOf(t, s, "main.structs")
	done := make(chan error)
	go func() {
		_, err := s.Evaluate(context.Background(), frame, "shapes.Hang()", true)
		done <- err
	}()
	time.Sleep(50 * time.Millisecond) // It may as well not have begun.
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		if err == nil {
			t.Error("the call returned")
		}
	case <-time.After(patience):
		t.Fatal("the call goes on")
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := attach(t, debugger.Options{CallLimit: time.Hour})
	frame := frameOf(t, s, "main.structs")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Evaluate(ctx, frame, "shapes.Hang()", true); err == nil {
		t.Fatal("the call returned")
	}
	if v, err := s.Evaluate(t.Context(), frame, "circle.X", false); err != nil || v.Value != "3" {
		t.Errorf("reading gives %s (%v)", v.Value, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := shared(t)
	last, many := frameOf(t, s, "main.last"), frameOf(t, s, "main.slices")
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for i := range 20 {
				want := strconv.Itoa((n*20 + i) * (n*20 + i))
				if v, err := s.Evaluate(t.Context(), many, fmt.Sprintf("many[%d]", n*20+i), false); err != nil || v.Value != want {
					t.Errorf("it is %s (%v), want %s", v.Value, err, want)
				}
				if _, err := s.Variables(t.Context(), last); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// The session goes on after one that did not wait for its answer.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	s := attach(t, debugger.Options{})
	frame := frameOf(t, s, "main.slices")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Variables(ctx, frame); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	for wait := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(wait)*100*time.Microsecond)
		_, _ = s.Variables(ctx, frame) // Either is right.
		cancel()
	}
	if v, err := s.Evaluate(t.Context(), frame, "len(many)", false); err != nil || v.Value != "1000" {
		t.Errorf("it is %s (%v)", v.Value, err)
	}
}

func TestUnavailable(t *testing.T) {
	dlv := delve(t)
	t.Run("no process", func(t *testing.T) {
		t.Parallel()
		cmd := exec.Command("true")
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		_, err := debugger.Attach(t.Context(), debugger.Options{Delve: dlv, PID: cmd.Process.Pid})
		if e := unavailable(t, err); e.Text != "The frozen copy of the process is gone." {
			t.Errorf("it says %q", e.Text)
		}
	})
	t.Run("no marker", func(t *testing.T) {
		t.Parallel()
		pid := start(t)
		_, err := debugger.Attach(t.Context(), debugger.Options{Delve: dlv, PID: pid, Marker: "main.nowhere"})
		if e := unavailable(t, err); !strings.Contains(e.Text, "has no function main.nowhere") {
			t.Errorf("it says %q", e.Text)
		}
	})
	t.Run("no Delve", func(t *testing.T) {
		t.Parallel()
		_, err := debugger.Attach(t.Context(), debugger.Options{Delve: filepath.Join(t.TempDir(), "dlv"), PID: os.Getpid()})
		if e := unavailable(t, err); !strings.Contains(e.Fix, debugger.DelveVariable) {
			t.Errorf("it says %q", e.Fix)
		}
	})
	t.Run("Delve may not be executed", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "dlv")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := debugger.Attach(t.Context(), debugger.Options{Delve: path, PID: start(t), Marker: marker})
		if e := unavailable(t, err); !strings.Contains(e.Text, "may not be executed") || !strings.Contains(e.Fix, "noexec") {
			t.Errorf("it says %q %q", e.Text, e.Fix)
		}
	})
	for name, test := range map[string]struct{ says, text, fix string }{
		"no threads": {"runtime: failed to create new OS thread (have 2 already; errno=11)\nfatal error: newosproc", "no more processes are allowed", "ulimit -u"},
		// This test may itself be in a container with a filter: what keeps Delve from its work is tried, not guessed.
		"whatever Delve says": {"it does not work today", `It says "it does not work today".`, debugger.DelveVariable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "dlv")
			script(t, path, "echo '"+test.says+"' >&2; exit 2\n")
			_, err := debugger.Attach(t.Context(), debugger.Options{Delve: path, PID: start(t), Marker: marker})
			if e := unavailable(t, err); !strings.Contains(e.Text, test.text) || !strings.Contains(e.Fix, test.fix) {
				t.Errorf("it says %q %q", e.Text, e.Fix)
			}
		})
	}
	t.Run("something else than Delve", func(t *testing.T) {
		t.Parallel()
		_, err := debugger.Attach(t.Context(), debugger.Options{Delve: "/bin/false", PID: start(t), Marker: marker})
		unavailable(t, err)
	})
	t.Run("another debugger", func(t *testing.T) {
		t.Parallel()
		pid := start(t)
		first, err := debugger.Attach(t.Context(), debugger.Options{Delve: dlv, PID: pid, Marker: marker})
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		_, err = debugger.Attach(t.Context(), debugger.Options{Delve: dlv, PID: pid, Marker: marker})
		if e := unavailable(t, err); !strings.Contains(e.Text, "is attached to the copy already") {
			t.Errorf("it says %q", e.Text)
		}
	})
	t.Run("no debug data", func(t *testing.T) {
		t.Parallel()
		path, err := build(filepath.Join("testdata", "program"), "stripped", "-ldflags=-s -w")
		if err != nil {
			t.Fatal(err)
		}
		pid, end, err := startProgram(path)
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		s, err := debugger.Attach(t.Context(), debugger.Options{Delve: dlv, PID: pid, Marker: marker})
		if err == nil {
			t.Error("it is attached")
			_ = s.Close()
			return
		}
		unavailable(t, err)
	})
	t.Run("the process ends", func(t *testing.T) {
		t.Parallel()
		pid := start(t)
		s := attach(t, debugger.Options{PID: pid, Marker: marker})
		frame := frameOf(t, s, "main.last")
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is gone", func() bool {
			_, err := s.Variables(t.Context(), frame)
			return err != nil
		})
	})
}

// What the copy of a process that the runtime has made as it ended can be asked.
func TestCrashed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a part of the standard library")
	}
	dlv := delve(t)
	dir := t.TempDir()
	source := `package main

import (
	"os"
	"sync"
)

type order struct{ customer string }

func main() {
	o := &order{"susan"}
	switch os.Args[1] {
	case "panic":
		go stray(map[string]int{"a": 1})
		select {}
	case "moved":
		go cleanUp(o)
		select {}
	case "overflow":
		deeper(o, 1)
	case "deadlock":
		wait(o)
	case "unlock":
		unlock(o)
	case "exit":
		exit(o, 3)
	case "fine":
		os.Exit(0)
	}
}

//go:noinline
func stray(sizes map[string]int) {
	text := "about to crash"
	var none []int
	none[sizes["a"]] = len(text)
}

// cleanUp lets its stack grow between the panic and the end.
//
//go:noinline
func cleanUp(o *order) {
	defer grow()
	items := []string{"on", "the", "stack"}
	late := &order{"ann"}
	before := late
	defer func() { late = &order{"rita"} }()
	count := len(items) + len(before.customer)
	var none []int
	none[count] = len(o.customer)
}

//go:noinline
func grow() {
	var space [64 << 10]byte
	for i := range space {
		space[i] = byte(i)
	}
}

func deeper(o *order, n int) int { return n + deeper(o, n+1) }

func wait(o *order) {
	var mu sync.Mutex
	mu.Lock()
	text := "waited for by " + o.customer
	mu.Lock()
	println(text)
}

func unlock(o *order) {
	text := "unlocked by " + o.customer
	var mu sync.Mutex
	mu.Unlock()
	println(text, &mu)
}

func exit(o *order, code int) {
	os.Exit(code)
	println(o)
}
`
	for name, text := range map[string]string{"main.go": source, "go.mod": "module example.org/crash\n\ngo 1.26\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := hooking.Open(t.Context(), hooking.Options{Dir: dir, Env: append(os.Environ(), "GOWORK=off", "GOFLAGS=")})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.PrepareHook(t.Context(), filepath.Join(dir, "hook")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "crash")
	if p, err := b.Build(t.Context(), path); p != nil || err != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	for name, test := range map[string]struct {
		function  string
		variables map[string]string
	}{
		"panic":    {"main.stray", map[string]string{"text": `"about to crash"`, "none": "nil"}},
		"moved":    {"main.cleanUp", map[string]string{"items": `["on", "the", "stack"]`, "o.customer": `"susan"`, "before.customer": `"ann"`, "late.customer": `"rita"`}},
		"overflow": {"main.deeper", map[string]string{"o.customer": `"susan"`}},
		"deadlock": {"main.wait", map[string]string{"text": `"waited for by susan"`}},
		"unlock":   {"main.unlock", map[string]string{"text": `"unlocked by susan"`, "mu": "unlocked once too often"}},
		"exit":     {"main.exit", map[string]string{"code": "3", "o.customer": `"susan"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := filepath.Join(dir, name) // which tells copies apart
			if out := ends(t, path, name, socket); name != "exit" && !strings.Contains(out, "main.go:") {
				t.Errorf("it says %s", out)
			}
			pid, crashed := link.EndCopy(socket)
			if pid == 0 || !crashed {
				t.Fatalf("its copy is %d, %v", pid, crashed)
			}
			defer link.End(pid)
			const most = 100 << 20 // bytes; a stack that overflows takes half a gigabyte, and a further half has been its own
			eventually(t, "it keeps no memory that nobody reads", func() bool { return resident(t, pid) < most })
			s, err := debugger.Attach(t.Context(), debugger.Options{Delve: dlv, PID: pid, Crashed: true, Goroutine: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			frame := frameOf(t, s, test.function)
			for expression, want := range test.variables {
				if v, err := s.Evaluate(t.Context(), frame, expression, false); err != nil || v.Value != want {
					t.Errorf("%s is %q, %v, want %s", expression, v.Value, err, want)
				}
			}
			if _, err := s.Evaluate(t.Context(), frame, "main.deeper(nil, 1)", true); err == nil || !strings.Contains(evaluateError(t, err).Text, "has crashed") {
				t.Errorf("a call gives %v", err)
			}
		})
	}
	socket := filepath.Join(dir, "fine")
	ends(t, path, "fine", socket)
	if pid, _ := link.EndCopy(socket); pid != 0 {
		t.Errorf("a process that ends without an error has the copy %d", pid)
		link.End(pid)
	}
	foreign := exec.Command(path, "unlock")
	foreign.Env = append(os.Environ(), link.Variable+"="+socket, link.CopiesVariable+"=1")
	if out, err := foreign.CombinedOutput(); err == nil {
		t.Errorf("it has ended well: %s", out)
	}
	if pid, _ := link.EndCopy(socket); pid != 0 {
		t.Errorf("a process whose parent wants none has the copy %d", pid)
		link.End(pid)
	}
}

// resident is how many bytes of memory a process has.
func resident(t *testing.T, pid int) (bytes int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// ends runs a program to its end and returns what it said.
func ends(t *testing.T, path, how, socket string) string {
	t.Helper()
	cmd := exec.Command(path, how)
	cmd.Env = append(os.Environ(), link.Variable+"="+socket, link.CopiesVariable+"="+strconv.Itoa(os.Getpid()))
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}
