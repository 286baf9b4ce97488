//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package terminal

import "os"

// keyboard is what this system has none of: single keys are not to be had in the way that leaves Ctrl-C alone.
type keyboard struct{}

// openKeyboard returns nil.
func openKeyboard(*os.File, func([]byte)) *keyboard { return nil }

func (*keyboard) close() {}
