package job

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Job is a job object: processes with all that they start. The system kills them when its last handle is closed, also
// by our own end.
type Job struct{ handle windows.Handle }

// New makes an empty one.
func New() (*Job, error) {
	handle, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("creating a job: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	if _, err := windows.SetInformationJobObject(handle, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		_ = windows.CloseHandle(handle) // it is of no use
		return nil, fmt.Errorf("setting up a job: %w", err)
	}
	return &Job{handle}, nil
}

// Add puts a process into it. What that has started before stays outside. Without the right to do so, and after its
// end, nothing happens: then Kill does not reach it.
func (j *Job) Add(p *os.Process) {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(p.Pid))
	if err != nil {
		return
	}
	defer func() { _ = windows.CloseHandle(process) }()
	_ = windows.AssignProcessToJobObject(j.handle, process)
}

// Kill ends all of its processes.
func (j *Job) Kill() { _ = windows.TerminateJobObject(j.handle, 1) } // an error says that there is nobody left

// Close gives it back, and ends what is left in it.
func (j *Job) Close() { _ = windows.CloseHandle(j.handle) }
