package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/mailbox"
	"example.org/microblog/fault/internal/devtool/problem"
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
	atStart    map[string]int // how often a file has changed while a process was starting
	problems   problems
	shown      string   // the ID of the problem that the terminal has told
	announced  bool     // where to open the browser has been told
	unvetted   []string // import paths that go vet has not found in order yet
	stopVet    context.CancelFunc
	linked     atomic.Bool  // the application has the kit
	newest     atomic.Int64 // the number of the version that serves
	hookDone   bool         // there is nothing to prepare
	live       liveLoads
	noted      noted

	results chan result
	ended   chan *generation
	listed  chan listing
	vetted  chan vetting
	loaded  chan loading
	retired sync.WaitGroup // old generations that finish their requests
}

// goodVersion is the binary of the last generation that served. It is held.
type goodVersion struct {
	binary string
	built  time.Time
}

// Run does all that until ctx ends or the user quits, and leaves nothing behind. The error says why it could not begin, or
// not go on.
func Run(ctx context.Context, o Options) (err error) {
	s := &supervisor{
		options: o, env: os.Environ(), stage: make(chan struct{}, 1),
		results: make(chan result), ended: make(chan *generation), listed: make(chan listing),
		vetted: make(chan vetting), loaded: make(chan loading),
	}
	if err := s.complete(); err != nil {
		return err
	}
	set := readSettings(s.options.Dir, append(slices.Clip(s.env), s.options.Env...))
	public, from := publicAddress(o.Listen, set)
	if err := s.checkPublic(public, from); err != nil {
		return err
	}
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	s.ctx = ctx

	listener, err := address.Listen(public)
	if err != nil {
		return err
	}
	defer listener.Close() // closed before, on every way but an early one
	s.url = address.LocalURL(listener.Addr())
	s.host = s.url[len("http://"):]
	space, err := newWorkspace()
	if err != nil {
		return err
	}
	s.dir = space.dir
	defer func() { err = errors.Join(err, space.remove()) }()

	s.term = terminal.New(terminal.Options{Out: o.Err, In: o.In, Dir: s.options.Dir})
	defer s.term.Close()
	s.appOut, s.appErr = s.term.App(o.Out), s.term.App(o.Err)
	if s.builder, err = build.Open(ctx, build.Options{
		Dir: s.options.Dir, Package: o.Package, Tags: o.Tags, Flags: o.BuildFlags, Env: append(slices.Clip(s.env), "GOTMPDIR="+s.dir),
	}); err != nil {
		return err
	}
	if s.watcher, err = watch.New(watch.Options{Poll: o.Poll, Notice: s.term.Event}); err != nil {
		return fmt.Errorf("watching for changes: %w", err)
	}
	defer func() { err = errors.Join(err, s.watcher.Close()) }()
	if err := s.openMailbox(set); err != nil {
		return fmt.Errorf("running the mailbox (--no-mailbox leaves it out): %w", err)
	}
	if s.mailbox != nil {
		defer func() { err = errors.Join(err, s.mailbox.Close()) }()
	}
	if err := s.openDebugger(); err != nil {
		return fmt.Errorf("running the debugger (--no-debugger leaves it out): %w", err)
	}
	if s.debugger != nil {
		defer func() { err = errors.Join(err, s.debugger.Close()) }() // copies of the application end with it
	}
	s.useHook()
	return s.run(ctx, quit, listener)
}

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

// run serves and supervises. Everything that was begun has ended when it returns.
func (s *supervisor) run(ctx context.Context, quit context.CancelFunc, listener net.Listener) error {
	s.proxy = proxy.New(proxy.Options{
		Hosts: s.options.Hosts, Exposed: s.options.Exposed, Package: s.options.Package, Mailbox: s.mailboxURL(),
	})
	server := &http.Server{
		Handler: s.proxy, ReadHeaderTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0), // what is wrong with a client
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	changes := make(chan []watch.Change)
	s.list()
	s.name = s.programName()
	s.work.Go(func() { s.watchOn(changes) })
	s.term.Event(s.greeting())
	if s.debugger != nil {
		s.term.Event("debugger PIN: " + s.debugger.PIN() + "  at " + s.debugger.URL())
	}
	s.needBuild = true
	s.begin()

	err := s.loop(quit, changes, served)
	quit()
	_ = listener.Close() // the port is free from here on
	s.proxy.Close()
	s.finish()
	if closing := server.Close(); !errors.Is(closing, net.ErrClosed) { // that is the listener, above
		err = errors.Join(err, closing)
	}
	return err
}

// programName is what go build would call the program.
func (s *supervisor) programName() string {
	in := s.inputs.Load()
	if name := path.Base(in.Main); in.Main != "" && name != "command-line-arguments" {
		return name
	}
	return filepath.Base(in.MainDir)
}

// finish ends all processes.
func (s *supervisor) finish() {
	s.work.Wait()
	if s.current != nil {
		s.current.stop(stopGrace)
	}
	s.retired.Wait()
}

func (s *supervisor) greeting() string {
	text := s.url
	if s.mailbox != nil {
		text += "  mails: " + s.mailbox.URL()
	}
	if keys := s.term.Keys(); keys != nil {
		text += "  keys: r rebuild, o open, q quit, ? help"
	}
	return text
}

func (s *supervisor) mailboxURL() string {
	if s.mailbox == nil {
		return ""
	}
	return s.mailbox.URL()
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
		case key := <-s.term.Keys():
			s.pressed(key, quit)
		}
	}
}

func (s *supervisor) pressed(key terminal.Key, quit context.CancelFunc) {
	switch key {
	case terminal.Rebuild:
		s.needBuild = true
		s.crashes = 0
		s.begin()
	case terminal.Open:
		s.openBrowser()
	case terminal.Debugger:
		if s.debugger != nil {
			s.debugger.Unlock()
			s.term.Event("debugger: " + s.debugger.URL() + "  PIN " + s.debugger.PIN())
		}
	case terminal.Quit:
		quit()
	}
}

func (s *supervisor) openBrowser() {
	s.work.Go(func() {
		if err := terminal.OpenBrowser(s.url); err != nil {
			s.term.Event(fmt.Sprintf("no browser could be opened (%v); open %s", err, s.url))
		}
	})
}

// watchOn passes on what changes until Run ends.
func (s *supervisor) watchOn(changes chan<- []watch.Change) {
	for {
		batch, err := s.watcher.Next(s.ctx)
		if s.ctx.Err() != nil {
			return
		}
		if err != nil {
			s.term.Event("changes are not seen any more: " + err.Error() + "; start fault run anew")
			return
		}
		select {
		case changes <- batch:
		case <-s.ctx.Done():
			return
		}
	}
}

// finished takes the result of a cycle.
func (s *supervisor) finished(r result) {
	s.settle()
	if r.cycle != s.cycle { // a newer change came in the very moment
		if r.binary != "" {
			s.binaries.release(r.binary)
		}
		switch g := r.generation; {
		case g == nil:
		case s.exclusive() && !g.retired.Load():
			s.install(g) // until the next one takes its address
		default:
			s.retire(g)
		}
		return
	}
	s.cycle = nil
	s.cancelled = 0
	defer s.doneFor() // after what came of it, for those who wait
	if r.binary != "" {
		s.keepBinary(r.binary, r.cycle.built)
	}
	switch {
	case r.err != nil:
		s.problems.version = failedTools(r.err)
	case r.problem != nil && !(r.cycle.rescue && s.problems.version != nil):
		s.problems.version = r.problem
	case r.generation != nil && r.cycle.rescue:
		s.install(r.generation)
		s.term.Event("the last good version serves again")
	case r.generation != nil:
		s.switchTo(r)
	}
	if r.generation == nil && (r.binary != "" || r.cycle.build) {
		s.list() // what mends it may be no input yet
	}
	s.showProblem()
	switch {
	case s.buildAgain:
		s.needBuild = true
		s.begin()
	case s.restartAgain && r.generation != nil:
		s.begin()
	case s.current == nil && s.good.binary != "" && !r.cycle.rescue && s.crashes < maxCrashes:
		s.rescue()
	}
	s.loadPending()
}

// doneFor says that nothing is being done, if that is so.
func (s *supervisor) doneFor() {
	if s.cycle == nil {
		s.proxy.SetDoing("")
	}
}

// settle takes note of a generation that was taken down.
func (s *supervisor) settle() {
	if s.current != nil && s.current.retired.Load() {
		s.current = nil
	}
}

// keepBinary notes what was built last.
func (s *supervisor) keepBinary(path string, built time.Time) {
	if s.binary != "" {
		s.binaries.release(s.binary)
	}
	s.binary, s.built, s.needBuild = path, built, false
}

// switchTo brings a generation that is ready into service.
func (s *supervisor) switchTo(r result) {
	g := r.generation
	s.problems.version, s.problems.template = nil, nil
	if r.cycle.build {
		s.problems.vet = nil
	}
	if !r.cycle.again {
		s.problems.crash = nil // one that was started again may crash again
	}
	waited := s.install(g)
	if !r.cycle.again { // else the tabs have this version already
		s.proxy.Reload()
	}
	text := "ready in " + short(r.startTime)
	if r.cycle.build {
		text = "built in " + short(r.buildTime) + ", " + text
	}
	s.term.Event(s.occasion(r.cycle.recent) + text + requestsWaited(waited))
	changed := s.recent
	s.recent = nil
	if !s.announced {
		s.announced = true
		if exposed := g.exposedOn(); exposed != "" && !s.options.Exposed {
			s.term.Event("other machines can reach the application itself, on " + exposed + ": let it listen where LISTEN says, on 127.0.0.1")
		}
		if s.options.Open {
			s.openBrowser()
		}
	}
	if r.cycle.build {
		s.list()
		s.vet(changed)
		s.prepareHook()
	}
}

// appTerminal is the terminal that shows the application's output, nil if none does.
func (s *supervisor) appTerminal() *os.File {
	if f, ok := s.options.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// install makes g the one that serves. It returns how many requests have waited for it.
func (s *supervisor) install(g *generation) (waited int) {
	old := s.current
	g.ready = time.Now()
	s.current = g
	s.serving.Store(g)
	s.newest.Store(int64(g.number))
	s.binaries.hold(g.binary)
	s.binaries.release(s.good.binary)
	s.good = goodVersion{g.binary, g.built}
	s.watch() // what it reads from disk
	waited = s.proxy.Switch(g.backend)
	if old != nil && old != g {
		s.retire(old)
	}
	s.work.Go(func() {
		select {
		case <-g.process.Done():
		case <-s.ctx.Done():
			return
		}
		select {
		case s.ended <- g:
		case <-s.ctx.Done():
		}
	})
	return waited
}

// retire lets a generation finish its requests, then ends it.
func (s *supervisor) retire(g *generation) {
	s.retired.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, s.options.Drain)
		defer cancel()
		if err := g.backend.Drain(ctx); err != nil && s.ctx.Err() == nil {
			s.term.Event(fmt.Sprintf("version %d still had requests after %v; they were cut off", g.number, s.options.Drain))
		}
		g.stop(stopGrace)
	})
}

// problems are what is wrong at the moment, by what mends it.
type problems struct {
	version  *problem.Problem // the newest source: mended by the next version that works
	template *problem.Problem // what is read from disk: mended by a change of it
	crash    *problem.Problem // a version that served: put aside, or mended by the next one
	vet      *problem.Problem // the newest source: mended by the next one
}

// worst is the one to show.
func (p problems) worst() *problem.Problem {
	for _, one := range []*problem.Problem{p.version, p.template, p.crash, p.vet} {
		if one != nil {
			return one
		}
	}
	return nil
}
