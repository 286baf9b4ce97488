package build_test

import (
	"context"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/build"
)

// Without a C compiler there is an answer that says so.
func TestNoCompilerForC(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env, text, hint string
		line            int
	}{
		"cgo is off":    {"CGO_ENABLED=0", "build constraints exclude all Go files", "cgo", 3},
		"no C compiler": {"CC=no-such-compiler", "C compiler", "needs a C compiler", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, map[string]string{
				"main.go": "package main\n\nimport _ \"example.com/app/c\"\n\nfunc main() {}\n",
				"c/c.go":  "package c\n\nimport \"C\"\n\nvar X C.int\n",
			})
			b := open(t, build.Options{Dir: dir, Env: environment("CGO_ENABLED=1", test.env)})
			p := broken(t, b)
			m := p.Messages[0]
			if !strings.Contains(m.Text, test.text) || !strings.Contains(m.Hint, test.hint) || m.Line != test.line {
				t.Errorf("%s\n%s", show(p), p.Output)
			}
			if _, listed, err := b.Inputs(context.Background()); err != nil || (listed != nil) != (test.line > 0) {
				t.Error(listed, err)
			}
		})
	}
}
