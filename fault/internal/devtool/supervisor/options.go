// Package supervisor is `fault run`: it keeps an application's address, builds the application, runs it, and on every
// save brings the newest version that works into service without refusing a request.
package supervisor

import (
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"example.org/microblog/fault/internal/devtool/address"
)

// Options say what to run and how. Package must be given.
type Options struct {
	Package string   // as for go build: "./cmd/app", ".", an import path
	Args    []string // of the application; {addr}, {host} and {port} stand for its private address
	Dir     string   // the working directory; "" is the current one

	Listen  string   // HOST:PORT of the public address; "" is LISTEN, else PORT, else DefaultListen
	Exposed bool     // allow a public address that other machines can reach
	Hosts   []string // further names by which the development pages may be called, without port

	Tags       []string // build tags besides faultdev
	BuildFlags []string // further flags of go build
	NoVet      bool     // do not run go vet behind a build

	Env      []string // NAME=VALUE, added to the environment of the application; placeholders as in Args
	Watch    []string // further files that make the application start anew: patterns as of path.Match, relative to Dir
	FromDisk []string // directories that the application reads from disk each time: a change there needs no new start
	// Fixed is the address that the application listens on whatever it is told, "" if it heeds LISTEN, PORT or
	// the placeholders. Its old process must then end before the new one can start; requests wait meanwhile.
	Fixed string
	Poll  time.Duration // look for changes so often instead of being told of them; 0 is being told

	NoMailbox   bool   // do not run the mailbox
	NoDebugger  bool   // do not run the debugger
	DebugListen string // HOST:PORT of the debugger; "" is any free port of the loopback interface
	Open        bool   // open the browser once the application is ready

	StartTimeout time.Duration // how long a new process may take to be ready; 0 is DefaultStartTimeout
	Drain        time.Duration // how long running requests may take to finish on the old process; 0 is DefaultDrain

	In  *os.File  // for keys; nil is none
	Out io.Writer // for the application's output
	Err io.Writer // for our own lines, and the application's
}

// Defaults of the Options.
const (
	DefaultListen       = "127.0.0.1:5000"
	DefaultStartTimeout = 60 * time.Second
	DefaultDrain        = 60 * time.Second
)

const (
	// longBuild is how long a build takes that the terminal tells of while it runs.
	longBuild = 2 * time.Second
	// maxCancelled is how many builds in a row may be given up for a newer change. The next one is finished.
	maxCancelled = 2
	// maxDoubts is how many builds in a row are made once more because of files that were something else for a moment: a tool may
	// write the same again and again.
	maxDoubts = 3
	// startPatience is how long such a version has to become ready once something newer is there.
	startPatience = 3 * time.Second
	// stopGrace is how long a process that is told to end may take for it before it is killed.
	stopGrace = 5 * time.Second
	// takeDownDrain is how long running requests may take to finish where the next version cannot start before.
	takeDownDrain = 5 * time.Second
	// maxAddresses is how many private addresses are tried, should other programs take them first.
	maxAddresses = 3
	// steady is how long a process must have served for its end to be no sign that it cannot run.
	steady = 2 * time.Second
	// maxCrashes is how many times in a row a process that was not steady is started again.
	maxCrashes = 3
	// elsewhereAfter is how long a process that does not listen where it was told may have listened elsewhere before
	// that is taken for its address.
	elsewhereAfter = 1500 * time.Millisecond
	// pagelessAfter is the same where it has nothing at its root, as a server beside the application's own mostly has not.
	pagelessAfter = 5 * time.Second
	// reloadTimeout bounds how long an application may take to load changed files from disk.
	reloadTimeout = 10 * time.Second
)

// OptionError is an option that cannot be.
type OptionError struct {
	Option string // the name of the field
	From   string // the setting that it came from, if it did not come from the command line
	Text   string
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Text }

// complete checks the options and fills in the defaults.
func (s *supervisor) complete() (err error) {
	o := &s.options
	if o.Package == "" {
		o.Package = "."
	}
	if o.Dir == "" {
		if o.Dir, err = os.Getwd(); err != nil {
			return fmt.Errorf("finding the working directory: %w", err)
		}
	}
	for _, pattern := range o.Watch {
		if wrong := badPattern(pattern); wrong != "" {
			return &OptionError{Option: "Watch", Text: fmt.Sprintf("%q %s", pattern, wrong)}
		}
	}
	for _, dir := range o.FromDisk {
		if info, err := os.Stat(s.absolute(dir)); err != nil || !info.IsDir() {
			return &OptionError{Option: "FromDisk", Text: fmt.Sprintf("there is no directory %s", dir)}
		}
	}
	for _, host := range o.Hosts {
		if host == "" || strings.ContainsAny(host, ":/ ") {
			return &OptionError{Option: "Hosts", Text: fmt.Sprintf("%q is no name of a host: it has neither scheme nor port", host)}
		}
	}
	for _, limit := range []struct {
		option string
		d      time.Duration
	}{{"StartTimeout", o.StartTimeout}, {"Drain", o.Drain}} {
		if limit.d < 0 {
			return &OptionError{Option: limit.option, Text: fmt.Sprintf("it is a time to wait, not %v", limit.d)}
		}
	}
	for _, entry := range o.Env {
		if name, _, ok := strings.Cut(entry, "="); !ok || name == "" {
			return &OptionError{Option: "Env", Text: fmt.Sprintf("%q is not of the form NAME=VALUE", entry)}
		}
	}
	if o.Fixed != "" {
		if host, port, err := net.SplitHostPort(o.Fixed); err != nil || port == "" || port == "0" {
			return &OptionError{Option: "Fixed", Text: fmt.Sprintf("%q is not of the form HOST:PORT, such as 127.0.0.1:8080", o.Fixed)}
		} else if host == "" {
			o.Fixed = local(o.Fixed)
		}
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = DefaultStartTimeout
	}
	if o.Drain <= 0 {
		o.Drain = DefaultDrain
	}
	return nil
}

func (s *supervisor) checkPublic(public, from string) error {
	host, _, err := address.Split(public)
	if err != nil {
		return &OptionError{Option: "Listen", From: from, Text: err.Error()}
	}
	if !s.options.Exposed && !address.IsLoopback(host) {
		return &OptionError{Option: "Exposed", From: from, Text: fmt.Sprintf("other machines could reach %s, and with it source code and all that an application in development lets anyone do", public)}
	}
	return nil
}

// badPattern says what is wrong with a pattern of files; "" is nothing.
func badPattern(pattern string) string {
	if pattern == "" {
		return "names no file"
	}
	for segment := range strings.SplitSeq(filepath.ToSlash(pattern), "/") {
		if _, err := path.Match(segment, ""); err != nil {
			return "is no pattern: a bracket is not closed, or something like it"
		}
	}
	return ""
}
