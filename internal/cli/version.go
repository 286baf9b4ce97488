package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand is microblog version.
type versionCommand struct{}

// Run prints one line.
func (versionCommand) Run(in *invocation) error {
	version, commit := "(unknown)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = ", commit " + s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				commit += " with changes"
			}
		}
	}
	_, err := fmt.Fprintf(in.Out, "microblog %s%s, %s %s/%s\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
