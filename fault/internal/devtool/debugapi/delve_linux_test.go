package debugapi_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/trace"
)

// TestDelve goes the whole way with the real debugger, on a program that stays at its marker as a copy does.
func TestDelve(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds a program, and the first time Delve")
	}
	program := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-o", program, "-gcflags=example.org/program/...=-N -l")
	build.Dir = filepath.Join("..", "debugger", "testdata", "program")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	engine := &debugapi.Delve{}
	s, err := debugapi.New(debugapi.Options{PIN: testPIN, Engine: engine, Attached: 1, Tools: debugapi.NewTools("http://127.0.0.1:5000", func() int { return 1 })})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := login(t, s)

	var pids []int
	var ids []string
	for range 2 {
		pid := startProgram(t, program)
		f := newFailure("it failed")
		f.Failure = &overlay.Failure{Failure: &fault.Failure{
			ID: f.ID, Kind: fault.KindPanic, Message: "it failed", Build: fault.Build{Module: "example.org/program"},
			Stack: trace.Stack{{Function: "main.scalars", File: "main.go", Line: 1, App: true}},
		}}
		f.Copy = debugapi.Copy{PID: pid, Function: "example.org/program/stop.Marker"}
		s.Add(f)
		pids, ids = append(pids, pid), append(ids, f.ID.Full())
	}
	for _, i := range []int{0, 1, 0} { // the last time it is attached anew
		base := "/failures/" + ids[i]
		a := c.until(ids[i], "the variables", func(a answer) bool {
			if a.json["state"] == "unavailable" {
				t.Fatalf("%s", a.body)
			}
			if a.json["state"] != "ready" {
				return false
			}
			for _, f := range frames(a) {
				if f["frame"] == 0.0 {
					return f["variables"].(map[string]any)["state"] == "ready"
				}
			}
			return false
		})
		var text string
		for _, f := range frames(a) {
			if f["frame"] != 0.0 {
				continue
			}
			for _, v := range f["variables"].(map[string]any)["arguments"].([]any) {
				v := v.(map[string]any)
				text += fmt.Sprintf("%v %v = %v; ", v["name"], v["type"], v["value"])
			}
		}
		for _, want := range []string{"i8 int8 = -8;", `s string = "plain";`, "b bool = true;"} {
			if !strings.Contains(text, want) {
				t.Errorf("the arguments are %s", text)
			}
		}
		waiting := "" // known by the application's own call
		for _, g := range c.get(base + "/goroutines").json["goroutines"].([]any) {
			if g := g.(map[string]any); g["function"] == "main.main.func1" {
				waiting = fmt.Sprint(g["wait"])
			}
		}
		if waiting != "sync.Mutex.Lock" {
			t.Errorf("the goroutine with the mutex waits for %q", waiting)
		}
		for body, want := range map[string]string{
			`{"frame":0,"expression":"len(s) + int(i8)"}`:       `"value": "-3"`,
			`{"frame":0,"expression":"double(21)"}`:             `"code": "call"`,
			`{"frame":0,"expression":"double(21)","call":true}`: `"value": "42"`,
			`{"frame":0,"expression":"nothing"}`:                `"code": "expression"`,
		} {
			if a := c.post(base+"/evaluate", body); !strings.Contains(string(a.body), want) {
				t.Errorf("%s: %d %s", body, a.status, a.body)
			}
		}
		if a := c.post(base+"/complete", `{"frame":0,"text":"hea"}`); !strings.Contains(string(a.body), `"text": "heat"`) || a.json["from"] != 0.0 {
			t.Errorf("%s", a.body)
		}
		s.Look()
		if used, _ := c.get("/failures").json["debugger_memory"].(float64); used < 1<<20 {
			t.Errorf("the debugger uses %v bytes", used)
		}
		g := c.get(base + "/goroutines")
		if list := g.json["goroutines"].([]any); len(list) < 3 || list[0].(map[string]any)["failing"] != true || list[1].(map[string]any)["app"] != true {
			t.Errorf("%s", g.body)
		}
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil { // the one that the debugger is attached to
		t.Fatal(err)
	}
	wait(t, "its end", func() bool { return state(t, pids[0]) == "Z" })
	s.Look()
	if a := c.get("/failures/" + ids[0]); a.json["error"] != "The frozen copy of the process has ended, so its variables are gone." {
		t.Errorf("the copy was killed: %s", a.body)
	}
	wait(t, "the killed copy to be gone", func() bool { return !lives(pids[0]) })
	c.until(ids[1], "the debugger", func(a answer) bool { return a.json["state"] == "ready" })
	if dlv := debugapi.TracerOf(pids[1]); dlv <= 1 || syscall.Kill(dlv, syscall.SIGKILL) != nil {
		t.Fatalf("the debugger is process %d", dlv)
	}
	a := c.until(ids[1], "its end", func(a answer) bool { return a.json["state"] == "unavailable" })
	if text, _ := a.json["error"].(string); !strings.Contains(text, "has ended") {
		t.Errorf("the debugger was killed: %s", a.body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, pid := range pids {
		if lives(pid) {
			t.Errorf("the process %d is left", pid)
		}
	}
}

// startProgram starts testdata/program as a child that only the server waits for.
func startProgram(t *testing.T, path string) (pid int) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	pid, err = syscall.ForkExec(path, []string{"program"}, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, write.Fd(), 2}})
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	if err := read.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(read).ReadString('\n'); err != nil || line != "here\n" {
		t.Fatalf("the program said %q: %v", line, err)
	}
	return pid
}
