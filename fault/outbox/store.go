package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The directories below Options.Dir. A mail goes from tmp to waiting; its outcome from tmp to
// settled, and when it is forgotten to kept, where it stays for a while so that its Key is known.
// The outcome is written before the mail is removed: whoever finds both removes the mail.
const (
	dirTmp     = "tmp"
	dirWaiting = "waiting"
	dirSettled = "settled"
	dirKept    = "kept"
	dirAside   = "aside"
	serverFile = "server"
)

// The suffixes of files. Whether a mail was delivered can be told by the name of its outcome.
const (
	mailSuffix      = ".mail"
	stateSuffix     = ".state"
	deliveredSuffix = ".delivered"
	givenUpSuffix   = ".givenup"
)

// store is the directory.
type store struct{ dir string }

func (s store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

func (s store) make() error {
	for _, dir := range []string{"", dirTmp, dirWaiting, dirSettled, dirKept, dirAside} {
		if err := os.MkdirAll(s.path(dir), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// write puts content into the file dir/name, whole or not at all. With durable it is on the disk
// when write returns nil. With once a file that exists is left alone, and made is false.
func (s store) write(dir, name string, content []byte, durable, once bool) (made bool, err error) {
	f, err := os.CreateTemp(s.path(dirTmp), name+".*")
	if err != nil {
		return false, err
	}
	tmp, target := f.Name(), s.path(dir, name)
	defer func() {
		if err != nil || once {
			os.Remove(tmp)
		}
	}()
	_, err = f.Write(content)
	if err == nil && durable {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return false, err
	}
	if once {
		switch err := os.Link(tmp, target); {
		case err == nil:
			return true, s.sync(dir)
		case errors.Is(err, fs.ErrExist):
			return false, s.sync(dir)
		}
		// No hard links here.
		if _, err := os.Lstat(target); err == nil {
			return false, s.sync(dir)
		}
	}
	if err := replace(tmp, target); err != nil {
		return false, err
	}
	if !durable {
		return true, nil
	}
	return true, s.sync(dir)
}

// sync makes the names in a directory durable.
func (s store) sync(dir string) error { return syncDir(s.path(dir)) }

// outcomePlaces are where a mail's outcome may be.
func outcomePlaces(name string) [4][2]string {
	return [4][2]string{
		{dirSettled, name + deliveredSuffix}, {dirSettled, name + givenUpSuffix},
		{dirKept, name + deliveredSuffix}, {dirKept, name + givenUpSuffix},
	}
}

// settled says whether the mail of that name has an outcome.
func (s store) settled(name string) (bool, error) {
	for _, place := range outcomePlaces(name) {
		if found, err := exists(s.path(place[0], place[1])); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// settle writes an outcome. The mail is still there then.
func (s store) settle(name string, o outcome) error {
	suffix := givenUpSuffix
	if o.Delivered {
		suffix = deliveredSuffix
	}
	content, err := encodeJSON(kindOutcome, o)
	if err != nil {
		return err
	}
	if _, err := s.write(dirSettled, name+suffix, content, true, false); err != nil {
		return err
	}
	// Its age counts from its end, by the outbox's own clock.
	os.Chtimes(s.path(dirSettled, name+suffix), o.At, o.At)
	return nil
}

// remove removes a mail that has an outcome.
func (s store) remove(name string) error {
	err := os.Remove(s.path(dirWaiting, name+mailSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if stateErr := os.Remove(s.path(dirWaiting, name+stateSuffix)); err == nil && !errors.Is(stateErr, fs.ErrNotExist) {
		err = stateErr
	}
	return err
}

// setAside moves a file out of the way. It is kept, because somebody may know what it is.
func (s store) setAside(dir, name string, now time.Time) (to string, err error) {
	to = filepath.Join(dirAside, fmt.Sprintf("%s.%d", name, now.UnixNano()))
	return to, os.Rename(s.path(dir, name), s.path(to))
}

// names lists a directory without what is hidden (network file systems keep such files for a while).
func (s store) names(dir string) ([]fs.DirEntry, error) {
	all, err := os.ReadDir(s.path(dir))
	kept := all[:0]
	for _, entry := range all {
		if !strings.HasPrefix(entry.Name(), ".") {
			kept = append(kept, entry)
		}
	}
	return kept, err
}

// sweep removes the files of a directory that are older than that.
func (s store) sweep(dir string, before time.Time) error {
	entries, err := s.names(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || !info.ModTime().Before(before) {
			continue
		}
		if err := os.Remove(s.path(dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
