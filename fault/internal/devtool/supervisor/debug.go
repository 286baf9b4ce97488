package supervisor

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/link"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

// openDebugger runs the debugger's server, unless that is not wanted.
func (s *supervisor) openDebugger() (err error) {
	if s.options.NoDebugger {
		return nil
	}
	s.debugger, err = debugapi.New(debugapi.Options{
		Listen: s.options.DebugListen, Exposed: s.options.Exposed, Hosts: s.options.Hosts, App: s.url,
		Engine: new(debugapi.Delve),
		Tools:  debugapi.NewTools(s.url, func() int { return int(s.newest.Load()) }),
		Log:    s.term.Event,
	})
	return err
}

// debug keeps a failure for the debugger, with the copy of the process that failed, and returns where it is shown; "" is
// nowhere.
func (s *supervisor) debug(g *generation, f link.Failure, shown *overlay.Failure) string {
	if s.debugger == nil {
		if f.Frozen != 0 {
			link.End(f.Frozen)
		}
		return ""
	}
	failure := debugapi.Failure{Failure: shown, Environment: &g.started, Source: func(file string, line int) ([]problem.Line, string) {
		return s.excerpt(g, trace.Frame{File: file, Line: line})
	}}
	if f.Frozen != 0 {
		module := s.source().Module
		s.binaries.hold(g.binary)
		failure.Copy = debugapi.Copy{PID: f.Frozen, StackOf: f.FrozenStack, Binary: g.binary, Module: module, Located: s.builder.Located, Began: s.proxy.Began(f.Request), Release: sync.OnceFunc(func() {
			link.End(f.Frozen)
			s.binaries.release(g.binary)
		})}
	} else if f.FrozenWhy != "" {
		failure.Why = &debugapi.UnavailableError{Text: strings.ToUpper(f.FrozenWhy[:1]) + f.FrozenWhy[1:]}
	}
	return s.debugger.Add(failure)
}

// hookDir is where the runtime with the hook is kept over runs.
func hookDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "fault", "hook"), nil
}

// useHook has builds use the runtime that tells of each panic when it begins, if that has been compiled before.
func (s *supervisor) useHook() {
	if s.debugger == nil {
		return
	}
	dir, err := hookDir()
	if err != nil {
		return // then there is no place to keep it; panics are shown as they are caught
	}
	ready, err := s.builder.UseHook(dir)
	if wrong := (*build.HookError)(nil); errors.As(err, &wrong) {
		s.term.Event("panics that a library recovers are shown without their frames: " + wrong.Error())
	}
	s.hookDone = ready || err != nil
}

// wantHook notes that something has failed of which the hook would have made a copy.
func (s *supervisor) wantHook() {
	s.missed.Store(true)
	s.lacking.Store(true)
	select {
	case s.hooks <- struct{}{}:
	default:
	}
}

// prepareHook compiles that runtime beside the application, once that is known to have the kit, or to have failed without. Builds use
// it from then on.
func (s *supervisor) prepareHook() {
	if s.hooked && !s.builder.Hooked() {
		s.useHook()
	}
	s.hooked = s.builder.Hooked()
	if s.debugger == nil || s.hookDone || !s.linked.Load() && !s.missed.Load() {
		return
	}
	dir, err := hookDir()
	if err != nil {
		return
	}
	s.hookDone = true
	s.term.Event("compiling the debugger's Go runtime, with which panics and crashes show their variables; it takes a minute or two, once for each version of Go")
	s.work.Go(func() {
		err := s.builder.PrepareHook(s.ctx, dir)
		select {
		case s.hookEnded <- err:
		case <-s.ctx.Done():
		}
	})
}

// hookPrepared takes note that the runtime with the hook is there, or cannot be.
func (s *supervisor) hookPrepared(err error) {
	if err != nil {
		s.term.Event("panics that a library recovers are shown without their frames: " + strings.TrimSpace(err.Error()))
		return
	}
	s.hookNew = true
	s.term.Event("the debugger's Go runtime is compiled: panics and crashes show their variables from the next version on")
}

// buildHooked builds the source anew that is served, once the runtime with the hook is there, if something has failed without it: the
// next failure then has its variables.
func (s *supervisor) buildHooked() {
	if !s.hookNew || !s.lacking.Load() || s.cycle != nil || s.current == nil || s.problems.version != nil || !s.builder.Hooked() {
		return
	}
	s.hookNew = false
	s.lacking.Store(false)
	if _, hooked := s.current.builtAs(); hooked {
		return // it was built for another reason
	}
	s.term.Event("building anew, so that the next failure shows its variables")
	s.needBuild = true
	s.begin()
	s.cycle.again = true // tabs have this source already
}
