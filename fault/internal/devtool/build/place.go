package build

import (
	"path"
	"path/filepath"
	"strings"
)

// Located returns the absolute path of a source file from its name in a program that was built here: -trimpath puts
// modules and import paths in the place of directories, and a version of Go may have been built by a further name. What is in
// neither way another name is returned as it is.
func (b *Builder) Located(file string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if filepath.IsAbs(file) {
		if root := b.hook.root; root != "" && within(root, file) {
			return filepath.Join(b.known.goRoot, strings.TrimPrefix(filepath.Clean(file), root))
		}
		return file
	}
	dir, name := path.Split(file)
	if known := b.known.named[strings.TrimSuffix(dir, "/")]; known != "" && filepath.IsLocal(name) {
		return filepath.Join(known, name)
	}
	return file
}

// trimmed is how -trimpath names the package's directory.
func (p listed) trimmed() string {
	if m := p.Module; m != nil && m.Version != "" {
		return m.Path + "@" + m.Version + strings.TrimPrefix(p.ImportPath, m.Path)
	}
	return p.ImportPath
}
