package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A dir is a directory that is watched.
type dir struct {
	path   string
	real   string // without symbolic links
	inRoot bool   // it is part of a root, and git does not ignore it
	remote bool   // it lies on a file system that others may change without notice
	polled bool
	files  map[string]bool // the names of files that count
	subs   map[string]bool
	seen   uint64
	rules  stamp // of its .gitignore
}

// newFile takes up a file of which nothing was told: for all that is known it does not exist.
func (w *Watcher) newFile(path string, kind Kind) *file {
	f := &file{path: path, kind: kind, reported: fingerprint{state: absent}, seen: w.walkNumber}
	w.files[path] = f
	if d := w.dirs[filepath.Dir(path)]; d != nil {
		d.files[filepath.Base(path)] = true
	}
	return f
}

func (w *Watcher) forget(f *file) {
	delete(w.files, f.path)
	delete(w.dirty, f)
	w.setHops(f, nil)
	if d := w.dirs[filepath.Dir(f.path)]; d != nil {
		delete(d.files, filepath.Base(f.path))
	}
}

// forgetAbsent forgets a file that does not exist, unless it is awaited: because the set names it, or because
// there is a symbolic link that leads to nothing yet.
func (w *Watcher) forgetAbsent(f *file) {
	_, exact := w.interest.exact[f.path]
	if f.current.state == absent && !exact && len(f.hops) == 0 && !f.astray {
		w.forget(f)
	}
}

func (w *Watcher) addDir(v visit) *dir {
	d := &dir{path: v.path, real: v.real, files: map[string]bool{}, subs: map[string]bool{}}
	w.dirs[v.path] = d
	w.byReal[v.real] = append(w.byReal[v.real], v.path)
	if parent := w.dirs[filepath.Dir(v.path)]; parent != nil && parent != d {
		parent.subs[filepath.Base(v.path)] = true
	}
	return d
}

// dropDir ends the watching of a directory, without what is in it.
func (w *Watcher) dropDir(path string) {
	d := w.dirs[path]
	delete(w.dirs, path)
	w.pollStale = true
	if parent := w.dirs[filepath.Dir(path)]; parent != nil {
		delete(parent.subs, filepath.Base(path))
	}
	names := slices.DeleteFunc(w.byReal[d.real], func(name string) bool { return name == path })
	if len(names) == 0 {
		delete(w.byReal, d.real)
	} else {
		w.byReal[d.real] = names
	}
	w.unwatch(d.real)
}

// gone takes note that there is no such directory, or that it is another one now.
func (w *Watcher) gone(path string) {
	d := w.dirs[path]
	if d == nil {
		return
	}
	for name := range d.subs {
		w.gone(filepath.Join(path, name))
	}
	for name := range d.files {
		if f := w.files[filepath.Join(path, name)]; f != nil {
			w.touch(f, time.Now())
		}
	}
	w.dropDir(path)
}

// notify has the system notify of changes in a directory.
func (w *Watcher) notify(d *dir) {
	d.polled = d.remote || w.fs == nil
	if w.fs != nil && !w.watchReal(d.real) {
		d.polled = true
	}
}

// watchReal reports whether the system notifies of changes in the directory, or it does not exist. What is watched
// already is left alone: should there be another directory of that name by now, the notification of that is on its way.
func (w *Watcher) watchReal(real string) bool {
	if w.watched[real] {
		return true
	}
	err := w.fs.Add(real)
	switch {
	case err == nil:
		w.watched[real] = true
	case errors.Is(err, fs.ErrNotExist), w.life.Err() != nil:
	case exhausted(err):
		w.say(fmt.Sprintf("Not every directory can be watched: %s. The others are looked at once a second.", explain(err)))
		return false
	default:
		w.say(fmt.Sprintf("The directory %s cannot be watched: %v. It is looked at once a second.", real, err))
		return false
	}
	return true
}

// unwatch ends notifications for a directory that nothing needs any more.
func (w *Watcher) unwatch(real string) {
	if !w.watched[real] || len(w.byReal[real]) > 0 {
		return
	}
	for hop := range w.targets {
		if filepath.Dir(hop) == real {
			return
		}
	}
	delete(w.watched, real)
	_ = w.fs.Remove(real) // it may have gone by itself
}

// lost takes note that a directory was moved or removed. The system goes on notifying about what is in a directory
// that was moved, by its old name, and takes a directory that it knows by one name under no other; so all watches
// there are given up, and set anew.
func (w *Watcher) lost(real string) {
	prefix := real + string(filepath.Separator)
	for path := range w.watched {
		if path != real && !strings.HasPrefix(path, prefix) {
			continue
		}
		delete(w.watched, path)
		_ = w.fs.Remove(path)
		w.touchLinksInto(path)
	}
}

// touchLinksInto takes note that files may have changed that are symbolic links into a directory.
func (w *Watcher) touchLinksInto(real string) {
	for hop, files := range w.targets {
		if filepath.Dir(hop) == real {
			for f := range files {
				w.touch(f, time.Now())
			}
		}
	}
}
