package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// goodVersion is the binary of the last generation that served. It is held.
type goodVersion struct {
	binary string
	built  time.Time
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
	case errors.Is(r.err, context.Canceled): // it was given up for what was saved since
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
	s.buildHooked()
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
	g.watched.Store(true)
	s.watch() // what it reads from disk
	g.installed.Store(true)
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
