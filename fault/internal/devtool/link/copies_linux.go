package link

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"example.org/microblog/fault/internal/devlink"
)

// End ends a copy that Failed has told of, and returns at once. Until then its number is no other process's,
// even if the copy has ended by itself. It must be called once for each.
func End(copy int) {
	if isCopy(copy, 0) != nil {
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

// isCopy says why the process is none that an application has made as a child of ours.
func isCopy(pid, app int) error {
	if pid <= 0 || pid == app {
		return fmt.Errorf("%d is no copy of the application", pid)
	}
	// NUMBER (NAME) STATE PARENT …
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return fmt.Errorf("the copy of the application is not there: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), " (")
	end := strings.LastIndexByte(rest, ')')
	if end < 0 || rest[:end] != devlink.CopyName {
		return fmt.Errorf("the process %d is no copy of the application", pid)
	}
	if fields := strings.Fields(rest[end+1:]); len(fields) < 2 || fields[1] != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("the copy %d of the application is not a child of this process", pid)
	}
	return nil
}

// copiesOf returns the copies that are children of ours, of applications with that socket.
func copiesOf(socket string) []int {
	entries, _ := os.ReadDir("/proc") // What cannot be read has no copies that could be ended.
	setting := []byte("\x00" + Variable + "=" + socket + "\x00")
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || isCopy(pid, 0) != nil {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err == nil && bytes.Contains(append([]byte{0}, env...), setting) {
			found = append(found, pid)
		}
	}
	return found
}
