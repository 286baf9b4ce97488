//go:build amd64 || arm64

package link_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/link"
	"example.org/microblog/fault/internal/freeze"
)

func TestNameOfCopies(t *testing.T) {
	t.Parallel()
	for known, name := range map[string]string{devlink.CopyName: freeze.Name, devlink.EndName: freeze.EndName} {
		if known != name {
			t.Errorf("the link knows copies by %s, they have the name %s", known, name)
		}
	}
}

// state is the state of a process and whether it is a copy, "" if there is none.
func state(pid int) string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), " (")
	name, rest, _ := strings.Cut(rest, ") ")
	return name + " " + rest[:1]
}

// copies are the copies that are children of this process, of applications with that socket.
func copies(t *testing.T, socket string) (found []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !strings.HasPrefix(state(pid), freeze.Name) {
			continue
		}
		env, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "environ")) // It may be gone by now.
		if strings.Contains(string(env), link.Variable+"="+socket+"\x00") {
			found = append(found, pid)
		}
	}
	return found
}

// startFreezing starts an application that makes copies.
func startFreezing(t *testing.T, binary string) (*listener, *application) {
	t.Helper()
	l := listenWith(t, true)
	a := start(t, binary, l.Path())
	for range 4 { // hello, and what is live
		<-l.calls
	}
	// It may not have read yet that copies are wanted.
	eventually(t, "copies are made", func() bool {
		a.get("/error")
		pid := l.next("failed").frozen.Frozen
		link.End(pid)
		return pid != 0
	})
	return l, a
}

func TestFailuresAreFrozen(t *testing.T) {
	t.Parallel()
	l, a := startFreezing(t, built(t, suite.dev))
	for path, want := range map[string]struct {
		message, stack string
		again          bool
	}{
		"/error":             {"an error", fault.StackHandled, false},
		"/panic":             {"panic: a panic", fault.StackPanic, false},
		"/plain-panic":       {"a plain panic", fault.StackPanic, false},
		"/goexit":            {"Goexit", fault.StackExit, false},
		"/noanswer":          {"without answering", fault.StackHandled, false},
		"/answer":            {"answered", fault.StackHandled, false},
		"/inner":             {"an inner error", fault.StackHandled, false},
		"/report":            {"reported", fault.StackHandled, false},
		"/report-and-return": {"reported, then", fault.StackHandled, true},
		"/report-wrapped":    {"reported: deep 200", fault.StackWrapped, false},
		"/go":                {"in a task", fault.StackPanic, false},
		"/begun":             {"too late", fault.StackHandled, false},
		"/wrapped":           {"outside: inside: deep 700", fault.StackWrapped, false},
		"/made":              {"made here", fault.StackWrapped, false},
		"/locked":            {"wrapped under a lock", fault.StackWrapped, false}, // and no deadlock
		"/locked-panic":      {"locked", fault.StackPanic, false},
		"/joined":            {"inside: deep 800", fault.StackWrapped, false},
		"/elsewhere":         {"on another goroutine: deep 900", fault.StackWrapped, false},
	} {
		t.Run(path[1:], func(t *testing.T) {
			a.get(path, devlink.RequestHeader, "token")
			h := l.next("failed")
			if !strings.Contains(h.failure.Message, want.message) || h.frozen.FrozenStack != want.stack || h.frozen.FrozenWhy != "" {
				t.Errorf("the failure is %q, with %+v", h.failure.Message, h.frozen)
			}
			pid := h.frozen.Frozen
			if got := state(pid); !strings.HasPrefix(got, freeze.Name+" ") || strings.HasSuffix(got, "Z") {
				t.Errorf("the copy %d is %q", pid, got)
			}
			if want.again {
				if h := l.next("failed"); h.frozen.Frozen != 0 || h.request != "token" {
					t.Errorf("told again with %+v", h.frozen)
				}
			}
			l.none()
			link.End(pid)
			eventually(t, "the copy is gone", func() bool { return state(pid) == "" })
			eventually(t, "no other one is left", func() bool { return len(copies(t, l.Path())) == 0 })
		})
	}
	for path, status := range map[string]int{"/expected": 404, "/handled": 200, "/home": 200} {
		if got := a.get(path); got.status != status {
			t.Errorf("%s: %+v", path, got)
		}
		l.none()
		eventually(t, "no copy is left by "+path, func() bool { return len(copies(t, l.Path())) == 0 })
	}
}

// TestCopiesEndWithTheApplication kills an application in the midst of a request that has made copies.
func TestCopiesEndWithTheApplication(t *testing.T) {
	t.Parallel()
	l, a := startFreezing(t, built(t, suite.dev))
	a.get("/error")
	kept := l.next("failed").frozen.Frozen
	asking := make(chan error)
	go func() {
		res, err := http.Get(a.url + "/waiting")
		if err == nil {
			err = fmt.Errorf("there was an answer: %s", res.Status)
			res.Body.Close()
		} else {
			err = nil
		}
		asking <- err
	}()
	if line, err := a.out.ReadString('\n'); err != nil || line != "waiting\n" {
		t.Fatalf("%q, %v", line, err)
	}
	eventually(t, "two copies are there", func() bool { return len(copies(t, l.Path())) == 2 })
	a.kill()
	l.next("gone")
	if err := <-asking; err != nil {
		t.Error(err)
	}
	eventually(t, "one copy is left", func() bool { return len(copies(t, l.Path())) == 1 })
	if state(kept) == "" {
		t.Error("the copy that somebody has is gone, too")
	}
	link.End(kept)
	eventually(t, "no copy is left", func() bool { return len(copies(t, l.Path())) == 0 })
}

// TestPanicsAreFrozenAsTheyBegin has an application whose runtime has the hook. The first time on a machine its
// libraries are compiled.
func TestPanicsAreFrozenAsTheyBegin(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a part of the standard library")
	}
	dir := filepath.Join(suite.dir, "hooked")
	if err := source(dir); err != nil {
		t.Fatal(err)
	}
	b, err := build.Open(t.Context(), build.Options{Dir: dir, Flags: []string{"-mod=mod"}, Env: append(os.Environ(), "GOWORK=off", "GOFLAGS=")})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.PrepareHook(t.Context(), filepath.Join(suite.dir, "hook")); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "app")
	if p, err := b.Build(t.Context(), binary); p != nil || err != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	l, a := startFreezing(t, binary)
	for path, want := range map[string]struct{ message, stack string }{
		"/panic":     {"panic: a panic", fault.StackPanic},
		"/go":        {"in a task", fault.StackPanic},
		"/recovered": {"recovered: a panic that is recovered", fault.StackPanic},
		"/template":  {"a panic in a template", fault.StackPanic},
		"/wrapped":   {"outside: inside: deep 700", fault.StackWrapped},
		"/error":     {"an error", fault.StackHandled},
		"/goexit":    {"Goexit", fault.StackExit},
	} {
		t.Run(path[1:], func(t *testing.T) {
			a.get(path)
			h := l.next("failed")
			if !strings.Contains(h.failure.Message, want.message) || h.frozen.FrozenStack != want.stack || h.frozen.FrozenWhy != "" {
				t.Errorf("the failure is %q, with %+v", h.failure.Message, h.frozen)
			}
			l.none()
			link.End(h.frozen.Frozen)
			eventually(t, "no other one is left", func() bool { return len(copies(t, l.Path())) == 0 })
		})
	}
	if res, err := http.Get(a.url + "/abort"); err == nil {
		res.Body.Close()
		t.Errorf("the connection was not aborted: %s", res.Status)
	}
	l.none()
	eventually(t, "no copy is left", func() bool { return len(copies(t, l.Path())) == 0 })
}

// TestNoCopiesUnlessWanted has a supervisor that does not want any.
func TestNoCopiesUnlessWanted(t *testing.T) {
	t.Parallel()
	l := listen(t)
	a := start(t, built(t, suite.dev), l.Path())
	for range 4 {
		<-l.calls
	}
	for _, path := range []string{"/wrapped", "/panic"} {
		a.get(path)
		if h := l.next("failed"); h.frozen.Frozen != 0 || h.frozen.FrozenWhy != "" || h.frozen.FrozenStack != "" {
			t.Errorf("%s: %+v", path, h.frozen)
		}
	}
	if got := copies(t, l.Path()); len(got) != 0 {
		t.Errorf("there are the copies %v", got)
	}
}

// TestForeignProcesses has an application that tells of processes which are no copies.
func TestForeignProcesses(t *testing.T) {
	t.Parallel()
	l := listenWith(t, true)
	conn := dial(t, l)
	say(t, conn, `{"type":"hello","pid":1}`)
	l.next("hello")
	other := start(t, built(t, suite.dev), "")
	for _, pid := range []int{os.Getpid(), os.Getppid(), 1, -1, 1 << 30, other.pid} {
		say(t, conn, fmt.Sprintf(`{"type":"dropped","pid":%d}`, pid))
		say(t, conn, fmt.Sprintf(`{"type":"failed","seq":9,"failure":{"message":"x"},"frozen":{"pid":%d,"stack":"panic"}}`, pid))
		if h := l.next("failed"); h.frozen.Frozen != 0 || h.frozen.FrozenWhy == "" {
			t.Errorf("%d was taken for a copy: %+v", pid, h.frozen)
		}
		link.End(pid)
	}
	if got := other.get("/home"); got.status != 200 {
		t.Errorf("%+v", got)
	}
}
