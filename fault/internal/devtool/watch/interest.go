package watch

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// interest is a Set in the form in which it answers questions about paths. It is not changed.
type interest struct {
	set      Set // its Since is left out, because it makes no difference
	exact    map[string]Kind
	roots    map[string]bool
	packages map[string]bool
	needed   map[string]bool // directories that are entered whatever they are called
	live     []string
	embeds   []embedding
	extra    []glob
	bases    []string // where walks begin
}

func compile(s Set) (*interest, error) {
	in := &interest{set: s, exact: map[string]Kind{}, roots: map[string]bool{}, packages: map[string]bool{}, needed: map[string]bool{}}
	in.set.Since = time.Time{}
	var problems []error
	clean := func(what, path string) string {
		path, err := absolute(what, path)
		if err != nil {
			problems = append(problems, err)
		}
		return path
	}
	for _, root := range s.Roots {
		in.roots[clean("root", root)] = true
	}
	for path, kind := range s.Sources {
		in.exact[clean("source", path)] = kind
	}
	for _, path := range s.Env {
		in.exact[clean("file of settings", path)] = Env
	}
	for _, dir := range s.Dirs {
		dir = clean("directory of a package", dir)
		in.packages[dir] = true
		in.need(dir)
	}
	for _, live := range s.Live {
		live = clean("directory to read from", live)
		in.live = append(in.live, live)
		in.need(live)
	}
	for _, e := range s.Embeds {
		dir := clean("directory of a package", e.Dir)
		in.need(dir)
		for _, pattern := range e.Patterns {
			if e, valid := newEmbedding(dir, pattern); valid {
				in.embeds = append(in.embeds, e)
			}
		}
	}
	problems = append(problems, in.addExtra(s.Extra))
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	for path := range in.exact {
		in.need(filepath.Dir(path))
	}
	in.setBases()
	// What the caller does with its maps and slices afterwards is its own affair.
	in.set.Roots, in.set.Dirs, in.set.Live = slices.Clone(s.Roots), slices.Clone(s.Dirs), slices.Clone(s.Live)
	in.set.Env, in.set.Extra = slices.Clone(s.Env), slices.Clone(s.Extra)
	in.set.Sources, in.set.Embeds = maps.Clone(s.Sources), slices.Clone(s.Embeds)
	for i, e := range in.set.Embeds {
		in.set.Embeds[i].Patterns = slices.Clone(e.Patterns)
	}
	return in, nil
}

func (in *interest) addExtra(patterns []string) error {
	for _, pattern := range patterns {
		if pattern == "" {
			return errors.New("watch: a pattern is empty")
		}
		starts := slices.Sorted(maps.Keys(in.roots))
		if filepath.IsAbs(pattern) {
			starts = []string{""}
		}
		if len(starts) == 0 {
			return fmt.Errorf("watch: the pattern %q is relative, and there is no root to which", pattern)
		}
		for _, root := range starts {
			g, err := newGlob(pattern, root)
			if err != nil {
				return err
			}
			in.extra = append(in.extra, g)
			in.need(g.dir)
		}
	}
	return nil
}

// need makes sure that the walks come to the directory: those between a root and it are entered too.
func (in *interest) need(dir string) {
	in.needed[dir] = true
	for root := range in.roots {
		if _, ok := below(dir, root); !ok {
			continue
		}
		for ; dir != root; dir = filepath.Dir(dir) {
			in.needed[dir] = true
		}
		return
	}
}

// setBases finds the directories that no walk from a root comes to.
func (in *interest) setBases() {
	for dir := range in.needed {
		if !in.roots[dir] && !in.inRoot(dir) {
			in.bases = append(in.bases, dir)
		}
	}
	for root := range in.roots {
		in.bases = append(in.bases, root)
	}
	slices.Sort(in.bases)
}

func (in *interest) inRoot(path string) bool {
	for root := range in.roots {
		if _, ok := below(path, root); ok {
			return true
		}
	}
	return false
}

// kindOf says what a file of this path is; "" is nothing that counts. inRoot is whether its directory is watched
// as a part of a root. If it is not sure, it counts only where git does not ignore it.
func (in *interest) kindOf(path string, inRoot bool) (kind Kind, sure bool) {
	exact := in.exact[path]
	switch exact {
	case Go, Module, Env:
		return exact, true
	}
	dir, name := filepath.Dir(path), filepath.Base(path)
	passing := temporary(name)
	if !passing {
		if in.packages[dir] && compiled(name) {
			return Go, true
		}
		if in.isLive(path) && !hidden(name) {
			return orElse(kindOfName(name), Asset), true
		}
	}
	if exact == Embedded && in.isTest(dir, name) && !in.isExtra(path) {
		return Test, true
	}
	if exact != "" {
		return exact, true
	}
	if passing {
		return "", false
	}
	for _, e := range in.embeds {
		if matches, _ := e.match(path); matches && in.isTest(dir, name) && !in.isExtra(path) {
			return Test, true
		} else if matches {
			return Embedded, true
		}
	}
	if in.roots[dir] && moduleFile(name) {
		return Module, true
	}
	if in.set.AnyGo && inRoot && filepath.Ext(name) == ".go" && compiled(name) {
		return Go, true
	}
	if in.isExtra(path) {
		return Other, true
	}
	if inRoot && !hidden(name) {
		return kindOfName(name), false
	}
	return "", false
}

// isTest tells whether a file is a test of one of the packages.
func (in *interest) isTest(dir, name string) bool {
	return in.packages[dir] && strings.HasSuffix(name, "_test.go")
}

func (in *interest) isExtra(path string) bool {
	return slices.ContainsFunc(in.extra, func(g glob) bool { matches, _ := g.match(path); return matches })
}

func orElse(kind, other Kind) Kind {
	if kind == "" {
		return other
	}
	return kind
}

func (in *interest) isLive(path string) bool {
	for _, live := range in.live {
		if rel, ok := below(path, live); ok && !slices.ContainsFunc(split(rel), closed) {
			return true
		}
	}
	return false
}

// enters says why a directory is to be watched: because something names it, or because it is part of a root,
// which holds only if git does not ignore it. above is whether the directory around it is part of a root.
func (in *interest) enters(dir string, above bool) (named, inRoot bool) {
	inRoot = in.roots[dir] || above && !neverEntered(filepath.Base(dir))
	if in.roots[dir] || in.needed[dir] || in.isLive(dir) {
		return true, inRoot
	}
	for _, e := range in.embeds {
		if _, leads := e.match(dir); leads {
			return true, inRoot
		}
	}
	for _, g := range in.extra {
		if _, leads := g.match(dir); leads {
			return true, inRoot
		}
	}
	return false, inRoot
}
