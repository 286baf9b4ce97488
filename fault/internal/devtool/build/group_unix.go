//go:build unix

package build

import (
	"os/exec"
	"syscall"
)

// group is a process with all that it starts.
type group struct{ cmd *exec.Cmd }

func newGroup(cmd *exec.Cmd) *group {
	// Ctrl-C in the terminal reaches this program only, which then ends the group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithParent(cmd.SysProcAttr)
	return &group{cmd}
}

func (g *group) start() error { return g.cmd.Start() }

// interrupt asks for an end. The go command then removes its temporary files.
func (g *group) interrupt() { g.signal(syscall.SIGINT) }

func (g *group) kill() { g.signal(syscall.SIGKILL) }

func (g *group) signal(s syscall.Signal) {
	_ = syscall.Kill(-g.cmd.Process.Pid, s) // an error says that there is nobody left
}

func (g *group) close() {}
