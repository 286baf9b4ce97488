package supervisor

import (
	"bytes"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// memoryAllowed is how much memory there is for the programs of this process, in bytes: that of the machine, or of the control
// groups that it is in, as of a container. root is the root of the file system. 0: it is not known.
func memoryAllowed(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	text, _ := fs.ReadFile(root, "proc/meminfo") // Not Linux: there is none.
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("MemTotal:")); ok {
			if kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"), 10, 44); err == nil && kilobytes > 0 {
				least = kilobytes << 10
			}
		}
	}
	text, _ = fs.ReadFile(root, "proc/self/cgroup") // Without control groups nothing else bounds it.
	for line := range bytes.Lines(text) {
		// NUMBER:CONTROLLERS:PATH, where the path need not be there if it is told as from outside of a container.
		fields := strings.SplitN(strings.TrimSuffix(string(line), "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		top, file := "sys/fs/cgroup", "memory.max"
		if fields[1] == "memory" {
			top, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if fields[1] != "" {
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			if limit, err := fs.ReadFile(root, path.Join(top, group, file)); err == nil {
				if n, err := strconv.ParseInt(strings.TrimSpace(string(limit)), 10, 64); err == nil && n > 0 { // else "max"
					least = min(least, n)
				}
			}
			if group == "/" {
				break
			}
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}
