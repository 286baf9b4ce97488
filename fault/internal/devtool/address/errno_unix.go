//go:build !windows

package address

import "syscall"

const (
	inUse        = syscall.EADDRINUSE
	notAvailable = syscall.EADDRNOTAVAIL
)
