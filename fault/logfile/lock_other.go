//go:build unix && !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package logfile

import (
	"errors"
	"os"
	"time"
)

// Here the standard library has no flock(2): the file must not be shared by
// processes, and stderr is told so.

func tryLock(*os.File) error { return errors.ErrUnsupported }

func unlockFile(*os.File) error { return nil }

func lockDir(string, time.Time) (unlock func(), err error) { return func() {}, nil }
