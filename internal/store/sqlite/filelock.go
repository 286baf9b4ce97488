package sqlite

import (
	"context"
	"fmt"
	"os"
	"time"
)

// lockPoll is how often a lock is tried for that somebody else has.
const lockPoll = 10 * time.Millisecond

// lockFile waits for an exclusive lock on the file at path, which it creates
// if need be and never removes. The lock ends with unlock or with the process.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock file: %w", err)
	}
	for {
		ok, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if ok {
			return func() { f.Close() }, nil
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for the lock on %s, which another process holds: %w", path, ctx.Err())
		}
	}
}
