package journal

import (
	"os"
	"runtime"
)

const (
	dirMode  = 0o700 // failures hold what people sent
	fileMode = 0o600
)

// disk is what the journal writes through. Tests put one in its place that fails.
type disk interface {
	mkdir(path string) error
	// create makes a file that must not exist.
	create(path string) (file, error)
	// open opens a file that exists.
	open(path string) (file, error)
	rename(from, to string) error
	remove(path string) error
	// syncDir makes durable which files a directory has.
	syncDir(path string) error
}

// file is a file being written.
type file interface {
	WriteAt(p []byte, off int64) (int, error)
	Truncate(size int64) error
	// Sync makes the content durable, and the size as far as it takes to read it.
	Sync() error
	Close() error
}

// osDisk is the disk of the operating system.
type osDisk struct{}

func (osDisk) mkdir(path string) error { return os.MkdirAll(path, dirMode) }

func (osDisk) create(path string) (file, error) {
	return open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (osDisk) open(path string) (file, error) { return open(path, os.O_RDWR) }

func open(path string, flag int) (file, error) {
	f, err := os.OpenFile(path, flag, fileMode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) remove(path string) error { return os.Remove(path) }

func (osDisk) syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // A directory cannot be synced there.
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	return f.Sync()
}

// osFile is a file of the operating system.
type osFile struct{ *os.File }

func (f osFile) Sync() error { return syncData(f.File) }
