package freeze

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Deferred is where the deferred functions are that run because of a panic.
type Deferred struct {
	Calls []string // the functions that have not returned, innermost first; those of the runtime are left out
	// Places are where they are, as the runtime writes it: "/src/shop/cart.go:31".
	Places []string
	State  string // what the goroutine does: "running", "sync.Mutex.Lock", …
	Waits  bool   // for another goroutine: for a lock or a channel
}

const (
	maxDump  = 64 << 20 // bytes of the text of all goroutines
	maxCalls = 6
)

// DeferredOf tells where the deferred functions of a goroutine are; found is false if it does not panic, or was not called by a function
// of one of these names. All goroutines stand still while it looks.
func DeferredOf(goroutine int64, within ...string) (d Deferred, found bool) {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) && len(buf) < maxDump {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	return ParseDeferred(string(buf[:n]), goroutine, within...)
}

// ParseDeferred is [DeferredOf] in a text of goroutines as runtime.Stack gives it.
func ParseDeferred(dump string, goroutine int64, within ...string) (d Deferred, found bool) {
	head := "goroutine " + strconv.FormatInt(goroutine, 10) + " ["
	for block := range strings.SplitSeq(dump, "\n\n") {
		rest, ok := strings.CutPrefix(block, head)
		if !ok {
			continue
		}
		var lines string
		d.State, lines, _ = strings.Cut(rest, "]:\n")
		d.State, _, _ = strings.Cut(d.State, ",") // how long, if that is minutes
		d.Waits = waits(d.State)
		panics, inside := false, false
		for line := range strings.SplitSeq(lines, "\n") {
			name := called(line)
			if place, is := strings.CutPrefix(line, "\t"); is && !panics && len(d.Places) < len(d.Calls) {
				place, _, _ = strings.Cut(place, " +0x")
				d.Places = append(d.Places, place)
			}
			switch {
			case name == "":
			case name == "panic":
				panics = true
			case slices.Contains(within, name):
				inside = true
			case !panics && len(d.Places) == len(d.Calls) && len(d.Calls) < maxCalls && !strings.HasPrefix(name, "runtime.") && !strings.Contains(name, ".runtime_"):
				d.Calls = append(d.Calls, name)
			}
		}
		return d, panics && inside
	}
	return Deferred{}, false
}

// called is the function that a line of a stack names, "" if it names none.
func called(line string) string {
	if line == "" || line[0] == '\t' || strings.HasPrefix(line, "created by ") {
		return ""
	}
	arguments := strings.LastIndexByte(line, '(')
	if arguments < 0 {
		return ""
	}
	return line[:arguments]
}

func waits(state string) bool {
	return slices.ContainsFunc([]string{"sync.", "semacquire", "chan ", "select"}, func(s string) bool { return strings.HasPrefix(state, s) })
}
