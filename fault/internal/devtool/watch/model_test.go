package watch_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/watch"
)

// sumOf is the sum of a file's content, or "absent".
func sumOf(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "absent"
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "absent"
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// counted are the sums of all files that count, by the rules of the set that the test uses.
func (s *site) counted() map[string]string {
	sums := map[string]string{}
	_ = filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		switch name := e.Name(); {
		case e.IsDir() && (name == "ignored" || name == ".git" || name == "node_modules"):
			return fs.SkipDir
		case strings.HasSuffix(name, ".html"), strings.HasSuffix(name, ".css"),
			strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && filepath.Dir(path) == s.path("pkg"):
			if sum := sumOf(path); sum != "absent" {
				sums[path] = sum
			}
		}
		return nil
	})
	return sums
}

var (
	modelDirs  = []string{"pkg", "web", "web/a", "web/b", "web/a/deep", "deep", "deep/deep", "ignored", "ignored/a", "node_modules"}
	modelNames = []string{"a.html", "b.html", "c.css", "d.go", "e.go", "e_test.go", "f.txt", "a.html~"}
)

// disturb does something random to the site. Much of it fails, because what it is for is not there.
func (s *site) disturb(r *rand.Rand) {
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	file := func() string { return s.path(filepath.Join(pick(modelDirs), pick(modelNames))) }
	text := func() []byte { return []byte(content("x.html", fmt.Sprint(r.IntN(4)))) }
	switch r.IntN(20) {
	default:
		_ = os.WriteFile(file(), text(), 0o666)
	case 0:
		_ = os.Remove(file())
	case 1:
		_ = os.Rename(file(), file())
	case 2:
		_ = os.MkdirAll(s.path(pick(modelDirs)), 0o777)
	case 3:
		_ = os.Rename(s.path(pick(modelDirs)), s.path(pick(modelDirs)))
	case 4:
		if r.IntN(3) == 0 {
			_ = os.RemoveAll(s.path(pick(modelDirs)))
		}
	case 5:
		_ = os.Chtimes(file(), time.Now(), time.Now())
	case 6:
		if f, err := os.OpenFile(file(), os.O_APPEND|os.O_WRONLY, 0); err == nil {
			_, _ = f.WriteString("<p>")
			_ = f.Close()
		}
	case 7:
		_ = os.Truncate(file(), 0)
	case 8:
		at, old := file(), file()
		_ = os.Symlink(old, at)
	case 9:
		dir := s.path(filepath.Join(pick(modelDirs), fmt.Sprint("new", r.IntN(3)), "x", "y"))
		if os.MkdirAll(dir, 0o777) == nil {
			_ = os.WriteFile(filepath.Join(dir, pick(modelNames)), text(), 0o666)
		}
	case 10:
		dir := filepath.Join(pick(modelDirs), fmt.Sprint("new", r.IntN(3)))
		_ = os.Rename(s.path(dir), s.path(filepath.Join(pick(modelDirs), fmt.Sprint("new", r.IntN(3)))))
	case 11:
		_ = os.RemoveAll(s.path(filepath.Join(pick(modelDirs), fmt.Sprint("new", r.IntN(3)))))
	case 12:
		time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
	}
}

// TestModel lets a goroutine do random things to files. What is told must bring a model to the state on disk, and
// each change must be one.
func TestModel(t *testing.T) {
	t.Parallel()
	for round := range 6 {
		for way, o := range ways {
			o.Timing = watch.Timing{}
			t.Run(fmt.Sprint(way, round), func(t *testing.T) {
				t.Parallel()
				modelTest(t, o, rand.Uint64(), round%2 == 0)
			})
		}
	}
}

func modelTest(t *testing.T, o watch.Options, seed uint64, withGit bool) {
	t.Logf("seed %d", seed)
	s := newSite(t, o, "pkg/d.go", "web/a.html", "web/a/b.html", "deep/c.css")
	if withGit {
		s.run("git", "init", "-q")
		s.write(".gitignore", "ignored/\n")
	}
	set := s.root()
	set.Dirs = []string{s.path("pkg")}
	if !withGit {
		set.Roots = nil // the name is nothing to go by then; each tree but that one is a root
		for _, dir := range []string{"pkg", "web", "deep"} {
			set.Roots = append(set.Roots, s.path(dir))
		}
	}
	s.watch(set)
	model := s.counted()
	if !withGit {
		model = s.below(set.Roots, model)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range 1500 {
			s.disturb(r)
			if i%100 == 0 { // a set that comes to the same
				again := set
				again.Extra = []string{s.path(fmt.Sprintf("nothing%d.zip", i))}
				if err := s.w.Watch(again); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	deadline := time.Now().Add(patience)
	quiet := false
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		changes, err := s.w.Next(ctx)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		for _, c := range changes {
			sum := s.w.Reported(c.Path)
			before, there := model[c.Path]
			if c.Removed != (sum == "absent") {
				t.Errorf("%s: removed is %v, and what was read is %q", c.Path, c.Removed, sum)
			}
			if there && before == sum || !there && sum == "absent" {
				t.Errorf("%s was told, and had not changed", c.Path)
			}
			if delete(model, c.Path); sum != "absent" {
				model[c.Path] = sum
			}
		}
		select {
		case <-done:
		default:
			continue
		}
		disk := s.counted()
		if !withGit {
			disk = s.below(set.Roots, disk)
		}
		if equal := maps.Equal(model, disk); equal && quiet {
			return
		} else if equal { // one more look, for what comes although nothing has changed
			quiet = len(changes) == 0
			deadline = time.Now().Add(patience)
		} else if time.Now().After(deadline) {
			t.Fatalf("the model and the disk differ:\n%s", difference(model, disk))
		}
	}
}

// below are the files in the roots.
func (s *site) below(roots []string, sums map[string]string) map[string]string {
	in := map[string]string{}
	for path, sum := range sums {
		for _, root := range roots {
			if strings.HasPrefix(path, root+string(filepath.Separator)) {
				in[path] = sum
			}
		}
	}
	return in
}

func difference(model, disk map[string]string) string {
	var b strings.Builder
	for path, sum := range disk {
		if model[path] != sum {
			fmt.Fprintf(&b, "%s%s: on disk %.8s, told %.8s\n", path, trail(path), sum, model[path])
		}
	}
	for path := range model {
		if _, ok := disk[path]; !ok {
			fmt.Fprintf(&b, "%s: not on disk, told %.8s\n", path, model[path])
		}
	}
	return b.String()
}

// trail is where symbolic links lead to.
func trail(path string) string {
	target, err := os.Readlink(path)
	if err != nil {
		return ""
	}
	return " -> " + target + trail(target)
}
