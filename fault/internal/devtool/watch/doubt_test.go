package watch_test

import (
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/watch"
)

// TestDoubt has a build that read what is not there any more.
func TestDoubt(t *testing.T) {
	t.Parallel()
	const name, embedded = "p/a.go", "p/page.html"
	for what, test := range map[string]struct {
		do     func(s *site)
		failed bool     // the build
		want   []string // that is told, as doubted
	}{
		"nothing was written":      {func(*site) {}, true, nil},
		"saved as it was":          {func(s *site) { s.write(name, content(name, "first")) }, false, nil},
		"saved as it was, failed":  {func(s *site) { s.write(name, content(name, "first")) }, true, []string{"go " + name}},
		"gone for a moment":        {away(name), true, []string{"go " + name}},
		"replaced by the same":     {func(s *site) { s.write("x", content(name, "first")); s.rename("x", name) }, true, []string{"go " + name}},
		"no input":                 {away("web/a.html"), true, nil},
		"embedded and gone":        {away(embedded), true, []string{"embedded " + embedded}},
		"empty for a moment, seen": {func(s *site) { s.write(embedded, ""); s.seen(embedded); s.write(embedded, content(embedded, "first")) }, false, []string{"embedded " + embedded}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, o watch.Options) {
				if test.failed {
					o.Timing = watch.Timing{} // nothing has to be seen in between
				}
				s := newSite(t, o, name, embedded, "web/a.html")
				set := s.root()
				set.Dirs = []string{s.path("p")}
				set.Sources = map[string]watch.Kind{s.path(name): watch.Go, s.path(embedded): watch.Embedded}
				s.watch(set)
				since := time.Now()
				time.Sleep(20 * time.Millisecond) // the clock of the file system is a coarse one
				test.do(s)
				if got := s.w.Doubt(since, test.failed); got != (len(test.want) > 0) {
					t.Errorf("doubt is %v", got)
				}
				if len(test.want) > 0 {
					for _, c := range s.next() {
						if !c.Doubted || c.Removed || s.show(c) != test.want[0] {
							t.Errorf("told is %+v, want %s", c, test.want[0])
						}
					}
					if s.w.Doubt(since, test.failed) {
						t.Error("what was told is in doubt again")
					}
				}
				s.nothing()
			})
		})
	}
}

// away takes a file away and brings it back.
func away(name string) func(s *site) {
	return func(s *site) {
		s.rename(name, "elsewhere")
		s.rename("elsewhere", name)
	}
}

func TestDoubtOfWhatHasChanged(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, o watch.Options) {
		const name = "p/a.go"
		s := newSite(t, o, name)
		set := s.root()
		set.Dirs = []string{s.path("p")}
		s.watch(set)
		since := time.Now()
		s.remove(name)
		if !s.w.Doubt(since, true) {
			t.Error("no doubt of a file that is missing")
		}
		s.edit(name)
		for _, c := range s.next() { // one change, and a true one
			if c.Doubted || c.Removed {
				t.Errorf("told is %+v", c)
			}
		}
		if s.w.Doubt(since, true) {
			t.Error("doubt of what was told since")
		}
		s.nothing()
	})
}

// seen waits until the watcher has read the file, and found it changed.
func (s *site) seen(name string) {
	s.t.Helper()
	for end := time.Now().Add(patience); !s.w.Differs(s.path(name)); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("a change of %s is not seen", name)
		}
	}
}
