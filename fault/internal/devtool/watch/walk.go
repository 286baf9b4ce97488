package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// mode is what a walk does with what it finds.
type mode uint8

const (
	baseline   mode = iota // what is new is taken as it is: nothing was told of it yet
	reconsider             // the same for what git ignored so far; other new files are changes
	changed                // all files may have changed
	listed                 // only names may have changed; directories that are known are not entered
	polled                 // as listed, and files may have changed that do not look the same
)

func (m mode) shallow() bool { return m == listed || m == polled }

// A visit is a directory to be walked.
type visit struct {
	path, real string
	above      bool // the directory around it is part of a root
	inRoot     bool
	remote     bool
	before     bool // what lies in it and counted for the set before has been added since
}

// A candidate is a file that counts, unless git ignores it where that is not sure.
type candidate struct {
	d      *dir
	name   string
	kind   Kind
	sure   bool
	before bool
}

func (c candidate) path() string { return filepath.Join(c.d.path, c.name) }
func (c candidate) real() string { return filepath.Join(c.d.real, c.name) }

// A walk goes through directories, all of one depth at a time, so that git is asked seldom.
type walk struct {
	*Watcher
	mode       mode
	old        *interest // the set before
	since      time.Time
	next       []visit
	candidates []candidate
	visited    map[string]bool
	newRules   bool // what git ignores may be something else
}

// walkAll goes through everything and forgets what it did not come to.
func (w *Watcher) walkAll(m mode, old *interest, since time.Time) {
	w.walkNumber++
	k := &walk{Watcher: w, mode: m, old: old, since: since}
	k.run(k.fromBases(w.interest.bases))
	for path, d := range w.dirs {
		if d.seen == w.walkNumber {
			continue
		}
		for name := range d.files {
			f := w.files[filepath.Join(path, name)]
			if f == nil {
				continue
			}
			if _, exact := w.interest.exact[f.path]; !exact {
				w.forget(f)
			}
		}
		w.dropDir(path)
	}
	for path, f := range w.files {
		if f.seen == w.walkNumber {
			continue
		}
		_, exact := w.interest.exact[path]
		kind, _ := w.interest.kindOf(path, true)
		if kind == "" || !exact && !w.dirty[f] {
			w.forget(f)
			continue
		}
		f.kind = kind
	}
}

// fromBases makes the beginnings of a walk.
func (k *walk) fromBases(bases []string) []visit {
	var visits []visit
	for _, base := range bases {
		real, err := filepath.EvalSymlinks(base)
		if err != nil {
			k.gone(base)
			continue
		}
		name := remote(real)
		if name != "" && k.fs != nil {
			k.say(fmt.Sprintf("%s lies on a network file system (%s), where not every change is notified of, so it is also looked at once a second.", base, name))
		}
		k.git.discover(real)
		before := k.old != nil && slices.Contains(k.old.bases, base)
		visits = append(visits, visit{path: base, real: real, remote: name != "", before: before})
	}
	return visits
}

// fromPaths makes the beginnings of a walk through directories below others that are known.
func (k *walk) fromPaths(paths []string) []visit {
	var visits []visit
	for _, path := range paths {
		if slices.Contains(k.interest.bases, path) {
			visits = append(visits, k.fromBases([]string{path})...)
			continue
		}
		info, err := os.Lstat(path)
		parent := k.dirs[filepath.Dir(path)]
		if err != nil || parent == nil {
			k.gone(path)
			continue
		}
		if v, ok := k.child(parent, filepath.Base(path), info.Mode()); ok {
			visits = append(visits, v)
		} else {
			k.gone(path)
		}
	}
	return visits
}

// child makes the visit of a directory in another.
func (k *walk) child(d *dir, name string, mode fs.FileMode) (v visit, ok bool) {
	v = visit{path: filepath.Join(d.path, name), real: filepath.Join(d.real, name), above: d.inRoot, remote: d.remote}
	if mode.IsDir() {
		return v, true
	}
	if mode&fs.ModeSymlink == 0 {
		return v, false
	}
	if info, err := os.Stat(v.real); err != nil || !info.IsDir() {
		return v, false
	}
	var err error
	if v.real, err = filepath.EvalSymlinks(v.real); err != nil {
		return v, false
	}
	for up := d; up != nil; up = k.dirs[filepath.Dir(up.path)] { // a link to where it lies would never end
		if up.real == v.real {
			return v, false
		}
	}
	named, _ := k.interest.enters(v.path, false)
	for root := range k.interest.roots {
		if named {
			break
		}
		if r := k.dirs[root]; r != nil {
			if _, inside := below(v.real, r.real); inside { // it is watched by its own name
				return v, false
			}
		}
	}
	v.remote = v.remote || remote(v.real) != ""
	return v, true
}

func (k *walk) run(level []visit) {
	k.pollStale = true
	k.visited = map[string]bool{}
	k.next = level
	for {
		k.askGit()
		for _, c := range k.candidates {
			if c.sure || !k.git.ignored[question{c.real(), false}] {
				k.note(c)
			}
		}
		level = k.allowed()
		k.next, k.candidates = nil, nil
		if len(level) == 0 {
			return
		}
		for _, v := range level {
			k.enter(v)
		}
	}
}

func (k *walk) askGit() {
	var questions []question
	for _, v := range k.next {
		if _, inRoot := k.interest.enters(v.path, v.above); inRoot && !k.interest.roots[v.path] {
			questions = append(questions, question{v.real, true})
		}
	}
	for _, c := range k.candidates {
		if !c.sure {
			questions = append(questions, question{c.real(), false})
		}
	}
	k.git.ask(questions)
}

// allowed returns the visits of the next level that are to be made.
func (k *walk) allowed() []visit {
	var level []visit
	for _, v := range k.next {
		named, inRoot := k.interest.enters(v.path, v.above)
		v.inRoot = inRoot && (k.interest.roots[v.path] || !k.git.ignored[question{v.real, true}])
		if named || v.inRoot {
			level = append(level, v)
		}
	}
	return level
}

// enter watches a directory, and then looks at what is in it.
func (k *walk) enter(v visit) {
	if k.visited[v.path] {
		return
	}
	k.visited[v.path] = true
	d := k.dirs[v.path]
	if d != nil && d.real != v.real {
		k.gone(v.path)
		d = nil
	}
	known := d != nil
	if !known {
		d = k.addDir(v)
	}
	wasInRoot := d.inRoot
	before := k.old != nil && (known || v.before)
	d.inRoot, d.remote, d.seen = v.inRoot, v.remote, k.walkNumber
	k.notify(d)
	entries, err := os.ReadDir(v.real)
	if errors.Is(err, fs.ErrNotExist) {
		k.gone(v.path)
		return
	}
	if err != nil {
		d.polled = true
		k.say(fmt.Sprintf("The directory %s cannot be read: %v.", v.path, err))
	}
	if err == nil && known {
		k.missing(d, entries)
	}
	rules := stamp{}
	for _, e := range entries {
		switch e.Name() {
		case ".git":
			k.git.discover(v.real)
		case ".gitignore":
			if info, err := e.Info(); err == nil {
				rules = stampOf(info)
			}
		case "go.mod": // another module: its directory alone is watched, for the case that it becomes ours
			d.inRoot = d.inRoot && k.interest.roots[v.path]
		}
	}
	k.newRules = k.newRules || known && rules != d.rules
	d.rules = rules
	for _, e := range entries {
		path := filepath.Join(d.path, e.Name())
		if e.Type()&(fs.ModeDir|fs.ModeSymlink) != 0 {
			if named, inRoot := k.interest.enters(path, d.inRoot); named || inRoot {
				if sub, ok := k.child(d, e.Name(), e.Type()); ok {
					_, knownSub := k.dirs[path]
					if before && !knownSub {
						oldNamed, oldInRoot := k.old.enters(path, wasInRoot || v.before)
						sub.before = oldNamed || oldInRoot
					}
					if !knownSub || !k.mode.shallow() {
						k.next = append(k.next, sub)
					}
					continue
				}
			}
			if e.IsDir() {
				continue
			}
		}
		if kind, sure := k.interest.kindOf(path, d.inRoot); kind != "" {
			c := candidate{d: d, name: e.Name(), kind: kind, sure: sure}
			if before {
				oldKind, _ := k.old.kindOf(path, wasInRoot || v.before)
				c.before = oldKind != ""
			}
			k.candidates = append(k.candidates, c)
		}
	}
}

// missing finds what is no longer in a directory.
func (w *Watcher) missing(d *dir, entries []fs.DirEntry) {
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.Name()] = true
	}
	for name := range d.files {
		if f := w.files[filepath.Join(d.path, name)]; !there[name] && f != nil && f.current.state != absent {
			w.touch(f, time.Now())
		}
	}
	for name := range d.subs {
		if !there[name] {
			w.gone(filepath.Join(d.path, name))
		}
	}
}

// note takes up a file that a walk came to.
func (k *walk) note(c candidate) {
	f := k.files[c.path()]
	if f != nil {
		f.kind, f.seen = c.kind, k.walkNumber
		c.d.files[c.name] = true
		switch {
		case k.mode == changed:
			k.touch(f, time.Now())
		case k.mode == polled && !f.unchanged():
			k.suspect(f)
		}
		return
	}
	f = k.newFile(c.path(), c.kind)
	taken := k.mode == baseline && !c.before || k.mode == reconsider && k.git.wasIgnored(c.real())
	if !taken {
		k.touch(f, time.Now())
		return
	}
	k.load(f)
	if !k.since.IsZero() && f.writtenAfter(k.since) {
		f.reported.state = unknown
		k.touch(f, time.Now())
		return
	}
	k.told(f)
}
