package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/process"
)

// cycle is one way from a change to a version that is ready: build, start, wait. A newer change cancels it.
type cycle struct {
	s      *supervisor
	number int  // of the generation
	build  bool // else the last binary is started again
	again  bool // because it crashed, and nothing has changed
	rescue bool // it is the last version that served, in the place of one that does not
	binary string
	built  time.Time // when that binary's build began
	recent []string  // files that changed, for the order of messages
	cancel context.CancelFunc
	// launched is set before the process is started: what changes afterwards it may not have read.
	launched atomic.Bool
	// spared says that it is not given up for something newer, unless its process takes too long to be ready. The loop has it.
	spared bool
}

// result is how a cycle ended.
type result struct {
	cycle      *cycle
	generation *generation // that is ready; nil if there is none
	binary     string      // that was built; "" if none was
	problem    *problem.Problem
	err        error // the tools failed, not the code
	buildTime  time.Duration
	startTime  time.Duration
}

// begin starts a cycle for the newest source, in the place of the one under way.
func (s *supervisor) begin() {
	s.restartAgain, s.buildAgain = false, false
	c := &cycle{build: s.needBuild || s.binary == "", binary: s.binary, built: s.built, recent: s.recent}
	c.again = !c.build && len(c.recent) == 0
	doing := "starting"
	if c.build {
		if s.stopVet != nil {
			s.stopVet()
		}
		doing = "building " + s.options.Package
	}
	s.enter(c, doing)
}

// rescue starts the last version that served once more: the newest one cannot take its place.
func (s *supervisor) rescue() {
	s.enter(&cycle{binary: s.good.binary, built: s.good.built, again: true, rescue: true}, "starting the last good version")
}

// enter starts a cycle in the place of the one under way.
func (s *supervisor) enter(c *cycle, doing string) {
	if s.cycle != nil {
		s.cycle.cancel()
	}
	s.generations++
	c.s, c.number = s, s.generations
	ctx, cancel := context.WithCancel(s.ctx)
	c.cancel = cancel
	s.cycle = c
	s.proxy.SetDoing(doing)
	s.binaries.hold(c.binary)
	s.work.Go(func() {
		defer cancel()
		r := c.run(ctx)
		r.cycle = c
		select {
		case s.results <- r:
		case <-s.ctx.Done():
			if r.generation != nil {
				r.generation.stop(0)
			}
		}
	})
}

func (c *cycle) run(ctx context.Context) (r result) {
	s := c.s
	defer s.binaries.release(c.binary) // as it was at the beginning; "" is none
	// One cycle at a time: one that was cancelled ends its process before the next starts another.
	select {
	case s.stage <- struct{}{}:
		defer func() { <-s.stage }()
	case <-ctx.Done():
		return result{err: ctx.Err()}
	}
	if c.build {
		start := time.Now()
		name := filepath.Base(s.name)
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		if r.err = os.MkdirAll(s.dir, 0o700); r.err != nil { // somebody may have tidied up
			return r
		}
		output := filepath.Join(s.dir, fmt.Sprintf("%d-%s", c.number, name))
		c.built = start
		calm := time.AfterFunc(longBuild, func() { s.term.Event("building " + s.options.Package + " …") })
		r.problem, r.err = s.builder.Build(ctx, output, c.recent...)
		calm.Stop()
		r.buildTime = time.Since(start)
		if r.err == nil && s.doubts.Load() < maxDoubts && s.watcher.Doubt(start, r.problem != nil) {
			s.doubts.Add(1) // it is built once more when that has settled
		}
		if r.problem != nil || r.err != nil {
			_ = os.Remove(output) // there may be none
			return r
		}
		s.binaries.hold(output) // as the one that was built last
		c.binary, r.binary = output, output
		s.proxy.SetDoing("starting")
	}
	return c.startUp(ctx, r)
}

// startUp starts the binary and waits until it is ready.
func (c *cycle) startUp(ctx context.Context, r result) result {
	s := c.s
	start := time.Now()
	if s.exclusive() {
		s.takeDown()
	}
	var (
		g   *generation
		err error
	)
	for range maxAddresses {
		c.launched.Store(true)
		if g, err = s.start(c.number, c.binary, c.built); err != nil {
			r.err = err
			return r
		}
		s.starting.Store(g)
		defer s.starting.CompareAndSwap(g, nil)
		err = s.awaitReady(ctx, g)
		if err == nil {
			r.generation, r.startTime = g, time.Since(start)
			if s.exclusive() {
				s.serving.Store(g) // for the next cycle, which may come before this result is taken
			}
			return r
		}
		lost, taken := s.addressLost(g, err), s.sidePortsTaken(err)
		if !lost && !taken {
			break
		}
		g.stop(0)
		if taken {
			s.alone.Store(true)
			s.term.Event("the application listens on further ports, which its running version has: from here on each version is stopped before the next starts. Any free port (:0) for those would let them run side by side")
			s.takeDown()
		}
	}
	if r.err = ctx.Err(); r.err == nil {
		r.problem = s.startProblem(g, err)
	}
	g.stop(0)
	return r
}

// addressLost tells whether a process has ended because another program took its private address first.
func (s *supervisor) addressLost(g *generation, err error) bool {
	var exited *process.ExitedError
	if s.exclusive() || !errors.As(err, &exited) {
		return false
	}
	l, err := net.Listen("tcp", g.address)
	if err == nil {
		_ = l.Close() // it was only to try
	}
	return address.InUse(err)
}

// sidePortsTaken tells whether a process has ended for want of a port that the version in service has, besides its own.
func (s *supervisor) sidePortsTaken(err error) bool {
	var exited *process.ExitedError
	g := s.serving.Load()
	if s.exclusive() || g == nil || !g.alive() || !errors.As(err, &exited) {
		return false
	}
	return slices.ContainsFunc(g.sidePorts(), func(port string) bool { return strings.Contains(exited.Exit.Output, ":"+port) })
}

// exclusive tells whether two processes of the application cannot run at the same time.
func (s *supervisor) exclusive() bool {
	return s.options.Fixed != "" || s.fixed.Load() != nil || s.alone.Load()
}

// takeDown ends the generation in service, so that another one can take its address. Requests wait from here on.
func (s *supervisor) takeDown() {
	g := s.serving.Load()
	if g == nil || !g.alive() {
		return
	}
	g.retired.Store(true)
	s.proxy.Down()
	ctx, cancel := context.WithTimeout(s.ctx, takeDownDrain)
	defer cancel()
	_ = g.backend.Drain(ctx) // what runs longer is cut off
	g.stop(stopGrace)
}
