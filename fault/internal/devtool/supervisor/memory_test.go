package supervisor_test

import (
	"testing"
	"testing/fstest"

	"example.org/microblog/fault/internal/devtool/supervisor"
)

// TestMemory: the least of what bounds it counts.
func TestMemory(t *testing.T) {
	t.Parallel()
	const machine = "MemTotal:       16000000 kB\nMemFree:        1 kB\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"not Linux":    {nil, 0},
		"a machine":    {map[string]string{"proc/meminfo": machine}, 16000000 << 10},
		"a group":      {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1000000\n"}, 1000000},
		"a group's":    {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "2000000\n"}, 2000000},
		"a container":  {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/../../outside\n", "sys/fs/cgroup/memory.max": "3000000\n"}, 3000000},
		"a lavish one": {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "99000000000\n"}, 16000000 << 10},
		"version 1":    {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "5:cpu:/x\n4:memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "4000000\n"}, 4000000},
		"only a group": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "5\n"}, 5},
		"nonsense":     {map[string]string{"proc/meminfo": "MemTotal: many kB\n\x00", "proc/self/cgroup": "::\n:\n0::\n", "sys/fs/cgroup/memory.max": "-1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{}
			for path, text := range test.files {
				files[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := supervisor.Memory(files); got != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}
		})
	}
}

// FuzzMemory: whatever the system's files hold, it ends, and says nothing below zero.
func FuzzMemory(f *testing.F) {
	f.Add("MemTotal: 1 kB\n", "0::/a\n", "max")
	f.Add("MemTotal: 99999999999999999999 kB\n", "1:memory:/../..\n0::", "1")
	f.Fuzz(func(t *testing.T, memory, groups, limit string) {
		got := supervisor.Memory(fstest.MapFS{
			"proc/meminfo": {Data: []byte(memory)}, "proc/self/cgroup": {Data: []byte(groups)}, "sys/fs/cgroup/memory.max": {Data: []byte(limit)},
		})
		if got < 0 {
			t.Error(got)
		}
	})
}
