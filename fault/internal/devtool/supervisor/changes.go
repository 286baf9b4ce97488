package supervisor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/watch"
)

// changed decides what a batch of changes needs: a build, a new start, a load from disk, or a look by the browser only.
func (s *supervisor) changed(batch []watch.Change) {
	var rebuild, restart bool
	var disk, plain []watch.Change
	if batch = s.withoutTests(batch); len(batch) == 0 {
		return
	}
	for _, c := range batch {
		switch live, told := s.fromDisk(c.Path); {
		case c.Kind == watch.Go || c.Kind == watch.Module:
			rebuild = true
		case live && told:
			disk = append(disk, c)
		case live:
			plain = append(plain, c)
		case c.Kind == watch.Embedded:
			rebuild = true
		case c.Kind == watch.Style || c.Kind == watch.Script || c.Kind == watch.Asset:
			plain = append(plain, c)
		case s.writtenAtStart(c.Path):
			plain = append(plain, c)
		default: // a template that may be read at the start only, .env, and what the user named
			restart = true
		}
		s.noteRecent(c.Path)
		if !c.Doubted {
			s.doubts.Store(0)
		}
	}
	s.crashes = 0
	down := s.current == nil && s.cycle == nil && s.problems.version == nil // it has crashed too often
	switch {
	case rebuild && s.cycle != nil && s.cycle.build && s.cancelled >= maxCancelled:
		// Saves that come faster than builds and starts would otherwise never be seen.
		if s.cycle.launched.Load() && !s.cycle.spared {
			s.cycle.spared = true
			time.AfterFunc(startPatience, s.cycle.cancel) // it may never be ready, and what mends that was saved
		}
		s.buildAgain = true
		return
	case rebuild || down:
		if s.cycle != nil && s.cycle.build {
			s.cancelled++
		}
		s.needBuild = s.needBuild || rebuild
		s.begin() // what is read from disk is read by the new process
		return
	case restart && s.cycle == nil:
		s.begin()
		return
	case restart:
		// A process that is not started yet reads it; one that is may have read it before.
		s.restartAgain = s.restartAgain || s.cycle.launched.Load()
		return
	}
	if len(disk) > 0 {
		s.load(disk)
	}
	if len(plain) > 0 && s.cycle == nil {
		s.tellTabs(plain)
	}
}

// withoutTests leaves tests of the application out that are embedded with its source: who saves one is not waiting for a new version.
// The next build takes them.
func (s *supervisor) withoutTests(batch []watch.Change) []watch.Change {
	var others []watch.Change
	for _, c := range batch {
		if c.Kind != watch.Test {
			others = append(others, c)
		} else if s.cycle == nil {
			s.term.Event(s.relative(c.Path) + ": a test, which is embedded; the next build takes it")
		}
	}
	return others
}

// writtenAtStart tells whether a file changes each time that the application starts: then the application writes it, and another
// start would not end that.
func (s *supervisor) writtenAtStart(path string) bool {
	starting := false
	for _, g := range []*generation{s.starting.Load(), s.current} {
		info, err := os.Stat(path)
		if g != nil && err == nil && info.ModTime().After(g.launched) && (g != s.current || info.ModTime().Before(g.ready)) {
			starting = true
		}
	}
	if !starting {
		if s.atStart[path] < maxAtStart {
			delete(s.atStart, path)
		}
		return s.atStart[path] >= maxAtStart
	}
	if s.atStart == nil {
		s.atStart = map[string]int{}
	}
	s.atStart[path]++
	if s.atStart[path] == maxAtStart {
		s.term.Event(s.relative(path) + " changes whenever the application starts; from here on a change of it reloads the page only")
	}
	return s.atStart[path] >= maxAtStart
}

// noteRecent puts a file at the end of those that changed.
func (s *supervisor) noteRecent(path string) {
	others := slices.DeleteFunc(slices.Clone(s.recent), func(other string) bool { return other == path })
	if s.recent = append(others, path); len(s.recent) > maxRecent {
		s.recent = s.recent[len(s.recent)-maxRecent:]
	}
}

// maxRecent bounds how many changed files are remembered.
const maxRecent = 100

// maxAtStart is how many starts in which a file has changed make it one that the application writes.
const maxAtStart = 5

// fromDisk tells whether the running application reads a file from disk, and whether it wants to be told of changes.
func (s *supervisor) fromDisk(path string) (live, told bool) {
	for _, g := range []*generation{s.current, s.starting.Load()} {
		if g == nil {
			continue
		}
		for _, dir := range g.link.Trees() {
			if below(path, dir) {
				return true, true
			}
		}
	}
	for _, dir := range s.options.FromDisk {
		if below(path, s.absolute(dir)) {
			return true, false
		}
	}
	return false, false
}

func (s *supervisor) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(s.options.Dir, path)
}

func below(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// tellTabs lets the tabs take over changed files that the application reads each time.
func (s *supervisor) tellTabs(changes []watch.Change) {
	if onlyStyles(changes) {
		s.proxy.Styles(s.names(changes))
	} else {
		s.proxy.Reload()
	}
	s.term.Event(s.occasion(paths(changes)) + "no new start needed")
	s.recent = nil
}

func onlyStyles(changes []watch.Change) bool {
	return !slices.ContainsFunc(changes, func(c watch.Change) bool { return filepath.Ext(c.Path) != ".css" || c.Removed })
}

func paths(changes []watch.Change) []string {
	var all []string
	for _, c := range changes {
		all = append(all, c.Path)
	}
	return all
}

func (s *supervisor) names(changes []watch.Change) []string {
	all := paths(changes)
	for i := range all {
		all[i] = s.relative(all[i])
	}
	return all
}

// relative names a file for people.
func (s *supervisor) relative(path string) string {
	if rel, err := filepath.Rel(s.options.Dir, path); err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.ToSlash(rel)
	}
	return path
}

// liveLoads are the changes that the application is to load from disk. One load is under way at a time.
type liveLoads struct {
	waiting []watch.Change
	failing []watch.Change // that did not load: they are loaded again with the next ones
	running bool
}

// loading is the application's answer to changed files.
type loading struct {
	generation *generation
	changes    []watch.Change
	asked      bool   // there is an application that loads from disk
	text       string // why what changed does not load; "" if it does
	err        error  // no answer
	took       time.Duration
}

// load tells the application that files have changed which it reads from disk.
func (s *supervisor) load(changes []watch.Change) {
	s.live.waiting = append(s.live.waiting, changes...)
	s.loadPending()
}

// loadPending goes on with loading, once nothing is under way: a version that is being built reads its files itself.
func (s *supervisor) loadPending() {
	if s.live.running || len(s.live.waiting) == 0 || s.cycle != nil || s.current == nil {
		return
	}
	changes, g := s.live.waiting, s.current
	s.live.waiting, s.live.running = nil, true
	for _, c := range s.live.failing {
		if !slices.ContainsFunc(changes, func(other watch.Change) bool { return other.Path == c.Path }) {
			changes = append(changes, c)
		}
	}
	s.work.Go(func() {
		start := time.Now()
		ctx, cancel := context.WithTimeout(s.ctx, reloadTimeout)
		defer cancel()
		l := loading{generation: g, changes: changes}
		l.text, l.asked, l.err = g.link.Changed(ctx, paths(changes))
		l.took = time.Since(start)
		select {
		case s.loaded <- l:
		case <-s.ctx.Done():
		}
	})
}

// loadDone takes the answer.
func (s *supervisor) loadDone(l loading) {
	s.live.running = false
	defer s.loadPending()
	if l.generation != s.current {
		s.live.failing = nil
		return // its successor has read the files itself
	}
	s.live.failing = nil
	if l.text != "" {
		s.live.failing = l.changes
		s.problems.template = s.templateProblem(l.text)
		s.showProblem()
		return
	}
	if l.err != nil {
		s.term.Event(s.occasion(paths(l.changes)) + "the application does not say that it has loaded this: " + l.err.Error())
	}
	s.problems.template = nil
	s.showProblem()
	if onlyStyles(l.changes) {
		s.proxy.Styles(s.names(l.changes))
	} else {
		s.proxy.Reload()
	}
	if l.err == nil {
		s.term.Event(s.occasion(paths(l.changes)) + "loaded in " + short(l.took))
	}
	s.recent = nil
}

// listing is what go list says of the inputs.
type listing struct {
	inputs  *build.Inputs
	problem *problem.Problem
	since   time.Time
}

// list finds out anew what is to be watched. The first time it does so at once.
func (s *supervisor) list() {
	since := time.Now()
	if s.binary != "" {
		since = s.built // what is new to the listing may have been written since
	}
	look := func() (listing, bool) {
		inputs, p, err := s.builder.Inputs(s.ctx)
		if err != nil || inputs == nil {
			return listing{}, false
		}
		return listing{inputs, p, since}, true
	}
	if s.inputs.Load() == nil {
		l, ok := look()
		if !ok {
			l = listing{inputs: &build.Inputs{Modules: []build.Module{{Dir: s.options.Dir, Main: true}}}, problem: &problem.Problem{}}
		}
		s.relisted(l)
		return
	}
	s.work.Go(func() {
		if l, ok := look(); ok {
			select {
			case s.listed <- l:
			case <-s.ctx.Done():
			}
		}
	})
}

// relisted watches what the newest listing says.
func (s *supervisor) relisted(l listing) {
	s.unknown = l.problem != nil
	if !s.unknown || s.inputs.Load() == nil {
		s.inputs.Store(l.inputs)
	}
	s.listedSince = l.since
	s.watch()
}

// sources are the files of the graph, by path.
func sources(in *build.Inputs) map[string]watch.Kind {
	if in == nil {
		return nil
	}
	files := map[string]watch.Kind{}
	for _, p := range in.Packages {
		for _, f := range p.Files {
			files[f] = watch.Go
		}
		for _, f := range p.Embeds {
			files[f] = watch.Embedded
		}
	}
	for _, f := range in.ModFiles {
		files[f] = watch.Module
	}
	return files
}

// watch tells the watcher what counts.
func (s *supervisor) watch() {
	in := s.inputs.Load()
	set := watch.Set{Sources: sources(in), AnyGo: s.unknown, Since: s.listedSince, Env: []string{filepath.Join(s.options.Dir, dotenv)}}
	for _, m := range in.Modules {
		set.Roots = append(set.Roots, m.Dir)
	}
	for _, p := range in.Packages {
		set.Dirs = append(set.Dirs, p.Dir)
		if len(p.EmbedPatterns) > 0 {
			set.Embeds = append(set.Embeds, watch.Embed{Dir: p.Dir, Patterns: p.EmbedPatterns})
		}
	}
	for _, pattern := range s.options.Watch {
		set.Extra = append(set.Extra, s.absolute(pattern))
	}
	for _, dir := range s.options.FromDisk {
		set.Live = append(set.Live, s.absolute(dir))
	}
	if s.current != nil {
		set.Live = append(set.Live, s.current.link.Trees()...)
	}
	if err := s.watcher.Watch(set); err != nil {
		s.term.Event("not everything can be watched: " + err.Error())
	}
}

// watchOn passes on what changes until Run ends.
func (s *supervisor) watchOn(changes chan<- []watch.Change) {
	for {
		batch, err := s.watcher.Next(s.ctx)
		if s.ctx.Err() != nil {
			return
		}
		if err != nil {
			s.term.Event("changes are not seen any more: " + err.Error() + "; start fault run anew")
			return
		}
		select {
		case changes <- batch:
		case <-s.ctx.Done():
			return
		}
	}
}
