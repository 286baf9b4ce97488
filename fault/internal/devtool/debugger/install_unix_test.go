//go:build linux

package debugger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/fault/internal/devtool/debugger"
)

// script writes a program that is a shell script.
func script(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// says is a dlv that says its version.
func says(version string) string {
	return fmt.Sprintf("printf 'Delve Debugger\\nVersion: %s\\nBuild: x\\n'\n", version)
}

// workshop is an Installer with a go command that installs what install says, in a directory of its own.
func workshop(t *testing.T, install string) (i *debugger.Installer, log func() string, bin string) {
	t.Helper()
	dir := t.TempDir()
	bin = filepath.Join(dir, "bin")
	record := filepath.Join(dir, "log")
	script(t, filepath.Join(bin, "go"), `case "$1" in
env) echo go1.99.1 ;;
*) echo "$@" >> `+record+`
`+install+`
;;
esac
`)
	return &debugger.Installer{
			CacheDir: filepath.Join(dir, "cache"),
			Env:      []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=" + dir},
		}, func() string {
			text, _ := os.ReadFile(record)
			return string(text)
		}, bin
}

const installs = `echo "go: downloading delve" >&2; cp /bin/true "$GOBIN/dlv"`

func TestDelveIsBuiltOnce(t *testing.T) {
	i, log, _ := workshop(t, "sleep 0.2; "+installs)
	var group sync.WaitGroup
	paths := make([]string, 6)
	var mu sync.Mutex
	var told []string
	for n := range paths {
		group.Go(func() {
			own := &debugger.Installer{CacheDir: i.CacheDir, Env: i.Env} // as another process has
			path, err := own.Ensure(t.Context(), func(line string) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, line)
			})
			if err != nil {
				t.Error(err)
			}
			paths[n] = path
		})
	}
	group.Wait()
	want := filepath.Join(i.CacheDir, "delve-"+debugger.DelveVersion+"-go1.99.1", "dlv")
	for _, path := range paths {
		if path != want {
			t.Errorf("it is at %s, want %s", path, want)
		}
	}
	if got := log(); got != "install github.com/go-delve/delve/cmd/dlv@"+debugger.DelveVersion+"\n" {
		t.Errorf("go was asked for\n%s", got)
	}
	all := strings.Join(told, "\n")
	for _, line := range []string{"building Delve", "go: downloading delve", "another process builds Delve", "is built"} {
		if !strings.Contains(all, line) {
			t.Errorf("%q is not told, but\n%s", line, all)
		}
	}
	left, err := os.ReadDir(filepath.Dir(want))
	if err != nil || len(left) != 2 {
		t.Errorf("there are %v (%v), want dlv and its lock", left, err)
	}
}

func TestOtherDelves(t *testing.T) {
	for _, test := range []struct {
		name, inPath, named string
		path                string // below the directory of programs; "": it is built
		fails               bool
	}{
		{name: "none"},
		{name: "the same", inPath: says("1.27.2"), path: "dlv"},
		{name: "a newer one", inPath: says("1.30.0"), path: "dlv"},
		{name: "an older one", inPath: says("1.9.1")},
		{name: "one that fails", inPath: "exit 1\n"},
		{name: "one that says something else", inPath: "echo hello\n"},
		{name: "named, whatever its age", inPath: says("1.30.0"), named: says("1.20.0"), path: "named/dlv"},
		{name: "named, and no dlv", named: "echo hello\n", fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			i, _, bin := workshop(t, installs)
			if test.inPath != "" {
				script(t, filepath.Join(bin, "dlv"), test.inPath)
			}
			if test.named != "" {
				path := filepath.Join(bin, "named", "dlv")
				script(t, path, test.named)
				i.Env = append(i.Env, debugger.DelveVariable+"="+path)
			}
			path, err := i.Ensure(t.Context(), nil)
			want := filepath.Join(bin, test.path)
			if test.path == "" {
				want = filepath.Join(i.CacheDir, "delve-"+debugger.DelveVersion+"-go1.99.1", "dlv")
			}
			switch {
			case test.fails:
				if e := unavailable(t, err); !strings.Contains(e.Text, debugger.DelveVariable) {
					t.Errorf("it says %q", e.Text)
				}
			case err != nil || path != want:
				t.Errorf("it is %s (%v), want %s", path, err, want)
			}
		})
	}
}

func TestDelveCannotBeBuilt(t *testing.T) {
	t.Run("go fails", func(t *testing.T) {
		i, _, _ := workshop(t, `echo "go: no network" >&2; exit 1`)
		_, err := i.Ensure(t.Context(), nil)
		if e := unavailable(t, err); !strings.Contains(e.Error(), "go: no network") {
			t.Errorf("it says %q", e.Error())
		}
		left, err := os.ReadDir(filepath.Join(i.CacheDir, "delve-"+debugger.DelveVersion+"-go1.99.1"))
		if err != nil || len(left) != 1 {
			t.Errorf("there are %v (%v), want the lock", left, err)
		}
	})
	t.Run("no go", func(t *testing.T) {
		i := &debugger.Installer{CacheDir: t.TempDir(), Env: []string{"PATH=" + t.TempDir()}}
		_, err := i.Ensure(t.Context(), nil)
		if e := unavailable(t, err); !strings.Contains(e.Text, "There is no go command") {
			t.Errorf("it says %q", e.Text)
		}
	})
	t.Run("no room", func(t *testing.T) {
		i, _, bin := workshop(t, installs)
		i.CacheDir = filepath.Join(bin, "go") // a file
		_, err := i.Ensure(t.Context(), nil)
		unavailable(t, err)
	})
	t.Run("given up", func(t *testing.T) {
		i, _, _ := workshop(t, "exec sleep 60")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := i.Ensure(ctx, func(string) { cancel() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	})
}
