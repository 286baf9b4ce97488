package debugapi_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"example.org/microblog/fault/internal/devtool/debugapi"
)

// asUser makes a command run as another user.
func asUser(cmd *exec.Cmd, uid uint32) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	cmd.Dir = "/"
	return nil
}

// newCopy starts a process that stands for a frozen copy: nobody but the server waits for it.
func newCopy(t *testing.T) int {
	t.Helper()
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "600"}, &syscall.ProcAttr{Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before the server is closed
		if t.Failed() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return pid
}

// lives tells whether there is a process, be it dead and not waited for.
func lives(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// closed closes a server: the copy ends with it.
func closed(t *testing.T, s *debugapi.Server, pid int) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if lives(pid) {
		t.Error("a copy outlives the server")
	}
}

func withCopy(t *testing.T) debugapi.Failure {
	f := newFailure("it failed")
	f.Copy = debugapi.Copy{PID: newCopy(t)}
	return f
}

func TestCopiesEnd(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, func(o *debugapi.Options) { o.Keep = 2 })
	c := login(t, s)
	first, second, third := withCopy(t), withCopy(t), withCopy(t)
	s.Add(first)
	c.ready(first.ID.Full())
	s.Add(second)
	if !lives(first.Copy.PID) || !lives(second.Copy.PID) {
		t.Error("a copy ended too early")
	}
	s.Add(third)
	wait(t, "the end of the evicted copy", func() bool { return !lives(first.Copy.PID) })
	c.post("/failures/"+third.ID.Full()+"/drop", "{}")
	wait(t, "the end of the dropped copy", func() bool { return !lives(third.Copy.PID) })
	if !lives(second.Copy.PID) {
		t.Error("another one ended")
	}
	closed(t, s, second.Copy.PID)
}

func TestCopyThatEndsByItself(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	c := login(t, s)
	f, unseen := withCopy(t), withCopy(t)
	s.Add(f)
	s.Add(unseen)
	c.ready(f.ID.Full())
	for _, f := range []debugapi.Failure{f, unseen} {
		if err := syscall.Kill(f.Copy.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []debugapi.Failure{f, unseen} {
		wait(t, "it to be noticed", func() bool {
			s.Look()
			return c.get("/failures/" + f.ID.Full() + "?attach=no").json["state"] == "unavailable"
		})
	}
	for _, f := range []debugapi.Failure{f, unseen} {
		a := c.get("/failures/" + f.ID.Full())
		if a.json["error"] != "The frozen copy of the process has ended, so its variables are gone." || a.json["memory"] != nil || a.json["pid"] != nil {
			t.Errorf("%s", a.body)
		}
		if lives(f.Copy.PID) {
			t.Error("nobody has waited for it")
		}
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	c := login(t, s)
	f := withCopy(t)
	s.Add(f)
	wait(t, "it to be told", func() bool {
		s.Look()
		a := c.get("/failures")
		n, _ := a.json["memory"].(float64)
		one, _ := c.get("/failures/" + f.ID.Full() + "?attach=no").json["memory"].(float64)
		return n > 0 && one == n
	})
	closed(t, s, f.Copy.PID)
}

// TestTooMuchMemory keeps few bytes: all copies go but the newest and the pinned one, and their failures stay.
func TestTooMuchMemory(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, func(o *debugapi.Options) { o.Memory = 1 })
	c := login(t, s)
	pinned := newFailure("it failed")
	pid := newCopy(t)
	pinned.Copy = debugapi.Copy{PID: pid, Release: func() {}}
	s.Add(pinned)
	if a := c.post("/failures/"+pinned.ID.Full()+"/pin", "{}"); a.status != 200 {
		t.Fatalf("%s", a.body)
	}
	old, newest := withCopy(t), withCopy(t)
	s.Add(old)
	s.Add(newest)
	wait(t, "the old copy's end", func() bool {
		s.Look()
		return !lives(old.Copy.PID)
	})
	if a := c.get("/failures/" + old.ID.Full()); a.json["state"] != "unavailable" || !strings.Contains(a.json["error"].(string), "had to go") {
		t.Errorf("%s", a.body)
	}
	if !lives(newest.Copy.PID) || !lives(pid) {
		t.Error("more than that ended")
	}
	closed(t, s, newest.Copy.PID)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
}
