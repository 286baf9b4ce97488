package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lockPatience is how long the lock of a log file may be held by others; it takes microseconds.
const lockPatience = 500 * time.Millisecond

// log looks at the log file and its backups.
func (d *doctor) log(context.Context) {
	d.logFile(filepath.Join(d.cfg.LogDir, "microblog.log"), "LOG", d.cfg.LogMaxBytes, d.cfg.LogBackups)
}

// accessLog looks at the access log.
func (d *doctor) accessLog(context.Context) {
	switch access := d.cfg.AccessLog; {
	case access.Off():
		d.okf("It is off.")
	case access.Stdout:
		d.okf("It goes to standard output.")
	default:
		d.logFile(access.Path, "ACCESS", d.cfg.AccessMaxBytes, d.cfg.AccessBackups)
	}
}

// logFile tells whether a log can be written and rotated. setting is how the names of its settings
// begin.
func (d *doctor) logFile(path, setting string, maxBytes int64, backups int) {
	where := map[string]string{"LOG": "LOG_DIR", "ACCESS": "ACCESS_LOG"}[setting]
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if at, _, err := existing(filepath.Dir(path)); err != nil || mayWrite(at) != nil {
			d.add(wrong, path+" does not exist and cannot be made.", "The line about its directory above says why; the setting is "+where+".")
			return
		}
		d.okf("%s does not exist yet; it will be made.", path)
		return
	case err != nil:
		d.add(wrong, fmt.Sprintf("%s cannot be looked at: %v.", path, cause(err)), "Correct the rights, or choose another place with the setting "+where+".")
		return
	case info.IsDir():
		d.add(wrong, path+" is a directory.", "Move it away, or choose another place with the setting "+where+".")
		return
	case !info.Mode().IsRegular():
		d.okf("%s is no regular file; it is written to as it is and never rotated.", path)
		return
	}
	if err := mayWrite(path); err != nil {
		d.add(wrong, fmt.Sprintf("%s cannot be written to: %v.", path, cause(err)), "Give it to the user that runs Microblog; a start as another user, such as root, may have made it.")
		return
	}
	d.newest.see(info.ModTime(), path)
	if maxBytes > 0 && backups > 0 {
		if err := mayWrite(filepath.Dir(path)); err != nil {
			d.add(wrong, fmt.Sprintf("%s cannot be rotated, because no files can be made beside it: %v. It grows to ten times its size and then loses records.", path, cause(err)),
				"Give the directory to the user that runs Microblog.")
			return
		}
	}
	if !d.logLock(path, where) {
		return
	}
	kept, total := backupsOf(path)
	text := fmt.Sprintf("%s holds %s and was last written %s", path, size(uint64(info.Size())), ago(d.now().Sub(info.ModTime())))
	switch {
	case maxBytes == 0:
		d.add(warning, text+". It is never rotated, because "+setting+"_MAX_BYTES is 0.", "Give "+setting+"_MAX_BYTES a size, unless another program rotates it.")
	case info.Size() > 2*maxBytes:
		d.add(warning, fmt.Sprintf("%s, which is more than the %s at which it is rotated.", text, size(uint64(maxBytes))),
			"If it stays so with Microblog running, look for messages on its standard error.")
	default:
		d.okf("%s; it is rotated at %s, and %d of %d backups hold %s.", text, size(uint64(maxBytes)), kept, backups, size(uint64(total)))
	}
}

// logLock tells whether records can be written now. Processes hold the file's lock for microseconds,
// unless one was stopped while it had it.
func (d *doctor) logLock(path, where string) bool {
	for end := time.Now().Add(lockPatience); ; time.Sleep(5 * time.Millisecond) {
		free, err := lockFree(path)
		switch {
		case err != nil:
			d.add(warning, fmt.Sprintf("%s cannot be locked: %v. Two processes that share it could disturb each other.", path, cause(err)),
				"Use a local disk with the setting "+where+".")
			return true
		case free:
			return true
		case time.Now().After(end):
			who := "Another process holds"
			if pid := lockHolder(path); pid != "" {
				who = "The process " + pid + " holds"
			}
			d.add(wrong, who+" the lock of "+path+", so that no record can be written.", "It may be stopped: let it go on (kill -CONT) or end it.")
			return false
		}
	}
}

// backupsOf counts the rotated files of a log, and their bytes.
func backupsOf(path string) (count int, total int64) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return 0, 0
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if !ok || number == "" || strings.Trim(number, "0123456789") != "" {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			count, total = count+1, total+info.Size()
		}
	}
	return count, total
}

// ago says how long ago something was, for people.
func ago(d time.Duration) string {
	unit := func(n time.Duration, name string) string {
		if n == 1 {
			return "1 " + name + " ago"
		}
		return fmt.Sprintf("%d %ss ago", n, name)
	}
	switch {
	case d < -time.Second:
		return "in the future"
	case d < 2*time.Second:
		return "just now"
	case d < 2*time.Minute:
		return unit(d/time.Second, "second")
	case d < 2*time.Hour:
		return unit(d/time.Minute, "minute")
	case d < 48*time.Hour:
		return unit(d/time.Hour, "hour")
	}
	return unit(d/(24*time.Hour), "day")
}
