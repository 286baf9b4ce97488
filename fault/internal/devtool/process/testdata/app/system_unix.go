//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"unsafe"
)

func apart(cmd *exec.Cmd, group bool) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: group} }

type winsize struct{ rows, columns, x, y uint16 }

func isTerminal(f *os.File) bool {
	_, ok := windowSize(f)
	return ok
}

func size(f *os.File) string {
	w, _ := windowSize(f)
	return fmt.Sprintf("%dx%d", w.rows, w.columns)
}

func windowSize(f *os.File) (w winsize, ok bool) {
	_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&w)))
	return w, failed == 0
}

func notifyResize(c chan os.Signal) { signal.Notify(c, syscall.SIGWINCH) }
