//go:build unix

package process

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// group is the process and what it has started.
type group struct {
	pid    int
	keeper *keeper
}

func newGroup() *group { return &group{} }

// begin is called when the process has been started.
func (g *group) begin(p *os.Process) {
	g.pid = p.Pid
	g.keeper = keep(g.pid)
}

// signal sends to the group. That it has ended already is no error.
func (g *group) signal(s syscall.Signal) { _ = syscall.Kill(-g.pid, s) }

func (g *group) terminate() {
	g.signal(syscall.SIGTERM)
	g.signal(syscall.SIGCONT) // One that is stopped would not notice.
}

func (g *group) quit() {
	_ = syscall.Kill(g.pid, syscall.SIGQUIT) // It has ended.
	g.signal(syscall.SIGCONT)
}

// kill kills the group, and where the system tells who belongs to it, the session, in which children
// may have groups of their own. While it is at it they may start others.
func (g *group) kill() {
	const rounds = 10
	for range rounds {
		g.signal(syscall.SIGKILL)
		others := 0
		for _, pid := range sessionOf(g.pid) {
			if pid != g.pid {
				others++
				_ = syscall.Kill(pid, syscall.SIGKILL) // It has ended.
			}
		}
		if others == 0 {
			return
		}
	}
}

// resized tells that the terminal has another size.
func (g *group) resized() { g.signal(syscall.SIGWINCH) }

// close is called when the process has ended.
func (g *group) close() { g.keeper.dismiss() }

// signalName names the signal that ended a process, "SIGKILL", or is "", also where its end is not known.
func signalName(s *os.ProcessState) string {
	if s == nil {
		return ""
	}
	status, ok := s.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return ""
	}
	if name := unix.SignalName(status.Signal()); name != "" {
		return name
	}
	return status.Signal().String()
}
