package watch

import (
	"fmt"
	"path/filepath"
)

// Reported is what was last told of a file: the sum of its content, or "absent".
func (w *Watcher) Reported(path string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.files[path]
	if f == nil || f.reported.state == absent {
		return "absent"
	}
	return fmt.Sprintf("%x", f.reported.sum)
}

// Differs tells whether a file was read, and is not what was last told of it.
func (w *Watcher) Differs(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.files[path]
	return f != nil && f.read && f.current != f.reported
}

// Stall keeps notifications from being taken, so that they overflow in the system, until resume is called.
func (w *Watcher) Stall() (resume func()) {
	w.queue.mu.Lock()
	return w.queue.mu.Unlock
}

// Polled are the directories that are looked at every so often.
func (w *Watcher) Polled() (polled, all int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.dirs {
		if d.polled {
			polled++
		}
	}
	return polled, len(w.dirs)
}

// MatchExtra matches a pattern of Set.Extra below the root.
func MatchExtra(pattern, root, path string) (matches, leads bool, err error) {
	g, err := newGlob(pattern, root)
	if err != nil {
		return false, false, err
	}
	matches, leads = g.match(filepath.Clean(path))
	return matches, leads, nil
}

// MatchEmbed matches a pattern of go:embed.
func MatchEmbed(pattern, dir, path string) (matches, leads, valid bool) {
	e, valid := newEmbedding(dir, pattern)
	if !valid {
		return false, false, false
	}
	matches, leads = e.match(filepath.Clean(path))
	return matches, leads, true
}
