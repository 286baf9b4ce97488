// Package filelock takes advisory locks on open files, which end with the process that holds them.
package filelock

import "errors"

// ErrLocked is returned by [Try] when another open file holds the lock.
var ErrLocked = errors.New("its lock cannot be had")
