package terminal

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableColour lets a console understand colours, where it can, until restore is called.
func enableColour(f *os.File) (able bool, restore func()) {
	console := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false, func() {}
	}
	if err := windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING); err != nil {
		return false, func() {}
	}
	return true, func() { _ = windows.SetConsoleMode(console, mode) } // it may be gone
}
