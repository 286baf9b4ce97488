package debugger

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"syscall"
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

// noStart says why Delve has not started.
func (s *Session) noStart(err error) error {
	reason := &UnavailableError{
		Text: "Delve, the debugger that is used here, does not start.",
		Fix:  "Remove " + s.options.Delve + ", so that it is built anew, or set " + DelveVariable + " to a dlv that works.",
		Err:  err,
	}
	switch {
	case errors.Is(err, syscall.EAGAIN):
		reason.Text = "Delve, the debugger that is used here, does not start: no more processes are allowed."
		reason.Fix = "End some, or raise the limit: `ulimit -u`, in a container `--pids-limit`."
	case errors.Is(err, syscall.ENOMEM):
		reason.Text = "Delve, the debugger that is used here, does not start: the system has no memory for it."
		reason.Fix = "Drop failures that are not needed any more, end other programs, or set vm.overcommit_memory to 0 if it is 2."
	case errors.Is(err, fs.ErrPermission):
		reason.Text = "Delve, the debugger that is used here, does not start: " + s.options.Delve + " may not be executed."
		reason.Fix = "If it lies on a file system that forbids programs (noexec), set XDG_CACHE_HOME to a directory on another one, or " + DelveVariable + " to a dlv."
	}
	return reason
}

func (s *Session) gone() error {
	return &UnavailableError{
		Text: "The frozen copy of the process is gone.",
		Fix:  "Its frames cannot be read any more; let the request fail once more.",
	}
}

// threads is what the Go runtime ends with when Delve may have no more threads.
var threads = regexp.MustCompile(`(?m)^runtime: failed to create new OS thread`)

// diagnose finds out why Delve failed. That is read from the system: what Delve writes about it is for
// people, and goes into the error.
func (s *Session) diagnose(err error) error {
	said, why := "", ""
	select {
	case <-s.delve.Done():
		said = strings.TrimSpace(s.delve.Exit().Output)
	default:
		if text, ok := refused(err); ok {
			said = text
		}
	}
	if said != "" {
		why = ` It says "` + lastLine(said) + `".`
		err = fmt.Errorf("delve says: %s", lastLine(said))
	}
	if threads.MatchString(said) {
		return s.noStart(fmt.Errorf("%w: %w", syscall.EAGAIN, err))
	}
	if reason := obstacle(s.options.PID, s.delve.PID()); reason != nil {
		reason.Err = err
		return reason
	}
	return &UnavailableError{
		Text: "Delve, the debugger that is used here, cannot read the frozen copy of the process." + why,
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
