package build_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/build"
)

// TestModuleDiagnostics breaks what says which modules there are, after the first build or before it.
func TestModuleDiagnostics(t *testing.T) {
	t.Parallel()
	const head = "module example.com/app\n\ngo 1.26\n"
	for name, test := range map[string]struct {
		files map[string]string
		file  string
		line  int
		text  string
		hint  string
	}{
		"go.mod": {
			files: map[string]string{"go.mod": head + "\nfoo bar\n"},
			file:  "go.mod", line: 5, text: "unknown directive: foo",
		},
		"go.mod is empty": {
			files: map[string]string{"go.mod": ""},
			file:  "go.mod", text: "missing module declaration", hint: "go mod edit -module",
		},
		"a newer Go": {
			files: map[string]string{"go.mod": "module example.com/app\n\ngo 1.99\n"},
			file:  "go.mod", line: 3, text: "requires go >= 1.99", hint: "Install Go 1.99",
		},
		"a directory that is missing": {
			files: map[string]string{
				"go.mod":     head + "\nrequire example.com/dep v1.0.0\n\nreplace example.com/dep => ../dep\n",
				"cmd/dep.go": "package main\n\nimport _ \"example.com/dep\"\n",
			},
			file: "cmd/dep.go", line: 3, text: "example.com/dep", hint: "replace line",
		},
		"a sum that is missing": {
			files: map[string]string{
				"go.mod":     head + "\nrequire example.net/dep v1.0.0\n",
				"cmd/dep.go": "package main\n\nimport _ \"example.net/dep\"\n",
			},
			file: "cmd/dep.go", line: 3, text: "missing go.sum entry", hint: "Run: go get",
		},
		"go.work": {
			files: map[string]string{"go.work": "go 1.26\n\nusex ./app\n"},
			file:  "go.work", line: 3, text: "unknown directive: usex",
		},
		"a module of go.work": {
			files: map[string]string{"go.work": "go 1.26\n\nuse .\n\nuse ./nothing\n"},
			file:  "go.work", line: 5, text: "listed in go.work", hint: "use line",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := map[string]string{"cmd/main.go": "package main\n\nfunc main() {}\n"}
			if _, ok := test.files["go.work"]; ok {
				good["go.work"] = "go 1.26\n\nuse .\n"
			}
			dir := tree(t, good)
			o := build.Options{Dir: filepath.Join(dir, "cmd"), Env: environment()}
			running := open(t, o)
			for file, text := range test.files {
				write(t, dir, file, text)
			}
			fresh, err := build.Open(context.Background(), o)
			if name == "a newer Go" && err != nil {
				fresh, err = running, nil // the go command does not even tell its settings
			}
			if err != nil {
				t.Fatal(err)
			}
			for state, b := range map[string]*build.Builder{"running": running, "fresh": fresh} {
				in, listed, err := b.Inputs(context.Background())
				if err != nil || listed == nil {
					t.Fatalf("%s: the list has no problem: %v", state, err)
				}
				check(t, listed)
				if len(in.Modules) == 0 || in.Modules[0].Dir != dir || !strings.Contains(strings.Join(in.ModFiles, " "), filepath.Join(dir, "go.mod")) || in.MainDir != o.Dir {
					t.Errorf("%s: too little is known: %+v", state, in)
				}
				if state == "running" && len(in.Packages) == 0 {
					t.Error("what was known is forgotten")
				}
				p := broken(t, b)
				m := p.Messages[0]
				if m.File != test.file || m.Line != test.line || !strings.Contains(m.Text, test.text) || !strings.Contains(m.Hint, test.hint) {
					t.Errorf("%s:\n%s\noutput:\n%s", state, show(p), p.Output)
				}
				if got := listed.Messages[0]; got.File != m.File || got.Line != m.Line || got.Text != m.Text || got.Hint != m.Hint {
					t.Errorf("%s: the list says:\n%s\nthe build says:\n%s", state, show(listed), show(p))
				}
			}
			// Mended, all is well again.
			for file := range test.files {
				if file == "cmd/dep.go" {
					if err := os.Remove(filepath.Join(dir, file)); err != nil {
						t.Fatal(err)
					}
				}
			}
			write(t, dir, "go.mod", head)
			if text, ok := good["go.work"]; ok {
				write(t, dir, "go.work", text)
			}
			for _, b := range []*build.Builder{running, fresh} {
				fine(t, b)
				inputs(t, b)
			}
		})
	}
}

// Of many mistakes the most useful are shown, the newest first.
func TestOrder(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"main.go": "package main\n\nimport (\n\t_ \"example.com/app/a\"\n\t_ \"example.com/app/b\"\n)\n\nfunc main() {}\n",
		"a/a.go":  "package a\n", "b/b.go": "package b\n",
	})
	b := open(t, build.Options{Dir: dir})
	many := "package a\n\nimport \"os\"\n\nfunc f() {\n"
	for range 30 {
		many += "\tnothing()\n"
	}
	write(t, dir, "a/a.go", many+"}\n")
	p := broken(t, b)
	if len(p.Messages) != 20 || p.Title != "31 mistakes in a/a.go" || !strings.Contains(p.Hint, "first 20 of 31") || p.Messages[0].Line != 6 {
		t.Errorf("%s%s", show(p), p.Hint)
	}

	write(t, dir, "a/a.go", "package a\n\nimport \"os\"\n\nvar x int = \"\"\n\nfunc f() { y := 1 }\n")
	write(t, dir, "b/b.go", "package b\n\nimport \"os\"\n\nvar x int = \"\"\n")
	order := func(p []string) string { return strings.Join(p, " ") }
	files := func(recent ...string) string {
		var all []string
		p := broken(t, b, recent...)
		for _, m := range p.Messages {
			all = append(all, m.File+":"+string(rune('0'+m.Line)))
		}
		if p.Title != "5 mistakes in 2 files" {
			t.Error(p.Title)
		}
		return order(all)
	}
	inA, inB := filepath.Join(dir, "a", "a.go"), filepath.Join(dir, "b", "b.go")
	for name, test := range map[string]struct {
		recent []string
		want   string
	}{
		"nothing is known": {nil, "a/a.go:5 b/b.go:5 a/a.go:7 a/a.go:3 b/b.go:3"},
		"b":                {[]string{inB}, "b/b.go:5 a/a.go:5 a/a.go:7 b/b.go:3 a/a.go:3"},
		"a, then b":        {[]string{inB, inA}, "b/b.go:5 a/a.go:5 a/a.go:7 b/b.go:3 a/a.go:3"},
		"b, then a":        {[]string{inA, inB}, "a/a.go:5 b/b.go:5 a/a.go:7 a/a.go:3 b/b.go:3"},
	} {
		if got := files(test.recent...); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}

	write(t, dir, "b/b.go", "package b\n\nfunc {\n")
	if p := broken(t, b, inA); p.Messages[0].File != "b/b.go" || len(p.Messages) != 4 {
		t.Error("a syntax error is not the first:", show(p))
	}
}
