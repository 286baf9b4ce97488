package watch

import (
	"os"
	"time"
)

// Doubt is for a build that began at since: what it has read of a file may be gone again, so that the file is what was
// told of it, and the build is not of it. Such files are told as changes, with Doubted, once they have settled. They are those
// that were seen to be something else meanwhile and, if the build has failed, those that were replaced, written or are missing.
// What was told since is in no doubt: the caller knows of it. Doubt reports whether there are any.
func (w *Watcher) Doubt(since time.Time, failed bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.interest == nil || w.life.Err() != nil {
		return false
	}
	w.take()
	doubts := false
	for _, f := range w.files {
		if f.kind != Go && f.kind != Module && f.kind != Embedded && f.kind != Test {
			continue
		}
		if f.doubted || f.toldAt.After(since) || f.reported.state != present {
			continue
		}
		if f.differed.After(since) || failed && f.replacedAfter(since) {
			f.doubted, doubts = true, true
			w.touch(f, time.Now())
		}
	}
	if doubts {
		w.wakeUp()
	}
	return doubts
}

// replacedAfter reports whether the file was written or moved to its place after that time, or is not there. The clock of a file
// system is late by a few milliseconds: what was written right after that time is not seen.
func (f *file) replacedAfter(t time.Time) bool {
	info, err := os.Stat(f.path)
	if err != nil {
		return true
	}
	s := stampOf(info)
	return max(s.mtime, s.changed) > t.UnixNano()
}
