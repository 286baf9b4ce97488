package watch_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"example.org/microblog/fault/internal/devtool/watch"
)

// BenchmarkEventToNext is the time from the beginning of a save to its change.
func BenchmarkEventToNext(b *testing.B) {
	for _, name := range []string{"p/a.go", "web/a.html", "web/a.css"} {
		b.Run(filepath.Ext(name)[1:], func(b *testing.B) {
			s := newSite(b, watch.Options{}, "p/a.go", "web/a.html", "web/a.css")
			set := s.root()
			set.Dirs = []string{s.path("p")}
			s.watch(set)
			for b.Loop() {
				s.edit(name)
				if _, err := s.w.Next(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStart is the time until a tree of 5,000 directories, with one file each, is watched.
func BenchmarkStart(b *testing.B) {
	tree := func(b *testing.B) string {
		dir := b.TempDir()
		for i := range 50 {
			for j := range 99 {
				d := filepath.Join(dir, fmt.Sprint("d", i), fmt.Sprint("e", j))
				if err := os.MkdirAll(d, 0o777); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(d, "a.html"), []byte("<p>\n"), 0o666); err != nil {
					b.Fatal(err)
				}
			}
		}
		return dir
	}
	for _, git := range []bool{false, true} {
		b.Run(fmt.Sprint("git=", git), func(b *testing.B) {
			s := &site{t: b, dir: tree(b)}
			if git {
				s.run("git", "init", "-q")
				s.run("git", "add", "-A")
			}
			for b.Loop() {
				w, err := watch.New(watch.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if err := w.Watch(watch.Set{Roots: []string{s.dir}}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
	b.Run("again", func(b *testing.B) { // another set of the same tree
		w, err := watch.New(watch.Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer w.Close()
		dir := tree(b)
		for any := false; b.Loop(); any = !any {
			if err := w.Watch(watch.Set{Roots: []string{dir}, AnyGo: any}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
