package process

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes give the process a session, and so a group, of its own: Ctrl-C at our terminal is not for it,
// and it cannot stop for want of that terminal. It is killed when the thread ends that started it.
func (g *group) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitEnd waits for the end of a process. It calls ended before the process's number is given back, so
// that the group of that number is surely its own.
func awaitEnd(cmd *exec.Cmd, ended func()) {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	ended()
	_ = cmd.Wait() // ProcessState tells how it ended.
}
