//go:build !windows

package crash

import (
	"fmt"
	"os"
)

// syncFile makes a new file survive the machine: the file, and its name in the directory.
func syncFile(f *os.File, dir string) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("making it durable: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close() // only read
	_ = d.Sync()    // Not every file system can.
	return nil
}
