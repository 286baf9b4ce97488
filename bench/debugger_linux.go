package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// marked returns the processes whose environment has the entry: the programs that were started with it, their children, and
// copies of these.
func marked(entry string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is a good one
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended, or is somebody else's
		}
		for one := range bytes.SplitSeq(env, []byte{0}) {
			if string(one) == entry {
				if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
					pids = append(pids, pid)
				}
				break
			}
		}
	}
	return pids
}

// endAll ends processes at once.
func endAll(pids []int) (err error) {
	for _, pid := range pids {
		if e := syscall.Kill(pid, syscall.SIGKILL); e != nil && !errors.Is(e, syscall.ESRCH) {
			err = errors.Join(err, fmt.Errorf("ending process %d: %w", pid, e))
		}
	}
	return err
}
