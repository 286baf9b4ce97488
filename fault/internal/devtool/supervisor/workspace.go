package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"example.org/microblog/fault/internal/filelock"
)

const (
	workspacePattern = "fault-run-*"
	workspaceLock    = "lock"
	// unlockedFor is how long nothing has been put into a workspace that counts as left behind.
	unlockedFor = time.Minute
)

// workspace is the temporary directory of one `fault run`, for binaries and sockets. Its lock ends with the process, so that
// the next one can tell what was left behind by one that was killed.
type workspace struct {
	dir  string
	lock *os.File
}

func newWorkspace() (_ *workspace, err error) {
	sweepWorkspaces()
	w := new(workspace)
	if w.dir, err = os.MkdirTemp("", workspacePattern); err != nil {
		return nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	if w.lock, err = os.Create(filepath.Join(w.dir, workspaceLock)); err == nil {
		if err = filelock.Try(w.lock); errors.Is(err, errors.ErrUnsupported) {
			err = nil // then it is left to the system to remove what is left behind
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking the temporary directory: %w", err), w.remove())
	}
	return w, nil
}

func (w *workspace) remove() error {
	if w.lock != nil {
		_ = w.lock.Close() // nothing was written to it
	}
	if err := os.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("removing the temporary directory: %w", err)
	}
	return nil
}

// sweepWorkspaces removes what was left behind by those that were killed. What it cannot remove is another user's.
func sweepWorkspaces() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), workspacePattern))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		if abandoned(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}

func abandoned(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	if time.Since(info.ModTime()) < unlockedFor {
		return false // it may be about to be locked
	}
	lock, err := os.OpenFile(filepath.Join(dir, workspaceLock), os.O_RDWR, 0)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer lock.Close() // only to try its lock
	return filelock.Try(lock) == nil
}
