package watch

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// remoteMagic are file systems whose files others may change without this system's notice.
// The numbers are those of statfs(2); x/sys/unix lacks some of them.
var remoteMagic = map[uint32]string{
	unix.NFS_SUPER_MAGIC:   "NFS",
	unix.SMB_SUPER_MAGIC:   "SMB",
	unix.CIFS_SUPER_MAGIC:  "CIFS",
	unix.SMB2_SUPER_MAGIC:  "SMB",
	unix.V9FS_MAGIC:        "9P",
	unix.FUSE_SUPER_MAGIC:  "FUSE",
	unix.AFS_SUPER_MAGIC:   "AFS",
	unix.CEPH_SUPER_MAGIC:  "Ceph",
	unix.CODA_SUPER_MAGIC:  "Coda",
	0x786f4256:             "a shared folder of VirtualBox",
	0x7c7c6673:             "a shared folder of Parallels",
	unix.OCFS2_SUPER_MAGIC: "OCFS2",
}

// remote names the kind of network file system that the directory lies on; "" is none.
func remote(dir string) string {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return ""
	}
	return remoteMagic[uint32(s.Type)]
}

// exhausted reports whether an error means that a limit of the system is reached.
func exhausted(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENOMEM)
}

// explain says what an error of the system's notifications means, and what to do.
func explain(err error) string {
	setting := ""
	switch {
	case errors.Is(err, unix.ENOSPC):
		setting = "max_user_watches"
	case errors.Is(err, unix.EMFILE):
		setting = "max_user_instances"
	default:
		return err.Error()
	}
	text := "the limit fs.inotify." + setting
	if value, err := os.ReadFile("/proc/sys/fs/inotify/" + setting); err == nil {
		text += ", " + strings.TrimSpace(string(value)) + ","
	}
	return text + " is reached; sysctl -w fs.inotify." + setting + "=NUMBER raises it"
}
