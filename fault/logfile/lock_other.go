//go:build unix && !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package logfile

import "time"

// lockDir does nothing: without flock(2) the file must not be shared by
// processes, and stderr is told so.
func lockDir(string, time.Time) (unlock func(), err error) { return func() {}, nil }
