package build_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/problem"
)

// patience is how long a test waits for what must happen. It is long, for machines that are busy.
const patience = 30 * time.Second

// tree writes files into a new directory. go.mod is that of example.com/app unless it is given.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := files["go.mod"]; !ok {
		write(t, dir, "go.mod", "module example.com/app\n\ngo 1.26\n")
	}
	for name, text := range files {
		write(t, dir, name, text)
	}
	return dir
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// environment is that of this process with other settings: no network, no settings of this machine's Go.
func environment(settings ...string) []string {
	return append(os.Environ(), append([]string{"GOPROXY=off", "GOFLAGS=", "GOWORK=", "GOENV=off", "GOTOOLCHAIN=local"}, settings...)...)
}

func open(t testing.TB, o build.Options) *build.Builder {
	t.Helper()
	if o.Env == nil {
		o.Env = environment()
	}
	b, err := build.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// program is where a test's program is built to.
func program(t testing.TB) string {
	name := "program"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(t.TempDir(), name)
}

// broken builds and returns the problem that there must be.
func broken(t testing.TB, b *build.Builder, recent ...string) *problem.Problem {
	t.Helper()
	p, err := b.Build(context.Background(), program(t), recent...)
	if err != nil {
		t.Fatal(err)
	}
	if p == nil {
		t.Fatal("it is built, but must not be")
	}
	check(t, p)
	return p
}

// fine builds what must be without a mistake.
func fine(t testing.TB, b *build.Builder) string {
	t.Helper()
	output := program(t)
	p, err := b.Build(context.Background(), output)
	if err != nil {
		t.Fatal(err)
	}
	if p != nil {
		t.Fatalf("it is not built:\n%s", show(p))
	}
	return output
}

// check sees that a problem keeps its promises, whatever it is.
func check(t testing.TB, p *problem.Problem) {
	t.Helper()
	if p.ID == "" || p.Title == "" || p.Kind == "" || p.Command == "" || p.Time.IsZero() || len(p.Messages) == 0 {
		t.Errorf("incomplete: %+v", p)
	}
	if strings.Contains(p.Title, "\n") {
		t.Errorf("the title has several lines: %q", p.Title)
	}
	for _, m := range p.Messages {
		if m.Text == "" {
			t.Errorf("a message says nothing: %+v", m)
		}
		if m.Path != "" {
			if _, err := os.Stat(m.Path); !filepath.IsAbs(m.Path) || err != nil {
				t.Errorf("the path of a message is no file: %+v", m)
			}
		}
		hits := 0
		for _, l := range m.Excerpt {
			if l.Hit {
				hits++
				if l.Number != m.Line {
					t.Errorf("line %d is marked, not line %d", l.Number, m.Line)
				}
			}
		}
		if len(m.Excerpt) > 11 || len(m.Excerpt) > 0 && hits != 1 {
			t.Errorf("%d lines of source, %d marked", len(m.Excerpt), hits)
		}
	}
}

// show is a problem as a text, to compare and to print.
func show(p *problem.Problem) string {
	var b strings.Builder
	b.WriteString(p.Title + "\n")
	for _, m := range p.Messages {
		b.WriteString(showMessage(m) + "\n")
	}
	return b.String()
}

func showMessage(m problem.Message) string {
	s := m.File
	if m.Line > 0 {
		s += ":" + strconv.Itoa(m.Line)
	}
	if m.Column > 0 {
		s += ":" + strconv.Itoa(m.Column)
	}
	s += ": " + m.Text
	if m.Hint != "" {
		s += "\n  hint: " + m.Hint
	}
	for _, r := range m.Related {
		s += "\n  see: " + r
	}
	return s
}
