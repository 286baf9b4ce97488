//go:build unix

package process_test

import (
	"os"
	"os/exec"
	"testing"

	"example.org/microblog/fault/internal/devtool/process"
)

func TestSignalName(t *testing.T) {
	t.Parallel()
	ended := func(command string) *os.ProcessState {
		cmd := exec.Command("sh", "-c", command)
		_ = cmd.Run() // It is to fail.
		return cmd.ProcessState
	}
	for name, tt := range map[string]struct {
		state *os.ProcessState
		want  string
	}{
		"not known": {nil, ""},
		"exit":      {ended("exit 3"), ""},
		"signal":    {ended("kill -KILL $$"), "SIGKILL"},
	} {
		if got := process.SignalName(tt.state); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
