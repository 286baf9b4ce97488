package crash

import (
	"bufio"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// system is where the kernel shows its state; tests have their own.
type system struct{ proc, cgroup string }

var linux = system{proc: "/proc", cgroup: "/sys/fs/cgroup"}

// bootID names this start of the machine, "" if it cannot be known; proc(5).
func bootID() string {
	text, err := os.ReadFile(linux.proc + "/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func sameBoot(a, b string) bool { return a == b }

// readKills returns the counts for this process.
func readKills() kills { return linux.killsOf(linux.group()) }

// killsOf returns the counts for a control group.
func killsOf(group string) kills { return linux.killsOf(group) }

func (s system) killsOf(group string) kills {
	k := kills{Group: group, In: -1, Above: -1, All: count(s.proc+"/vmstat", "oom_kill")}
	if group == "" {
		return k
	}
	k.In, k.ID = s.inGroup(group), s.groupID(group)
	if above := path.Dir(group); above != group {
		k.Above = s.inGroup(above)
	}
	return k
}

// inGroup reads memory.events of version 2, or memory.oom_control of version 1; cgroups(7).
func (s system) inGroup(group string) int64 {
	for _, file := range []string{s.cgroup + group + "/memory.events", s.cgroup + "/memory" + group + "/memory.oom_control"} {
		if n := count(file, "oom_kill"); n >= 0 {
			return n
		}
	}
	return -1
}

// groupID returns what tells a group from a later one of the same path, 0 if it is gone.
func (s system) groupID(group string) uint64 {
	for _, dir := range []string{s.cgroup + group, s.cgroup + "/memory" + group} {
		info, err := os.Stat(dir)
		if err != nil {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			return stat.Ino
		}
	}
	return 0
}

// group returns the path of this process's control group for memory, "" if there is none.
func (s system) group() string {
	text, err := os.ReadFile(s.proc + "/self/cgroup")
	if err != nil {
		return ""
	}
	unified := ""
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[1] == "memory":
			return parts[2]
		case parts[0] == "0" && parts[1] == "":
			unified = parts[2]
		}
	}
	return unified
}

// count returns the number behind a word at the beginning of a line, -1 if there is none.
func count(file, word string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return -1
	}
	defer f.Close() // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), " ")
		if key != word {
			continue
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return n
		}
	}
	return -1
}
