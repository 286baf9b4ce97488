package terminal

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// detached has a process not get this console's Ctrl-C.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}
