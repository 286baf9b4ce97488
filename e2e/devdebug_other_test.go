//go:build !linux || (!amd64 && !arm64)

package e2e

import "testing"

func devRunDebugger(t *testing.T, _ *devRun) {
	t.Skip("NOT TESTED WITH A DEBUGGER: frozen copies are to be had on Linux only")
}
