package watch_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/watch"
)

// TestEmbedAsTheGoCommandDoes compares with what go list says.
func TestEmbedAsTheGoCommandDoes(t *testing.T) {
	t.Parallel()
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	for _, pattern := range []string{"static", "static/*", "all:static", "*.txt", "static/*.css", "s*/a*", "static/deep/x", "all:s*/_under", "static/.dot", "static/[a-c]*"} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, watch.Options{}, "static/a.css", "static/b.txt", "static/.dot", "static/_under/x", "static/deep/x/y.css", "static/deep/x/.z", "static/deep/_q", "top.txt", "sub/in.txt")
			s.write("go.mod", "module example.test/x\n\ngo 1.25\n")
			s.write("x.go", "package x\n\nimport \"embed\"\n\n//go:embed "+pattern+"\nvar files embed.FS\n")
			cmd := exec.Command(goCommand, "list", "-json=EmbedFiles", ".")
			cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=")
			output, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ EmbedFiles []string }
			if err := json.Unmarshal(output, &want); err != nil {
				t.Fatal(err)
			}
			var got []string
			err = filepath.WalkDir(s.dir, func(p string, e fs.DirEntry, err error) error {
				if err != nil || p == s.dir {
					return err
				}
				matches, leads, valid := watch.MatchEmbed(pattern, s.dir, p)
				if !valid {
					t.Fatalf("%q is taken for no pattern", pattern)
				}
				if e.IsDir() && !leads {
					return fs.SkipDir // so that it is checked as well that all directories are entered
				}
				if rel, _ := filepath.Rel(s.dir, p); matches && !e.IsDir() {
					got = append(got, filepath.ToSlash(rel))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			slices.Sort(want.EmbedFiles)
			if len(got) == 0 || !slices.Equal(got, want.EmbedFiles) {
				t.Errorf("matched are %q, the go command embeds %q", got, want.EmbedFiles)
			}
		})
	}
}

func TestExtraPatterns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, path  string
		matches, leads bool
	}{
		{"a/*.md", "/r/a/x.md", true, true},
		{"a/*.md", "/r/a/x.md/in", true, true},
		{"a/*.md", "/r/a", false, true},
		{"a/*.md", "/r/b", false, false},
		{"a/*.md", "/r/a/b/x.md", false, false},
		{"**/*.md", "/r/x.md", true, true},
		{"**/*.md", "/r/a/b/x.md", true, true},
		{"**/*.md", "/r/a/b", false, true},
		{"**/*.md", "/r/.git/x.md", false, false},
		{"**/*.md", "/r/node_modules/x.md", false, false},
		{".config/*", "/r/.config/x", true, true},
		{"dir", "/r/dir/deep/x", true, true},
		{"dir", "/r/dir", true, true},
		{"dir", "/r/dirt", false, false},
		{"./dir/", "/r/dir/x", true, true},
		{"/abs/*/x", "/abs/a/x", true, true},
		{"/abs/*/x", "/r/abs/a/x", false, false},
		{"a/**", "/r/a/b/c", true, true},
		{"a/**/**/c", "/r/a/c", true, true},
		{"../*.md", "/r/x.md", true, true},
		{`a/\*`, "/r/a/*", true, true},
		{`a/\*`, "/r/a/b", false, false},
		{"a[1]", "/r/a1", true, true},
	} {
		if filepath.Separator != '/' {
			t.Skip("the paths are those of Unix")
		}
		matches, leads, err := watch.MatchExtra(test.pattern, "/r", test.path)
		if err != nil || matches != test.matches || leads != test.leads {
			t.Errorf("%s on %s: %v, %v, %v; want %v, %v", test.pattern, test.path, matches, leads, err, test.matches, test.leads)
		}
	}
}

func FuzzExtra(f *testing.F) {
	for _, seed := range [][2]string{{"a/**/*.md", "a/b/c.md"}, {"**/**/x/**", "x"}, {`\`, "a"}, {"[", "["}, {"a/../../b", "b"}, {"**/a/**/a/**/a/**", "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/b"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if filepath.Separator != '/' || len(name) > 1000 || len(pattern) > 200 {
			t.Skip()
		}
		full := path.Join("/r", name)
		matches, leads, err := watch.MatchExtra(pattern, "/r", full)
		if err != nil {
			return
		}
		if matches && !leads {
			t.Errorf("%q matches %q and does not lead there", pattern, full)
		}
		// What leads to a path leads to the directories above it.
		for dir := path.Dir(full); leads && strings.HasPrefix(dir, "/r/"); dir = path.Dir(dir) {
			if _, up, _ := watch.MatchExtra(pattern, "/r", dir); !up {
				t.Errorf("%q leads to %q and not to %q", pattern, full, dir)
			}
		}
	})
}

func FuzzEmbed(f *testing.F) {
	for _, seed := range [][2]string{{"all:static", "static/.x"}, {"*.txt", "a.txt"}, {"[", "a"}, {"..", "a"}, {"a/*/c", "a/b/c/d"}, {"", ""}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if filepath.Separator != '/' {
			t.Skip()
		}
		full := path.Join("/r", name)
		matches, leads, valid := watch.MatchEmbed(pattern, "/r", full)
		if !valid {
			return
		}
		if matches && !leads {
			t.Errorf("%q matches %q and does not lead there", pattern, full)
		}
		if all, _, valid := watch.MatchEmbed("all:"+strings.TrimPrefix(pattern, "all:"), "/r", full); valid && matches && !all {
			t.Errorf("%q matches %q, and not with all:", pattern, full)
		}
	})
}
