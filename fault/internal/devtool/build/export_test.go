package build

import "example.org/microblog/fault/internal/devtool/problem"

// Explain explains output as that of go build in dir would be.
func Explain(dir, output string) *problem.Problem {
	b := &Builder{command: command{dir: dir}, spec: []string{"."}}
	return b.explainer(nil).explain(problem.Build, "go build .", output)
}

// Nearest is what a misspelt name is taken for.
var Nearest = nearest

// HookedSource is the runtime's panic.go with the hook.
var HookedSource = hookedSource
