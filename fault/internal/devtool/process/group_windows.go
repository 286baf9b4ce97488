package process

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"

	"example.org/microblog/fault/internal/devtool/job"
)

// group is the process and what it has started. The system kills them by our own end, too.
type group struct {
	pid int
	job *job.Job // nil: the system gave none
}

func newGroup() *group {
	j, err := job.New()
	if err != nil {
		return &group{} // kill ends the process alone
	}
	return &group{job: j}
}

func (g *group) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// begin puts the process into the job. What it has started before that stays outside.
func (g *group) begin(p *os.Process) {
	g.pid = p.Pid
	if g.job != nil {
		g.job.Add(p)
	}
}

// terminate is Ctrl-Break, which a Go program receives as os.Interrupt.
func (g *group) terminate() {
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.pid)) // Without a console, kill follows.
}

func (g *group) quit() { g.kill() }

func (g *group) kill() {
	if g.job != nil {
		g.job.Kill()
	}
	handle, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, uint32(g.pid))
	if err != nil {
		return // It has ended.
	}
	defer func() { _ = windows.CloseHandle(handle) }()
	_ = windows.TerminateProcess(handle, 1) // It has ended.
}

func (g *group) close() {
	if g.job != nil {
		g.job.Close() // Everything in it has ended.
	}
}

// awaitEnd waits for the end of a process, and then calls ended. The handle that is held until then keeps
// its number from being another's.
func awaitEnd(cmd *exec.Cmd, ended func()) {
	handle, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(cmd.Process.Pid))
	if err == nil {
		defer func() { _ = windows.CloseHandle(handle) }()
	}
	_ = cmd.Wait() // ProcessState tells how it ended.
	ended()
}

// signalName is "": there are no signals.
func signalName(*os.ProcessState) string { return "" }
