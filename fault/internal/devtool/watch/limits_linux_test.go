package watch_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"example.org/microblog/fault/internal/devtool/watch"
)

// limited runs the test that calls it again, in a user namespace, which has limits of its own. It reports whether
// this is that run, with the limit set.
func limited(t *testing.T, setting string, limit int) bool {
	t.Helper()
	const inside = "WATCH_TEST_LIMITED"
	if os.Getenv(inside) != "" {
		if err := os.WriteFile("/proc/sys/user/"+setting, []byte(fmt.Sprint(limit)), 0); err != nil {
			t.Skip(err)
		}
		return true
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	output, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(output), "--- SKIP"), err != nil && len(output) == 0:
		t.Skipf("a user namespace with limits of its own is not to be had: %v\n%s", err, output)
	case err != nil:
		t.Fatalf("%v\n%s", err, output)
	}
	return false
}

func TestTooManyDirectoriesForTheSystem(t *testing.T) {
	const limit = 10
	if !limited(t, "max_inotify_watches", limit) {
		return
	}
	s := newSite(t, watch.Options{Timing: unhurried}, "a.html")
	for i := range 3 * limit {
		s.edit(fmt.Sprintf("d%d/x.html", i))
	}
	s.watch(s.root())
	if polled, all := s.w.Polled(); polled < limit || polled >= all {
		t.Errorf("%d of %d directories are polled", polled, all)
	}
	for _, i := range []int{0, limit - 2, limit, limit + 1, 3*limit - 1} {
		s.edit(fmt.Sprintf("d%d/x.html", i))
		s.want(fmt.Sprintf("template d%d/x.html", i))
	}
	s.edit("d29/new/y.html")
	s.want("template d29/new/y.html")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notices) != 1 || !strings.Contains(s.notices[0], "fs.inotify.max_user_watches") {
		t.Errorf("the notices are %q", s.notices)
	}
}

// TestNotificationsThatOverflow has the kernel drop some, among them those of directories that are moved.
func TestNotificationsThatOverflow(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{}, "web/a.html", "web/b.html", "moved/sub/c.html", "noise/x", "noise/y")
	set := s.root()
	s.watch(set)
	limit := 16384
	if text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events"); err == nil {
		_, _ = fmt.Sscan(string(text), &limit)
	}
	if limit > 1<<18 {
		t.Skip("the queue of the system is too long to be filled")
	}
	resume := s.w.Stall()
	for i := range limit + 5000 { // two files in turn, because the system joins what is equal
		s.must(os.Chmod(s.path([]string{"noise/x", "noise/y"}[i%2]), 0o600))
	}
	s.edit("web/a.html")
	s.rename("moved", "renamed")
	s.edit("fresh/deep/d.html")
	s.remove("web/b.html")
	resume()
	s.gather("template web/a.html", "-template web/b.html", "-template moved/sub/c.html", "template renamed/sub/c.html", "template fresh/deep/d.html")
	for _, name := range []string{"renamed/sub/c.html", "fresh/deep/d.html", "web/a.html"} {
		s.edit(name)
		s.want("template " + name)
	}
	s.edit("moved/sub/c.html")
	s.want("template moved/sub/c.html")
	s.nothing()
}

func TestNoInstanceOfInotifyLeft(t *testing.T) {
	if !limited(t, "max_inotify_instances", 0) {
		return
	}
	s := newSite(t, watch.Options{Timing: unhurried}, "a.html")
	s.watch(s.root())
	s.edit("a.html")
	s.want("template a.html")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notices) != 1 || !strings.Contains(s.notices[0], "fs.inotify.max_user_instances") {
		t.Errorf("the notices are %q", s.notices)
	}
}
