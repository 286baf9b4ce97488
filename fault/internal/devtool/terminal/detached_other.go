//go:build !unix && !windows

package terminal

import "syscall"

// detached has nothing to do: there are no sessions here.
func detached() *syscall.SysProcAttr { return nil }
