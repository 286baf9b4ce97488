package watch_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/watch"
)

func TestDirectories(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]func(s *site){
		"new, with files at once": func(s *site) {
			s.edit("web/x/y/z/new.html")
			s.want("template web/x/y/z/new.html")
			s.edit("web/x/y/z/new.html")
			s.want("template web/x/y/z/new.html")
		},
		"removed and made anew": func(s *site) {
			s.remove("web")
			s.gather("-template web/a.html", "-template web/sub/b.html")
			s.edit("web/a.html")
			s.edit("web/sub/c.html")
			s.gather("template web/a.html", "template web/sub/c.html")
			s.edit("web/sub/c.html")
			s.want("template web/sub/c.html")
		},
		"replaced by another": func(s *site) {
			s.write("other/sub/b.html", content("b.html", "other"))
			s.want("template other/sub/b.html")
			s.remove("web")
			s.rename("other", "web")
			s.gather("-template other/sub/b.html", "-template web/a.html", "template web/sub/b.html")
			s.edit("web/sub/b.html")
			s.want("template web/sub/b.html")
		},
		"renamed": func(s *site) {
			s.rename("web", "site")
			s.gather("-template web/a.html", "-template web/sub/b.html", "template site/a.html", "template site/sub/b.html")
			s.edit("site/sub/b.html") // by its new name, although the system knows it by the old one
			s.want("template site/sub/b.html")
			s.edit("web/sub/b.html")
			s.want("template web/sub/b.html")
			s.edit("site/sub/b.html")
			s.want("template site/sub/b.html")
		},
		"two that change places": func(s *site) {
			s.write("two/sub/b.html", content("b.html", "two"))
			s.want("template two/sub/b.html")
			s.rename("web/sub", "tmp1")
			s.rename("two/sub", "web/sub")
			s.rename("tmp1", "two/sub")
			s.gather("template two/sub/b.html", "template web/sub/b.html")
			s.edit("two/sub/b.html")
			s.want("template two/sub/b.html")
			s.edit("web/sub/b.html")
			s.want("template web/sub/b.html")
		},
		"moved away from everything": func(s *site) {
			s.must(os.Rename(s.path("web"), filepath.Join(filepath.Dir(s.dir), "away")))
			s.gather("-template web/a.html", "-template web/sub/b.html")
			s.must(os.WriteFile(filepath.Join(filepath.Dir(s.dir), "away", "sub", "b.html"), []byte("elsewhere\n"), 0o666))
			s.nothing()
			s.must(os.Rename(filepath.Join(filepath.Dir(s.dir), "away"), s.path("web")))
			s.gather("template web/a.html", "template web/sub/b.html")
			s.edit("web/sub/b.html")
			s.want("template web/sub/b.html")
		},
		"the root removed and made anew": func(s *site) {
			s.remove(".")
			s.gather("-template web/a.html", "-template web/sub/b.html", "-go p/a.go")
			s.edit("web/a.html")
			s.edit("p/a.go")
			s.gather("template web/a.html", "go p/a.go")
			s.edit("p/a.go")
			s.want("go p/a.go")
		},
		"the root exchanged": func(s *site) {
			s.must(os.Rename(s.dir, s.dir+"-old"))
			s.gather("-template web/a.html", "-template web/sub/b.html", "-go p/a.go")
			s.must(os.Rename(s.dir+"-old", s.dir))
			s.gather("template web/a.html", "template web/sub/b.html", "go p/a.go")
			s.edit("p/a.go")
			s.want("go p/a.go")
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, o watch.Options) {
				o.Timing.Settle, o.Timing.Quiet = 100*time.Millisecond, 100*time.Millisecond
				s := newSite(t, o, "web/a.html", "web/sub/b.html", "p/a.go")
				set := s.root()
				set.Dirs = []string{s.path("p")}
				s.watch(set)
				test(s)
				s.nothing()
			})
		})
	}
}

func TestSymbolicLinks(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]func(s *site, watch func()){
		"to a file elsewhere": func(s *site, watch func()) {
			s.write("../elsewhere/deep/real.txt", "one\n")
			s.link("../../elsewhere/deep/real.txt", "web/l.html")
			watch()
			s.write("../elsewhere/deep/real.txt", "two\n")
			s.want("template web/l.html")
			s.write("../elsewhere/deep/new", "three\n")
			s.rename("../elsewhere/deep/new", "../elsewhere/deep/real.txt")
			s.want("template web/l.html")
			s.must(os.RemoveAll(s.path("../elsewhere")))
			s.want("-template web/l.html")
			s.write("../elsewhere/deep/real.txt", "four\n")
			s.want("template web/l.html")
		},
		"to nothing yet": func(s *site, watch func()) {
			s.link("../../later/x.txt", "web/l.html")
			watch()
			s.write("../later/x.txt", "here\n")
			s.want("template web/l.html")
		},
		"through another": func(s *site, watch func()) {
			s.write("../e/one.txt", "one\n")
			s.write("../e/two.txt", "two\n")
			s.link("one.txt", "../e/current")
			s.link("../../e/current", "web/l.html")
			watch()
			s.link("two.txt", "../e/next")
			s.rename("../e/next", "../e/current")
			s.want("template web/l.html")
		},
		"pointed elsewhere": func(s *site, watch func()) {
			s.write("../e/one.txt", "one\n")
			s.write("../e/two.txt", "two\n")
			s.link("../../e/one.txt", "web/l.html")
			watch()
			s.link("../../e/two.txt", "web/next")
			s.rename("web/next", "web/l.html")
			s.want("template web/l.html")
			s.write("../e/one.txt", "is nothing any more\n")
			s.nothing()
			s.write("../e/two.txt", "is it\n")
			s.want("template web/l.html")
		},
		"to a directory elsewhere": func(s *site, watch func()) {
			s.write("../e/x/a.css", "a{}\n")
			s.link("../../e", "web/linked")
			watch()
			s.write("../e/x/a.css", "b{}\n")
			s.want("style web/linked/x/a.css")
			s.write("../e/new/b.css", "b{}\n")
			s.want("style web/linked/new/b.css")
			s.remove("web/linked")
			s.gather("-style web/linked/new/b.css", "-style web/linked/x/a.css")
			s.write("../e/x/a.css", "c{}\n")
			s.nothing()
		},
		"to a directory, pointed elsewhere": func(s *site, watch func()) {
			s.write("../r1/a.css", "a{}\n")
			s.write("../r2/a.css", "b{}\n")
			s.write("../r2/b.css", "b{}\n")
			s.link("../../r1", "web/current")
			watch()
			s.link("../../r2", "web/next")
			s.rename("web/next", "web/current")
			// What was there under its name for a moment has come and gone by the time it is read.
			s.gather("style web/current/a.css", "style web/current/b.css")
			s.write("../r2/a.css", "c{}\n")
			s.want("style web/current/a.css")
		},
		"in circles": func(s *site, watch func()) {
			s.link("..", "web/up")
			s.link("self.html", "web/self.html")
			s.link("../p", "web/p")
			s.link("../web", "p/web")
			watch()
			s.edit("p/a.go")
			s.want("go p/a.go")
		},
		"to a directory of packages": func(s *site, watch func()) {
			s.write("../e/pkg/x.go", "package x\n")
			s.link("../e/pkg", "linked")
			watch()
			s.write("../e/pkg/x.go", "package x\n\nvar X int\n")
			s.want("go linked/x.go")
			s.write("../e/pkg/y.go", "package x\n")
			s.want("go linked/y.go")
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, o watch.Options) {
				o.Timing.Settle, o.Timing.Quiet = 100*time.Millisecond, 100*time.Millisecond
				s := newSite(t, o, "web/a.html", "p/a.go")
				test(s, func() {
					set := s.root()
					set.Dirs = []string{s.path("p"), s.path("linked")}
					s.watch(set)
				})
				s.nothing()
			})
		})
	}
	t.Run("the root is one", func(t *testing.T) {
		t.Parallel()
		bothWays(t, func(t *testing.T, o watch.Options) {
			s := newSite(t, o, "../real/web/a.html")
			s.remove(".")
			if err := os.Symlink("real", s.dir); err != nil {
				t.Skip("no symbolic links here:", err)
			}
			s.watch(s.root())
			s.edit("web/a.html")
			s.want("template web/a.html")
			s.edit("../real/new/b.html")
			s.want("template new/b.html")
		})
	})
}

func TestALargeFileIsToldApartBySizeAndTime(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, o watch.Options) {
		o.Timing = watch.Timing{}
		s := newSite(t, o)
		large := make([]byte, 9<<20)
		s.must(os.WriteFile(s.path("big.wasm"), large, 0o666))
		s.watch(s.root())
		large[1]++
		s.must(os.WriteFile(s.path("big.wasm"), large, 0o666))
		s.must(os.Chtimes(s.path("big.wasm"), time.Now(), time.Now().Add(time.Hour)))
		for s.w.Reported(s.path("big.wasm")) == "absent" || len(s.next()) != 1 {
			t.Fatal("it is one change")
		}
	})
}

func TestAnUnreadableFileIsToldAndWhatItBecomes(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	s := newSite(t, watch.Options{Timing: unhurried}, "web/a.html")
	s.watch(s.root())
	s.must(os.Chmod(s.path("web/a.html"), 0))
	s.want("template web/a.html")
	s.must(os.Chmod(s.path("web/a.html"), 0o600))
	s.want("template web/a.html")
}
