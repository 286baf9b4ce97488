package watch

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// mostHints is how many notifications are kept. Above it, everything is looked at.
const mostHints = 1 << 16

// A hint is a notification of the system.
type hint struct {
	name string
	op   fsnotify.Op
	at   time.Time
}

// The queue takes notifications at once, whatever the watcher is doing, so that the system need not drop any.
type queue struct {
	mu       sync.Mutex
	hints    []hint
	overflow bool
	wake     chan struct{}
}

func (q *queue) add(h hint) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.hints); n > 0 && q.hints[n-1].name == h.name && q.hints[n-1].op == h.op {
		q.hints[n-1].at = h.at
		return
	}
	if len(q.hints) >= mostHints {
		q.hints, q.overflow = nil, true
		return
	}
	q.hints = append(q.hints, h)
}

func (q *queue) take() (hints []hint, overflow bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	hints, overflow = q.hints, q.overflow
	q.hints, q.overflow = nil, false
	return hints, overflow
}

// listen fills the queue. It takes no other lock.
func (w *Watcher) listen() {
	for {
		select {
		case event, ok := <-w.fs.Events:
			if !ok {
				return
			}
			w.queue.add(hint{event.Name, event.Op, time.Now()})
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				w.say(fmt.Sprintf("Watching for changes has failed for a moment (%v); everything is looked at anew.", err))
			}
			w.queue.mu.Lock()
			w.queue.overflow = true
			w.queue.mu.Unlock()
		}
		w.wakeUp()
	}
}

// news are what the notifications come to.
type news struct {
	scans  map[string]mode // directories to look into: changed or listed
	fresh  []candidate
	rules  bool // a file that says what is ignored, or what is a module, has changed
	moved  bool // a directory was moved or removed
	seenAt time.Time
}

// take follows the notifications that have come.
func (w *Watcher) take() {
	hints, overflow := w.queue.take()
	if w.interest == nil {
		return
	}
	if overflow {
		w.lookAnew()
		return
	}
	n := &news{scans: map[string]mode{}}
	for _, h := range hints {
		w.heed(n, h)
	}
	w.addFresh(n)
	if n.rules {
		w.newRules()
	}
	w.scan(n.scans)
	if n.moved {
		w.verify()
	}
}

// newRules is for the case that what git ignores, or what is a module of its own, may have changed.
func (w *Watcher) newRules() {
	w.git.reconsider()
	w.walkAll(reconsider, nil, time.Time{})
	w.git.before = nil
}

// lookAnew is for the case that notifications were lost. Directories may have been moved.
func (w *Watcher) lookAnew() {
	for real := range w.watched {
		_ = w.fs.Remove(real)
	}
	clear(w.watched)
	for _, f := range w.files {
		w.touch(f, time.Now())
	}
	w.git.reconsider()
	w.walkAll(changed, nil, time.Time{})
	w.git.before = nil
}

func (w *Watcher) heed(n *news, h hint) {
	for f := range w.targets[h.name] {
		w.touch(f, h.at)
	}
	self := w.watched[h.name]
	if self && h.op.Has(fsnotify.Remove|fsnotify.Rename) || self && h.op.Has(fsnotify.Create) {
		n.moved = true
		w.lost(h.name)
		for _, path := range w.byReal[h.name] {
			n.scans[path] = changed
		}
	}
	for _, parent := range w.byReal[filepath.Dir(h.name)] {
		if d := w.dirs[parent]; d != nil && h.name != d.real {
			w.heedIn(n, d, filepath.Base(h.name), h)
		}
	}
}

// heedIn heeds a notification about a name in a directory.
func (w *Watcher) heedIn(n *news, d *dir, name string, h hint) {
	path := filepath.Join(d.path, name)
	switch name {
	case ".gitignore", ".git":
		n.rules = n.rules || name == ".gitignore" || !h.op.Has(fsnotify.Chmod|fsnotify.Write)
	case "go.mod":
		n.rules = n.rules || !w.interest.roots[d.path]
	}
	if f := w.files[path]; f != nil {
		d.files[name] = true
		w.touch(f, h.at)
	} else if kind, sure := w.interest.kindOf(path, d.inRoot); kind != "" {
		n.fresh = append(n.fresh, candidate{d: d, name: name, kind: kind, sure: sure})
		n.seenAt = h.at
	}
	switch {
	case w.dirs[path] != nil:
		if h.op.Has(fsnotify.Create | fsnotify.Remove | fsnotify.Rename) {
			n.scans[path] = changed
		} else if _, ok := n.scans[path]; !ok && h.op.Has(fsnotify.Chmod) {
			n.scans[path] = listed
		}
	case h.op.Has(fsnotify.Create):
		if named, inRoot := w.interest.enters(path, d.inRoot); named || inRoot {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				n.scans[path] = changed
			}
		}
	}
}

// addFresh takes up new files, for which git may have to be asked.
func (w *Watcher) addFresh(n *news) {
	var questions []question
	for _, c := range n.fresh {
		if !c.sure {
			questions = append(questions, question{c.real(), false})
		}
	}
	w.git.ask(questions)
	for _, c := range n.fresh {
		if w.files[c.path()] == nil && (c.sure || !w.git.ignored[question{c.real(), false}]) {
			w.touch(w.newFile(c.path(), c.kind), n.seenAt)
		}
	}
}

// scan looks into directories.
func (w *Watcher) scan(scans map[string]mode) {
	var deep, shallow []string
	for _, path := range slices.Sorted(maps.Keys(scans)) {
		if scans[path] == changed {
			deep = append(deep, path)
		} else {
			shallow = append(shallow, path)
		}
	}
	for m, paths := range map[mode][]string{changed: deep, listed: shallow} {
		if len(paths) > 0 {
			k := &walk{Watcher: w, mode: m}
			k.run(k.fromPaths(paths))
		}
	}
}

// verify makes sure, after directories were moved, that the system's watches are those that are meant, by name.
// It is inotify that goes on watching a directory after it was moved.
func (w *Watcher) verify() {
	if runtime.GOOS != "linux" {
		return
	}
	for range 3 {
		there := map[string]bool{}
		for _, real := range w.fs.WatchList() {
			there[real] = true
			if !w.watched[real] {
				_ = w.fs.Remove(real)
			}
		}
		scans := map[string]mode{}
		for real := range w.watched {
			if there[real] {
				continue
			}
			delete(w.watched, real)
			w.touchLinksInto(real)
			for _, path := range w.byReal[real] {
				scans[path] = changed
			}
		}
		if len(scans) == 0 {
			return
		}
		w.scan(scans)
	}
}
