package build

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// builtFor is how long libraries that nobody uses are taken to be built: the go command removes from its cache
	// what was not used for five days.
	builtFor = 4 * 24 * time.Hour
	// hooksKept is how many hooks are kept, of versions of Go and of fault, besides those used within hookLife.
	hooksKept = 4
	hookLife  = 14 * 24 * time.Hour
)

// isBuilt tells whether the libraries are built, and still there.
func (h hook) isBuilt() bool {
	info, err := os.Stat(h.mark)
	return err == nil && time.Since(info.ModTime()) < builtFor
}

// touch notes that the hook is used.
func (h hook) touch() {
	now := time.Now()
	for _, file := range []string{h.mark, h.overlay} {
		_ = os.Chtimes(file, now, now) // Where that is not possible it is made anew some day.
	}
}

// keepHook notes that a build uses the hook, or has it use none if that has gone, as with the user's cache.
func (b *Builder) keepHook() {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch h := b.hook; {
	case h.overlay == "":
	case isFile(h.overlay) && h.isBuilt():
		h.touch()
	default:
		b.hook = hook{}
	}
}

// removeHooks removes hooks from their directory that were not used lately. What cannot be removed stays.
func removeHooks(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	type used struct {
		path string
		last time.Time
	}
	var all []used
	for _, e := range entries {
		if name, err := hex.DecodeString(e.Name()); err != nil || len(name) != digestSize || !e.IsDir() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(filepath.Join(path, overlayName))
		if err != nil {
			info, err = e.Info() // It is just being made, or was left halfway.
		}
		if err == nil {
			all = append(all, used{path, info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b used) int { return b.last.Compare(a.last) })
	for i, u := range all {
		if i >= hooksKept && time.Since(u.last) > hookLife {
			_ = os.RemoveAll(u.path)
		}
	}
}
