package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/link"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

// linesAround is how many lines of source a frame is shown with on each side.
const linesAround = 7

// failed takes a failure of the application, while the application waits with its answer. It is called by the
// goroutine of the connection.
func (s *supervisor) failed(g *generation, f link.Failure) {
	shown := &overlay.Failure{
		Failure: f.Failure, Generation: g.number,
		Excerpts: make([][]problem.Line, len(f.Stack)), Why: make([]string, len(f.Stack)),
	}
	if r := f.Failure.Request; r != nil { // what the proxy has added; others who add them are shown no source
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
			delete(r.Header, name)
		}
	}
	for i, frame := range f.Stack {
		shown.Excerpts[i], shown.Why[i] = s.excerpt(g, frame)
	}
	debugapi.MarkLine(shown)
	shown.Debugger = s.debug(g, f, shown)
	s.proxy.Failed(f.Request, shown)
	if !s.noted.first(f.ID.String()) {
		return // it was reported, and then its request failed with it
	}
	s.term.Event("failed: " + s.failureLine(f.Failure) + "  " + s.url + overlay.Prefix + "failures/" + f.ID.String())
}

// failureLine says what failed and where, in a line.
func (s *supervisor) failureLine(f *fault.Failure) string {
	text := strings.ReplaceAll(f.Message, "\n", "; ")
	if f.Request != nil && f.Request.Method != "" {
		text = f.Request.Method + " " + f.Request.URL + ": " + text
	}
	for _, frame := range f.Stack {
		if frame.App {
			return fmt.Sprintf("%s (%s:%d)", text, s.relative(frame.File), frame.Line)
		}
	}
	return text
}

// excerpt returns the lines around a frame, as they were built: from the application's modules, Go's own tree and the
// module cache only.
func (s *supervisor) excerpt(g *generation, frame trace.Frame) (lines []problem.Line, why string) {
	switch {
	case frame.File == "" || !filepath.IsAbs(frame.File):
		return nil, "It is not known where this file lies."
	case !s.isSource(frame.File):
		return nil, "This file lies outside of the application's modules, of Go's own source and of the module cache."
	}
	info, err := os.Stat(frame.File)
	if err != nil {
		return nil, "This file is not there any more."
	}
	if info.ModTime().After(g.built) && !s.inCache(frame.File) {
		return nil, "This file was changed after this version was built."
	}
	if lines = problem.ExcerptOf(frame.File, frame.Line, linesAround); lines == nil {
		return nil, "This file cannot be read, or has no such line."
	}
	return lines, ""
}

func (s *supervisor) isSource(path string) bool {
	clean := filepath.Clean(path)
	if resolved, err := filepath.EvalSymlinks(clean); err == nil && resolved != clean && filepath.Ext(resolved) != filepath.Ext(clean) {
		return false
	}
	switch strings.ToLower(filepath.Ext(clean)) {
	case ".go", ".s", ".c", ".h", ".cc", ".cpp", ".y", ".tmpl", ".html":
	default:
		return false
	}
	in := s.inputs.Load()
	for _, m := range in.Modules {
		if below(clean, m.Dir) {
			return true
		}
	}
	return s.inCache(clean)
}

func (s *supervisor) inCache(path string) bool {
	in := s.inputs.Load()
	return in.GoRoot != "" && below(path, in.GoRoot) || in.ModCache != "" && below(path, in.ModCache)
}

// noted are the failures that the terminal has told of, the newest ones. It may be used by several goroutines.
type noted struct {
	mu  sync.Mutex
	ids []string
}

// first tells whether the failure is told of for the first time.
func (n *noted) first(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if slices.Contains(n.ids, id) {
		return false
	}
	if n.ids = append(n.ids, id); len(n.ids) > maxRecent {
		n.ids = n.ids[1:]
	}
	return true
}
