//go:build !windows

package terminal

import "os"

// enableColour has nothing to do: terminals understand colours here.
func enableColour(*os.File) (able bool, restore func()) { return true, func() {} }
