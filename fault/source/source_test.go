package source_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/source"
	"example.org/microblog/fault/trace"
)

var (
	running = fault.Build{Module: "example.com/App", Version: "v1.4.0", Revision: "3f2a91c0ffee", Go: "go9.1", ID: "0123456789ab"}
	older   = fault.Build{Module: "example.com/App", Version: "v1.3.0", Revision: "aaaabbbbcccc", Go: "go9.1", ID: "ba9876543210"}
)

// numbered is a file whose lines tell their numbers.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	return b.String()
}

func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// world is a machine with an application's source, a module cache and a tree of Go.
type world struct {
	dir     string // of all
	options source.Options
}

func newWorld(t testing.TB) *world {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "app/internal/web/user.go", "package web\n\n\tfail()\n\nlast")
	write(t, dir, "app/cmd/app/main.go", numbered(9))
	write(t, dir, "app/vendor/example.com/vendored/v.go", numbered(9))
	write(t, dir, "app/.env", "SECRET_KEY=outside\n")
	write(t, dir, "cache/example.com/!big/lib@v1.2.3/lib.go", numbered(9))
	write(t, dir, "go/VERSION", "go9.1\ntime 2026-01-01T00:00:00Z\n")
	write(t, dir, "go/src/net/http/server.go", numbered(9))
	write(t, dir, "secret.go", "outside\n")
	return &world{dir, source.Options{
		Module: "example.com/App", Dir: filepath.Join(dir, "app"), Build: running, Built: time.Now().Add(time.Hour),
		GoRoot: filepath.Join(dir, "go"), ModCache: filepath.Join(dir, "cache"),
	}}
}

func (w *world) path(name string) string { return filepath.ToSlash(filepath.Join(w.dir, name)) }

func text(e source.Excerpt) string {
	var lines []string
	for _, l := range e.Lines {
		mark := ""
		if l.Hit {
			mark = ">"
		}
		lines = append(lines, fmt.Sprintf("%s%d:%s", mark, l.Number, l.Text))
	}
	return strings.Join(lines, "|")
}

func TestLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	embedded := fstest.MapFS{
		"internal/web/user.go": {Data: []byte("package web\n\n\tembedded()\n")},
		"cmd/app/main.go":      {Data: []byte("package main\n\n\tembedded()\n")},
		"user.go":              {Data: []byte("package app\n\n\tembedded()\n")},
	}
	web := func(file string, line int) trace.Frame {
		return trace.Frame{Function: "example.com/App/internal/web.(*Server).user", File: file, Line: line}
	}
	for _, c := range []struct {
		name   string
		change func(*source.Options)
		frame  trace.Frame
		build  fault.Build
		around int
		want   string // lines
		from   string
		err    error
		says   string
	}{
		{name: "as compiled", frame: web(w.path("app/internal/web/user.go"), 3), around: 1,
			want: "2:|>3:\tfail()|4:", from: "file as it was compiled"},
		{name: "at the beginning", frame: web(w.path("app/internal/web/user.go"), 1), around: 1, want: ">1:package web|2:"},
		{name: "at an end without a line end", frame: web(w.path("app/internal/web/user.go"), 5), around: 1, want: "4:|>5:last"},
		{name: "that line only", frame: web(w.path("app/internal/web/user.go"), 3), want: ">3:\tfail()"},
		{name: "trimmed", frame: web("example.com/App/internal/web/user.go", 3), want: ">3:\tfail()"},
		{name: "trimmed with a version", frame: web("example.com/App@v1.4.0/internal/web/user.go", 3), want: ">3:\tfail()"},
		{name: "beyond the end", frame: web(w.path("app/internal/web/user.go"), 6), err: source.ErrChanged, says: "has only 5 lines"},
		{name: "changed since", change: func(o *source.Options) { o.Built = time.Now().Add(-time.Hour) },
			frame: web(w.path("app/internal/web/user.go"), 3), err: source.ErrChanged, says: "after the program was built"},
		{name: "another build", frame: web(w.path("app/internal/web/user.go"), 3), build: older,
			err: source.ErrOtherBuild, says: "another build (v1.3.0, revision aaaabbbbcccc) than the one that is running now (v1.4.0, revision 3f2a91c0ffee)"},
		{name: "unknown build", change: func(o *source.Options) { o.FS = embedded }, frame: web("example.com/App/internal/web/user.go", 3),
			build: fault.Build{Go: "go9.1"}, err: source.ErrOtherBuild, says: "of no known version"},
		{name: "the same revision built again", build: fault.Build{Revision: running.Revision, ID: "ffffffffffff", Go: "go9.1"},
			frame: web(w.path("app/internal/web/user.go"), 3), want: ">3:\tfail()"},
		{name: "the same revision with changes", build: fault.Build{Revision: running.Revision, Modified: true, ID: "ffffffffffff", Go: "go9.1"},
			frame: web(w.path("app/internal/web/user.go"), 3), err: source.ErrOtherBuild, says: "with changes, build ID ffffffffffff"},
		{name: "not here", frame: web(w.path("app/internal/web/gone.go"), 3), err: source.ErrNotFound, says: "the program holds no source code"},

		{name: "embedded", change: func(o *source.Options) { o.FS = embedded }, frame: web(w.path("app/internal/web/user.go"), 3),
			want: ">3:\tembedded()", from: "embedded source"},
		{name: "embedded, trimmed", change: func(o *source.Options) { o.FS, o.Dir = embedded, "" }, frame: web("example.com/App/internal/web/user.go", 3),
			want: ">3:\tembedded()"},
		{name: "embedded, compiled elsewhere", change: func(o *source.Options) { o.FS, o.Dir = embedded, "" }, frame: web("/build/internal/web/user.go", 3),
			want: ">3:\tembedded()"},
		{name: "embedded, compiled on Windows", change: func(o *source.Options) { o.FS, o.Dir = embedded, "" }, frame: web("C:/build/internal/web/user.go", 3),
			want: ">3:\tembedded()"},
		{name: "embedded, package main", change: func(o *source.Options) { o.FS = embedded },
			frame: trace.Frame{Function: "main.main", File: w.path("app/cmd/app/main.go"), Line: 3}, want: ">3:\tembedded()"},
		{name: "embedded, package main, trimmed", change: func(o *source.Options) { o.FS = embedded },
			frame: trace.Frame{Function: "main.main", File: "example.com/App/cmd/app/main.go", Line: 3}, want: ">3:\tembedded()"},
		{name: "embedded, the module's own package", change: func(o *source.Options) { o.FS, o.Dir = embedded, "" },
			frame: trace.Frame{Function: "example.com/App.user", File: "/build/user.go", Line: 3}, want: ">3:\tembedded()"},
		{name: "embedded, but another build", change: func(o *source.Options) { o.FS = embedded }, frame: web(w.path("app/internal/web/user.go"), 3),
			build: older, err: source.ErrOtherBuild, says: "another build"},
		{name: "not embedded, but as compiled", change: func(o *source.Options) { o.FS = fstest.MapFS{} }, frame: web(w.path("app/internal/web/user.go"), 3),
			want: ">3:\tfail()"},
		{name: "neither", change: func(o *source.Options) { o.FS, o.Dir = fstest.MapFS{}, "" }, frame: web("example.com/App/internal/web/user.go", 3),
			err: source.ErrNotFound, says: "internal/web/user.go is not in the embedded source"},
		{name: "trimmed and nothing known", change: func(o *source.Options) { o.Dir = "" }, frame: web("example.com/App/internal/web/user.go", 3),
			err: source.ErrNotFound, says: "-trimpath"},

		{name: "module cache", frame: trace.Frame{Function: "example.com/Big/lib.F", File: w.path("cache/example.com/!big/lib@v1.2.3/lib.go"), Line: 4},
			build: older, want: ">4:line 4", from: "module cache"},
		{name: "module cache, trimmed", frame: trace.Frame{Function: "example.com/Big/lib.F", File: "example.com/Big/lib@v1.2.3/lib.go", Line: 4},
			want: ">4:line 4", from: "module cache"},
		{name: "another version", frame: trace.Frame{Function: "example.com/Big/lib.F", File: "example.com/Big/lib@v1.2.4/lib.go", Line: 4},
			err: source.ErrNotFound, says: "lib@v1.2.4"},
		{name: "vendored", frame: trace.Frame{Function: "example.com/vendored.F", File: w.path("app/vendor/example.com/vendored/v.go"), Line: 4},
			want: ">4:line 4"},
		{name: "vendored, trimmed", frame: trace.Frame{Function: "example.com/vendored.F", File: "example.com/vendored@v0.1.0/v.go", Line: 4},
			want: ">4:line 4", from: "vendored file"},
		{name: "Go", frame: trace.Frame{Function: "net/http.F", File: w.path("go/src/net/http/server.go"), Line: 4},
			build: fault.Build{ID: "ba9876543210", Go: "go9.1 X:new"}, want: ">4:line 4", from: "Go's own source"},
		{name: "Go, trimmed", frame: trace.Frame{Function: "net/http.F", File: "net/http/server.go", Line: 4}, want: ">4:line 4"},
		{name: "another Go", frame: trace.Frame{Function: "net/http.F", File: "net/http/server.go", Line: 4}, build: fault.Build{Go: "go9.0"},
			err: source.ErrOtherBuild, says: "is that of go9.1, this failed with go9.0"},
		{name: "no Go here", change: func(o *source.Options) { o.GoRoot = w.path("cache") },
			frame: trace.Frame{Function: "net/http.F", File: "net/http/server.go", Line: 4}, err: source.ErrNotFound, says: "no source code of Go"},

		{name: "outside", frame: web(w.path("secret.go"), 1), err: source.ErrRefused, says: "outside"},
		{name: "up and out", frame: web(w.path("app")+"/internal/../../secret.go", 1), err: source.ErrRefused, says: "outside"},
		{name: "up and out, trimmed", frame: web("example.com/App/../../secret.go", 1), err: source.ErrNotFound, says: "not known where"},
		{name: "up and out of the cache", frame: web("x@v1/../../secret.go", 1), err: source.ErrNotFound, says: "not known where"},
		{name: "settings", frame: web(w.path("app/.env"), 1), err: source.ErrRefused, says: ".env is not source code"},
		{name: "no file", frame: web("", 1), err: source.ErrNotFound, says: "not known in which file"},
		{name: "no line", frame: web(w.path("app/internal/web/user.go"), 0), err: source.ErrNotFound, says: "not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := w.options
			if c.change != nil {
				c.change(&o)
			}
			if c.build == (fault.Build{}) {
				c.build = running
			}
			got, err := source.New(o).Lines(c.frame, c.build, c.around)
			if c.err != nil {
				if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("error %q, %v; want %v that says %q", err, errors.Unwrap(err), c.err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if text(got) != c.want {
				t.Errorf("lines %q, want %q", text(got), c.want)
			}
			if c.from != "" && got.From != c.from {
				t.Errorf("from %q, want %q", got.From, c.from)
			}
		})
	}
}

func TestZeroBuildIsNoBuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := source.New(w.options).Lines(trace.Frame{File: w.path("app/internal/web/user.go"), Line: 3}, fault.Build{}, 1)
	if !errors.Is(err, source.ErrOtherBuild) || !strings.Contains(err.Error(), "not known which build") {
		t.Errorf("%v", err)
	}
}

func TestNilFinder(t *testing.T) {
	t.Parallel()
	var f *source.Finder
	if _, err := f.Lines(trace.Frame{File: "x.go", Line: 1}, running, 1); !errors.Is(err, source.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// The running program itself: a test is compiled where it lies, and without -trimpath.
func TestRunningProgram(t *testing.T) {
	t.Parallel()
	f := source.New(source.Options{})
	build := fault.ReadBuild()
	for _, frame := range trace.Callers(0, 8) {
		if strings.HasSuffix(frame.Function, "goexit") {
			continue
		}
		got, err := f.Lines(frame, build, 2)
		if err != nil {
			if !filepath.IsAbs(frame.File) {
				t.Skip("built with -trimpath")
			}
			t.Errorf("%s:%d: %v", frame.File, frame.Line, err)
			continue
		}
		want := "trace.Callers("
		if strings.HasPrefix(frame.Function, "testing.") {
			want = "fn(t)"
		}
		for _, l := range got.Lines {
			if l.Hit && !strings.Contains(l.Text, want) {
				t.Errorf("%s: line %d is %q", frame.Function, l.Number, l.Text)
			}
		}
		if len(got.Lines) != 5 {
			t.Errorf("%s: %d lines, want 5", frame.Function, len(got.Lines))
		}
	}
}

func TestSymbolicLinksLeadNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := filepath.Join(w.dir, "app", "link.go")
	if err := os.Symlink(filepath.Join(w.dir, "secret.go"), link); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(w.dir, filepath.Join(w.dir, "app", "up")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("internal/web/user.go", filepath.Join(w.dir, "app", "inside.go")); err != nil {
		t.Fatal(err)
	}
	f := source.New(w.options)
	for _, name := range []string{"link.go", "up/secret.go"} {
		got, err := f.Lines(trace.Frame{File: w.path("app/" + name), Line: 1}, running, 1)
		if !errors.Is(err, source.ErrRefused) {
			t.Errorf("%s: %q, %v", name, text(got), err)
		}
	}
	if got, err := f.Lines(trace.Frame{File: w.path("app/inside.go"), Line: 3}, running, 0); err != nil || text(got) != ">3:\tfail()" {
		t.Errorf("a link within: %q, %v", text(got), err)
	}
}

func TestWhatIsNoText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write(t, w.dir, "app/binary.go", "package x\n\x00\x01\n")
	if err := os.Mkdir(filepath.Join(w.dir, "app", "dir.go"), 0o700); err != nil {
		t.Fatal(err)
	}
	big, err := os.Create(filepath.Join(w.dir, "app", "big.go"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(big.Truncate(64<<20), big.Close()); err != nil {
		t.Fatal(err)
	}
	f := source.New(w.options)
	for name, says := range map[string]string{"binary.go": "not a text", "dir.go": "no regular file", "big.go": "longer than 32 MiB"} {
		_, err := f.Lines(trace.Frame{File: w.path("app/" + name), Line: 1}, running, 3)
		if !errors.Is(err, source.ErrRefused) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLinesAreFitToShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ name, line, want string }{
		{"long", strings.Repeat("x", 100_000), strings.Repeat("x", 240) + "…"},
		{"just fits", strings.Repeat("x", 240), strings.Repeat("x", 240)},
		{"cut within a character", strings.Repeat("x", 239) + "äöü", strings.Repeat("x", 239) + "…"},
		{"CR LF", "a\r", "a"},
		{"escape sequences", "a\x1b[31mb\tc", "a\uFFFD[31mb\tc"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"reordered", "a\u202eb", "a\uFFFDb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "app/" + strings.ReplaceAll(c.name, " ", "_") + ".go"
			write(t, w.dir, name, "first\n"+c.line+"\nlast\n")
			got, err := source.New(w.options).Lines(trace.Frame{File: w.path(name), Line: 2}, running, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Lines) != 3 || got.Lines[1].Text != c.want || got.Lines[2].Text != "last" {
				t.Errorf("%q", text(got))
			}
		})
	}
}

func TestChangedFileIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := source.New(w.options)
	frame := trace.Frame{File: w.path("app/internal/web/user.go"), Line: 1}
	for i, want := range []string{"package web", "another web"} {
		if i > 0 {
			write(t, w.dir, "app/internal/web/user.go", want+"\nlonger\n")
		}
		got, err := f.Lines(frame, running, 0)
		if err != nil || text(got) != ">1:"+want {
			t.Errorf("%q, %v", text(got), err)
		}
		got, err = f.Lines(frame, running, 0) // As it is kept now.
		if err != nil || text(got) != ">1:"+want {
			t.Errorf("again: %q, %v", text(got), err)
		}
		got.Lines[0].Text = "the caller's own"
	}
}

func TestConcurrently(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const lines = 20_000
	write(t, w.dir, "app/long.go", numbered(lines))
	f := source.New(w.options)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 300 { // More than is kept.
				n := (i*61+g*17)%lines + 1
				got, err := f.Lines(trace.Frame{File: w.path("app/long.go"), Line: n}, running, 50)
				if err != nil || !strings.Contains(text(got), fmt.Sprintf(">%d:line %d", n, n)) {
					t.Errorf("line %d: %v", n, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{"", "/", "/etc/passwd", "a/../../secret.go", "example.com/App/../../secret.go", "x@v/../../../secret.go",
		"example.com/App/up/secret.go", "net/http/server.go", "C:/secret.go", `..\..\secret.go`, "@/secret.go", "a@b@c/secret.go"} {
		f.Add("example.com/App/internal/web.F", s, 1)
		f.Add(s, "internal/web/user.go", 3)
	}
	w := newWorld(f)
	if runtime.GOOS != "windows" {
		if err := os.Symlink(w.dir, filepath.Join(w.dir, "app", "up")); err != nil {
			f.Fatal(err)
		}
	}
	w.options.FS = os.DirFS(filepath.Join(w.dir, "app", "internal"))
	finder := source.New(w.options)
	f.Fuzz(func(t *testing.T, function, file string, line int) {
		for _, name := range []string{file, w.path("app") + "/" + file, w.path("go/src") + "/" + file} {
			got, err := finder.Lines(trace.Frame{Function: function, File: name, Line: line}, running, 5)
			if strings.Contains(text(got), "outside") {
				t.Fatalf("read what it must not: %q", text(got))
			}
			if (err == nil) != (len(got.Lines) > 0) {
				t.Fatalf("%d lines and %v", len(got.Lines), err)
			}
		}
	})
}
