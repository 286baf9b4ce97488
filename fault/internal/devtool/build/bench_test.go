package build_test

import (
	"context"
	"fmt"
	"os/exec"
	"testing"

	"example.org/microblog/fault/internal/devtool/build"
)

// BenchmarkBuild builds a small web application after each change of one line: by a Builder, and by a bare go
// build with and without the flags that a debugger needs. Nothing is the work of a Builder without a change.
func BenchmarkBuild(b *testing.B) {
	const app = "package main\n\nimport (\n\t\"log\"\n\t\"net/http\"\n)\n\nfunc main() { log.Print(http.ListenAndServe(\"\", nil), %d) }\n"
	edit := 0
	change := func(b *testing.B, dir string) {
		edit++
		write(b, dir, "main.go", fmt.Sprintf(app, edit))
	}
	b.Run("Builder", func(b *testing.B) {
		dir := tree(b, map[string]string{"main.go": fmt.Sprintf(app, 0)})
		builder := open(b, build.Options{Dir: dir})
		output := program(b)
		once := func() {
			if p, err := builder.Build(context.Background(), output); p != nil || err != nil {
				b.Fatal(p, err)
			}
		}
		once()
		for b.Loop() {
			change(b, dir)
			once()
		}
	})
	bare := func(flags ...string) func(*testing.B) {
		return func(b *testing.B) {
			dir := tree(b, map[string]string{"main.go": fmt.Sprintf(app, 0)})
			output := program(b)
			once := func() {
				cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", output, ".")...)
				cmd.Dir, cmd.Env = dir, environment()
				if text, err := cmd.CombinedOutput(); err != nil {
					b.Fatal(string(text), err)
				}
			}
			once()
			for b.Loop() {
				change(b, dir)
				once()
			}
		}
	}
	b.Run("go build", bare())
	b.Run("go build for a debugger", bare("-gcflags=-N -l"))
	b.Run("Nothing", func(b *testing.B) {
		dir := tree(b, map[string]string{"main.go": fmt.Sprintf(app, 0)})
		builder := open(b, build.Options{Dir: dir})
		output := program(b)
		for b.Loop() {
			if p, err := builder.Build(context.Background(), output); p != nil || err != nil {
				b.Fatal(p, err)
			}
		}
	})
	b.Run("Inputs", func(b *testing.B) {
		builder := open(b, build.Options{Dir: tree(b, map[string]string{"main.go": fmt.Sprintf(app, 0)})})
		for b.Loop() {
			if _, p, err := builder.Inputs(context.Background()); p != nil || err != nil {
				b.Fatal(p, err)
			}
		}
	})
}
