//go:build !linux && !darwin && !windows

package crash

// bootID cannot be known here.
func bootID() string { return "" }

func sameBoot(a, b string) bool { return a == b }
