//go:build darwin || freebsd || dragonfly

package cli

import "golang.org/x/sys/unix"

// networkKind names the kind of a network file system.
func networkKind(s unix.Statfs_t) string {
	if s.Flags&unix.MNT_LOCAL != 0 {
		return ""
	}
	return unix.ByteSliceToString(nameBytes(s.Fstypename[:]))
}

// nameBytes makes bytes of a C string, whose characters are signed on some systems.
func nameBytes[T int8 | byte](name []T) []byte {
	b := make([]byte, len(name))
	for i, c := range name {
		b[i] = byte(c)
	}
	return b
}
