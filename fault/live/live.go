// Package live reads the files that an application embeds from disk while it runs under `fault run`, so
// that an edited template or stylesheet is served without a new build.
//
//	//go:embed templates static
//	var embedded embed.FS
//
//	files := live.Files(embedded)
//	pages, err := live.Parse(files, func(fsys fs.FS) (*template.Template, error) {
//		return template.ParseFS(fsys, "templates/*.html")
//	})
//	…
//	err = pages.Get().ExecuteTemplate(w, "home.html", data)
//
// What is parsed is parsed once at the start, whose error is the caller's, and in development again after
// each change. A change that does not parse is shown to the developer, in the browser and on the terminal,
// and what was parsed last stays in use.
//
// In a release, which is every build without the build tag faultdev, the files are the embedded ones and
// nothing else: they are parsed once, and nothing of the disk, the environment or the development tools is
// in the program. A development build that was not started by `fault run` does the same.
package live

import (
	"embed"
	"io/fs"
	"sync/atomic"
)

// A Dir is a tree of embedded files, read from disk in development. It is an fs.FS, as it is now: what
// serves files one by one, such as http.FileServerFS, can use it directly and shows a change at once.
// It is safe for concurrent use.
type Dir struct {
	files fs.FS
	dev   development
}

// Files returns the embedded files. In development it finds them on disk in the directory of the source
// file that calls it, where their go:embed line must be, too. Files of the embedded directories are there
// as soon as they are on disk, without hidden ones (".x", "_x") unless those are embedded; beside the
// source files, those that are embedded and others with their extensions. Where the directory is not
// there, or the build hides its path (-trimpath), the files are the embedded ones.
func Files(embedded embed.FS) *Dir {
	files, dev := open(embedded)
	return &Dir{files, dev}
}

// Open opens a file, as an fs.FS does. In development the file has no time, like an embedded one: no
// browser keeps it because it is old.
func (d *Dir) Open(name string) (fs.File, error) { return d.files.Open(name) }

// FromDisk tells whether the files are read from disk, and so may change. Use it for what only makes sense
// with files that never change, such as addresses that browsers may keep for ever.
func (d *Dir) FromDisk() bool { return d.fromDisk() }

// Load calls load with the files and returns its error. In development it is called again, by another
// goroutine, after each change of a file, also if the first call failed, and for as long as the process
// lives; one call at a time. It should prepare everything, and put it in use in one step only if all of
// it is good: requests are answered meanwhile. The error of a later call, or its panic, is shown to the
// developer. One that names the place as html/template does, "template: home.html:12: …", is shown with
// the source.
func (d *Dir) Load(load func(fs.FS) error) error { return d.load(load) }

// A Value is what was made of files that may change.
type Value[T any] struct{ v atomic.Pointer[T] }

// Parse makes a value of the files, once at the start and in development again after each change; see
// [Dir.Load]. The value that was made last stays in use until another one is made without an error.
func Parse[T any](d *Dir, parse func(fs.FS) (T, error)) (*Value[T], error) {
	p := new(Value[T])
	err := d.Load(func(fsys fs.FS) error {
		v, err := parse(fsys)
		if err == nil {
			p.v.Store(&v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Get returns the value. A request should get it once: the next one may be of other files. It is safe for
// concurrent use.
func (p *Value[T]) Get() T { return *p.v.Load() }
