//go:build !faultdev

package live

import (
	"embed"
	"io/fs"
)

// development is nothing: the files are the embedded ones.
type development struct{}

func open(embedded embed.FS) (fs.FS, development) { return embedded, development{} }

func (d *Dir) fromDisk() bool { return false }

func (d *Dir) load(load func(fs.FS) error) error { return load(d.files) }
