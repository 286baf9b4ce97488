package build

import "syscall"

// endWithParent lets the kernel end the process when this one is killed.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
