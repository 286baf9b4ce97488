package debugapi_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
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

// TestCopyOfOthersThatEndsByItself kills copies that somebody else waits for, as the link to the application does.
func TestCopyOfOthersThatEndsByItself(t *testing.T) {
	t.Parallel()
	const sentence = "The frozen copy of the process has ended, so its variables are gone."
	for name, test := range map[string]struct {
		attached bool
		notice   func(s *debugapi.Server, engine *fakeEngine, c *caller, id string)
	}{
		"by looking":              {false, func(s *debugapi.Server, _ *fakeEngine, _ *caller, _ string) { s.Look() }},
		"by looking, attached":    {true, func(s *debugapi.Server, _ *fakeEngine, _ *caller, _ string) { s.Look() }},
		"by attaching":            {false, func(_ *debugapi.Server, _ *fakeEngine, c *caller, id string) { c.get("/failures/" + id) }},
		"by the debugger's death": {true, func(_ *debugapi.Server, engine *fakeEngine, _ *caller, _ string) { engine.last(t).die() }},
		"by an expression": {false, func(_ *debugapi.Server, _ *fakeEngine, c *caller, id string) {
			if a := c.post("/failures/"+id+"/evaluate", `{"frame":0,"expression":"x"}`); a.status != 409 || a.json["error"] != sentence {
				c.t.Errorf("%d %s", a.status, a.body)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, engine := newServer(t, nil)
			c := login(t, s)
			pid := newCopy(t)
			f, released := newFailure("it failed"), make(chan struct{}, 2)
			f.Copy = debugapi.Copy{PID: pid, Release: func() {
				_, _ = syscall.Wait4(pid, nil, 0, nil) // The test looks whether it is gone.
				released <- struct{}{}
			}}
			s.Add(f)
			id := f.ID.Full()
			if test.attached {
				c.ready(id)
			}
			if s.Look(); c.get("/failures/" + id + "?attach=no").json["pid"] == nil {
				t.Fatal("it was lost too early")
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			wait(t, "its end", func() bool { return state(t, pid) == "Z" })
			test.notice(s, engine, c, id)
			a := c.until(id, "it to be noticed", func(a answer) bool { return a.json["state"] == "unavailable" })
			if a.json["error"] != sentence || a.json["pid"] != nil || a.json["copy_of"] != nil || a.json["memory"] != nil {
				t.Errorf("%s", a.body)
			}
			<-released
			if lives(pid) {
				t.Error("nobody has waited for it")
			}
			if a := c.post("/failures/"+id+"/attach", "{}"); a.json["state"] != "unavailable" {
				t.Errorf("%s", a.body)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if len(released) > 0 {
				t.Error("it was let go twice")
			}
		})
	}
}

// state is the state of a process in a letter.
func state(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[:1]
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
