package watch_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/watch"
)

// repository makes the site one, and commits all that is there.
func (s *site) repository() {
	s.t.Helper()
	s.run("git", "init", "-q", "-b", "main")
	s.run("git", "add", "-A")
	s.run("git", "commit", "-q", "-m", "first")
}

func TestASwitchOfBranchesIsOneChange(t *testing.T) {
	t.Parallel()
	for _, files := range []int{1, 3, 200} {
		t.Run(fmt.Sprint(files, " files"), func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, o watch.Options) {
				o.Timing.Settle, o.Timing.Quiet = 300*time.Millisecond, 300*time.Millisecond
				if o.Poll > 0 {
					o.Timing.Quick = 300 * time.Millisecond // or a look may fall between two files
				}
				s := newSite(t, o, "p/keep.go", "web/keep.html", ".gitignore", "old/gone.html")
				s.write(".gitignore", "")
				for i := range files {
					s.edit(fmt.Sprintf("p/f%d.go", i))
				}
				s.repository()
				s.run("git", "checkout", "-q", "-b", "other")
				want, back := []string{"-template old/gone.html", "template new/dir/come.html"}, []string{"template old/gone.html", "-template new/dir/come.html"}
				s.run("git", "rm", "-q", "old/gone.html")
				s.edit("new/dir/come.html")
				for i := range files {
					s.edit(fmt.Sprintf("p/f%d.go", i))
					want, back = append(want, fmt.Sprintf("go p/f%d.go", i)), append(back, fmt.Sprintf("go p/f%d.go", i))
				}
				s.run("git", "add", "-A")
				s.run("git", "commit", "-q", "-m", "other")
				s.run("git", "checkout", "-q", "main")
				set := s.root()
				set.Dirs = []string{s.path("p")}
				s.watch(set)
				for range 2 {
					s.run("git", "checkout", "-q", "other")
					s.want(want...)
					s.run("git", "checkout", "-q", "main")
					s.want(back...)
				}
				s.run("git", "checkout", "-q", "other")
				s.run("git", "checkout", "-q", "main")
				s.run("git", "status")
				s.run("git", "commit", "-q", "--allow-empty", "-m", "nothing")
				s.nothingAfterAll()
			})
		})
	}
}

// nothingAfterAll is nothing, for the case that what came and went may have been told, and taken back.
func (s *site) nothingAfterAll() {
	s.t.Helper()
	s.write("sentinel.css", "p{}\n")
	undone := map[string]int{}
	for {
		for _, c := range s.next() {
			if s.show(c) != "style sentinel.css" {
				undone[c.Path]++
				continue
			}
			for path, times := range undone {
				if times%2 != 0 {
					s.t.Errorf("%s was told, and has not changed", path)
				}
			}
			return
		}
	}
}

func TestWhileGitIsAtWorkNothingIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{Timing: watch.Timing{Lock: 2 * patience, Longest: time.Millisecond}}, "web/a.html", "web/b.html", "web/c.html")
	s.repository()
	s.watch(s.root())
	lock := s.path(".git/index.lock")
	s.must(os.WriteFile(lock, nil, 0o666))
	for _, name := range []string{"web/a.html", "web/b.html", "web/c.html"} {
		s.edit(name)
		time.Sleep(100 * time.Millisecond)
	}
	s.must(os.Remove(lock))
	s.want("template web/a.html", "template web/b.html", "template web/c.html")
}

func TestALockThatWasLeftBehindIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{}, "web/a.html")
	s.repository()
	s.watch(s.root())
	lock := s.path(".git/index.lock")
	s.must(os.WriteFile(lock, nil, 0o666))
	s.must(os.Chtimes(lock, time.Now(), time.Now().Add(-time.Minute)))
	s.edit("web/a.html")
	s.want("template web/a.html")
	s.must(os.Chtimes(lock, time.Now(), time.Now().Add(time.Hour))) // nor for one of the future for ever
	s.edit("web/a.html")
	s.want("template web/a.html")
}

func TestWhatGitIgnores(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, o watch.Options) {
		s := newSite(t, o, "web/a.html", "out/live/x.html", "out/gen.go", "data/x.html", "sub/mod/y.html", "[odd]/ *?.html")
		s.write(".gitignore", "/out/\n*.min.css\nsecret*\n")
		s.repository()
		s.run("git", "init", "-q", s.path("sub/mod")) // a repository in a repository has rules of its own
		s.write("sub/mod/.gitignore", "ign/\n")
		s.edit("web/b.min.css")
		s.edit("out/x.html")
		s.write("sub/mod/ign/y.html", "x\n")
		set := s.root()
		set.Live, set.Sources = []string{s.path("out/live")}, map[string]watch.Kind{s.path("out/gen.go"): watch.Go}
		s.watch(set)
		s.edit("out/x.html")
		s.edit("web/b.min.css")
		s.edit("web/secret.html")
		s.edit("secrets/x.html")
		s.edit("sub/mod/ign/y.html")
		s.edit("sub/mod/ign/z/y.html")
		s.nothing()
		s.edit("out/live/x.html")
		s.want("template out/live/x.html")
		s.edit("out/gen.go")
		s.want("go out/gen.go")
		s.edit("data/x.html") // git knows better than the name
		s.want("template data/x.html")
		s.edit("sub/mod/y.html")
		s.want("template sub/mod/y.html")
		s.edit("[odd]/ *?.html")
		s.want("template [odd]/ *?.html")

		s.edit("fresh/a.html")
		s.want("template fresh/a.html")
		s.write(".gitignore", "/out/\n*.min.css\nweb/\nfresh/\n")
		s.nothing()
		s.edit("fresh/a.html")
		s.nothing()
		s.edit("web/a.html") // it is in the repository
		s.want("template web/a.html")
		s.write(".gitignore", "")
		s.nothing() // what counts from now on is not told for that
		s.edit("web/b.min.css")
		s.want("style web/b.min.css")
		s.edit("out/x.html")
		s.want("template out/x.html")
	})
}

func TestWithoutGitTheNamesSayIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{Timing: unhurried}, "web/a.html", "data/x.html", "logs/x.html", "tmp/x.html", "bin/x.html", "data/p/x.go")
	set := s.root()
	set.Dirs = []string{s.path("data/p")}
	s.watch(set)
	for _, name := range []string{"data/x.html", "logs/x.html", "tmp/x.html", "bin/x.html", "web/bin/x.html"} {
		s.edit(name)
	}
	s.nothing()
	s.edit("data/p/x.go")
	s.want("go data/p/x.go")
}
