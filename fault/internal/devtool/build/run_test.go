package build_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/build"
)

// toolVariable makes this program one of the tools that go build starts, which says who it is in that file and
// then takes for ever. toolMood is how it takes an interrupt.
const (
	toolVariable = "FAULT_TEST_TOOL"
	toolMood     = "FAULT_TEST_TOOL_MOOD"
	stubborn     = "stubborn"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(toolVariable); file != "" {
		os.Exit(tool(file, os.Args[1:]))
	}
	os.Exit(m.Run())
}

func tool(file string, args []string) int {
	if len(args) > 1 && args[1] != "-V=full" && strings.Contains(strings.Join(args, " "), " -p main ") {
		if os.Getenv(toolMood) == stubborn {
			signal.Ignore(syscall.SIGINT)
		}
		if err := os.WriteFile(file+".new", []byte(strconv.Itoa(os.Getpid())), 0o666); err != nil {
			return 1
		}
		if err := os.Rename(file+".new", file); err != nil {
			return 1
		}
		time.Sleep(time.Hour)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return 1
	}
	return 0
}

// A build that is given up leaves no process and no file, also where a compiler does not heed an interrupt.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, mood := range []string{"", stubborn} {
		t.Run("mood "+mood, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "pid")
			b := open(t, build.Options{
				Dir:   tree(t, map[string]string{"main.go": "package main\n\nfunc main() { print(" + fmt.Sprint(time.Now().UnixNano()) + ") }\n"}),
				Env:   environment(toolVariable+"="+file, toolMood+"="+mood),
				Flags: []string{"-toolexec=" + self},
			})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			output := program(t)
			done := make(chan error, 1)
			go func() {
				_, err := b.Build(ctx, output)
				done <- err
			}()
			var pid int
			eventually(t, "the compiler is started", func() bool {
				text, err := os.ReadFile(file)
				if err != nil {
					return false
				}
				pid, err = strconv.Atoi(string(text))
				return err == nil
			})
			cancel()
			select {
			case err := <-done:
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Fatal("the build does not end")
			}
			eventually(t, "the compiler has ended", func() bool { return !runs(pid) })
			if left, err := os.ReadDir(filepath.Dir(output)); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// runs says that there is such a process, and that it is none that only waits to be taken note of.
func runs(pid int) bool {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		_, rest, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(rest, "Z")
	}
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: ", what)
		}
	}
}

// What is given up before it begins does not begin, and what cannot be run is no problem of the source.
func TestCannotRun(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"main.go": "package main\n\nfunc main() {}\n"})
	b := open(t, build.Options{Dir: dir})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if p, err := b.Build(ctx, program(t)); p != nil || !errors.Is(err, context.Canceled) {
		t.Error("Build:", p, err)
	}
	if in, p, err := b.Inputs(ctx); in != nil || p != nil || !errors.Is(err, context.Canceled) {
		t.Error("Inputs:", in, p, err)
	}
	if p, err := b.Vet(ctx, []string{"example.com/app"}); p != nil || !errors.Is(err, context.Canceled) {
		t.Error("Vet:", p, err)
	}
	if _, err := build.Open(ctx, build.Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Error("Open:", err)
	}
	if p, err := b.Build(context.Background(), filepath.Join(dir, "gone", "program")); p != nil || !errors.Is(err, os.ErrNotExist) {
		t.Error("a directory that is missing:", p, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if p, err := b.Build(context.Background(), program(t)); p != nil || err == nil {
		t.Error("a working directory that is gone:", p, err)
	}
}

// A Builder may be asked several things at once.
func TestTogether(t *testing.T) {
	t.Parallel()
	dir := tree(t, hello)
	b := open(t, build.Options{Dir: dir, Package: "./cmd/x"})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { fine(t, b) })
		all.Go(func() { inputs(t, b) })
		all.Go(func() {
			if p, err := b.Vet(context.Background(), []string{"example.com/app/cmd/x"}); p != nil || err != nil {
				t.Error(p, err)
			}
		})
	}
	all.Wait()
}
