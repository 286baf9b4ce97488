package verify_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"example.org/microblog/fault/internal/devtool/verify"
)

func TestFilesThatCannotBeJudged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole, err := os.ReadFile(build(t, write(t), nil))
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		path string
		want error
	}{
		"nothing":           {filepath.Join(dir, "nothing"), fs.ErrNotExist},
		"a directory":       {dir, verify.ErrDirectory},
		"a device":          {os.DevNull, verify.ErrIrregular},
		"an empty file":     {file("empty", nil), verify.ErrEmpty},
		"three bytes":       {file("three", []byte("abc")), verify.ErrFormat},
		"a script":          {file("script", []byte("#!/bin/sh\nexec true\n")), verify.ErrFormat},
		"an archive":        {file("archive", []byte("!<arch>\n__.PKGDEF       0           0     0     644     7955      `\n")), verify.ErrFormat},
		"the first bytes":   {file("head", whole[:16]), verify.ErrDamaged},
		"the first half":    {file("half", whole[:len(whole)/2]), verify.ErrDamaged},
		"all but the end":   {file("most", whole[:len(whole)-1000]), verify.ErrDamaged},
		"a DOS program":     {file("dos", append([]byte("MZ"), make([]byte, 200)...)), verify.ErrDamaged},
		"half of Mach-O":    {file("macho", []byte("\xcf\xfa\xed\xfe\x07\x00\x00\x01")), verify.ErrDamaged},
		"half of two of it": {file("fat", []byte("\xca\xfe\xba\xbe\x00\x00\x00\x02")), verify.ErrDamaged},
	} {
		if runtime.GOOS == "windows" && test.want == verify.ErrIrregular {
			continue // devices have no path of their own there
		}
		if runtime.GOOS != "linux" && name == "all but the end" {
			continue // other systems do not keep at the end what matters
		}
		r, err := verify.File(test.path, verify.Packages())
		if !errors.Is(err, test.want) || r.Functions != 0 {
			t.Errorf("%s: %+v, %v, want %v", name, r, err, test.want)
			continue
		}
		if text := err.Error(); strings.Count(text, test.path) != 1 || !strings.HasPrefix(text, test.path+": ") {
			t.Errorf("%s: the path is not before it, once: %s", name, text)
		}
	}
}

func TestNoProgramOfGo(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/bin/ls", "/bin/sh"} {
		if _, err := os.Stat(path); err != nil {
			t.Skip(err)
		}
		if r, err := verify.File(path, verify.Packages()); !errors.Is(err, verify.ErrNotGo) {
			t.Errorf("%s: %+v, %v", path, r, err)
		}
	}
}

// TestPipe opens nothing that would wait.
func TestPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := mkfifo(path); errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	if _, err := verify.File(path, verify.Packages()); !errors.Is(err, verify.ErrIrregular) {
		t.Error(err)
	}
}

func TestBelongs(t *testing.T) {
	t.Parallel()
	const pkg = "example.org/blog/fault/internal/devlink"
	for name, want := range map[string]bool{
		pkg + ".Open":                            true,
		pkg + ".(*Client).Send.func1":            true,
		pkg + ".init":                            true,
		pkg + "/wire.Encode":                     true,
		"type:.eq." + pkg + ".message":           true,
		"sort.Slice[" + pkg + ".T]":              true,
		"go.shape.*" + pkg + ".T":                true,
		"vendor.example/vendor/" + pkg + ".Open": true,
		"":                                       false,
		pkg:                                      false,
		pkg + "er.Open":                          false,
		pkg + "-2.Open":                          false,
		"x." + pkg + ".Open":                     false,
		"other.example/" + pkg + ".Open":         false,
		"example.org/blog/fault.Open":            false,
		"main.devlink":                           false,
	} {
		if got := verify.Belongs(name, pkg); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	if !verify.Belongs("a.b/c%2ev2.F", "a.b/c.v2") || verify.Belongs("a.b/c.v2.F", "a.b/c.v2") {
		t.Error("a dot in the last element of a path")
	}
}

// FuzzFile takes programs that are damaged in all ways: there may be an error, but neither a crash nor an end of memory.
func FuzzFile(f *testing.F) {
	dir := write(f)
	for _, env := range [][]string{{"GOOS=linux", "GOARCH=amd64"}, {"GOOS=windows", "GOARCH=amd64"}, {"GOOS=darwin", "GOARCH=arm64"}} {
		text, err := os.ReadFile(build(f, dir, env, "-ldflags=-s -w"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:4096], uint32(16), byte(0xff))
		f.Add(text, uint32(len(text)/2), byte(0x80))
	}
	f.Add([]byte("\x7fELF\x02\x01\x01"), uint32(5), byte(1))
	path := filepath.Join(f.TempDir(), "program")
	f.Fuzz(func(t *testing.T, text []byte, at uint32, value byte) {
		if len(text) == 0 {
			return
		}
		text = append([]byte(nil), text...)
		text[int(at)%len(text)] = value
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := verify.File(path, verify.Packages())
		if err != nil && r.Functions > 0 || err == nil && r.Functions == 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
