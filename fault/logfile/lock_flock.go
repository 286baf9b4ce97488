//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package logfile

import (
	"errors"
	"os"
	"time"

	"example.org/microblog/fault/internal/filelock"
)

// lockDir locks a directory and returns what unlocks it. Where a directory
// cannot be opened or locked it does without.
func lockDir(dir string, deadline time.Time) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}, nil
	}
	if err := lockUntil(f, deadline); errors.Is(err, filelock.ErrLocked) {
		f.Close() // only read
		return nil, err
	}
	return func() {
		filelock.Unlock(f) // closing unlocks, too
		f.Close()          // only read
	}, nil
}
