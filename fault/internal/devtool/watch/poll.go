package watch

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// poll looks at what the system does not notify about, when it is time to. It returns when that is next.
func (w *Watcher) poll(now time.Time) (next time.Time) {
	if w.pollStale {
		w.pollStale = false
		w.polling = w.needsPolling()
		if w.pollAt.IsZero() || !w.pollAt.After(now) && !w.polling {
			w.pollAt = now.Add(w.every)
		}
	}
	if !w.polling {
		return now.Add(time.Hour)
	}
	if now.Before(w.pollAt) {
		return w.pollAt
	}
	w.lookAround()
	w.wakeUp() // what was found is to settle
	// Looking may itself take long; the time in between is not less.
	w.pollAt = time.Now().Add(w.every)
	return w.pollAt
}

func (w *Watcher) needsPolling() bool {
	if w.interest == nil {
		return false
	}
	for _, d := range w.dirs {
		if d.polled {
			return true
		}
	}
	for _, f := range w.files {
		if f.astray {
			return true
		}
	}
	for _, base := range w.interest.bases {
		if w.dirs[base] == nil {
			return true
		}
	}
	return false
}

func (w *Watcher) lookAround() {
	var elsewhere []string // symbolic links to directories that were pointed elsewhere
	for _, d := range w.dirs {
		parent := w.dirs[filepath.Dir(d.path)]
		if !d.polled || parent != nil && filepath.Join(parent.real, filepath.Base(d.path)) == d.real {
			continue
		}
		if real, err := filepath.EvalSymlinks(d.path); err == nil && real != d.real {
			elsewhere = append(elsewhere, d.path)
		}
	}
	if len(elsewhere) > 0 {
		slices.Sort(elsewhere)
		k := &walk{Watcher: w, mode: changed}
		k.run(k.fromPaths(elsewhere))
	}
	k := &walk{Watcher: w, mode: polled}
	var visits []visit
	for _, d := range w.dirs {
		if !d.polled {
			continue
		}
		info, err := os.Stat(d.path)
		if err != nil || !info.IsDir() {
			w.gone(d.path)
			continue
		}
		parent := w.dirs[filepath.Dir(d.path)]
		visits = append(visits, visit{path: d.path, real: d.real, above: parent != nil && parent.inRoot, remote: d.remote})
	}
	k.run(visits)
	if k.newRules {
		w.newRules()
	}
	var appeared []string
	for _, base := range w.interest.bases {
		if w.dirs[base] == nil {
			if info, err := os.Stat(base); err == nil && info.IsDir() {
				appeared = append(appeared, base)
			}
		}
	}
	if len(appeared) > 0 {
		k := &walk{Watcher: w, mode: changed}
		k.run(k.fromBases(appeared))
	}
	for _, f := range w.files {
		if f.astray {
			w.suspect(f)
		}
	}
}

// suspect looks at a file of which nobody can say whether it has changed. If it is being waited for, that is not
// prolonged for nothing.
func (w *Watcher) suspect(f *file) {
	if !w.dirty[f] {
		w.touch(f, time.Now())
		return
	}
	last := f.current
	w.load(f)
	if f.judge(); f.current != last {
		w.touch(f, time.Now())
	}
}
