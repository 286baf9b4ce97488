package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"example.org/microblog/fault/internal/filelock"
)

// backup returns the name of the nth rotated file.
func backup(path string, n int) string { return path + "." + strconv.Itoa(n) }

// makeRoom rotates the full file. If that is impossible, the file may grow
// beyond its limit, and rotating is tried again when retryEvery has passed;
// only if it has grown too far already, there is an error.
func (d *disk) makeRoom() error {
	if time.Now().Before(d.rotateAt) {
		return fmt.Errorf("it has grown to %d times its limit, because %w", overrun, d.stuck)
	}
	err := d.rotate()
	if errors.Is(err, filelock.ErrLocked) {
		return err
	}
	d.stuck = err
	if err != nil {
		d.rotateAt = time.Now().Add(retryEvery)
	}
	return nil
}

// rotate makes room for the next record: it moves the locked file to PATH.1 and
// begins a new one, or empties the file where no backups are kept. The new file
// is not locked yet.
//
// The file's lock keeps out everybody who writes to the same file. That would
// be enough if nobody ever moved it away from outside: then others begin a new
// file, and may fill and rotate it meanwhile. So the directory is locked as
// well, where the system has such locks. Nobody waits for a file's lock while
// holding the directory's.
func (d *disk) rotate() error {
	if d.backups == 0 {
		d.size = 0
		if err := d.file.Truncate(0); err != nil {
			return fmt.Errorf("emptying it fails: %w", err)
		}
		return nil
	}
	unlock, err := lockDir(filepath.Dir(d.path), time.Now().Add(patience))
	if err != nil {
		return fmt.Errorf("rotating: %w", err)
	}
	defer unlock()
	info, err := os.Stat(d.path)
	if err == nil && !os.SameFile(info, d.id) {
		d.close()
		return nil
	}
	if err == nil {
		err = shift(d.path, d.backups)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // which means that somebody has moved it away
		return fmt.Errorf("rotating it fails: %w", err)
	}
	next, err := openNew(d.path, true)
	d.close()
	if err != nil {
		return nil // somebody else has begun it, or the next append says why not
	}
	if info != nil {
		next.Chmod(info.Mode().Perm()) // best effort
		takeOwner(next, info)
	}
	return d.use(next, true)
}

// shift moves PATH to PATH.1 after moving up those in its way, the oldest
// first: up to the first free number, or else onto the last. Each step is one
// rename that leaves every file with exactly one name, so whoever finds the
// work of somebody killed in between finds at most a free number, and fills it.
func shift(path string, backups int) error {
	free := 1
	for free < backups {
		if _, err := os.Lstat(backup(path, free)); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		free++
	}
	for n := free - 1; n >= 1; n-- {
		err := replace(backup(path, n), backup(path, n+1))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return replace(path, backup(path, 1))
}
