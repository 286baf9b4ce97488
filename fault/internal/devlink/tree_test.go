package devlink_test

import (
	"os"
	"path/filepath"
	"testing"

	"example.org/microblog/fault/internal/devlink"
)

func TestTreeHolds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real := filepath.Join(dir, "real", "templates")
	if err := os.MkdirAll(real, 0o700); err != nil {
		t.Fatal(err)
	}
	by := filepath.Join(dir, "by")
	linked := os.Symlink(filepath.Join(dir, "real"), by) == nil
	for name, test := range map[string]struct {
		tree, file string
		link, want bool // link: it needs symbolic links
	}{
		"itself":                   {real, real, false, true},
		"below":                    {real, filepath.Join(real, "a", "b.html"), false, true},
		"a name that begins so":    {real, real + "2", false, false},
		"a name of dots":           {real, filepath.Join(real, "..x"), false, true},
		"above":                    {real, dir, false, false},
		"beside":                   {real, filepath.Join(dir, "real", "x"), false, false},
		"out again":                {real, real + "/../x", false, false},
		"by a link":                {real, filepath.Join(by, "templates", "x"), true, true},
		"tree by a link":           {filepath.Join(by, "templates"), filepath.Join(real, "x"), true, true},
		"by a link, beside":        {real, filepath.Join(by, "x"), true, false},
		"a tree that is not there": {filepath.Join(dir, "none"), filepath.Join(dir, "none", "x"), false, true},
		"neither is there":         {filepath.Join(dir, "none"), filepath.Join(by, "none", "x"), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			if test.link && !linked {
				t.Skip("no symbolic links here")
			}
			if got := devlink.NewTree(test.tree).Holds(test.file); got != test.want {
				t.Errorf("%s holds %s: %v", test.tree, test.file, got)
			}
		})
	}
}
