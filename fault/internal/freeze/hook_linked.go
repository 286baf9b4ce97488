//go:build faulthook && linux && (amd64 || arm64)

package freeze

import _ "unsafe" // for go:linkname

// faultPanicHook is a variable of the runtime as `fault run` builds it, with the tag faulthook.
//
//go:linkname faultPanicHook runtime.faultPanicHook
var faultPanicHook func(any)

func setPanicHook(f func(any)) { faultPanicHook = f }
