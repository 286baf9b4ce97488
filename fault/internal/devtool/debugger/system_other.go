//go:build !linux

package debugger

import (
	"errors"
	"os"
	"runtime"
)

// supported says why copies cannot be made on this system.
func supported() error {
	return &UnavailableError{
		Text: "Frozen copies of a process, and so its frames with their variables, are to be had on Linux only, and this is " + runtime.GOOS + ".",
		Fix:  "Run `fault run` in a Linux container or virtual machine to have them; stack, source and request are here.",
	}
}

func obstacle(int, int) *UnavailableError { return nil }

func hasOneThread(int) bool { return false }

func openMemory(int) (*os.File, error) { return nil, errors.ErrUnsupported }

func privateMemory(int) (int64, error) { return 0, errors.ErrUnsupported }
