// Package supervisor is `fault run`: it keeps an application's address, builds the application, runs it, and on every
// save brings the newest version that works into service without refusing a request.
package supervisor

import (
	"io"
	"os"
	"time"
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
