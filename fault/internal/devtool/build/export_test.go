package build

import "example.org/microblog/fault/internal/devtool/problem"

// Explain explains output as that of go build in dir would be.
func Explain(dir, output string) *problem.Problem {
	b := &Builder{command: command{dir: dir}, spec: []string{"."}}
	return b.explainer(nil).explain(problem.Build, "go build .", output)
}

// Nearest is what a misspelt name is taken for.
var Nearest = nearest

// These are the runtime's panic.go, proc.go, signal_unix.go and stack.go with the hook, and what it has more.
var (
	HookedSource  = hookedSource
	HookedExit    = hookedExit
	HookedSignals = hookedSignals
	HookedStacks  = hookedStacks
	AddedSource   = addedSource
)
