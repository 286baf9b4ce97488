package watch

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// A glob is a pattern of Set.Extra below a directory.
type glob struct {
	dir      string // without patterns
	segments []string
}

// mostStars bounds how many ** a pattern may have, and so how long matching takes.
const mostStars = 4

// newGlob takes a pattern apart. root is where a relative one begins.
func newGlob(pattern, root string) (glob, error) {
	slashed := filepath.ToSlash(pattern)
	g := glob{dir: root}
	if filepath.IsAbs(pattern) {
		volume := filepath.VolumeName(pattern)
		g.dir = volume + string(filepath.Separator)
		slashed = filepath.ToSlash(pattern[len(volume):])
	}
	stars := 0
	for _, segment := range strings.Split(path.Clean("/"+slashed), "/") {
		switch {
		case segment == "":
			continue
		case segment == "**":
			if n := len(g.segments); n > 0 && g.segments[n-1] == "**" {
				continue
			}
			stars++
		default:
			if _, err := path.Match(segment, ""); err != nil {
				return glob{}, fmt.Errorf("watch: the pattern %q has a mistake in %q: a bracket is not closed, or a backslash ends it", pattern, segment)
			}
		}
		if len(g.segments) == 0 && !strings.ContainsAny(segment, `*?[\`) {
			g.dir = filepath.Join(g.dir, segment)
			continue
		}
		g.segments = append(g.segments, segment)
	}
	if stars > mostStars {
		return glob{}, fmt.Errorf("watch: the pattern %q has more than %d times **", pattern, mostStars)
	}
	if len(g.segments) == 0 { // it names one file or directory
		g.segments = []string{literal(filepath.Base(g.dir))}
		g.dir = filepath.Dir(g.dir)
	}
	return g, nil
}

// literal is the pattern that matches the name.
func literal(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// match reports whether the pattern matches the path or a directory above it, and whether something in it may be matched.
func (g glob) match(p string) (matches, leads bool) {
	rel, ok := below(p, g.dir)
	if !ok {
		return false, false
	}
	return matchSegments(g.segments, split(rel))
}

func matchSegments(pattern, name []string) (matches, leads bool) {
	if len(pattern) == 0 {
		for _, segment := range name {
			if closed(segment) {
				return false, false
			}
		}
		return true, true
	}
	if len(name) == 0 {
		return false, true
	}
	if pattern[0] == "**" {
		matches, leads = matchSegments(pattern[1:], name)
		if matches || closed(name[0]) {
			return matches, leads
		}
		m, l := matchSegments(pattern, name[1:])
		return m, leads || l
	}
	if ok, err := path.Match(pattern[0], name[0]); err != nil || !ok {
		return false, false
	}
	return matchSegments(pattern[1:], name[1:])
}

// An embedding is one pattern of go:embed.
type embedding struct {
	dir      string
	segments []string
	all      bool // also what begins with . or _ in a directory that is matched
}

// newEmbedding takes a pattern apart. One that go build refuses is not valid.
func newEmbedding(dir, pattern string) (e embedding, valid bool) {
	rest, all := strings.CutPrefix(pattern, "all:")
	segments := strings.Split(rest, "/")
	for _, segment := range segments {
		if _, err := path.Match(segment, ""); err != nil || segment == "" || segment == "." || segment == ".." {
			return embedding{}, false
		}
	}
	return embedding{dir: dir, segments: segments, all: all}, true
}

// match reports whether a file of this path would be embedded, and whether files in a directory of this path may be.
func (e embedding) match(p string) (matches, leads bool) {
	rel, ok := below(p, e.dir)
	if !ok {
		return false, false
	}
	name := split(rel)
	for i, segment := range name {
		switch segment {
		case ".git", ".hg", ".svn", ".bzr":
			return false, false
		}
		if i < len(e.segments) {
			if ok, err := path.Match(e.segments[i], segment); err != nil || !ok {
				return false, false
			}
		} else if !e.all && (segment[0] == '.' || segment[0] == '_') {
			return false, false
		}
	}
	return len(name) >= len(e.segments), true
}

// below returns the path relative to the directory, and whether it lies in it or is it.
func below(p, dir string) (rel string, ok bool) {
	if p == dir {
		return "", true
	}
	rest, ok := strings.CutPrefix(p, dir)
	if !ok {
		return "", false
	}
	if strings.HasSuffix(dir, string(filepath.Separator)) {
		return rest, true
	}
	return strings.CutPrefix(rest, string(filepath.Separator))
}

func split(rel string) []string {
	if rel == "" {
		return nil
	}
	return strings.Split(filepath.ToSlash(rel), "/")
}
