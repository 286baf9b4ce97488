// Package devlink is the application's end of its connection to `fault run`. It is linked into
// development builds only: those with the build tag faultdev.
package devlink

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Message is what the two ends say to each other, as one line of JSON each.
type Message struct {
	Type string `json:"type"` // one of the constants
	// Seq pairs a question with its answer: Failed with Noted, Changed with Loaded.
	Seq int64 `json:"seq,omitempty"`

	PID     int             `json:"pid,omitempty"`     // Hello, Welcome: of who says it; Dropped: of the copy
	Dir     string          `json:"dir,omitempty"`     // Live: absolute
	Request string          `json:"request,omitempty"` // Failed: what the proxy called the request, in RequestHeader
	Failure json.RawMessage `json:"failure,omitempty"` // Failed: a fault.Failure
	Frozen  *Frozen         `json:"frozen,omitempty"`  // Failed: the copy of the process, if one was wanted
	Stack   json.RawMessage `json:"stack,omitempty"`   // Ending: a trace.Stack
	Names   []string        `json:"names,omitempty"`   // Secrets
	Files   []string        `json:"files,omitempty"`   // Changed: absolute paths
	Error   string          `json:"error,omitempty"`   // Loaded: why what changed does not load; "" if it does
}

// CopiesVariable is the environment variable by which `fault run` tells its number, if it wants a copy of the process when
// that ends by a crash or with an error. The copy is a child of `fault run`.
const CopiesVariable = "FAULT_COPIES"

// What a copy of the process is called in the list of processes.
const (
	CopyName  = "fault-copy"  // freeze.Name: one of a failure
	EndName   = "fault-end"   // freeze.EndName: one of a process that is about to end, made where that was decided on
	CrashName = "fault-crash" // one that the runtime itself has made: nothing can be called in it
	// PanicPrefix is how the name begins of one that the runtime has made of a panic, as it began, of a goroutine that answers
	// a request: see PanicName.
	PanicPrefix = "fault-"
	// PanicNames is how many names there are for those.
	PanicNames = 1_000_000_000
)

// PanicName is what the copy of a panic of that goroutine is called.
func PanicName(goroutine uint64) string {
	return PanicPrefix + strconv.FormatUint(goroutine%PanicNames, 10)
}

// IsPanicName tells whether a copy has such a name.
func IsPanicName(name string) bool {
	digits, ok := strings.CutPrefix(name, PanicPrefix)
	_, err := strconv.ParseUint(digits, 10, 64)
	return ok && err == nil
}

// Frozen is the copy of the process that was made of a failure: see package freeze.
type Frozen struct {
	PID int `json:"pid,omitempty"` // a child of the supervisor, which owns it from now on; 0: there is none
	// Stack is what the copy's stack is, like the StackOf of a fault.Failure; it may tell more than the failure's own.
	Stack string `json:"stack,omitempty"`
	Why   string `json:"why,omitempty"` // why there is no copy
}

// The types of messages.
const (
	Hello   = "hello"   // application: here I am
	Welcome = "welcome" // supervisor: make copies of the process when something fails; they are mine
	Dropped = "dropped" // application: nobody needs this copy, end it
	Secrets = "secrets" // application: what goes under these names is a secret, beside the usual ones
	Live    = "live"    // application: the files below Dir are read from disk, a change of them needs no rebuild
	Failed  = "failed"  // application: this request, or something outside one, has failed
	Ending  = "ending"  // application: it is about to end itself, here
	Noted   = "noted"   // supervisor: the failure, or the end, has arrived
	Changed = "changed" // supervisor: these files below a Live directory have changed
	Loaded  = "loaded"  // application: they are in use from now on, or why not
)

// RequestHeader is the header by which the proxy names each request. The catcher takes it off.
const RequestHeader = "Fault-Run-Request"
