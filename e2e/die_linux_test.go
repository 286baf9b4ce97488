package e2e

import (
	"os/exec"
	"syscall"
)

// dieWithUs makes the system end the process when ours ends, however that does: a fuzzing worker is
// killed by its coordinator, which then waits for all that the worker has started.
func dieWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
