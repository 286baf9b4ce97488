package process

import (
	"fmt"
	"time"
)

// Exit is how a process ended.
type Exit struct {
	Code    int    // -1 if a signal ended it
	Signal  string // that signal, "SIGKILL"; else ""
	Stopped bool   // it was told to: Stop, Quit or Kill was called before it ended
	Ran     time.Duration
	// Output is the last of what it wrote, at most 64 KiB: both outputs, in the order in which they came.
	Output string
	// LastOutput is the end of Output: what it wrote in about the last second.
	LastOutput string
	// Crash is what the Go runtime wrote if the process crashed: the first 64 KiB of that; else mostly "".
	Crash string
}

// String says it in a few words: "exit code 1 after 1.2s".
func (e Exit) String() string {
	how := fmt.Sprintf("exit code %d", e.Code)
	if e.Signal != "" {
		how = "killed by " + e.Signal
	}
	return how + " after " + roughly(e.Ran)
}

// roughly is a duration for people.
func roughly(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// ExitedError says that a process ended before it was ready.
type ExitedError struct{ Exit Exit }

func (e *ExitedError) Error() string {
	return "the application ended before it was ready: " + e.Exit.String()
}
