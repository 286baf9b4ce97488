package watch_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/watch"
)

// saves are the ways in which editors and tools write a file.
var saves = map[string]func(s *site, name, text string){
	"in place": func(s *site, name, text string) { s.write(name, text) },
	"in two pieces": func(s *site, name, text string) {
		f, err := os.Create(s.path(name))
		s.must(err)
		for _, part := range []string{text[:len(text)/2], text[len(text)/2:]} {
			_, err := f.WriteString(part)
			s.must(err)
			time.Sleep(10 * time.Millisecond)
		}
		s.must(f.Close())
	},
	"atomic rename": func(s *site, name, text string) {
		s.write(name+".tmp.4711", text)
		s.rename(name+".tmp.4711", name)
	},
	"atomic rename, hidden": func(s *site, name, text string) {
		hidden := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".tmp123")
		s.write(hidden, text)
		s.rename(hidden, name)
	},
	"vim, by its steps": func(s *site, name, text string) {
		dir := filepath.Dir(name)
		s.write(filepath.Join(dir, "."+filepath.Base(name)+".swp"), "b0VIM")
		s.write(filepath.Join(dir, "4913"), "")
		s.remove(filepath.Join(dir, "4913"))
		s.rename(name, name+"~")
		s.write(name, text)
		s.remove(name + "~")
		s.remove(filepath.Join(dir, "."+filepath.Base(name)+".swp"))
	},
	"vim, backup by rename":  vim("no"),
	"vim, backup by copying": vim("yes"),
	"emacs, by its steps": func(s *site, name, text string) {
		dir, base := filepath.Split(name)
		s.link("me@here.1234:5678", dir+".#"+base)
		s.write(dir+"#"+base+"#", "half")
		s.rename(name, name+"~")
		s.write(name, text)
		s.remove(dir + "#" + base + "#")
		s.remove(dir + ".#" + base)
	},
	"jetbrains, by its steps": func(s *site, name, text string) {
		s.write(name+"___jb_tmp___", text)
		s.rename(name, name+"___jb_old___")
		s.rename(name+"___jb_tmp___", name)
		s.remove(name + "___jb_old___")
	},
	"sed -i": func(s *site, name, text string) {
		s.run("sed", "-i", "s/first/by sed/", s.path(name))
	},
	"removed, then written": func(s *site, name, text string) {
		s.remove(name)
		time.Sleep(20 * time.Millisecond)
		s.write(name, text)
	},
	"truncated, then written": func(s *site, name, text string) {
		s.write(name, "")
		time.Sleep(20 * time.Millisecond)
		s.write(name, text)
	},
}

// vim saves with the real one.
func vim(backupcopy string) func(s *site, name, text string) {
	return func(s *site, name, text string) {
		s.run("vim", "-u", "NONE", "-i", "NONE", "-n", "-es", "-c", "set backup backupcopy="+backupcopy+" backupdir=. directory=.",
			"-c", "%s/first/by vim/", "-c", "wq", s.path(name))
		s.remove(name + "~")
	}
}

func TestEachWayOfSavingIsOneChange(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, o watch.Options) {
		for how, save := range saves {
			for name, kind := range map[string]watch.Kind{"p/a.go": watch.Go, "web/a.html": watch.Template, "web/a.css": watch.Style, "live/a.png": watch.Asset} {
				if how == "in two pieces" && kind == watch.Asset {
					continue // of an image nobody can tell whether it is whole
				}
				t.Run(how+"/"+filepath.Base(name), func(t *testing.T) {
					t.Parallel()
					s := newSite(t, o, name)
					set := s.root()
					set.Dirs, set.Live = []string{s.path("p")}, []string{s.path("live")}
					s.watch(set)
					save(s, name, content(name, "second"))
					s.want(string(kind) + " " + name)
					s.nothing()
				})
			}
		}
	})
}

func TestWhatIsNoChange(t *testing.T) {
	t.Parallel()
	const name = "web/a.html"
	for what, do := range map[string]func(s *site){
		"touched": func(s *site) { s.must(os.Chtimes(s.path(name), time.Now(), time.Now())) },
		"another mode": func(s *site) {
			s.must(os.Chmod(s.path(name), 0o640))
			s.must(os.Chmod(s.path("web"), 0o750))
		},
		"saved as it was": func(s *site) { s.write(name, content(name, "first")) },
		"replaced by the same": func(s *site) {
			s.write("web/x", content(name, "first"))
			s.rename("web/x", name)
		},
		"written and written back": func(s *site) {
			s.write(name, "no end")
			s.write(name, content(name, "first"))
		},
		"removed and back": func(s *site) {
			s.rename(name, "web/elsewhere")
			time.Sleep(20 * time.Millisecond)
			s.rename("web/elsewhere", name)
		},
		"its directory away and back": func(s *site) {
			s.rename("web", "away")
			s.rename("away", "web")
		},
		"its directory made anew": func(s *site) {
			s.remove("web")
			s.write(name, content(name, "first"))
		},
		"came and went": func(s *site) {
			s.write("web/new.html", "no end")
			s.remove("web/new.html")
		},
		"files of editors": func(s *site) {
			for _, n := range []string{"a.html~", ".a.html.swp", "#a.html#", "4913", "a.html___jb_tmp___", "a.html.bak", ".goutputstream-X1", "sedAb12Cd"} {
				s.write("web/"+n, "x")
				s.write("live/"+n, "x")
			}
			s.link("me@here.1", "web/.#a.html")
		},
		"files that are nothing to us": func(s *site) {
			for _, n := range []string{"README.md", "a.txt", "p/a_test.go", "p/_x.go", "p/.x.go", "notes/x.go", "web/a.ts", "data.db"} {
				s.write(n, "x")
			}
		},
		"directories that are nothing to us": func(s *site) {
			for _, n := range []string{"node_modules/a/x.css", ".cache/x.html", "vendor/a/x.html", "p/testdata/x.html", ".git/x.html", "other/go.mod", "other/web/x.html", "live/.hidden/x.css"} {
				s.write(n, "x")
			}
		},
		"a pipe": func(s *site) {
			s.run("mkfifo", s.path("web/pipe.html"))
		},
		"a directory called like a file": func(s *site) { s.mkdir("web/dir.html") },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, o watch.Options) {
				o.Timing.Quick = 2 * time.Second // so that both writes fall into it on a busy machine
				s := newSite(t, o, name, "p/a.go", "live/a.css")
				set := s.root()
				set.Dirs, set.Live = []string{s.path("p")}, []string{s.path("live")}
				s.watch(set)
				do(s)
				s.nothing()
			})
		})
	}
}

func TestSlowWritersAreWaitedFor(t *testing.T) {
	t.Parallel()
	for name, pieces := range map[string][]string{
		"p/a.go":     {"", "package p\n\nfunc f() {\n", "\tg(", ")\n}\n\nfunc g() {", "}\n"},
		"web/a.html": {"", "<p>", "one", "</p>\n<p>two", "</p>\n"},
		"web/a.css":  {"", "p { color:", " blue }", "\n"},
		"go.mod":     {"", "module example.test/x", "\n"},
		"web/new.js": {"", "let a =", " 1;", "\n"},
	} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, o watch.Options) {
				s := newSite(t, o, "p/a.go", "web/a.html", "web/a.css", "go.mod")
				set := s.root()
				set.Dirs = []string{s.path("p")}
				s.watch(set)
				f, err := os.Create(s.path(name))
				s.must(err)
				for _, piece := range pieces {
					_, err := f.WriteString(piece)
					s.must(err)
					time.Sleep(30 * time.Millisecond)
				}
				s.must(f.Close())
				if got := s.next(); len(got) != 1 || got[0].Path != s.path(name) {
					t.Fatalf("changes %v, want %s alone", got, name)
				}
				if got, want := s.w.Reported(s.path(name)), sumOf(s.path(name)); got != want {
					t.Errorf("half of %s was told", name)
				}
				s.nothing()
			})
		})
	}
}

func TestABrokenFileIsToldInTheEnd(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{"unparsable": "package p\nfunc {", "empty": "", "without a newline": "package p"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, watch.Options{}, "p/a.go", "b.html")
			set := s.root()
			set.Dirs = []string{s.path("p")}
			s.watch(set)
			s.write("p/a.go", text)
			s.want("go p/a.go")
			s.write("b.html", text)
			s.want("template b.html")
		})
	}
}

func TestRapidSavesEndWithTheLast(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, o watch.Options) {
		o.Timing = watch.Timing{}
		s := newSite(t, o, "web/a.html")
		s.watch(s.root())
		for range 300 {
			s.edit("web/a.html")
		}
		last := sumOf(s.path("web/a.html"))
		for s.w.Reported(s.path("web/a.html")) != last {
			s.want("template web/a.html")
		}
		s.nothing()
	})
}

func TestAFileThatNeverRestsIsToldAllTheSame(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{Timing: watch.Timing{Quick: time.Minute, Settle: time.Minute, Quiet: time.Minute, Longest: 200 * time.Millisecond}}, "web/a.html", "web/b.html")
	s.watch(s.root())
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_ = os.WriteFile(s.path("web/a.html"), []byte(content("a.html", time.Now().String())), 0o666)
			}
		}
	}()
	for range 3 {
		s.want("template web/a.html")
	}
	s.edit("web/b.html")
	for told := false; !told; {
		for _, c := range s.next() {
			told = told || s.show(c) == "template web/b.html"
		}
	}
	close(stop)
	<-stopped
}
