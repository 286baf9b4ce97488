package supervisor_test

import (
	"os"
	"path/filepath"
	"testing"

	"example.org/microblog/fault/internal/devtool/supervisor"
)

// TestIsSource: only source code is shown, and none from outside, by whatever name.
func TestIsSource(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"module/a.go", "module/keys.txt", "module-2/b.go", "cache/m@v1/c.go", "home/d.go"} {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("package p\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"module/out.go": "home/d.go", "module/out": "home", "module/keys.go": "module/keys.txt", "module/in.go": "module/a.go",
		"module/cached.go": "cache/m@v1/c.go", "module/none.go": "home/none.go", "linked": "module", "home/in.go": "module/a.go",
	} {
		if err := os.Symlink(filepath.Join(dir, to), filepath.Join(dir, link)); err != nil {
			t.Skipf("there are no symbolic links: %v", err)
		}
	}
	roots := func(names ...string) []string {
		all := []string{""} // a directory that is not known
		for _, name := range names {
			all = append(all, filepath.Join(dir, name))
		}
		return all
	}
	for name, test := range map[string]struct {
		file string
		from []string
		want bool
	}{
		"the module's":                       {"module/a.go", roots("module", "cache"), true},
		"no code":                            {"module/keys.txt", roots("module"), false},
		"no code by another name":            {"module/keys.go", roots("module"), false},
		"outside":                            {"home/d.go", roots("module", "cache"), false},
		"beside":                             {"module-2/b.go", roots("module"), false},
		"upwards":                            {"module/../home/d.go", roots("module"), false},
		"a link to the outside":              {"module/out.go", roots("module", "cache"), false},
		"a link to a directory outside":      {"module/out/d.go", roots("module", "cache"), false},
		"a link within":                      {"module/in.go", roots("module"), true},
		"a link to another one":              {"module/cached.go", roots("module", "cache"), true},
		"a link to the inside":               {"home/in.go", roots("module"), true},
		"a module by a link":                 {"linked/a.go", roots("linked"), true},
		"a module by a link, its real name":  {"module/a.go", roots("linked"), true},
		"outside of a module by a link":      {"linked/out.go", roots("linked"), false},
		"a missing file":                     {"module/missing.go", roots("module"), true},
		"a missing file in a linked module":  {"linked/missing.go", roots("linked"), true},
		"a missing file outside":             {"home/missing.go", roots("module"), false},
		"a link to a missing file":           {"module/none.go", roots("module"), true},
		"a directory that is not known":      {"module/a.go", roots(), false},
		"a missing file, nothing is known":   {"module/missing.go", roots(), false},
		"a directory that is not there":      {"module/a.go", roots("missing"), false},
		"a file below one that is not there": {"missing/a.go", roots("missing"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := supervisor.IsSource(dir+string(filepath.Separator)+filepath.FromSlash(test.file), test.from); got != test.want {
				t.Errorf("%s in %q: %v, want %v", test.file, test.from, got, test.want)
			}
		})
	}
}
