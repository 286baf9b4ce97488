//go:build linux || darwin || freebsd || dragonfly

package cli

import "golang.org/x/sys/unix"

// volumeOf asks the system about the file system of a directory; statfs(2).
func volumeOf(dir string) (volume, error) {
	var s unix.Statfs_t
	for {
		err := unix.Statfs(dir, &s)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return volume{}, err
		}
		break
	}
	block := uint64(s.Bsize)
	return volume{
		free:       uint64(max(s.Bavail, 0)) * block,
		size:       uint64(s.Blocks) * block,
		freeInodes: uint64(max(s.Ffree, 0)),
		files:      uint64(s.Files),
		network:    networkKind(s),
	}, nil
}
