package supervisor

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/link"
	"example.org/microblog/fault/internal/devtool/mailbox"
	"example.org/microblog/fault/internal/devtool/proxy"
	"example.org/microblog/fault/internal/devtool/terminal"
	"example.org/microblog/fault/internal/devtool/watch"
)

// supervisor is a running `fault run`. Its state belongs to the goroutine of loop, but for what says otherwise.
type supervisor struct {
	options Options
	env     []string
	dir     string // temporary, of this run only: binaries and sockets
	name    string // of the program
	host    string // of the public address, as clients name it
	url     string

	term         *terminal.Terminal
	appOut       io.Writer
	appErr       io.Writer
	proxy        *proxy.Server
	builder      *build.Builder
	watcher      *watch.Watcher
	mailbox      *mailbox.Server
	mailSettings []string
	debugger     *debugapi.Server // nil: there is none

	ctx  context.Context // ends with Run
	work sync.WaitGroup  // all goroutines

	inputs      atomic.Pointer[build.Inputs] // as listed last; never nil
	listedSince time.Time                    // the listing is of the files as they were then, or later
	unknown     bool                         // the graph could not be listed: any Go file may matter

	current     *generation
	serving     atomic.Pointer[generation] // the same, for a cycle that has to take it down
	starting    atomic.Pointer[generation] // not ready yet
	fixed       atomic.Pointer[string]     // where the application was found to listen, whatever it is told
	alone       atomic.Bool                // it listens on further fixed ports: two cannot run at the same time
	generations int
	cycle       *cycle // under way
	stage       chan struct{}
	binaries    binaries
	binary      string    // built last
	built       time.Time // when its build began
	needBuild   bool      // the binary is older than the source
	recent      []string  // changed since the last version that works
	good        goodVersion
	crashes     int // in a row, of processes that were not steady
	// restartAgain says that something changed which the process that is starting may have read before.
	restartAgain bool
	// buildAgain says that source has changed while a build was not given up, and cancelled how many were, in a row.
	buildAgain bool
	cancelled  int
	doubts     atomic.Int64   // builds in a row that may have read what is not there any more
	atStart    map[string]int // how often a file has changed while a process was starting
	problems   problems
	shown      string   // the ID of the problem that the terminal has told
	announced  bool     // where to open the browser has been told
	unvetted   []string // import paths that go vet has not found in order yet
	stopVet    context.CancelFunc
	linked     atomic.Bool  // the application has the kit
	newest     atomic.Int64 // the number of the version that serves
	hookDone   bool         // there is nothing to prepare
	hooked     bool         // the last builds had the hook
	missed     atomic.Bool  // something has failed of which the hook would have made a copy
	lacking    atomic.Bool  // the same, since the last build for that
	hookNew    bool         // the hook was prepared, and nothing was built anew for that
	panics     link.PanicCopies
	live       liveLoads
	noted      noted

	results   chan result
	ended     chan *generation
	listed    chan listing
	vetted    chan vetting
	loaded    chan loading
	hooks     chan struct{}  // asks for the hook to be prepared, or used
	hookEnded chan error     // of preparing it
	retired   sync.WaitGroup // old generations that finish their requests
}

// loop is where everything that happens is decided on, one thing after the other.
func (s *supervisor) loop(quit context.CancelFunc, changes <-chan []watch.Change, served <-chan error) error {
	for {
		select {
		case <-s.ctx.Done():
			return nil
		case err := <-served:
			return fmt.Errorf("serving on %s: %w", s.url, err)
		case batch := <-changes:
			s.changed(batch)
		case r := <-s.results:
			s.finished(r)
		case g := <-s.ended:
			s.processEnded(g)
		case l := <-s.listed:
			s.relisted(l)
		case v := <-s.vetted:
			s.vetDone(v)
		case l := <-s.loaded:
			s.loadDone(l)
		case <-s.hooks:
			s.prepareHook()
			s.buildHooked()
		case err := <-s.hookEnded:
			s.hookPrepared(err)
			s.buildHooked()
		case key := <-s.term.Keys():
			s.pressed(key, quit)
		}
	}
}
