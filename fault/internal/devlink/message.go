// Package devlink is the application's end of its connection to `fault run`. It is linked into
// development builds only: those with the build tag faultdev.
package devlink

import "encoding/json"

// Message is what the two ends say to each other, as one line of JSON each.
type Message struct {
	Type string `json:"type"` // one of the constants
	// Seq pairs a question with its answer: Failed with Noted, Changed with Loaded.
	Seq int64 `json:"seq,omitempty"`

	PID     int             `json:"pid,omitempty"`     // Hello
	Dir     string          `json:"dir,omitempty"`     // Live: absolute
	Request string          `json:"request,omitempty"` // Failed: what the proxy called the request, in RequestHeader
	Failure json.RawMessage `json:"failure,omitempty"` // Failed: a fault.Failure
	Files   []string        `json:"files,omitempty"`   // Changed: absolute paths
	Error   string          `json:"error,omitempty"`   // Loaded: why what changed does not load; "" if it does
}

// The types of messages.
const (
	Hello   = "hello"   // application: here I am
	Live    = "live"    // application: the files below Dir are read from disk, a change of them needs no rebuild
	Failed  = "failed"  // application: this request, or something outside one, has failed
	Noted   = "noted"   // supervisor: the failure has arrived
	Changed = "changed" // supervisor: these files below a Live directory have changed
	Loaded  = "loaded"  // application: they are in use from now on, or why not
)

// RequestHeader is the header by which the proxy names each request. The catcher takes it off.
const RequestHeader = "Fault-Run-Request"
