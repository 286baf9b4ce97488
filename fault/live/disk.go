//go:build faultdev

package live

import (
	"embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// disk is the directory of a source file, as far as go:embed would see it.
type disk struct {
	dir      string
	embedded embed.FS
	roots    map[string]bool // what is embedded of the directory itself: whether it is a directory
	exts     map[string]bool // the extensions of its embedded files
}

func newDisk(dir string, embedded embed.FS, roots []fs.DirEntry) *disk {
	d := &disk{dir: dir, embedded: embedded, roots: map[string]bool{}, exts: map[string]bool{}}
	for _, root := range roots {
		d.roots[root.Name()] = root.IsDir()
		if ext := path.Ext(root.Name()); !root.IsDir() && ext != ".go" && ext != "" {
			d.exts[ext] = true
		}
	}
	return d
}

// shows tells whether a path, if it is there, is one of the files.
func (d *disk) shows(name string) bool {
	if name == "." {
		return true
	}
	root, _, below := strings.Cut(name, "/")
	isDir, embedded := d.roots[root]
	switch {
	case below && !isDir:
		return false
	case !below && !embedded && !d.exts[path.Ext(root)]:
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part[0] == '.' || part[0] == '_' {
			_, err := fs.Stat(d.embedded, name)
			return err == nil
		}
	}
	return true
}

// Open opens the file of that name on disk. Errors tell its whole path.
func (d *disk) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	full := filepath.Join(d.dir, filepath.FromSlash(name))
	if !d.shows(name) {
		return nil, &fs.PathError{Op: "open", Path: full, Err: fs.ErrNotExist}
	}
	f, err := os.Open(full)
	if err != nil {
		return nil, err
	}
	return &file{f, d, name}, nil
}

// file is an open file or directory.
type file struct {
	*os.File
	disk *disk
	name string
}

// Stat tells no time, because that of an embedded file is none, either.
func (f *file) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return timeless{info}, nil
}

// ReadDir returns the entries that are of the files, as fs.ReadDirFile says.
func (f *file) ReadDir(n int) ([]fs.DirEntry, error) {
	var shown []fs.DirEntry
	for {
		entries, err := f.File.ReadDir(n)
		for _, e := range entries {
			if f.disk.shows(path.Join(f.name, e.Name())) {
				shown = append(shown, entry{e})
			}
		}
		// With a limit, nothing is no answer as long as there may be more.
		if err != nil || n <= 0 || len(shown) > 0 {
			return shown, err
		}
	}
}

type entry struct{ fs.DirEntry }

func (e entry) Info() (fs.FileInfo, error) {
	info, err := e.DirEntry.Info()
	if err != nil {
		return nil, err
	}
	return timeless{info}, nil
}

type timeless struct{ fs.FileInfo }

func (timeless) ModTime() time.Time { return time.Time{} }
