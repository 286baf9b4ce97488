package link_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/devtool/link"
)

// TestPanicCopiesLetApplicationsAlone: while a copy is made, the application has the copy's name.
func TestPanicCopiesLetApplicationsAlone(t *testing.T) {
	t.Parallel()
	const socket, goroutine = "/nowhere/panics.sock", 7
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	// A program of Go has several threads, sleep has one, as copies have.
	for name, program := range map[string]string{"an application": os.Args[0], "a copy": sleep} {
		path := filepath.Join(t.TempDir(), devlink.PanicName(goroutine))
		if err := os.Symlink(program, path); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(path, "60")
		cmd.Env = append(os.Environ(), link.Variable+"="+socket, staysVariable+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		tasks := filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "task")
		for end := time.Now().Add(10 * time.Second); program != sleep && time.Now().Before(end); time.Sleep(time.Millisecond) {
			if threads, _ := os.ReadDir(tasks); len(threads) > 1 {
				break
			}
		}
		var copies link.PanicCopies
		taken := 0
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if taken = copies.Take(socket, goroutine); taken != 0 || program != sleep {
				break
			}
		}
		if is := taken == cmd.Process.Pid; is != (program == sleep) {
			t.Errorf("%s is taken as %d", name, taken)
		}
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); err == nil {
			t.Errorf("%s has ended", name)
		}
	}
}
