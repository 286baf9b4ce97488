package link_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/link"
)

// TestLiveFiles edits the files of a running application, one step after the other.
func TestLiveFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "app")
	binary, err := buildApp(dir, "-tags", "faultdev")
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	a := start(t, binary, l.Path())
	l.next("hello")
	var trees []string
	for range 3 {
		trees = append(trees, l.next("live").path)
	}
	want := []string{filepath.Join(dir, "hello.txt"), filepath.Join(dir, "static"), filepath.Join(dir, "templates")}
	if slices.Sort(trees); !slices.Equal(trees, want) || !slices.Equal(l.Trees(), want) {
		t.Fatalf("live are %q, then %q, want %q", trees, l.Trees(), want)
	}
	home, other := filepath.Join(dir, "templates", "home.html"), filepath.Join(dir, "templates", "other.html")
	css := filepath.Join(dir, "static", "app.css")
	body := func(path string) string { t.Helper(); return strings.TrimSpace(a.get(path).body) }
	loaded := func(want string, files ...string) {
		t.Helper()
		problem, asked, err := l.change(files...)
		if err != nil || !asked || want == "" && problem != "" || !strings.Contains(problem, want) {
			t.Errorf("the answer about %q is %q, %v, %v; want %q", files, problem, asked, err, want)
		}
	}

	write(t, home, "<title>Home</title>second")
	if got := body("/home"); !strings.HasSuffix(got, "first") {
		t.Errorf("before it was told the application shows %s", got)
	}
	loaded("", home)
	if got := body("/home"); !strings.HasSuffix(got, "second") {
		t.Errorf("an edited template: %s", got)
	}

	write(t, home, "<title>Home</title>\n{{if}}")
	loaded("template: home.html:2:", home)
	if got := body("/home"); !strings.HasSuffix(got, "second") {
		t.Errorf("a broken template: %s", got)
	}
	write(t, home, `<title>Home</title>{{template "other.html"}}`)
	write(t, other, "third")
	loaded("", home, other)
	if got := body("/home"); !strings.HasSuffix(got, "third") {
		t.Errorf("mended, with a new file: %s", got)
	}
	remove(t, other)
	write(t, home, "<title>Home</title>fourth")
	loaded("", other, home)
	if got := body("/home"); !strings.HasSuffix(got, "fourth") {
		t.Errorf("with a file less: %s", got)
	}

	for file, want := range map[string]string{"panic.html": "panic: a template that the application cannot bear", "exit.html": "Goexit"} {
		bad := filepath.Join(dir, "templates", file)
		write(t, bad, "bad")
		loaded(want, bad)
		remove(t, bad)
		loaded("", bad)
	}

	write(t, css, "p { color: green }")
	if got := a.get("/static/app.css"); got.body != "p { color: green }" || got.header.Get("Last-Modified") != "" {
		t.Errorf("a file served directly is %q, %v", got.body, got.header)
	}
	loaded("", css)
	write(t, filepath.Join(dir, "static", "new.css"), "new")
	if got := body("/static/new.css"); got != "new" {
		t.Errorf("a new file served directly is %q", got)
	}
	before := body("/loads")
	loaded("", css, home)
	if after := body("/loads"); after == before || !strings.HasSuffix(after, " true") {
		t.Errorf("loads before %s, after %s", before, after)
	}

	// What go:embed would not see.
	for _, name := range []string{"static/.hidden", "static/_draft.css", "notes.md", "other.txt"} {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), "x")
	}
	wantList := ". true true\nhello.txt false true\nother.txt false true\nstatic true true\nstatic/app.css false true\nstatic/new.css false true\n" +
		"templates true true\ntemplates/home.html false true"
	if got := body("/list"); got != wantList {
		t.Errorf("the files are\n%s\nwant\n%s", got, wantList)
	}

	for name, files := range map[string][]string{
		"nothing":             nil,
		"a Go file":           {filepath.Join(dir, "templates", "x.go")},
		"a file beside":       {filepath.Join(dir, "main.go")},
		"one of each":         {home, filepath.Join(dir, "go.mod")},
		"a relative path":     {"templates/home.html"},
		"a name that is like": {filepath.Join(dir, "templates2", "x.html")},
	} {
		if problem, asked, err := l.change(files...); asked || problem != "" || err != nil {
			t.Errorf("%s: the application was asked: %q, %v", name, problem, err)
		}
	}
	a.stop()
	l.next("gone")
	if _, asked, err := l.change(home); asked || err != nil {
		t.Errorf("nobody is left, and was asked: %v", err)
	}
}

// TestTheWayDoesNotMatter changes a file by another path than the one that the build has seen.
func TestTheWayDoesNotMatter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "real"), link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	binary, err := buildApp(filepath.Join(dir, "real", "app"), "-tags", "faultdev")
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	a := start(t, binary, l.Path())
	eventually(t, "the files are live", func() bool { return len(l.Trees()) == 3 })
	file := filepath.Join(link, "app", "templates", "home.html")
	write(t, file, "by the link")
	if problem, asked, err := l.change(file); problem != "" || !asked || err != nil {
		t.Fatalf("%q, %v, %v", problem, asked, err)
	}
	if got := a.get("/home").body; got != "by the link" {
		t.Errorf("it shows %s", got)
	}
	// A file that is not there any more.
	gone := filepath.Join(link, "app", "templates", "a", "gone.html")
	if _, asked, err := l.change(gone); !asked || err != nil {
		t.Errorf("%v, %v", asked, err)
	}
}

// TestRequestsDuringChanges is for the race detector.
func TestRequestsDuringChanges(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "app")
	binary, err := buildApp(dir, "-tags", "faultdev")
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	a := start(t, binary, l.Path())
	eventually(t, "the files are live", func() bool { return len(l.Trees()) == 3 })
	home := filepath.Join(dir, "templates", "home.html")
	done := make(chan error)
	for _, name := range []string{"one.tmp", "two.tmp"} {
		go func() {
			next := filepath.Join(dir, name)
			for range 20 {
				_ = os.WriteFile(next, []byte("<p>written</p>"), 0o600)
				if err := os.Rename(next, home); err != nil {
					done <- err
					return
				}
				if problem, asked, err := l.change(home); problem != "" || !asked || err != nil {
					done <- errors.Join(errors.New(problem), err)
					return
				}
			}
			done <- nil
		}()
	}
	for running := 2; running > 0; {
		select {
		case err := <-done:
			if running--; err != nil {
				t.Error(err)
			}
		default:
			if got := a.get("/home"); got.status != 200 || got.body == "" {
				t.Errorf("%+v", got)
			}
			a.get("/error")
			l.skip()
		}
	}
}

// TestChangedDoesNotWaitForEver asks an application that stands still, and one that ends.
func TestChangedDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	l := listen(t)
	conn := dial(t, l)
	say(t, conn, `{"type":"hello","pid":7}`)
	dir := t.TempDir()
	say(t, conn, `{"type":"live","dir":`+quoted(dir)+`}`)
	l.next("hello")
	l.next("live")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, asked, err := l.Changed(ctx, []string{filepath.Join(dir, "a")}); !asked || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v; want the end of the context", asked, err)
	}
	time.AfterFunc(20*time.Millisecond, func() { conn.Close() })
	if _, asked, err := l.change(filepath.Join(dir, "a")); !asked || !errors.Is(err, link.ErrGone) {
		t.Errorf("%v, %v; want that it is gone", asked, err)
	}
}
