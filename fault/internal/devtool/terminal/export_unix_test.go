//go:build linux || darwin

package terminal

// Unstopped calls f so that using the terminal from the background does not stop this process.
func Unstopped(f func()) {
	beginJobControl()
	defer endJobControl()
	unstopped(f)
}
