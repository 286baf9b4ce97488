package outbox

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: directories cannot be synced here; NTFS journals names.
func syncDir(string) error { return nil }

// replace gives a file a name, instead of the file that had it. That fails for as long as somebody
// reads the other file.
func replace(from, to string) error {
	for try := 0; ; try++ {
		err := os.Rename(from, to)
		if try == 10 || !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_ACCESS_DENIED) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Errors of connecting.
var (
	errRefused     = []error{windows.WSAECONNREFUSED}
	errUnreachable = []error{windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH, windows.WSAEADDRNOTAVAIL}
)
