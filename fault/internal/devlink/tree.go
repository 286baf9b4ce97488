package devlink

import (
	"path/filepath"
	"strings"
)

// A Tree is a directory with all that is below it, or a single file.
type Tree struct {
	path     string // absolute and clean
	resolved string // without symbolic links; "" where it is not there
}

// NewTree returns the tree at an absolute path.
func NewTree(path string) Tree {
	t := Tree{path: filepath.Clean(path)}
	if real, err := filepath.EvalSymlinks(t.path); err == nil {
		t.resolved = real
	}
	return t
}

// Holds tells whether the file, which need not be there any more, is in the tree. Its path is absolute, and
// may lead through other symbolic links than the tree's.
func (t Tree) Holds(file string) bool {
	file = filepath.Clean(file)
	if within(t.path, file) || within(t.resolved, file) {
		return true
	}
	real, ok := resolve(file)
	return ok && within(t.resolved, real)
}

// resolve follows the symbolic links of the part of the path that is there.
func resolve(file string) (string, bool) {
	rest := ""
	for dir := file; ; {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest), true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		rest = filepath.Join(filepath.Base(dir), rest)
		dir = parent
	}
}

// within tells whether file is dir or below it; both are clean.
func within(dir, file string) bool {
	if dir == "" {
		return false
	}
	rel, err := filepath.Rel(dir, file)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
