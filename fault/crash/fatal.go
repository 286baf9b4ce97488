package crash

import (
	"strconv"
	"strings"
	"unsafe"
)

// fatalTexts returns the texts of fatal errors by their place in this process's memory, as the stack
// of a crash shows it. The runtime does not pass these texts on to debug.SetCrashOutput
// (go.dev/issue/76859), but the linker keeps equal texts once, so that ours are the runtime's own.
func fatalTexts() map[string]string {
	known := [...]string{
		"concurrent map writes",
		"concurrent map read and map write",
		"concurrent map iteration and map write",
		"concurrent map clone and map write",
		"small map with no empty slot (concurrent map writes?)",
		"sync: unlock of unlocked mutex",
		"sync: Unlock of unlocked RWMutex",
		"sync: RUnlock of unlocked RWMutex",
		"sync: inconsistent mutex state",
		"stack overflow",
		"fault",
		"unexpected signal during runtime execution",
		"runtime: out of memory",
		"runtime: cannot allocate memory",
		"out of memory",
		"out of memory (stackalloc)",
		"out of memory allocating heap arena map",
		"out of memory allocating heap arena metadata",
		"out of memory: cannot allocate heap metadata",
		"runtime: cannot map pages in arena address space",
		"arena already initialized",
		"thread exhaustion",
		"newosproc",
		"runtime.newosproc",
		"all goroutines are asleep - deadlock!",
		"bad pointer in write barrier",
		"invalid pointer found on stack",
		"found bad pointer in Go heap (incorrect use of unsafe or cgo?)",
		"checkptr: converted pointer straddles multiple allocations",
		"checkptr: pointer arithmetic result points to invalid allocation",
		"checkptr: misaligned pointer conversion",
		"unlock of unlocked lock",
		"semacquire not on the G stack",
		"panic on system stack",
		"panic during malloc",
		"panic during gc",
		"panic during panic",
		"malloc deadlock",
		"cgo argument has Go pointer to unpinned Go pointer",
		"exitsyscall: syscall frame is no longer valid",
	}
	texts := make(map[string]string, len(known))
	for _, text := range known {
		// The address is only written down, never followed.
		at := uintptr(unsafe.Pointer(unsafe.StringData(text)))
		texts["0x"+strconv.FormatUint(uint64(at), 16)] = text
	}
	return texts
}

// guessFatal tells what a fatal error was whose text is missing: by the address of the text if that
// is known, else by the calls. It returns "" if nothing tells.
func guessFatal(g, system section, trap string, texts map[string]string) string {
	for _, s := range []section{system, g} {
		if text, ok := texts[s.throw]; ok && s.throw != "" {
			return text
		}
	}
	called := func(s section, names ...string) bool {
		for _, f := range s.stack {
			for _, name := range names {
				if f.Function == name {
					return true
				}
			}
		}
		return false
	}
	switch {
	case called(system, "runtime.newstack", "runtime.morestack"):
		return "stack overflow"
	case called(system, "runtime.sysMapOS", "runtime.sysMap", "runtime.(*mheap).grow", "runtime.(*mheap).sysAlloc", "runtime.persistentalloc1"):
		return "out of memory"
	case called(g, "internal/runtime/maps.fatal"):
		return "concurrent use of a map, and at least one goroutine writes to it"
	case called(g, "internal/sync.(*Mutex).unlockSlow"):
		return "sync: unlock of unlocked mutex"
	case called(g, "sync.fatal") && called(g, "sync.(*RWMutex).RUnlock", "sync.(*RWMutex).rUnlockSlow"):
		return "sync: RUnlock of unlocked RWMutex"
	case called(g, "sync.fatal") && called(g, "sync.(*RWMutex).Unlock"):
		return "sync: Unlock of unlocked RWMutex"
	case trap != "":
		return strings.Trim(trap, "[]")
	case g.number != 0 && g.state != "" && g.state != "running" && g.throw == "":
		return "all goroutines are asleep - deadlock!"
	}
	return ""
}
