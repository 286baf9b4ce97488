package debugger

import (
	"fmt"
	"strings"
)

// An UnavailableError says why a debugger cannot be had, and how to get one.
type UnavailableError struct {
	Text string // what is missing, in a sentence
	Fix  string // what to do about it, in a sentence or two
	Err  error  // what was tried; may be nil
}

func (e *UnavailableError) Error() string {
	if e.Err == nil {
		return e.Text + " " + e.Fix
	}
	return fmt.Sprintf("%s %s (%v)", e.Text, e.Fix, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

func (s *Session) gone() error {
	return &UnavailableError{
		Text: "The frozen copy of the process is gone.",
		Fix:  "Its frames cannot be read any more; let the request fail once more.",
	}
}

// diagnose finds out why Delve failed. That is read from the system: what Delve writes about it is for
// people, and goes into the error.
func (s *Session) diagnose(err error) error {
	said := ""
	select {
	case <-s.delve.Done():
		said = strings.TrimSpace(s.delve.Exit().Output)
	default:
		if text, ok := refused(err); ok {
			said = text
		}
	}
	if said != "" {
		err = fmt.Errorf("delve says: %s", lastLine(said))
	}
	if reason := obstacle(s.options.PID, s.delve.PID()); reason != nil {
		reason.Err = err
		return reason
	}
	return &UnavailableError{
		Text: "Delve, the debugger that is used here, cannot read the frozen copy of the process.",
		Fix:  "If the program was built by a Go that is newer than this Delve knows, set " + DelveVariable + " to a newer dlv.",
		Err:  err,
	}
}

func lastLine(text string) string {
	if at := strings.LastIndexByte(text, '\n'); at >= 0 {
		return text[at+1:]
	}
	return text
}
