package build

import (
	"fmt"
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a process with all that it starts, as a job object, which ends together with this process.
type group struct {
	cmd *exec.Cmd
	job windows.Handle
}

func newGroup(cmd *exec.Cmd) *group { return &group{cmd: cmd} }

func (g *group) start() error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return fmt.Errorf("creating a job: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		_ = windows.CloseHandle(job)
		return fmt.Errorf("setting up a job: %w", err)
	}
	if err := g.cmd.Start(); err != nil {
		_ = windows.CloseHandle(job)
		return err
	}
	g.job = job
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(g.cmd.Process.Pid))
	if err != nil {
		return nil // it has ended already
	}
	_ = windows.AssignProcessToJobObject(job, process) // as before
	_ = windows.CloseHandle(process)
	return nil
}

// interrupt ends the group at once: there is no signal that would reach it alone.
func (g *group) interrupt() { g.kill() }

func (g *group) kill() {
	_ = windows.TerminateJobObject(g.job, 1) // an error says that there is nobody left
	_ = g.cmd.Process.Kill()
}

func (g *group) close() { _ = windows.CloseHandle(g.job) }
