//go:build amd64 || arm64

package build_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/devtool/build"
)

// TestHook builds a program whose runtime has the hook. The first time on a machine this compiles all of the
// standard library that it needs.
func TestHook(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a part of the standard library")
	}
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "hook")
	write(t, dir, "go.mod", "module example.com/hooked\n\ngo 1.26.0\n")
	write(t, dir, "main.go", `package main

import (
	"os"
	"sync"
	"syscall"
	_ "unsafe"
)

//go:linkname hook runtime.faultPanicHook
var hook func(any) bool

func main() {
	if len(os.Args) > 1 {
		end(os.Args[1])
		return
	}
	hook = func(value any) bool { println("hooked", value.(error).Error()); return true }
	defer func() { println("recovered", recover() != nil) }()
	var none *int
	*none = 1
}

func end(how string) {
	syscall.Syscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0)
	if how == "crash" {
		new(sync.Mutex).Unlock()
	}
	if signal := map[string]syscall.Signal{"abort": syscall.SIGABRT, "quit": syscall.SIGQUIT}[how]; signal != 0 {
		syscall.Kill(syscall.Getpid(), signal)
		select {}
	}
	var working sync.WaitGroup
	working.Add(1)
	go func() {
		defer working.Done()
		panic("when main returns")
	}()
	working.Wait()
}
`)
	b := open(t, build.Options{Dir: dir})
	program := filepath.Join(t.TempDir(), "program")
	if ready, err := b.UseHook(cache); ready || err != nil || b.Hooked() {
		t.Fatalf("ready is %v, %v, before anything was built", ready, err)
	}
	old := olderHooks(t, cache)
	if err := b.PrepareHook(t.Context(), cache); err != nil || !b.Hooked() {
		t.Fatal(err, b.Hooked())
	}
	for days, dir := range old {
		if _, err := os.Stat(dir); (err == nil) != (days <= 30) {
			t.Errorf("a hook that was last used %d days ago: %v", days, err)
		}
	}
	if p, err := b.Build(t.Context(), program); p != nil || err != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	out, err := exec.Command(program).CombinedOutput()
	if want := "hooked runtime error: invalid memory address or nil pointer dereference\nrecovered true\n"; err != nil || string(out) != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
	crashOf(t, program, "crash", "fatal error: sync: unlock of unlocked mutex", true)
	crashOf(t, program, "abort", "SIGABRT: abort", true)
	crashOf(t, program, "quit", "SIGQUIT: quit", false)
	crashOf(t, program, "return", "panic: when main returns", true)
	again := open(t, build.Options{Dir: dir})
	if ready, err := again.UseHook(cache); !ready || err != nil || !again.Hooked() {
		t.Errorf("ready is %v, %v, after everything was built", ready, err)
	}
	if p, err := again.Vet(t.Context(), []string{"example.com/hooked"}); p != nil || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
	fetched(t, dir, cache)
	other := open(t, build.Options{Dir: dir, Tags: []string{"other"}})
	if ready, err := other.UseHook(cache); ready || err != nil {
		t.Errorf("ready is %v, %v, with other tags", ready, err)
	}
	own := open(t, build.Options{Dir: dir, Flags: []string{"-overlay=/dev/null"}})
	var refused *build.HookError
	if _, err := own.UseHook(cache); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
}

// olderHooks makes hooks, by how many days ago they were last used.
func olderHooks(t *testing.T, cache string) map[int]string {
	t.Helper()
	made := map[int]string{}
	for _, days := range []int{10, 20, 30, 40, 50} {
		dir := filepath.Join(cache, fmt.Sprintf("%024x", days))
		write(t, dir, "overlay.json", "{}")
		used := time.Now().AddDate(0, 0, -days)
		if err := os.Chtimes(filepath.Join(dir, "overlay.json"), used, used); err != nil {
			t.Fatal(err)
		}
		made[days] = dir
	}
	return made
}

// fetched builds the program with a Go that lies in the module cache, where nothing can be replaced. What is compiled is the same.
func fetched(t *testing.T, dir, cache string) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	mod := t.TempDir()
	root := filepath.Join(mod, "golang.org", "toolchain@v0.0.1-go1.26.0.linux-"+runtime.GOARCH)
	fakeGo(t, strings.TrimSpace(string(out)), root)
	settings := filepath.Join(mod, "settings")
	if err := os.WriteFile(settings, []byte("GOROOT="+root+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, build.Options{Dir: dir, Env: environment("GOENV="+settings, "GOMODCACHE="+mod)})
	if err := b.PrepareHook(t.Context(), cache); err != nil || !b.Hooked() {
		t.Fatal(err, b.Hooked())
	}
	program := filepath.Join(t.TempDir(), "program")
	if p, err := b.Build(t.Context(), program); p != nil || err != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err := b.Vet(t.Context(), []string{"example.com/hooked"}); p != nil || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
	said, err := exec.Command(program).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(said), "hooked ") {
		t.Errorf("%q, %v", said, err)
	}
	said, _ = exec.Command(program, "crash").CombinedOutput() // It crashes.
	m := regexp.MustCompile(`\t(/\S+/src/sync/mutex\.go):\d+`).FindStringSubmatch(string(said))
	if m == nil {
		t.Fatalf("no frame of the library in %s", said)
	}
	if file := b.Located(m[1]); file != filepath.Join(root, "src", "sync", "mutex.go") || m[1] == file {
		t.Errorf("%s is located at %s", m[1], file)
	}
	if _, err := os.Stat(m[1]); err != nil {
		t.Error(err)
	}
	if err := os.Remove(settings); err != nil { // as when go.mod asks for another version of Go
		t.Fatal(err)
	}
	if _, _, err := b.Inputs(t.Context()); err != nil || b.Hooked() {
		t.Errorf("%v; it is %v that there is a hook of another version of Go", err, b.Hooked())
	}
	if ready, err := b.UseHook(cache); !ready || err != nil || !b.Hooked() {
		t.Errorf("ready is %v, %v, with the first version again", ready, err)
	}
	another(t, dir, cache, mod, root)
	again := open(t, build.Options{Dir: dir, Env: environment("GOROOT="+root, "GOMODCACHE="+mod)})
	if ready, err := again.UseHook(cache); !ready || err != nil {
		t.Errorf("ready is %v, %v, after everything was built", ready, err)
	}
	within := open(t, build.Options{Dir: dir, Env: environment("GOROOT="+root, "GOMODCACHE="+mod)})
	var refused *build.HookError
	if _, err := within.UseHook(filepath.Join(mod, "hook")); !errors.As(err, &refused) || !strings.Contains(err.Error(), mod) {
		t.Errorf("%v, where the hook lies in the module cache", err)
	}
}

// fakeGo makes a version of Go in root, which is the one in another directory, and takes itself for that which go.mod asks for.
func fakeGo(t *testing.T, of, root string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(of)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "bin" {
			if err := os.Symlink(filepath.Join(of, e.Name()), filepath.Join(root, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	script := fmt.Sprintf("#!/bin/sh\nunset GOTOOLCHAIN_INTERNAL_SWITCH_VERSION\nexport GOTOOLCHAIN=local GOROOT=\"${GOROOT:-%s}\"\nexec '%s' \"$@\"\n",
		root, filepath.Join(of, "bin", "go"))
	if err := os.WriteFile(filepath.Join(root, "bin", "go"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}

// another has go.mod ask for a version of Go, which is that in root, and no more, for which all is built.
func another(t *testing.T, dir, cache, mod, root string) {
	t.Helper()
	const name = "go1.99.0" // The go command looks for a program of this name before it fetches one.
	bin := t.TempDir()
	if err := os.Symlink(filepath.Join(root, "bin", "go"), filepath.Join(bin, name)); err != nil {
		t.Fatal(err)
	}
	b := open(t, build.Options{Dir: dir, Env: environment("GOTOOLCHAIN=path", "GOROOT=", "GOMODCACHE="+mod, "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))})
	if ready, err := b.UseHook(cache); !ready || err != nil {
		t.Fatalf("ready is %v, %v, with the first version", ready, err)
	}
	for _, line := range []string{"toolchain " + name, ""} {
		write(t, dir, "go.mod", "module example.com/hooked\n\ngo 1.26.0\n\n"+line+"\n")
		program := filepath.Join(t.TempDir(), "program")
		if p, err := b.Build(t.Context(), program); p != nil || err != nil {
			t.Fatalf("%+v, %v", p, err)
		}
		said, err := exec.Command(program).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(said), "hooked ") || !b.Hooked() {
			t.Errorf("%q, %v, after go.mod has got %q; it is %v that there is a hook", said, err, line, b.Hooked())
		}
	}
	// The user's cache may be emptied, and what the go command has in its own is not kept for long.
	marks, err := filepath.Glob(filepath.Join(cache, "*", "built-*"))
	if err != nil || len(marks) == 0 {
		t.Fatal(marks, err)
	}
	week := time.Now().Add(-7 * 24 * time.Hour)
	for _, mark := range marks {
		info, err := os.Stat(mark)
		if err := errors.Join(err, os.Chtimes(mark, week, week)); err != nil {
			t.Fatal(err)
		}
		defer os.Chtimes(mark, info.ModTime(), info.ModTime())
	}
	if p, err := b.Build(t.Context(), filepath.Join(t.TempDir(), "program")); p != nil || err != nil || b.Hooked() {
		t.Errorf("%+v, %v; it is %v that there is a hook whose libraries were not used for a week", p, err, b.Hooked())
	}
	if ready, err := b.UseHook(cache); ready || err != nil {
		t.Errorf("ready is %v, %v, after a week", ready, err)
	}
}

// crashOf has the program crash when nobody may look at it, and checks that it ends as ever, and that its copy, if
// it is to have one, may be looked at.
func crashOf(t *testing.T, program, how, want string, copied bool) {
	t.Helper()
	user := uint32(os.Getuid())
	var (
		out  []byte
		code int
	)
	for range 3 { // A program that returns in the moment of a crash may be quicker, as ever.
		file, err := os.Open(program) // Its directory may be closed to others.
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/fd/3", how)
		cmd.ExtraFiles = []*os.File{file}
		cmd.Env = append(os.Environ(), devlink.CopiesVariable+"="+strconv.Itoa(os.Getpid()))
		if os.Getuid() == 0 {
			user = 65534
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		}
		out, _ = cmd.CombinedOutput() // see its exit code
		_ = file.Close()
		if code = cmd.ProcessState.ExitCode(); code != 0 {
			break
		}
	}
	if !strings.HasPrefix(string(out), want) || code != 2 {
		t.Fatalf("%s: %s, exit code %d", how, out, code)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range entries {
		stat, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "stat")) // It may be no process, or gone.
		_, rest, isCopy := strings.Cut(string(stat), " ("+devlink.CrashName+") ")
		if fields := strings.Fields(rest); !isCopy || fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		found = true
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; owner != user {
			t.Errorf("the copy belongs to %d, want %d", owner, user)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
	}
	if found != copied {
		t.Errorf("it is %v that there is a copy of %s", found, out)
	}
}
