package crash

import (
	"strconv"
	"time"

	"golang.org/x/sys/windows"
)

// bootID tells when the machine started, in seconds since 1970.
func bootID() string {
	return strconv.FormatInt(time.Now().Add(-windows.DurationSinceBoot()).Unix(), 10)
}

// sameBoot allows for a clock that was set.
func sameBoot(a, b string) bool {
	const tolerance = 120
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	return errX == nil && errY == nil && max(x-y, y-x) <= tolerance
}
