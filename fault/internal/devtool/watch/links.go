package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// mostHops is how many symbolic links are followed.
const mostHops = 40

// load reads a file, and has the system notify of changes in the directories that it is a symbolic link into.
func (w *Watcher) load(f *file) {
	w.follow(f)
	f.load()
	f.read = true
	if f.current != f.reported {
		f.differed = f.readAt
	}
}

// told takes what was read last as told.
func (w *Watcher) told(f *file) {
	f.reported, f.newline, f.content = f.current, f.ended, nil
	f.toldAt, f.doubted = time.Now(), false
}

func (w *Watcher) follow(f *file) {
	astray := f.astray
	f.astray = false
	info, err := os.Lstat(f.path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		w.setHops(f, nil)
	} else {
		hops, whole := resolve(f.path)
		f.astray = !whole
		w.setHops(f, hops)
		for _, hop := range hops {
			if w.fs != nil && !w.watchReal(filepath.Dir(hop)) {
				f.astray = true
			}
		}
	}
	w.pollStale = w.pollStale || f.astray != astray
}

// resolve returns where a symbolic link leads to, one path for each link. If a directory is missing on the way, it is not whole.
func resolve(path string) (hops []string, whole bool) {
	for range mostHops {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return hops, false
		}
		path = filepath.Join(dir, filepath.Base(path))
		hops = append(hops, path)
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		path = filepath.Clean(target)
	}
	return hops[1:], true
}

func (w *Watcher) setHops(f *file, hops []string) {
	if slices.Equal(f.hops, hops) {
		return
	}
	old := f.hops
	f.hops = hops
	for _, hop := range hops {
		if w.targets[hop] == nil {
			w.targets[hop] = map[*file]bool{}
		}
		w.targets[hop][f] = true
	}
	for _, hop := range old {
		if slices.Contains(hops, hop) {
			continue
		}
		delete(w.targets[hop], f)
		if len(w.targets[hop]) == 0 {
			delete(w.targets, hop)
			w.unwatch(filepath.Dir(hop))
		}
	}
}
