package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand is fault version.
type versionCommand struct{}

// Run prints one line.
func (versionCommand) Run(s streams) error {
	version, commit := "(unknown)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, setting := range info.Settings {
			switch {
			case setting.Key == "vcs.revision":
				commit = ", commit " + setting.Value
			case setting.Key == "vcs.modified" && setting.Value == "true":
				commit += " with changes"
			}
		}
	}
	_, err := fmt.Fprintf(s.out, "fault %s%s, %s %s/%s\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
