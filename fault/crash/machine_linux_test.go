package crash

import (
	"os"
	"path/filepath"
	"testing"
)

// kernel is a tree of files as the kernel shows them.
func kernel(t *testing.T, files map[string]string) system {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return system{proc: filepath.Join(dir, "proc"), cgroup: filepath.Join(dir, "cgroup")}
}

func TestKills(t *testing.T) {
	t.Parallel()
	const none, one = "low 0\noom 0\noom_kill 0\n", "low 0\noom 1\noom_kill 1\n"
	for _, tt := range []struct {
		name         string
		group        string // of /proc/self/cgroup
		before       map[string]string
		after        map[string]string
		killed, anew bool // anew: the group is another one of the same path
	}{
		{name: "in the group", group: "0::/app.service\n",
			before: map[string]string{"cgroup/app.service/memory.events": none}, after: map[string]string{"cgroup/app.service/memory.events": one}, killed: true},
		{name: "not in the group", group: "0::/sys/app.service\n",
			before: map[string]string{"cgroup/sys/app.service/memory.events": one, "cgroup/sys/memory.events": one},
			after:  map[string]string{"cgroup/sys/app.service/memory.events": one, "cgroup/sys/memory.events": "oom_kill 5\n", "proc/vmstat": "oom_kill 9\n"}},
		{name: "the group was made anew", group: "0::/sys/app.service\n", anew: true,
			before: map[string]string{"cgroup/sys/app.service/memory.events": none, "cgroup/sys/memory.events": none},
			after:  map[string]string{"cgroup/sys/app.service/memory.events": none, "cgroup/sys/memory.events": one}, killed: true},
		{name: "made anew without a kill", group: "0::/sys/app.service\n", anew: true,
			before: map[string]string{"cgroup/sys/app.service/memory.events": none, "cgroup/sys/memory.events": one},
			after:  map[string]string{"cgroup/sys/app.service/memory.events": none, "cgroup/sys/memory.events": one}},
		{name: "version 1", group: "12:cpu:/x\n4:memory:/docker/1\n0::/\n",
			before: map[string]string{"cgroup/memory/docker/1/memory.oom_control": "under_oom 0\noom_kill 0\n"},
			after:  map[string]string{"cgroup/memory/docker/1/memory.oom_control": "under_oom 0\noom_kill 2\n"}, killed: true},
		{name: "no control group", group: "",
			before: map[string]string{"proc/vmstat": "nr_free 1\noom_kill 3\n"}, after: map[string]string{"proc/vmstat": "nr_free 1\noom_kill 4\n"}, killed: true},
		{name: "nothing known", group: "0::/gone\n", before: nil, after: nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.before == nil {
				tt.before = map[string]string{}
			}
			tt.before["proc/self/cgroup"] = tt.group
			before := kernel(t, tt.before)
			then := before.killsOf(before.group())
			now := kernel(t, tt.after).killsOf(then.Group)
			if !tt.anew {
				now.ID = then.ID
			} else if now.ID++; now.ID == then.ID {
				now.ID++
			}
			if why := then.since(now); (why != "") != tt.killed {
				t.Errorf("from %+v to %+v: %q", then, now, why)
			}
		})
	}
}

func TestOwnMachine(t *testing.T) {
	t.Parallel()
	if id := bootID(); id == "" || !sameBoot(id, bootID()) {
		t.Errorf("boot %q", id)
	}
	k := readKills()
	if why := k.since(killsOf(k.Group)); why != "" {
		t.Errorf("at once: %s", why)
	}
}
