package link

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"example.org/microblog/fault/internal/devlink"
)

// End ends a copy that Failed, EndCopy or [PanicCopies] has told of, and returns at once. Until then its number is no other process's,
// even if the copy has ended by itself. It must be called once for each.
func End(copy int) {
	if isCopy(copy, 0, devlink.CopyName, devlink.EndName, devlink.CrashName, devlink.PanicPrefix) != nil {
		return
	}
	_ = syscall.Kill(copy, syscall.SIGKILL) // It is there, and ours.
	go func() {
		// A debugger that holds it gets the news first.
		for {
			if _, err := syscall.Wait4(copy, nil, 0, nil); !errors.Is(err, syscall.EINTR) {
				return
			}
		}
	}()
}

// isCopy says why the process is none of those names that an application has made as a child of ours. devlink.PanicPrefix stands for
// those of all panics.
func isCopy(pid, app int, names ...string) error {
	if pid <= 0 || pid == app {
		return fmt.Errorf("%d is no copy of the application", pid)
	}
	name, fields, err := stat(pid)
	if err != nil {
		return fmt.Errorf("the copy of the application is not there: %w", err)
	}
	if !slices.Contains(names, name) && !(devlink.IsPanicName(name) && slices.Contains(names, devlink.PanicPrefix)) {
		return fmt.Errorf("the process %d is no copy of the application", pid)
	}
	if fields[1] != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("the copy %d of the application is not a child of this process", pid)
	}
	return nil
}

// stat returns the name of a process, its state, its parent and its process group.
func stat(pid int) (name string, fields []string, err error) {
	// NUMBER (NAME) STATE PARENT GROUP …
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", nil, err
	}
	_, rest, _ := strings.Cut(string(text), " (")
	end := strings.LastIndexByte(rest, ')')
	if end < 0 {
		return "", nil, errors.New("it has no name")
	}
	if fields = strings.Fields(rest[end+1:]); len(fields) < 3 {
		return "", nil, errors.New("it has no parent")
	}
	return rest[:end], fields[:3], nil
}

// Reap waits for the copies of an application that were ended with it before they had left its process group, so that nobody was
// told of them. app is its process, and everything in its group has ended.
func Reap(app int) {
	entries, _ := os.ReadDir("/proc") // What cannot be read has no copies that could be waited for.
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || isCopy(pid, app, devlink.CopyName, devlink.EndName, devlink.CrashName, devlink.PanicPrefix) != nil {
			continue
		}
		if _, fields, err := stat(pid); err == nil && fields[0] == "Z" && fields[2] == strconv.Itoa(app) {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // Else it is there for as long as this process.
		}
	}
}

// EndCopy returns the copy of itself that an application with that socket has made when it ended, 0 if it has made none.
// It belongs to the caller, who has to [End] it. crashed says that the runtime has made it because it cannot go on: nothing can
// be called in it.
func EndCopy(socket string) (pid int, crashed bool) {
	if found := copiesOf(socket, devlink.CrashName); len(found) > 0 {
		return found[0], true
	}
	if found := copiesOf(socket, devlink.EndName); len(found) > 0 {
		return found[0], false
	}
	return 0, false
}

// copiesOf returns the copies of that name that are children of ours, of applications with that socket.
func copiesOf(socket, name string) []int {
	entries, _ := os.ReadDir("/proc") // What cannot be read has no copies that could be ended.
	setting := []byte("\x00" + Variable + "=" + socket + "\x00")
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || isCopy(pid, 0, name) != nil {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err == nil && bytes.Contains(append([]byte{0}, env...), setting) {
			found = append(found, pid)
		}
	}
	return found
}
