//go:build faulthook && linux && (amd64 || arm64)

package freeze

import _ "unsafe" // for go:linkname

// These are variables of the runtime as `fault run` builds it, with the tag faulthook.
//
//go:linkname faultPanicHook runtime.faultPanicHook
var faultPanicHook func(any) bool

//go:linkname faultRecoverHook runtime.faultRecoverHook
var faultRecoverHook func(any)

//go:linkname faultEndHook runtime.faultEndHook
var faultEndHook func() bool

//go:linkname faultEnding runtime.faultEnding
var faultEnding uint32

func setPanicHook(f func(any) (scoped bool)) { faultPanicHook = f }

func setRecoverHook(f func(any)) { faultRecoverHook = f }

func setEndHook(f func() (copied bool)) { faultEndHook = f }

// setEnding has the runtime of a copy make no copy of the copy.
//
//go:norace
//go:nosplit
func setEnding() { faultEnding = 2 }
