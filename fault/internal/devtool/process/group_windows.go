package process

import (
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a job object: the process and what it has started. The system kills them when the last handle
// of it is closed, also by our own end.
type group struct {
	pid int
	job windows.Handle // 0: the system gave none
}

func newGroup() *group {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return &group{}
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		_ = windows.CloseHandle(job) // It is of no use.
		return &group{}
	}
	return &group{job: job}
}

func (g *group) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// begin puts the process into the job. What it has started before that stays outside.
func (g *group) begin(p *os.Process) {
	g.pid = p.Pid
	if g.job == 0 {
		return
	}
	handle, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(p.Pid))
	if err != nil {
		return // It has ended.
	}
	defer func() { _ = windows.CloseHandle(handle) }()
	_ = windows.AssignProcessToJobObject(g.job, handle) // Then kill ends the process alone.
}

// terminate is Ctrl-Break, which a Go program receives as os.Interrupt.
func (g *group) terminate() {
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.pid)) // Without a console, kill follows.
}

func (g *group) quit() { g.kill() }

func (g *group) kill() {
	if g.job != 0 {
		_ = windows.TerminateJobObject(g.job, 1) // It has ended.
	}
	handle, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, uint32(g.pid))
	if err != nil {
		return // It has ended.
	}
	defer func() { _ = windows.CloseHandle(handle) }()
	_ = windows.TerminateProcess(handle, 1) // It has ended.
}

func (g *group) close() {
	if g.job != 0 {
		_ = windows.CloseHandle(g.job) // Everything in it has ended.
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
