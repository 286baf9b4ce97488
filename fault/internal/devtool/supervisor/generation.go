package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/link"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/process"
	"example.org/microblog/fault/internal/devtool/proxy"
	"example.org/microblog/fault/trace"
)

// generation is one process of the application, with what belongs to it.
type generation struct {
	number  int
	binary  string
	started debugapi.Environment // what it was started with
	built   time.Time            // when its build began: a source file that is newer is not what runs
	told    string               // where it should listen
	address string               // where it does
	process *process.Process
	backend *proxy.Backend
	link    *link.Server
	// It was started at launched, and was ready at ready.
	launched, ready time.Time

	builtAs   func() (b fault.Build, hooked bool) // what its binary says
	installed atomic.Bool                         // it has served: none of the above changes any more
	answering sync.WaitGroup                      // panics that are made into answers
	exit      atomic.Pointer[trace.Stack]         // where it has called os.Exit
	retired   atomic.Bool                         // it was told to end: its end is no crash
	watched   atomic.Bool                         // the loop is told when it ends by itself, and takes the copy of that
	shown     atomic.Bool                         // the copy that it has made of its end is the debugger's
	muted     atomic.Bool                         // what it writes is not passed on any more
	stopping  sync.Once
	functions declarations // of its binary
	binaries  *binaries
	report    func(text string)
}

// gate passes on what a process writes, unless it is muted.
type gate struct {
	io.Writer
	muted *atomic.Bool
}

func (g gate) Write(p []byte) (int, error) {
	if g.muted.Load() {
		return len(p), nil
	}
	return g.Writer.Write(p)
}

// alive tells whether its process still runs.
func (g *generation) alive() bool {
	select {
	case <-g.process.Done():
		return false
	default:
		return true
	}
}

// start starts the binary as a new generation, which is not ready yet.
func (s *supervisor) start(number int, binary string, built time.Time) (_ *generation, err error) {
	g := &generation{number: number, binary: binary, built: built, told: s.options.Fixed, binaries: &s.binaries, report: s.term.Event}
	g.builtAs = sync.OnceValues(func() (fault.Build, bool) { return buildOf(binary) })
	if g.told == "" {
		if g.told, err = process.PrivateAddress(); err != nil {
			return nil, fmt.Errorf("finding a private address for the application: %w", err)
		}
	}
	g.address = g.told
	if fixed := s.fixed.Load(); fixed != nil {
		g.address = *fixed // unless it heeds what it is told this time
	}
	socket := filepath.Join(s.dir, strconv.Itoa(number)+".sock")
	env, err := s.environment(g.told, socket)
	if err != nil {
		return nil, err
	}
	args := make([]string, len(s.options.Args))
	for i, arg := range s.options.Args {
		args[i] = filled(arg, g.told)
	}
	g.started = debugapi.Environment{Dir: s.options.Dir, Program: binary, Arguments: args, Variables: env}
	g.link, err = link.Listen(socket, link.Handler{
		Freeze: s.debugger != nil,
		Hello:  func(int) { s.linked.Store(true) },
		Failed: func(_ int, f link.Failure) { s.failed(g, f) },
		Ending: func(_ int, stack trace.Stack) { g.exit.Store(&stack) },
	})
	if err != nil {
		return nil, err
	}
	g.started.Redactor = g.link.Redactor
	g.launched = time.Now()
	g.process, err = process.Start(process.Spec{
		Path: binary, Args: args, Dir: s.options.Dir, Env: env,
		Stdout: gate{s.appOut, &g.muted}, Stderr: gate{s.appErr, &g.muted}, Terminal: s.appTerminal(),
		Panicked: func(p process.ServedPanic) { s.panicked(g, p) },
	})
	if err != nil {
		return nil, errors.Join(notStarted(err), g.link.Close())
	}
	g.backend = g.newBackend()
	s.binaries.hold(binary)
	return g, nil
}

// stop ends the process, at the latest after grace, and everything that belongs to it. It may be called several times.
func (g *generation) stop(grace time.Duration) {
	g.stopping.Do(func() {
		g.retired.Store(true)
		if err := g.process.Stop(grace); err != nil {
			g.report(err.Error())
		} else {
			if g.process.Exit().Stopped || !g.watched.Load() {
				g.endCopy()
			}
			link.Reap(g.process.PID())
		}
		g.backend.Close()
		g.answering.Wait()
		_ = g.link.Close() // its socket lies in a directory that is removed
		g.binaries.release(g.binary)
	})
}

// endCopy ends the copy that the process has made of its end, unless it is shown.
func (g *generation) endCopy() {
	if copied, _ := link.EndCopy(g.link.Path()); copied != 0 && !g.shown.Load() {
		link.End(copied)
	}
}

// awaitReady waits until the generation serves. Where it turns out to listen somewhere else than it was told, that is its
// address from then on.
func (s *supervisor) awaitReady(ctx context.Context, g *generation) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.StartTimeout)
	defer cancel()
	ready := make(chan error, 1)
	// probe asks at the generation's address until stop is called.
	probe := func() (stop context.CancelFunc) {
		probing, stop := context.WithCancel(ctx)
		go func() { ready <- g.process.AwaitReady(probing, g.address, s.host) }()
		return stop
	}
	stop := probe()
	defer func() { stop() }()
	look := time.NewTicker(elsewhereAfter / 4)
	defer look.Stop()
	var (
		seen  []string
		since time.Time
		ask   time.Time // when what listens there is asked next
		told  bool
	)
	for {
		select {
		case err := <-ready:
			return err
		case <-look.C:
		}
		if s.options.Fixed != "" {
			continue
		}
		listening := g.process.Listening()
		if g.address != g.told && slices.Contains(listening, g.told) { // it heeds what it is told after all
			s.fixed.Store(nil)
			stop()
			<-ready
			s.move(g, g.told)
			stop = probe()
			continue
		}
		others := elsewhere(listening, g.address)
		if !slices.Equal(others, seen) {
			seen, since, ask = others, time.Now(), time.Time{}
			continue
		}
		if len(others) == 0 || time.Since(since) < elsewhereAfter {
			continue
		}
		if time.Now().Before(ask) {
			continue
		}
		other, settled := ownAddress(ctx, others, time.Since(since) > pagelessAfter)
		ask = time.Now().Add(time.Since(since)) // seldomer and seldomer: it is in the application's log
		if other == "" {
			if settled && !told {
				told = true
				s.term.Event(fmt.Sprintf("the application listens on %s, not on %s, which LISTEN and PORT tell it; say which one is its own, such as --app-listen %s", strings.Join(others, " and "), g.told, others[0]))
			}
			continue
		}
		stop()
		<-ready
		s.move(g, other)
		s.fixed.Store(&other)
		s.term.Event(fmt.Sprintf("the application listens on %s, not where LISTEN and PORT tell it; it is served from there, and each version is stopped before the next starts. To tell it the address, use {addr} or {port}: -- --addr {addr}", other))
		seen = nil
		stop = probe()
	}
}

// move makes another address that of a generation which does not serve yet.
func (s *supervisor) move(g *generation, to string) {
	g.backend.Close()
	g.address = to
	g.backend = g.newBackend()
}

func (g *generation) newBackend() *proxy.Backend {
	b := proxy.NewBackend(g.address, g.number)
	b.SetHeard(g.process.Heard)
	return b
}

// ownAddress returns the one of the addresses that is most likely the application's: the only one that has something at its root,
// or, if none has and pageless says to take it, the only one that answers at all and is no server for profiles or metrics beside the
// application's own. It is "" if it is not just one; settled says that waiting longer changes nothing.
func ownAddress(ctx context.Context, addresses []string, pageless bool) (own string, settled bool) {
	var pages, others []string
	for _, a := range addresses {
		switch status := statusOf(ctx, a, "/"); {
		case status == 0:
		case status != http.StatusNotFound:
			pages = append(pages, a)
		case pageless && !slices.ContainsFunc(sidePages, func(page string) bool { return statusOf(ctx, a, page) == http.StatusOK }):
			others = append(others, a)
		}
	}
	switch {
	case len(pages) == 1:
		return pages[0], true
	case len(pages) == 0 && len(others) == 1:
		return others[0], true
	}
	return "", pageless || len(pages) > 1
}

// sidePages are what servers have that are for profiles or metrics only.
var sidePages = []string{"/debug/pprof/", "/debug/vars", "/metrics"}

// statusOf returns the status of a page, 0 if there is no answer in HTTP.
func statusOf(ctx context.Context, address, page string) int {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+page, nil)
	if err != nil {
		return 0
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close() // its status is all that matters
	return response.StatusCode
}

// elsewhere returns the addresses that are listened on, if the one that is asked is not among them.
func elsewhere(listening []string, asked string) []string {
	var others []string
	for _, a := range listening {
		if a = local(a); a == asked {
			return nil
		}
		others = append(others, a)
	}
	return others
}

// startProblem ends a process that did not become ready, and says why it did not.
func (s *supervisor) startProblem(g *generation, err error) *problem.Problem {
	var (
		exited   *process.ExitedError
		notReady *process.NotReadyError
	)
	switch {
	case errors.As(err, &exited):
		p := exited.Exit.Problem(problem.Start, s.sourceFor(g))
		p.Debugger = s.debugCrash(g, p)
		return p
	case errors.As(err, &notReady):
		g.retired.Store(true)
		if len(notReady.Listening) > 0 { // where it waits is no riddle
			_ = g.process.Stop(stopGrace)
		} else {
			g.muted.Store(true) // the stacks are for the page
			_ = g.process.Quit(stopGrace)
		}
		p := notReady.Problem(g.process.Exit(), s.sourceFor(g))
		if notReady.Status == 0 {
			p.Hint = strings.TrimSpace(p.Hint + fmt.Sprintf(" It is told where to listen by the settings LISTEN=%s and PORT, and by {addr}, {host} or {port} in its arguments or in --env; if it cannot be told, say where it listens with --app-listen.", g.address))
			p.Identify()
		}
		return p
	}
	p := &problem.Problem{Kind: problem.Start, Time: time.Now(), Title: "The application could not be started: " + err.Error()}
	p.Identify()
	return p
}

// source is where the application's source code lies.
func (s *supervisor) source() process.Source {
	in := s.inputs.Load()
	source := process.Source{Dir: s.options.Dir, Roots: []string{sourceOf(in.GoRoot), in.ModCache}, Located: s.builder.Located}
	for _, m := range in.Modules {
		if m.Main && source.Module == "" {
			source.Module, source.Dir = m.Path, m.Dir
		} else {
			source.Roots = append(source.Roots, m.Dir)
		}
	}
	source.Roots = slices.DeleteFunc(source.Roots, func(dir string) bool { return dir == "" })
	return source
}

// sourceFor is the same, for what a process of it wrote.
func (s *supervisor) sourceFor(g *generation) process.Source {
	source := s.source()
	source.Redactor = g.link.Redactor()
	return source
}

// local is how an address that is listened on is reached from this machine.
func local(listening string) string {
	host, port, err := net.SplitHostPort(listening)
	if err != nil {
		return listening
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1" // a socket for all addresses of IPv6 takes those of IPv4, too
	}
	return net.JoinHostPort(host, port)
}

// firstEphemeral is the lowest port that systems give to those who ask for any.
const firstEphemeral = 32768

// sidePorts are the fixed ports on which a generation listens besides its own: a second process cannot.
func (g *generation) sidePorts() (ports []string) {
	for _, listening := range g.process.Listening() {
		_, port, err := net.SplitHostPort(listening)
		if err != nil || local(listening) == g.address {
			continue
		}
		if n, err := strconv.Atoi(port); err == nil && n < firstEphemeral {
			ports = append(ports, port)
		}
	}
	return ports
}

// exposedOn returns an address on which other machines reach the generation, "" if there is none.
func (g *generation) exposedOn() string {
	for _, listening := range g.process.Listening() {
		host, _, err := net.SplitHostPort(listening)
		if err == nil && !address.IsLoopback(host) {
			return listening
		}
	}
	return ""
}

// notStarted says why a program that was built does not start.
func notStarted(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("starting the application: %w; if programs may not be run there (noexec), set TMPDIR to a directory where they may", err)
	}
	return fmt.Errorf("starting the application: %w", err)
}
