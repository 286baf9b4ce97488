// Package watch tells which of an application's inputs have really changed: its source, its modules'
// files, what it embeds, and the templates, stylesheets and scripts that it reads from disk.
//
// What the system reports is taken as a hint only. A change is a file whose content differs from what was
// last told of it, so a touch, a save without a change, and a file that is written and written back are
// nothing. How long is waited depends on the content: a file that is whole goes at once, one that is empty,
// half written or gone waits a moment for the rest, and a change of many files is told as one.
package watch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// ErrClosed is what Next and Watch return after Close.
var ErrClosed = errors.New("the watcher is closed")

// Kind is what a file is to the application, which decides what a change of it asks for.
type Kind string

// The kinds of files.
const (
	Go       Kind = "go"       // what the compiler reads: Go, and C and assembly beside it
	Module   Kind = "module"   // go.mod, go.sum, go.work, go.work.sum
	Embedded Kind = "embedded" // linked into the binary
	Test     Kind = "test"     // a package's own test, which is embedded with the package's source
	Template Kind = "template"
	Style    Kind = "style"
	Script   Kind = "script"
	Asset    Kind = "asset" // an image, a font, or whatever else lies in a directory of Set.Live
	Env      Kind = "env"
	Other    Kind = "other" // a file of Set.Extra that is none of the above
)

// A Change is one file that is not what it was when it was last told of.
type Change struct {
	Path    string // absolute, as the Set names it or its directory
	Kind    Kind
	Removed bool // there is no such file now
	Doubted bool // it is what it was when it was told, but was something else in between: see Watcher.Doubt
}

// A Set is what is watched. All paths are absolute. They need not exist: what appears later is a change.
type Set struct {
	// Roots are the directories of modules. They are watched as trees, without what git ignores (where
	// there is no git: data, logs, tmp, bin and the like), directories that begin with a dot,
	// node_modules, vendor, testdata, and other modules. Templates, stylesheets, scripts, images and
	// fonts in them count.
	Roots []string
	// Sources are the files that are the inputs of the build. They count wherever they lie.
	Sources map[string]Kind
	// Dirs are the directories of the packages: what is new there and would be compiled counts.
	Dirs []string
	// Embeds are the patterns of go:embed: what is new and would be matched counts.
	Embeds []Embed
	// Live are the directories that the application reads from disk. Everything in them counts, as what
	// it is by its name, also where it is embedded as well.
	Live []string
	// Env are files of settings.
	Env []string
	// Extra are patterns that the user asked for. They are absolute or relative to each root; a segment is
	// as in path.Match, and ** is any number of directories. One that matches a directory means all in it.
	Extra []string
	// AnyGo lets every Go file of the roots count. It is for the time when the build graph is broken.
	AnyGo bool
	// Since is when the reading began that this set is the result of; the zero time is not known. A file
	// that nothing was known of so far and that was written later is told as changed.
	Since time.Time
}

// Embed are the patterns of one package, as they stand after go:embed. What is no pattern matches nothing: it is for
// the compiler to say so.
type Embed struct {
	Dir      string
	Patterns []string
}

// Timing is how long is waited. A zero is the default.
type Timing struct {
	Quick   time.Duration // after the last write of a file that is whole; 5 ms
	Settle  time.Duration // after the last write of one that seems not to be, and after a removal; 60 ms
	Quiet   time.Duration // after the last of many files; 80 ms
	Longest time.Duration // from the first change on, however much goes on; 2 s
	Lock    time.Duration // for git to be done with its index; 5 s
}

// Options are a Watcher's options. The zero value is usual.
type Options struct {
	// Poll is how often everything is looked at, in place of notifications of the system. 0 is to use
	// those, and to look once a second only at what they cannot be had for.
	Poll time.Duration
	// Notice, if set, is told once what somebody should know, in a sentence: that a limit of the system is
	// reached, say. It is called from any goroutine, one call at a time, and must not call the Watcher.
	Notice func(text string)
	Timing Timing
}

// A Watcher watches one Set at a time. Its methods may be called concurrently.
type Watcher struct {
	timing Timing
	every  time.Duration // how often what is polled is polled
	fs     *fsnotify.Watcher
	queue  queue
	life   context.Context
	end    context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	interest *interest
	files    map[string]*file
	dirs     map[string]*dir
	byReal   map[string][]string // a directory without symbolic links → the names by which it is known
	watched  map[string]bool     // directories without symbolic links that the system notifies about
	targets  map[string]map[*file]bool
	git      *git
	// walkNumber counts the walks through everything.
	walkNumber uint64

	dirty     map[*file]bool
	due       bool // the dirty files that differ may be told
	overdue   bool // and they may, even if they change again before that
	dueNow    chan struct{}
	begun     time.Time // when the first of the dirty files was touched
	lastTouch time.Time
	lockSeen  time.Time
	pollAt    time.Time
	polling   bool // something is not notified about
	pollStale bool // whether that is so is to be found out

	saying  sync.Mutex // for notices and said
	notices []string
	said    map[string]bool
	telling sync.Mutex // held while notice is called
	notice  func(string)
}

// New returns a Watcher that watches nothing yet. It is to be closed.
func New(o Options) (*Watcher, error) {
	if o.Poll < 0 {
		return nil, fmt.Errorf("watch: the interval for polling is %v; it must not be negative", o.Poll)
	}
	w := &Watcher{
		timing: o.Timing.withDefaults(), every: o.Poll, notice: o.Notice,
		files: map[string]*file{}, dirs: map[string]*dir{}, byReal: map[string][]string{},
		watched: map[string]bool{}, targets: map[string]map[*file]bool{}, dirty: map[*file]bool{},
		dueNow: make(chan struct{}), said: map[string]bool{},
	}
	w.queue.wake = make(chan struct{}, 1)
	w.life, w.end = context.WithCancel(context.Background())
	w.git = newGit(w.life)
	if o.Poll == 0 {
		w.every = time.Second
		var err error
		if w.fs, err = fsnotify.NewBufferedWatcher(1024); err != nil {
			w.fs = nil
			w.say(fmt.Sprintf("The system does not notify of changes (%s), so all files are looked at once a second.", explain(err)))
		} else {
			w.wg.Go(w.listen)
		}
	}
	w.wg.Go(w.loop)
	return w, nil
}

func (t Timing) withDefaults() Timing {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&t.Quick, 5*time.Millisecond)
	set(&t.Settle, 60*time.Millisecond)
	set(&t.Quiet, 80*time.Millisecond)
	set(&t.Longest, 2*time.Second)
	set(&t.Lock, 5*time.Second)
	return t
}

// Watch watches the set from now on, and no longer the one before. What both have in common keeps its state, so
// that no change is lost and none is told twice. Of what is new, the state is taken after the watching has begun.
// An error says what in the set is wrong; then the one before stays.
func (w *Watcher) Watch(s Set) error {
	in, err := compile(s)
	if err != nil {
		return err
	}
	defer w.tellNotices()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.life.Err() != nil {
		return ErrClosed
	}
	w.take()
	if w.interest != nil && reflect.DeepEqual(w.interest.set, in.set) {
		return nil
	}
	before := w.interest
	w.interest = in
	w.walkAll(baseline, before, s.Since)
	w.expectSources()
	w.settle(time.Now())
	w.wakeUp()
	return nil
}

// expectSources tells of files that the build had as inputs and that are gone already.
func (w *Watcher) expectSources() {
	for path, kind := range w.interest.exact {
		if kind == Module || kind == Env || w.files[path] != nil {
			continue
		}
		f := w.newFile(path, kind)
		if w.load(f); f.current.state == absent {
			f.reported.state = unknown
			w.touch(f, time.Now())
		} else {
			w.told(f)
		}
	}
}

// Next waits for changes and returns them, sorted by path, all that there are at that moment. It returns
// the error of ctx, or ErrClosed. While nobody calls it, changes are gathered, and those that undo each other go.
func (w *Watcher) Next(ctx context.Context) ([]Change, error) {
	for {
		w.mu.Lock()
		if w.life.Err() != nil {
			w.mu.Unlock()
			return nil, ErrClosed
		}
		if w.due {
			w.take()
			w.refresh()
		}
		if w.due {
			if changes := w.collect(); len(changes) > 0 {
				w.mu.Unlock()
				return changes, nil
			}
		}
		due := w.dueNow
		w.mu.Unlock()
		select {
		case <-due:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.life.Done():
		}
	}
}

// refresh reads again what has waited for Next, which may have changed since without a notification yet.
func (w *Watcher) refresh() {
	if w.overdue {
		return
	}
	for f := range w.dirty {
		if f.read && time.Since(f.readAt) > w.timing.Quick {
			w.suspect(f)
		}
	}
	if !w.due {
		w.wakeUp()
	}
}

// collect takes what differs. From then on it counts as told.
func (w *Watcher) collect() []Change {
	var changes []Change
	for f := range w.dirty {
		if !f.read {
			if !w.overdue {
				continue
			}
			w.load(f)
		}
		delete(w.dirty, f)
		if f.current == f.reported && !f.doubted {
			continue
		}
		changes = append(changes, Change{Path: f.path, Kind: f.kind, Removed: f.current.state == absent, Doubted: f.current == f.reported})
		w.told(f)
		w.forgetAbsent(f)
	}
	w.overdue = false
	w.setDue(false)
	if len(w.dirty) > 0 {
		w.begun = time.Now()
		w.wakeUp()
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return changes
}

// Close ends the watching. A Next that waits returns ErrClosed.
func (w *Watcher) Close() error {
	w.end()
	var err error
	if w.fs != nil {
		err = w.fs.Close()
	}
	w.wg.Wait()
	return err
}

// say notes a sentence for Notice, once.
func (w *Watcher) say(text string) {
	w.saying.Lock()
	defer w.saying.Unlock()
	if !w.said[text] && w.notice != nil {
		w.said[text] = true
		w.notices = append(w.notices, text)
	}
	w.wakeUp()
}

// tellNotices is called without w.mu.
func (w *Watcher) tellNotices() {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.saying.Lock()
	notices := w.notices
	w.notices = nil
	w.saying.Unlock()
	for _, text := range notices {
		w.notice(text)
	}
}

func (w *Watcher) wakeUp() {
	select {
	case w.queue.wake <- struct{}{}:
	default:
	}
}

// absolute says what is wrong with a path of a set.
func absolute(what, path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("watch: the %s %q is not an absolute path", what, path)
	}
	return filepath.Clean(path), nil
}
