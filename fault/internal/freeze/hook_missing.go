//go:build !faulthook && linux && (amd64 || arm64)

package freeze

// setPanicHook does nothing: the runtime is as it was released. Panics that are recovered before a Catcher
// sees them make no copy, and others make one when their deferred functions have run.
func setPanicHook(func(any) (scoped bool)) {}

// setRecoverHook does nothing: nobody is told of panics either.
func setRecoverHook(func(any)) {}

// setEndHook does nothing: the end of the process makes no copy.
func setEndHook(func() (copied bool)) {}

func setEnding() {}
