//go:build linux && (amd64 || arm64)

package freeze

import "sync"

// hooking sets the runtime's hook, once.
var hooking sync.Once

// hook lets every panic in a scope make a copy before any deferred function runs, if the runtime was built for it.
func hook() { hooking.Do(func() { setPanicHook(atPanic) }) }

// atPanic is called by the goroutine that panics, when it begins to.
func atPanic(value any) {
	if s := Current(); s != nil {
		s.Freeze(value, StackPanic)
	}
}
