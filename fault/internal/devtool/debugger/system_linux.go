package debugger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// supported says why copies cannot be made on this system; nil: they can.
func supported() error { return nil }

// obstacle finds what keeps Delve from tracing the process; nil: nothing that is known.
func obstacle(pid, delve int) *UnavailableError {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	state := statusField(status, "State")
	if errors.Is(err, fs.ErrNotExist) || strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X") {
		return &UnavailableError{
			Text: "The frozen copy of the process is gone.",
			Fix:  "Its frames cannot be read any more; let the request fail once more.",
		}
	}
	if tracer := statusField(status, "TracerPid"); tracer != "" && tracer != "0" && tracer != strconv.Itoa(delve) {
		return &UnavailableError{
			Text: "Another debugger, process " + tracer + ", is attached to the copy already.",
			Fix:  "Close that one; a process has one debugger at most.",
		}
	}
	// Where the call is allowed at all, this one fails because nobody traces this process.
	if err := unix.PtraceDetach(os.Getpid()); !errors.Is(err, unix.ESRCH) {
		return &UnavailableError{
			Text: "This container does not allow debuggers: a seccomp filter refuses ptrace.",
			Fix:  "Start it with `docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined`, in a compose file `cap_add: [SYS_PTRACE]`.",
			Err:  err,
		}
	}
	memory, err := openMemory(pid) // takes the same rights as tracing does
	if err == nil {
		_ = memory.Close() // Nothing was written.
		return nil
	}
	scope, _ := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope") // Without that module, nothing is restricted.
	switch strings.TrimSpace(string(scope)) {
	case "2":
		return &UnavailableError{
			Text: "This system allows debuggers to administrators only (kernel.yama.ptrace_scope is 2).",
			Fix:  "Run `sudo sysctl kernel.yama.ptrace_scope=1`, or run fault as one.",
			Err:  err,
		}
	case "3":
		return &UnavailableError{
			Text: "This system allows no debuggers at all until it is started anew (kernel.yama.ptrace_scope is 3).",
			Fix:  "Set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d and restart the system.",
			Err:  err,
		}
	}
	return &UnavailableError{
		Text: "This system does not let the debugger read the copy: the application runs as another user, or has given up rights that it began with.",
		Fix:  "Let it run as the user of `fault run` in development; in a container, `--cap-add=SYS_PTRACE` may be enough.",
		Err:  err,
	}
}

// hasOneThread reports whether a process has a single thread, as copies do.
func hasOneThread(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && statusField(status, "Threads") == "1"
}

// openMemory opens the memory of a process.
func openMemory(pid int) (*os.File, error) {
	return os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
}

// statusField reads a line of /proc/N/status.
func statusField(status []byte, name string) string {
	for line := range strings.Lines(string(status)) {
		if field, value, ok := strings.Cut(line, ":"); ok && field == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// privateMemory is what a process has of its own, in bytes.
func privateMemory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	var total int64
	for _, name := range []string{"Private_Clean", "Private_Dirty", "Private_Hugetlb"} {
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(statusField(text, name), " kB"), 10, 64)
		if err == nil {
			total += kilobytes << 10
		}
	}
	return total, nil
}
