//go:build unix

package terminal

import "syscall"

// detached has a process run in a session of its own: no key of this terminal reaches it.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
