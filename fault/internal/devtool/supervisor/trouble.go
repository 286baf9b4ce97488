package supervisor

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault/internal/devtool/problem"
)

// showProblem shows the worst problem there is, in the tabs and once in the terminal.
func (s *supervisor) showProblem() {
	p := s.problems.worst()
	if p == nil {
		s.proxy.SetProblem(nil)
		s.shown = ""
		return
	}
	shown := *p // the one that is shown does not change
	shown.Served = s.current != nil
	s.proxy.SetProblem(&shown)
	if s.shown != shown.ID {
		s.shown = shown.ID
		s.term.Problem(&shown)
		s.tellDebugger(p)
	}
}

// endedBehind is told of a process that has ended by itself when it did not serve any more, in the midst of its last requests.
func (s *supervisor) endedBehind(g *generation) {
	p := g.process.Exit().Problem(problem.Crash, s.sourceFor(g))
	p.Hint = strings.TrimSpace(p.Hint + fmt.Sprintf(" This was version %d, which was finishing its requests.", g.number))
	p.Newest, p.Served = true, true
	p.Debugger = s.debugCrash(g, p)
	s.proxy.Ended(g.backend, p)
	s.term.Problem(p)
	s.tellDebugger(p)
}

// tellDebugger tells in the terminal where the debugger shows a problem, if it does.
func (s *supervisor) tellDebugger(p *problem.Problem) {
	if p.Debugger != "" {
		s.term.Event("debugger: " + p.Debugger)
	}
}

// failedTools is the problem that no version can be made for another reason than the source.
func failedTools(err error) *problem.Problem {
	p := &problem.Problem{
		Kind: problem.Build, Title: "The application could not be built or started: " + err.Error(),
		Hint: "This is not about the source code. Mend it and press r, or save a file.", Time: time.Now(),
	}
	p.Identify()
	return p
}

// processEnded is told of each process that was in service and has ended.
func (s *supervisor) processEnded(g *generation) {
	s.settle()
	if g != s.current {
		if !g.process.Exit().Stopped { // else it was told to
			s.endedBehind(g)
		}
		return
	}
	p := g.process.Exit().Problem(problem.Crash, s.sourceFor(g))
	s.current = nil
	s.serving.Store(nil)
	s.crashes++
	if time.Since(g.ready) > steady {
		s.crashes = 1
	}
	again := s.crashes < maxCrashes
	if again {
		p.Hint = strings.TrimSpace(p.Hint + " The application is started again.")
		p.Newest = true
	}
	p.Debugger = s.debugCrash(g, p)
	s.proxy.Crashed(g.backend, p, again)
	s.problems.crash = p
	s.retire(g) // once its requests are answered
	if s.shown != p.ID {
		s.shown = p.ID
		s.term.Problem(p)
	}
	s.tellDebugger(p)
	switch {
	case s.cycle != nil: // a newer version is on its way, or what finished does without one
	case !again:
		s.showProblem()
		s.term.Event(fmt.Sprintf("it has ended %d times in a row and is not started again; save a file, or press r", s.crashes))
	case s.needBuild || s.problems.version != nil:
		s.rescue()
	default:
		s.begin()
	}
}

// templatePlace is how html/template, text/template and their like name a place.
var templatePlace = regexp.MustCompile(`template: ?([^:\s]+):(\d+)(?::(\d+))?: (.*)`)

// templateProblem is why files do not load that the application reads from disk.
func (s *supervisor) templateProblem(text string) *problem.Problem {
	p := &problem.Problem{Kind: problem.Template, Title: "What was changed does not load", Time: time.Now()}
	m := problem.Message{Text: text}
	if place := templatePlace.FindStringSubmatch(text); place != nil {
		p.Title = "The template " + place[1] + " does not load"
		m.Line, _ = strconv.Atoi(place[2])
		if column, err := strconv.Atoi(place[3]); err == nil {
			m.Column = column + 1 // a template counts from 0
		}
		m.Path = s.findTemplate(place[1])
		if m.Path != "" {
			m.File = s.relative(m.Path)
			m.Excerpt = problem.ExcerptOf(m.Path, m.Line, 5)
		}
	}
	p.Messages = []problem.Message{m}
	p.Hint = "The last version that did load stays in use."
	p.Identify()
	return p
}

// findTemplate finds the file of a template by its name: among those that changed last, then among the files of
// the packages.
func (s *supervisor) findTemplate(name string) string {
	matches := func(file string) bool {
		return filepath.Base(file) == path.Base(name) && strings.HasSuffix(filepath.ToSlash(file), "/"+name)
	}
	for i := len(s.recent) - 1; i >= 0; i-- {
		if matches(s.recent[i]) {
			return s.recent[i]
		}
	}
	for _, p := range s.inputs.Load().Packages {
		for _, file := range p.Embeds {
			if matches(file) {
				return file
			}
		}
	}
	return ""
}

// occasion names what led to an event: "internal/web/page.go: ".
func (s *supervisor) occasion(files []string) string {
	switch len(files) {
	case 0:
		return ""
	case 1:
		return s.relative(files[0]) + ": "
	}
	return fmt.Sprintf("%s and %d more: ", s.relative(files[0]), len(files)-1)
}

func requestsWaited(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", 1 request waited"
	}
	return fmt.Sprintf(", %d requests waited", n)
}

// short is a duration as people say it.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	default:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
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
