//go:build faultdev

package live

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"example.org/microblog/fault/internal/devlink"
)

// development tells `fault run` what is read from disk, and is told when it changes.
type development struct {
	link  *devlink.Link // nil: the files are the embedded ones
	trees []string      // absolute paths of what is embedded
}

// open is called by Files only: the source file that counts is that of its caller.
func open(embedded embed.FS) (fs.FS, development) {
	link := devlink.Process()
	_, source, _, ok := runtime.Caller(2)
	if !link.Connected() || !ok || !filepath.IsAbs(source) {
		return embedded, development{}
	}
	dir := filepath.Dir(source)
	roots, err := embedded.ReadDir(".")
	if err != nil || len(roots) == 0 {
		return embedded, development{} // Nothing is embedded.
	}
	var trees []string
	for _, root := range roots {
		path := filepath.Join(dir, root.Name())
		if _, err := os.Stat(path); err != nil {
			return embedded, development{} // The source is elsewhere, or is another one.
		}
		trees = append(trees, path)
	}
	link.Live(trees, nil)
	return newDisk(dir, embedded, roots), development{link, trees}
}

func (d *Dir) fromDisk() bool { return d.dev.link != nil }

func (d *Dir) load(load func(fs.FS) error) error {
	if d.dev.link == nil {
		return load(d.files)
	}
	var alone sync.Mutex
	again := func() error {
		alone.Lock()
		defer alone.Unlock()
		return load(d.files)
	}
	// Before the first call: a change while that is under way is not missed.
	d.dev.link.Live(d.dev.trees, again)
	return again()
}
