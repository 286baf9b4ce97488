//go:build unix && !linux

package process

import (
	"os/exec"
	"syscall"
)

// attributes give the process a session, and so a group, of its own: Ctrl-C at our terminal is not for it,
// and it cannot stop for want of that terminal.
func (g *group) attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// awaitEnd waits for the end of a process, and then calls ended.
func awaitEnd(cmd *exec.Cmd, ended func()) {
	_ = cmd.Wait() // ProcessState tells how it ended.
	ended()
}

// sessionOf does not know, on this system.
func sessionOf(int) []int { return nil }
