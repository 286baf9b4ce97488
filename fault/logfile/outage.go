package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"example.org/microblog/fault/internal/filelock"
)

// quietFor keeps stderr from being flooded by a disk that is full, has room for
// one record and is full again: this long after an outage was told to be over,
// a new one is not told yet.
const quietFor = time.Minute

// outage is a time in which writing fails.
type outage struct {
	err   error
	since time.Time
}

// bulletin keeps the books on what has been said about lost records. File.io
// guards it.
type bulletin struct {
	lines    []string  // for stderr, once unlocked
	last     outage    // the present or the last one
	noted    int64     // lost records that the log has a note about
	told     int64     // lost records that stderr knows the number of
	from     time.Time // when the losses began that stderr does not know the number of
	alarmed  bool      // stderr knows that writing fails and not yet that it works
	quiet    time.Time // until then stderr is left alone
	unlocked bool      // stderr knows that there are no locks here

	stuck      bool      // stderr knows that the file cannot be rotated
	stuckQuiet time.Time // until then it is not told so again
}

// say keeps a line for stderr. f.io is held.
func (f *File) say(format string, args ...any) {
	line := appendLine(nil, "log file "+f.path+" "+fmt.Sprintf(format, args...))
	f.news.lines = append(f.news.lines, string(append(line, '\n')))
}

// withNote returns the records of b behind a note that says how many are
// missing.
func (f *File) withNote(b *batch, missing int64) *batch {
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "Log records were not written", 0)
	r.AddAttrs(
		slog.Int64("records", missing),
		slog.Time("since", f.news.last.since),
		slog.String("reason", f.reason(f.news.last.err)),
	)
	s := newScratch()
	defer s.free()
	(*f.format.Load())(s, r)
	all := &batch{}
	all.add(s.buf)
	for i := range b.ends {
		all.add(b.buf[b.start(i):b.ends[i]])
	}
	return all
}

// rotates tells stderr when the file cannot be rotated, and when it can again.
// f.io is held.
func (f *File) rotates() {
	n := &f.news
	err := f.disk.stuck
	if (err != nil) == n.stuck {
		return
	}
	now := time.Now()
	if err == nil {
		n.stuck, n.stuckQuiet = false, now.Add(quietFor)
		f.say("is rotated again.")
		return
	}
	if now.Before(n.stuckQuiet) {
		return
	}
	n.stuck = true
	f.say("cannot be rotated: %s. %s Until then it grows beyond its limit, up to %d times that; what does not fit then is dropped and counted.",
		f.reason(err), remedy(err), overrun)
}

// fails begins an outage, or goes on with the one there is, and sees to the
// next try. f.io is held.
func (f *File) fails(err error) {
	now := time.Now()
	n := &f.news
	if f.failing.Load() == nil {
		n.last.since = now
		if n.from.IsZero() {
			n.from = now
		}
	}
	n.last.err = err
	if !n.alarmed && !now.Before(n.quiet) {
		n.alarmed = true
		f.say("cannot be written: %s. %s Until then log records are dropped and counted; nothing else is held up.",
			f.reason(err), remedy(err))
	}
	f.failing.Store(&outage{err: fmt.Errorf("writing the log: %w", err), since: n.last.since})
	f.mu.Lock()
	f.arm(retryEvery)
	f.mu.Unlock()
}

// works ends an outage, if there is one, and tells stderr the number of lost
// records, if it is time to. f.io is held.
func (f *File) works() {
	n := &f.news
	if f.failing.Load() != nil {
		f.failing.Store(nil)
	}
	if f.disk.unlockable && !n.unlocked {
		n.unlocked = true
		f.say("is on a file system without locks: only one process may write to it.")
	}
	if !n.alarmed && f.lost.Load() == n.told {
		return
	}
	now := time.Now()
	if !n.alarmed && now.Before(n.quiet) {
		return
	}
	f.say("is written again; %s.", f.losses())
	n.alarmed, n.quiet = false, now.Add(quietFor)
}

// sayLast tells at Close what stderr does not know yet.
func (f *File) sayLast() {
	if f.news.alarmed || f.lost.Load() > f.news.told {
		f.say("is closed; %s.", f.losses())
	}
}

// losses words the number of lost records that stderr does not know of, which
// it then does.
func (f *File) losses() string {
	lost := f.lost.Load()
	missing, from := lost-f.news.told, f.news.from
	if from.IsZero() {
		from = f.news.last.since
	}
	f.news.told, f.news.from = lost, time.Time{}
	switch missing {
	case 0:
		return "no record was lost"
	case 1:
		return "1 record was not written since " + from.Format(time.DateTime)
	}
	return fmt.Sprintf("%d records were not written since %s", missing, from.Format(time.DateTime))
}

// reason words an error without naming the log file again.
func (f *File) reason(err error) string {
	if p := (*fs.PathError)(nil); errors.As(err, &p) && p.Path == f.path {
		return p.Op + ": " + p.Err.Error()
	}
	return err.Error()
}

// What to do, where the system's error codes tell; see systemRemedy.
const (
	remedyPath     = "Check that each part of its path is a directory that can be created."
	remedyFull     = "Free space on that disk, or raise the quota or limit."
	remedyReadOnly = "Make that file system writable."
	remedyHandles  = "Raise the limit on open files, or find out what leaves them open."
)

// remedy says what to do about an error.
func remedy(err error) string {
	switch {
	case errors.Is(err, filelock.ErrLocked):
		return "Another process holds its lock, perhaps one that is stopped: let it go on, or end it."
	case errors.Is(err, errDirectory):
		return "Remove that directory, or choose another file name."
	case errors.Is(err, fs.ErrPermission):
		return "Give this program's user permission to write the file and its directory."
	case errors.Is(err, fs.ErrNotExist):
		return remedyPath
	}
	if text := systemRemedy(err); text != "" {
		return text
	}
	return "Check that disk and directory."
}
