package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// workingIn returns the command lines of processes that work in dir or below.
func workingIn(t *testing.T, dir string) (left []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if at, err := os.Readlink(link); err == nil && (at == dir || strings.HasPrefix(at, dir+"/")) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline")) // of one that has just ended it is empty
			left = append(left, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return left
}

// What a program leaves behind is told and ended.
func TestLeftBehind(t *testing.T) {
	p, err := launch(t.TempDir(), "127.0.0.1:1", nil, "sh", "-c", "sleep 600 >/dev/null 2>&1 &")
	if err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if left := marked(p.mark); len(left) != 1 {
		t.Errorf("%d processes are known to be left, not 1", len(left))
	}
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "has left 1 processes behind") {
		t.Errorf("it is told as: %v", err)
	}
	if left := workingIn(t, p.dir); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
