package debugapi

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// livesAsChild tells whether a process is a child of ours that lives. One that has ended is reaped, so its number may then be another's.
func livesAsChild(pid int) bool {
	for {
		got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		if !errors.Is(err, unix.EINTR) {
			return got == 0 && err == nil
		}
	}
}

// hasEnded tells whether a process is a child of ours that has ended and was not reaped. Waiting would not tell of one that is traced: its
// tracer, which may never ask, would have to know first.
func hasEnded(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	// NUMBER (NAME) STATE PARENT …
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	return len(fields) > 1 && (string(fields[0]) == "Z" || string(fields[0]) == "X") && string(fields[1]) == strconv.Itoa(os.Getpid())
}

func kill(pid int) { _ = unix.Kill(pid, unix.SIGKILL) }

// privateMemory is what a process uses by itself, in bytes; 0 if that cannot be known.
func privateMemory(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0
	}
	return kilobytes(text, "Private_Clean", "Private_Dirty", "Private_Hugetlb")
}

// tracerOf is the process that traces another one; 0 is none.
func tracerOf(pid int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(text, []byte("\nTracerPid:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	tracer, err := strconv.Atoi(string(bytes.TrimSpace(line)))
	if err != nil {
		return 0
	}
	return tracer
}

// machineMemory is how much the machine has, in bytes; 0 if that cannot be known.
func machineMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return kilobytes(text, "MemTotal")
}

// kilobytes adds up the lines of those names, in bytes.
func kilobytes(text []byte, names ...string) int64 {
	var sum int64
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		for _, wanted := range names {
			if name == wanted {
				n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
				if err == nil {
					sum += n << 10
				}
			}
		}
	}
	return sum
}
