package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
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
	binary string
	built  time.Time // when that binary's build began
	recent []string  // files that changed, for the order of messages
	cancel context.CancelFunc
}

// result is how a cycle ended.
type result struct {
	cycle      *cycle
	generation *generation // that is ready; nil if there is none
	binary     string      // that was built; "" if none was
	fallback   *generation // the last good version, started again because it had to make room for one that does not start
	problem    *problem.Problem
	err        error // the tools failed, not the code
	buildTime  time.Duration
	startTime  time.Duration
}

// begin starts a cycle, in the place of the one under way.
func (s *supervisor) begin() {
	if s.cycle != nil {
		s.cycle.cancel()
	}
	s.generations++
	ctx, cancel := context.WithCancel(s.ctx)
	c := &cycle{s: s, number: s.generations, build: s.needBuild || s.binary == "", binary: s.binary, built: s.built, recent: s.recent, cancel: cancel}
	c.again = !c.build && len(c.recent) == 0
	s.cycle = c
	doing := "starting"
	if c.build {
		if s.stopVet != nil {
			s.stopVet()
		}
		doing = "building " + s.options.Package
	}
	s.proxy.SetDoing(doing)
	s.work.Go(func() {
		defer cancel()
		r := c.run(ctx)
		r.cycle = c
		select {
		case s.results <- r:
		case <-s.ctx.Done():
			for _, g := range []*generation{r.generation, r.fallback} {
				if g != nil {
					g.stop(0)
				}
			}
		}
	})
}

func (c *cycle) run(ctx context.Context) (r result) {
	s := c.s
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
		output := filepath.Join(s.dir, fmt.Sprintf("%d-%s", c.number, name))
		c.built = start
		r.problem, r.err = s.builder.Build(ctx, output, c.recent...)
		r.buildTime = time.Since(start)
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
	var before *generation
	if s.exclusive() {
		if before = s.takeDown(ctx); before != nil {
			defer s.binaries.release(before.binary)
		}
	}
	var (
		g   *generation
		err error
	)
	for range maxAddresses {
		if g, err = s.start(c.number, c.binary, c.built); err != nil {
			r.err = err
			return r
		}
		s.starting.Store(g)
		defer s.starting.CompareAndSwap(g, nil)
		err = s.awaitReady(ctx, g)
		if err == nil {
			r.generation, r.startTime = g, time.Since(start)
			return r
		}
		if !s.addressLost(g, err) {
			break
		}
		g.stop(0)
	}
	if r.err = ctx.Err(); r.err == nil {
		r.problem = s.startProblem(g, err)
	}
	g.stop(0)
	if before != nil {
		r.fallback = s.startAgain(before)
	}
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

// exclusive tells whether two processes of the application cannot run at the same time.
func (s *supervisor) exclusive() bool { return s.options.Fixed != "" || s.fixed.Load() != nil }

// takeDown ends the generation in service, so that another one can take its address. Requests wait from here on. Its
// binary is held, for startAgain.
func (s *supervisor) takeDown(ctx context.Context) *generation {
	g := s.serving.Load()
	if g == nil || !g.alive() {
		return nil
	}
	g.retired.Store(true)
	s.proxy.Down()
	ctx, cancel := context.WithTimeout(ctx, takeDownDrain)
	defer cancel()
	_ = g.backend.Drain(ctx) // what runs longer is cut off
	s.binaries.hold(g.binary)
	g.stop(stopGrace)
	return g
}

// startAgain starts the binary of a generation that was taken down in vain. It returns nil if that fails, too.
func (s *supervisor) startAgain(before *generation) *generation {
	g, err := s.start(before.number, before.binary, before.built)
	if err != nil {
		return nil
	}
	if err := s.awaitReady(s.ctx, g); err != nil {
		g.stop(0)
		return nil
	}
	return g
}
