package supervisor

import (
	"crypto/rand"
	"debug/buildinfo"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/link"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/process"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

// maxOutput is how much of what a process wrote is kept with its end, in bytes.
const maxOutput = 16 << 10

// crashCode is the exit code of a Go program that has crashed.
const crashCode = 2

// debugCrash keeps the end of a generation: for the list of what has failed, with the requests that were under way, and for the
// debugger, with the copy of the process if it has made one. It returns where the debugger shows it; "" is nowhere: of an end that is
// neither a crash nor has a copy there is no more to show than p does.
func (s *supervisor) debugCrash(g *generation, p *problem.Problem) string {
	e := g.process.Exit()
	if e.Stopped {
		return ""
	}
	copied, crashed := 0, false
	if s.debugger != nil {
		copied, crashed = link.EndCopy(g.link.Path())
	}
	if copied == 0 && len(p.Stack) == 0 && p.Kind != problem.Crash {
		return ""
	}
	requests := g.backend.UnderWay()
	p.Requests = underWay(g.link.Redactor(), requests)
	module := s.source().Module
	f, hooked := ending(g, e, p, module)
	if f.Kind == fault.KindEnded && e.Signal == "" && !(crashed && e.Code == crashCode) { // a plain copy is of os.Exit, too
		f.Causes.Type = explain.Exit
	}
	if stack := g.exit.Load(); stack != nil && f.Kind == fault.KindEnded {
		f.Stack = *stack
		s.source().Locate(p, *stack)
	}
	shown := &overlay.Failure{
		Failure: f, Generation: g.number, Excerpts: make([][]problem.Line, len(f.Stack)), Why: make([]string, len(f.Stack)),
	}
	if len(requests) == 1 && handles(f.Stack) {
		f.Request, f.Reported, f.Status = snapshot(g.link.Redactor(), requests[0]), false, http.StatusServiceUnavailable // which p is answered with
	} else {
		shown.UnderWay = p.Requests
	}
	s.locate(f.Stack)
	for i, frame := range f.Stack {
		shown.Excerpts[i], shown.Why[i] = s.excerpt(g, frame)
	}
	if s.debugger == nil || copied == 0 && len(p.Stack) == 0 {
		s.proxy.Keep(shown)
		return ""
	}
	shown.Debugger = s.debugger.FailureURL(f.ID)
	s.proxy.Keep(shown)
	failure := debugapi.Failure{Failure: shown, Environment: &g.started, Source: func(file string, line int) ([]problem.Line, string) {
		return s.excerpt(g, trace.Frame{File: file, Line: line})
	}}
	if copied == 0 {
		if !hooked && g.installed.Load() { // what never serves is mended first
			s.wantHook()
		}
		failure.Why = s.withoutCopy(e, f.Causes.Type, hooked)
		return s.debugger.Add(failure)
	}
	g.shown.Store(true)
	s.binaries.hold(g.binary)
	failure.Copy = debugapi.Copy{
		// All that is in its frames was made since it was started.
		PID: copied, Binary: g.binary, Module: module, Located: s.builder.Located, Goroutine: f.Goroutine, Began: g.launched, Crashed: crashed,
		Release: sync.OnceFunc(func() {
			link.End(copied)
			s.binaries.release(g.binary)
		}),
	}
	return s.debugger.Add(failure)
}

// withoutCopy says why there is no copy of a process that has crashed, by what package crash calls its cause. hooked tells
// whether its runtime makes one.
func (s *supervisor) withoutCopy(e process.Exit, cause string, hooked bool) *debugapi.UnavailableError {
	const gone = "The process has ended without a copy, so its variables are gone: "
	switch {
	case !hooked && !s.builder.Hooked():
		return &debugapi.UnavailableError{
			Text: gone + "this version was built with Go's own runtime, which makes none.",
			Fix:  "The runtime that does is compiled beside the application, once for each version of Go, which takes a minute or two. The terminal says when that is done, and the application is then built anew by itself; or why it cannot be done. Do again after that what made it crash.",
		}
	case !hooked:
		return &debugapi.UnavailableError{
			Text: gone + "this version was built before the runtime that makes one was compiled.",
			Fix:  "The application is built anew for that by itself, once, or with the key r. Do again after that what made it crash.",
		}
	case e.Signal != "":
		return &debugapi.UnavailableError{Text: gone + "a signal ended it."}
	case cause == "signal" && strings.Contains(e.Crash, "SIGQUIT"):
		return &debugapi.UnavailableError{
			Text: gone + "somebody has sent it SIGQUIT, which asks for all stacks: of that the runtime makes none.",
			Fix:  "What the process wrote as it ended tells where each goroutine was.",
		}
	}
	return &debugapi.UnavailableError{
		Text: gone + "the system did not allow one.",
		Fix:  "There may be no memory for it (see vm.overcommit_memory, where 2 is too strict), no room for more processes (ulimit -u), or a seccomp rule, as of a container; or fault run has not started the application itself.",
	}
}

// ending is the end of a process as a failure. hooked tells whether its runtime makes copies.
func ending(g *generation, e process.Exit, p *problem.Problem, module string) (f *fault.Failure, hooked bool) {
	f = &fault.Failure{
		Time: time.Now().UTC().Round(0), Kind: fault.KindEnded, Status: http.StatusInternalServerError, Reported: true,
		PID: g.process.PID(), Message: p.Title, StackOf: fault.StackCrash,
	}
	_, _ = rand.Read(f.ID[:]) // It never fails.
	f.Build, hooked = g.builtAs()
	if len(p.Stack) > 0 {
		r := crash.Parse(e.Crash, module)
		f.Kind, f.Message, f.Causes, f.Stack, f.Goroutine = fault.KindCrash, r.Text, r.Causes, r.Stack, r.Goroutine
		f.Output = e.Crash
		if calls := elided(e.Crash); calls > 0 {
			f.Causes.Causes = append(f.Causes.Causes, fault.Cause{Message: fmt.Sprintf("its stack was more than %d calls deep; those in the middle are left out", calls)})
		}
		maskEnd(g.link.Redactor(), f)
		return f, hooked
	}
	f.Causes = fault.Cause{Type: "process ended", Message: p.Title}
	for _, m := range p.Messages {
		f.Message += ": " + m.Text
		f.Causes.Causes = append(f.Causes.Causes, fault.Cause{Message: m.Text})
	}
	f.Output = p.Output
	return f, hooked
}

// maskEnd masks the secrets in what a process wrote as it ended, and cuts it.
func maskEnd(red *redact.Redactor, f *fault.Failure) {
	f.Message, f.Causes, f.Output = red.Text(f.Message), maskedCause(red, f.Causes), beginning(red.Text(f.Output))
}

func maskedCause(red *redact.Redactor, c fault.Cause) fault.Cause {
	c.Message = red.Text(c.Message)
	for i, inner := range c.Causes {
		c.Causes[i] = maskedCause(red, inner)
	}
	return c
}

// buildOf is which program a binary is. hooked tells whether its runtime makes copies.
func buildOf(binary string) (b fault.Build, hooked bool) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return b, false
	}
	hooked = slices.ContainsFunc(info.Settings, func(setting debug.BuildSetting) bool {
		return setting.Key == "-tags" && slices.Contains(strings.Split(setting.Value, ","), build.HookTag)
	})
	return fault.Build{Module: info.Main.Path, Version: info.Main.Version, Go: info.GoVersion}, hooked
}

// elidedFrames is how the runtime tells how many calls it has left out.
var elidedFrames = regexp.MustCompile(`(?m)^\.\.\.(\d+) frames elided\.\.\.$`)

// elided is how many calls of the goroutine that has crashed are not told of.
func elided(output string) (calls int) {
	if m := elidedFrames.FindStringSubmatch(output); m != nil {
		calls, _ = strconv.Atoi(m[1]) // 0 for more than there can be
	}
	return calls
}

// beginning is the first of what a process wrote.
func beginning(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxOutput)], "\uFFFD")
}
