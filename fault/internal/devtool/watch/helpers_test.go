package watch_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/watch"
)

// patience is how long a test waits for what must happen. It is long, for machines that are busy.
const patience = 30 * time.Second

// unhurried lets a test's own pauses be none to the watcher. What is whole goes at once all the same.
var unhurried = watch.Timing{Settle: 3 * time.Second, Quiet: time.Second, Longest: 2 * patience, Lock: 2 * patience}

// site is a directory that is watched.
type site struct {
	t     testing.TB
	dir   string
	w     *watch.Watcher
	count int

	mu      sync.Mutex
	notices []string
}

// newSite writes the files and watches nothing yet.
func newSite(t testing.TB, o watch.Options, files ...string) *site {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: filepath.Join(dir, "site")}
	s.mkdir(".")
	for _, name := range files {
		s.write(name, content(name, "first"))
	}
	o.Notice = func(text string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.notices = append(s.notices, text)
	}
	s.w, err = watch.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.w.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// content is a whole file of the kind that the name says.
func content(name, text string) string {
	switch filepath.Ext(name) {
	case ".go":
		return "package p\n\n// " + text + "\nfunc f() {\n}\n"
	case ".css":
		return "p { color: red } /* " + text + " */\n"
	case ".js":
		return "// " + text + "\n"
	case ".mod":
		return "module example.test/site\n\ngo 1.25 // " + text + "\n"
	}
	return "<p>" + text + "</p>\n"
}

func (s *site) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) mkdir(name string) {
	s.t.Helper()
	s.must(os.MkdirAll(s.path(name), 0o777))
}

func (s *site) write(name, text string) {
	s.t.Helper()
	s.mkdir(filepath.Dir(name))
	s.must(os.WriteFile(s.path(name), []byte(text), 0o666))
}

func (s *site) edit(name string) {
	s.t.Helper()
	s.count++
	s.write(name, content(name, fmt.Sprint("edit ", s.count)))
}

func (s *site) rename(from, to string) {
	s.t.Helper()
	s.must(os.Rename(s.path(from), s.path(to)))
}

func (s *site) remove(name string) {
	s.t.Helper()
	s.must(os.RemoveAll(s.path(name)))
}

func (s *site) link(target, name string) {
	s.t.Helper()
	s.mkdir(filepath.Dir(name))
	if err := os.Symlink(filepath.FromSlash(target), s.path(name)); err != nil {
		s.t.Skip("no symbolic links here:", err)
	}
}

// root is the set of the whole site.
func (s *site) root() watch.Set { return watch.Set{Roots: []string{s.dir}} }

func (s *site) watch(set watch.Set) {
	s.t.Helper()
	s.must(s.w.Watch(set))
}

// next waits for a batch.
func (s *site) next() []watch.Change {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	changes, err := s.w.Next(ctx)
	if err != nil {
		s.t.Fatalf("waiting for changes: %v", err)
	}
	return changes
}

// show is a change as tests write it: "template a.html", "-go b.go".
func (s *site) show(c watch.Change) string {
	name, err := filepath.Rel(s.dir, c.Path)
	s.must(err)
	text := string(c.Kind) + " " + filepath.ToSlash(name)
	if c.Removed {
		return "-" + text
	}
	return text
}

// want waits for one batch, which must be this.
func (s *site) want(want ...string) {
	s.t.Helper()
	got := []string{}
	for _, c := range s.next() {
		got = append(got, s.show(c))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Fatalf("changes %q, want %q", got, want)
	}
}

// gather waits until these changes have come, in any number of batches, each once.
func (s *site) gather(want ...string) {
	s.t.Helper()
	missing := map[string]bool{}
	for _, name := range want {
		missing[name] = true
	}
	for len(missing) > 0 {
		for _, c := range s.next() {
			if !missing[s.show(c)] {
				s.t.Fatalf("change %q, want %q", s.show(c), slices.Sorted(maps.Keys(missing)))
			}
			delete(missing, s.show(c))
		}
	}
}

// nothing makes sure that nothing is left to be told: of what is told together with a new file, the file is all.
func (s *site) nothing() {
	s.t.Helper()
	s.count++
	name := fmt.Sprintf("sentinel%d.css", s.count)
	s.write(name, "p{}\n")
	s.want("style " + name)
}

func (s *site) run(command string, arguments ...string) {
	s.t.Helper()
	path, err := exec.LookPath(command)
	if err != nil {
		s.t.Skipf("%s is not installed", command)
	}
	cmd := exec.Command(path, arguments...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.test", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.test")
	if output, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s %s: %v\n%s", command, strings.Join(arguments, " "), err, output)
	}
}

// ways are the two ways of watching. Polling must come to the same.
var ways = map[string]watch.Options{
	"notified": {Timing: unhurried},
	"polled":   {Timing: unhurried, Poll: 10 * time.Millisecond},
}

// bothWays runs a test with each.
func bothWays(t *testing.T, test func(t *testing.T, o watch.Options)) {
	t.Helper()
	for name, o := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, o)
		})
	}
}
