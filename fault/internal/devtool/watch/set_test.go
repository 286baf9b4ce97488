package watch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/watch"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{Timing: watch.Timing{Settle: time.Millisecond}}, "go.mod", "p/a.go", "live/x", "static/a.txt", "data/x", ".env")
	set := watch.Set{
		Roots:   []string{s.dir},
		Sources: map[string]watch.Kind{s.path("p/a.go"): watch.Go, s.path("live/em.css"): watch.Embedded, s.path("p/em.txt"): watch.Embedded, s.path("p/em_test.go"): watch.Embedded, s.path("../go.work"): watch.Module},
		Dirs:    []string{s.path("p")},
		Embeds:  []watch.Embed{{Dir: s.path("."), Patterns: []string{"static", "all:tree", "*.sql", "p/*_test.go"}}},
		Live:    []string{s.path("live")},
		Env:     []string{s.path(".env")},
		Extra:   []string{"content/**/*.md", "data/keep/*", "p/kept_test.go", "**/*.ts", s.path("abs/one.x")},
	}
	for _, gone := range []string{"live/em.css", "p/em.txt", "p/em_test.go"} {
		s.write(gone, "x\n")
	}
	s.watch(set)
	for name, want := range map[string]watch.Kind{
		"p/a.go": watch.Go, "p/b.go": watch.Go, "p/c.c": watch.Go, "p/c.h": watch.Go, "p/d_amd64.s": watch.Go, "p/em.txt": watch.Embedded,
		"go.mod": watch.Module, "go.sum": watch.Module, "../go.work": watch.Module, ".env": watch.Env,
		"web/a.html": watch.Template, "web/b.gohtml": watch.Template, "web/c.tmpl": watch.Template, "web/_d/x.tpl": watch.Template,
		"web/a.css": watch.Style, "web/a.js": watch.Script, "web/a.mjs": watch.Script, "web/a.svg": watch.Asset, "web/a.woff2": watch.Asset,
		"live/em.css": watch.Style, "live/new/y.html": watch.Template, "live/data.json": watch.Asset,
		"static/a.txt": watch.Embedded, "static/deep/x.html": watch.Embedded, "tree/.dot/_x": watch.Embedded, "q.sql": watch.Embedded,
		"p/em_test.go": watch.Test, "p/new_test.go": watch.Test, "p/kept_test.go": watch.Embedded, "static/x_test.go": watch.Embedded,
		"content/a/b/c.md": watch.Other, "content/d.md": watch.Other, "data/keep/k.bin": watch.Other, "data/keep/k.css": watch.Other, "web/a.ts": watch.Other, "abs/one.x": watch.Other,
	} {
		s.edit(name)
		got := s.next()
		if len(got) != 1 || got[0].Path != filepath.Clean(s.path(name)) || got[0].Kind != want || got[0].Removed {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	for _, name := range []string{"x.go", "x_test.go", "q/x.go", "q/x_test.go", "static/.x", "static/_x", "data/x.html", "sub/q.sql", "sub/go.sum", "content/a.txt", "data/keep/deep~", "../x.html", "../go.mod"} {
		s.edit(name)
	}
	s.nothing()
}

func TestAnyGo(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{Timing: unhurried}, "p/a.go", "q/b.go", "q/b_test.go")
	set := s.root()
	set.Dirs = []string{s.path("p")}
	s.watch(set)
	s.edit("q/b.go")
	s.nothing()
	set.AnyGo = true
	s.watch(set)
	s.edit("q/b_test.go")
	s.edit("q/b.go")
	s.want("go q/b.go")
	s.edit("new/c.go")
	s.want("go new/c.go")
	set.AnyGo = false
	s.watch(set)
	s.edit("new/c.go")
	s.nothing()
}

func TestWatchAgainLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, o watch.Options) {
		s := newSite(t, o, "p/a.go", "q/b.go", "web/a.html")
		set := s.root()
		set.Dirs = []string{s.path("p")}
		s.watch(set)
		s.edit("p/a.go")
		s.edit("p/new.go")
		s.edit("web/deep/new.html")
		set.Dirs = append(set.Dirs, s.path("q"))
		s.watch(set) // without a moment for the notifications
		s.gather("go p/a.go", "go p/new.go", "template web/deep/new.html")
		s.edit("q/b.go")
		s.want("go q/b.go")
		set.Dirs = set.Dirs[:1]
		s.edit("q/b.go")
		s.watch(set)
		s.nothing() // what no longer counts is not told, though it was about to be
		s.watch(set)
		s.nothing()
	})
}

func TestWatchTellsWhatIsNewerThanTheSet(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{Timing: unhurried}, "p/a.go", "p/old.go")
	long := time.Now().Add(-time.Hour)
	s.must(os.Chtimes(s.path("p/old.go"), long, long))
	time.Sleep(100 * time.Millisecond) // for the clock of the file system
	began := time.Now()
	s.edit("p/a.go")
	set := s.root()
	set.Dirs, set.Since = []string{s.path("p")}, began
	set.Sources = map[string]watch.Kind{s.path("p/gone.go"): watch.Go, s.path("go.sum"): watch.Module}
	s.watch(set)
	s.want("go p/a.go", "-go p/gone.go")
	s.nothing()
	set.AnyGo = true
	s.watch(set)
	s.nothing() // nor is what is gone told again
}

func TestNextReturnsWhatIsLeft(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{}, "a.html", "b.html")
	s.watch(s.root())
	s.edit("a.html")
	s.want("template a.html")
	first := content("b.html", "first")
	s.edit("b.html")
	time.Sleep(300 * time.Millisecond) // it is due by now, or soon
	s.write("b.html", first)           // and undone before anybody asked
	s.edit("a.html")
	s.want("template a.html")
	s.nothing()
}

func TestNextEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ends := make(chan error)
	go func() { _, err := s.w.Next(ctx); ends <- err }()
	cancel()
	if err := <-ends; !errors.Is(err, context.Canceled) {
		t.Errorf("a Next that is cancelled returns %v", err)
	}
	go func() { _, err := s.w.Next(context.Background()); ends <- err }()
	if err := s.w.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ends; !errors.Is(err, watch.ErrClosed) {
		t.Errorf("after Close, Next returns %v", err)
	}
	if err := s.w.Watch(s.root()); !errors.Is(err, watch.ErrClosed) {
		t.Errorf("after Close, Watch returns %v", err)
	}
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		for _, o := range ways {
			dir := t.TempDir()
			w, err := watch.New(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Watch(watch.Set{Roots: []string{dir}}); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "a.html"), []byte("x\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestMistakesInTheSet(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for what, set := range map[string]watch.Set{
		`the root "rel" is not an absolute path`:                  {Roots: []string{"rel"}},
		`the source "a.go" is not an absolute path`:               {Sources: map[string]watch.Kind{"a.go": watch.Go}},
		`the directory of a package "p" is not an absolute path`:  {Dirs: []string{"p"}},
		`the directory of a package "q" is not an absolute path`:  {Embeds: []watch.Embed{{Dir: "q"}}},
		`the directory to read from "l" is not an absolute path`:  {Live: []string{"l"}},
		`the file of settings ".env" is not an absolute path`:     {Env: []string{".env"}},
		`the pattern "a/[b" has a mistake in "[b"`:                {Roots: []string{root}, Extra: []string{"a/[b"}},
		`the pattern "*.md" is relative, and there is no root`:    {Extra: []string{"*.md"}},
		`a pattern is empty`:                                      {Roots: []string{root}, Extra: []string{""}},
		`the pattern "**/a/**/b/**/c/**/d/**" has more than 4 ti`: {Roots: []string{root}, Extra: []string{"**/a/**/b/**/c/**/d/**"}},
	} {
		s := newSite(t, watch.Options{Timing: unhurried}, "a.html")
		s.watch(s.root())
		if err := s.w.Watch(set); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v, want one with %q", err, what)
		}
		s.edit("a.html") // the set before stays
		s.want("template a.html")
	}
	if _, err := watch.New(watch.Options{Poll: -1}); err == nil {
		t.Error("a negative interval is taken")
	}
}

func TestRootsThatAppearLater(t *testing.T) {
	t.Parallel()
	s := newSite(t, watch.Options{Timing: unhurried})
	s.watch(watch.Set{Roots: []string{s.path("one")}, Live: []string{s.path("two/live")}, Env: []string{s.path("three/.env")}})
	s.edit("one/a.html")
	s.want("template one/a.html")
	s.edit("two/live/b.txt")
	s.want("asset two/live/b.txt")
	s.edit("three/.env")
	s.want("env three/.env")
	s.edit("two/live/b.txt")
	s.want("asset two/live/b.txt")
}
